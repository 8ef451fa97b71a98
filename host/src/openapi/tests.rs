//! Descriptions that are merged, and those that are not.

use std::{error::Error, fs};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::document;
use crate::manifest::Manifest;

type Outcome = Result<(), Box<dyn Error>>;

/// An app of the services `a` and `b`, with these descriptions.
fn app(a: &Value, b: &Value) -> Result<(TempDir, Manifest), Box<dyn Error>> {
    let folder = TempDir::new()?;
    fs::write(folder.path().join("a.json"), a.to_string())?;
    fs::write(folder.path().join("b.json"), b.to_string())?;
    let text = r#"
[app]
name = "demo"
[service.a]
component = "a.wasm"
openapi = "a.json"
routes = ["/a", "GET api.example/a/{id}", "/both"]
[service.b]
component = "b.wasm"
openapi = "b.json"
routes = ["/b/*", "POST /both"]
"#;
    let manifest = Manifest::parse(&folder.path().join("dovetail.toml"), text)?;
    Ok((folder, manifest))
}

fn described(paths: &Value, schemas: &Value) -> Value {
    json!({ "openapi": "3.1.0", "info": {}, "paths": paths, "components": { "schemas": schemas } })
}

fn refused(a: &Value, b: &Value) -> Result<String, Box<dyn Error>> {
    let (_folder, manifest) = app(a, b)?;
    Ok(document(&manifest, "1").err().map(|report| report.to_string()).unwrap_or_default())
}

#[test]
fn what_two_services_say_is_one_document() -> Outcome {
    let item = json!({ "get": { "operationId": "one", "responses": {} } });
    let a = described(&json!({ "/a/{id}": item, "/both": { "get": {} } }), &json!({ "Error": { "type": "object" } }));
    let mut b = described(
        &json!({ "/b/{x}/{y}": { "put": { "tags": ["files"] } }, "/both": { "post": {} } }),
        &json!({ "Error": { "type": "object" }, "File": { "$ref": "#/components/schemas/Error" } }),
    );
    b["tags"] = json!([{ "name": "files", "description": "Files" }]);
    b["security"] = json!([{ "key": [] }]);
    let (_folder, manifest) = app(&a, &b)?;
    let expected = json!({
        "openapi": "3.1.1",
        "info": { "title": "demo", "version": "7" },
        "paths": {
            "/a/{id}": { "get": { "operationId": "one", "responses": {}, "tags": ["a"] } },
            "/b/{x}/{y}": { "put": { "security": [{ "key": [] }], "tags": ["files"] } },
            "/both": { "get": { "tags": ["a"] }, "post": { "security": [{ "key": [] }], "tags": ["b"] } },
        },
        "components": { "schemas": {
            "Error": { "type": "object" },
            "File": { "$ref": "#/components/schemas/Error" },
        } },
        "tags": [{ "name": "a" }, { "name": "b" }, { "name": "files", "description": "Files" }],
    });
    assert_eq!(document(&manifest, "7")?, expected);
    Ok(())
}

#[test]
fn one_name_for_two_things_becomes_two() -> Outcome {
    let schema =
        |kind: &str| json!({ "Item": { "type": kind }, "List": { "items": { "$ref": "#/components/schemas/Item" } } });
    let mut a = described(&json!({}), &schema("string"));
    let mut b = described(
        &json!({ "/b/{x}": { "get": {
            "security": [{ "key": ["read"] }],
            "schema": { "$ref": "#/components/schemas/List/items" },
            "mapping": { "item": "#/components/schemas/Item" },
        } } }),
        &schema("integer"),
    );
    for (document, kind) in [(&mut a, "http"), (&mut b, "apiKey")] {
        document["components"]["securitySchemes"] = json!({ "key": { "type": kind } });
    }
    let (_folder, manifest) = app(&a, &b)?;
    let merged = document(&manifest, "1")?;
    let components = json!({
        "schemas": {
            "Item": { "type": "string" },
            "List": { "items": { "$ref": "#/components/schemas/Item" } },
            "b.Item": { "type": "integer" },
            "b.List": { "items": { "$ref": "#/components/schemas/b.Item" } },
        },
        "securitySchemes": { "key": { "type": "http" }, "b.key": { "type": "apiKey" } },
    });
    assert_eq!(merged["components"], components);
    let operation = json!({
        "security": [{ "b.key": ["read"] }],
        "schema": { "$ref": "#/components/schemas/b.List/items" },
        "mapping": { "item": "#/components/schemas/b.Item" },
        "tags": ["b"],
    });
    assert_eq!(merged["paths"]["/b/{x}"]["get"], operation);
    Ok(())
}

#[test]
fn what_is_wrong_is_told_at_its_key() -> Outcome {
    let fine = described(&json!({}), &json!({}));
    for (a, b, told) in [
        (json!([]), fine.clone(), "`…a.json` is no object of JSON"),
        (json!({}), fine.clone(), "`…a.json` does not say which OpenAPI it is"),
        (json!({ "openapi": "3.0.3" }), fine.clone(), "`…a.json` is of OpenAPI 3.0.3"),
        (
            described(&json!({ "/a": { "get": {}, "post": {} }, "/a/b": { "post": {} } }), &json!({})),
            fine.clone(),
            "describes POST /a/b, which no route of the service leads to",
        ),
        (
            described(&json!({}), &json!({ "A": { "$ref": "other.json#/A" } })),
            fine.clone(),
            "refers to `other.json#/A`, which is elsewhere",
        ),
        (
            described(&json!({ "/both": { "post": {} } }), &json!({})),
            described(&json!({ "/both": { "post": {} } }), &json!({})),
            "`…b.json` describes POST /both, as that of service `a` does",
        ),
        (
            described(&json!({ "/a": { "get": { "operationId": "one" } } }), &json!({})),
            described(&json!({ "/b/": { "get": { "operationId": "one" } } }), &json!({})),
            "`…b.json` has the operationId `one`, as that of service `a` has",
        ),
        (
            described(&json!({ "/both": { "get": {} }, "/a/{id}": { "get": {} } }), &json!({})),
            described(&json!({ "/b/{x}": { "get": {} }, "/b/{y}": { "put": {} } }), &json!({})),
            "`…b.json` names the parameters of /b/{y} otherwise than `/b/{x}` does",
        ),
        (
            described(&json!({ "/both": { "get": {}, "summary": "A" } }), &json!({})),
            described(&json!({ "/both": { "post": {}, "summary": "B" } }), &json!({})),
            "says of /both another `summary` than that of another service",
        ),
    ] {
        let report = refused(&a, &b)?;
        let parts: Vec<_> = told.split('…').collect();
        assert!(parts.iter().all(|part| report.contains(part)), "{told}: {report}");
        assert_eq!(report.matches("error:").count(), 1, "{report}");
        assert!(report.contains("openapi = \""), "{report}");
    }
    assert_eq!(refused(&fine, &fine)?, "");
    Ok(())
}

#[test]
fn a_file_that_cannot_be_read_is_told() -> Outcome {
    let fine = described(&json!({}), &json!({}));
    let (folder, manifest) = app(&fine, &fine)?;
    fs::remove_file(folder.path().join("a.json"))?;
    fs::write(folder.path().join("b.json"), "{\n  openapi: 3.1.0\n}")?;
    let report = document(&manifest, "1").err().map(|report| report.to_string()).unwrap_or_default();
    assert!(report.contains("a.json` is not there"), "{report}");
    assert!(report.contains("b.json` is not JSON: key must be a string at line 2 column 3"), "{report}");
    Ok(())
}
