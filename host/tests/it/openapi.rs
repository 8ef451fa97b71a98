//! What the shop describes of its HTTP is what it does.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

use crate::support::{Host, dovetail, root, shop, tools};

#[test]
fn the_shops_descriptions_are_merged() {
    let folder = shop();
    let output = succeed(dovetail().args(["openapi", "--app-version", "1.2.3"]).current_dir(&folder));
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document in JSON");
    assert_eq!((&document["info"]["title"], &document["info"]["version"]), (&"shop".into(), &"1.2.3".into()));
    let paths: Vec<_> = document["paths"].as_object().expect("there are some").keys().collect();
    assert_eq!(paths, ["/notices", "/orders", "/orders/{id}", "/users", "/users/{id}"]);
    // Each service has it in the same words.
    let schemas: Vec<_> = document["components"]["schemas"].as_object().expect("there are some").keys().collect();
    assert_eq!(schemas, ["Error", "NewOrder", "NewUser", "Notice", "Order", "User"]);
    assert_eq!(document["paths"]["/orders"]["post"]["tags"], serde_json::json!(["order"]));
    let written = succeed(dovetail().args(["openapi", "--app-version", "1.2.3", "-o", "a.json"]).current_dir(&folder));
    assert_eq!(written.stdout, b"");
    assert_eq!(fs::read(folder.path().join("a.json")).expect("it is there"), output.stdout);
}

#[test]
fn check_looks_at_descriptions_and_no_verb_writes_over_one() {
    let folder = shop();
    let manifest = folder.path().join("dovetail.toml");
    let text = fs::read_to_string(&manifest).expect("it is there");
    let shops = root().join("components/user/openapi.json");
    fs::copy(&shops, folder.path().join("user.json")).expect("it can be copied");
    let text = text.replace(&shops.display().to_string(), "user.json").replace(", \"/users/{id}\"", "");
    fs::write(&manifest, text).expect("it can be written");
    let refused = dovetail().args(["check", "--no-build"]).current_dir(&folder).output().expect("it runs");
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success(), "{told}");
    assert!(told.contains("describes DELETE /users/{id}, which no route of the service leads to"), "{told}");
    let refused = dovetail().args(["openapi", "-o", "user.json"]).current_dir(&folder).output().expect("it runs");
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(told.contains("`user.json` describes the HTTP of service `user`: name another file"), "{told}");
}

/// Schemathesis, which sends what the document allows, and what it does not, and looks at
/// every answer.
#[tokio::test]
async fn the_shop_answers_as_it_is_described() {
    let Some(schemathesis) = tools::find("st") else { return };
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    let written = folder.path().join("shop.json");
    succeed(dovetail().args(["openapi", "-o", "shop.json"]).current_dir(&folder));
    // What the gateway answers to TRACE for every app.
    let config = "[checks]\nnot_a_server_error.expected-statuses = [\"2xx\", \"3xx\", \"4xx\", 501]\n";
    fs::write(folder.path().join("st.toml"), config).expect("it can be written");
    let drive = |document: &Path, more: &[&str]| {
        let mut command = Command::new(&schemathesis);
        command.args(["--config-file", "st.toml", "run", "--no-color", "--seed", "1", "--checks", CHECKS]);
        command.arg("--url").arg(format!("http://{}", host.gateway)).args(more).arg(document);
        command.current_dir(&folder).output().expect("schemathesis runs")
    };
    let told = drive(&written, &["--max-examples", "40"]);
    let said = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success(), "{said}");
    assert!(said.contains("13 selected / 13 total"), "{said}");

    // That it would have seen what is not described.
    let mut document: Value = serde_json::from_slice(&fs::read(&written).expect("it is there")).expect("JSON");
    let responses = document["paths"]["/users/{id}"]["get"]["responses"].as_object_mut().expect("there are some");
    assert!(responses.remove("404").is_some());
    fs::write(&written, document.to_string()).expect("it can be written");
    let told = drive(&written, &["--max-examples", "5", "--include-operation-id", "getUser"]);
    let said = String::from_utf8_lossy(&told.stdout);
    assert!(!told.status.success() && said.contains("Undocumented status code"), "{said}");
}

/// What it is to look at: that nothing fails, that each answer is described, and its type, its
/// body and its headers with it, and that what is deleted is gone and what is made is there.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_schema_conformance,response_headers_conformance,use_after_free,ensure_resource_availability";

fn succeed(command: &mut Command) -> Output {
    let output = command.output().expect("the binary can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}
