//! How a component looks as an OCI artifact.
//!
//! The layout is that of the CNCF's "Wasm OCI artifact", which `wkg` and `wash`
//! write. What is read may also be of older tools: the type of the only layer
//! counts, and that its bytes are a component.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use wac_graph::types::{Package as Parsed, Types};

use super::RegistryError;
use crate::manifest::Digest;

/// The type of an artifact's manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const LAYER: &str = "application/wasm";

/// The layers of `wash` before 0.27, and of Spin and others.
const OLDER_LAYERS: [&str; 2] =
    ["application/vnd.module.wasm.content.layer.v1+wasm", "application/vnd.wasm.content.layer.v1+wasm"];

/// An artifact that has a component, as its manifest tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The digest of its manifest, by which registries know it.
    pub digest: Digest,
    /// The digest of the component.
    pub component: Digest,
    /// Bytes of the component.
    pub size: u64,
}

/// A component ready to be pushed.
pub struct Package {
    /// The component.
    pub component: Bytes,
    /// What it is, for registries.
    pub config: Bytes,
    /// What ties the two.
    pub manifest: Bytes,
    /// What it will be.
    pub artifact: Artifact,
    /// The digest of the config.
    pub config_digest: Digest,
}

/// What is read of a manifest. An index of artifacts has no layers.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
    size: u64,
}

impl Artifact {
    /// Reads a manifest.
    pub fn read(manifest: &[u8]) -> Result<Artifact, RegistryError> {
        let digest = Digest::of(manifest);
        let no_component = |what: String| RegistryError::NoComponent { artifact: digest.clone(), what };
        let read: Result<Manifest, _> = serde_json::from_slice(manifest);
        let Manifest { layers } = read.map_err(|_| no_component("its manifest is not one of OCI".to_owned()))?;
        let [layer] = layers.as_slice() else {
            return Err(no_component(format!("it has {} layers, a component has one", layers.len())));
        };
        if layer.media_type != LAYER && !OLDER_LAYERS.contains(&layer.media_type.as_str()) {
            return Err(no_component(format!("its layer is of the type {:?}, not {LAYER:?}", layer.media_type)));
        }
        let component = Digest::parse(&layer.digest)
            .ok_or_else(|| no_component(format!("the digest of its layer is {:?}, not SHA-256", layer.digest)))?;
        Ok(Artifact { digest, component, size: layer.size })
    }

    /// Refuses bytes that are no component, though the artifact says so.
    pub fn check(&self, bytes: &[u8]) -> Result<(), RegistryError> {
        match is_component(bytes) {
            true => Ok(()),
            false => {
                let what = "its layer is no component, but a core module or something else".to_owned();
                Err(RegistryError::NoComponent { artifact: self.digest.clone(), what })
            }
        }
    }
}

impl Package {
    /// Look into a component and describe it. The same bytes always become the
    /// same artifact; so its time is not that of the push, which registries note
    /// themselves, but the beginning of time, as other reproducible builds have it.
    pub fn of(component: Bytes) -> Result<Package, RegistryError> {
        let (imports, exports) = surface(&component)?;
        let digest = Digest::of(&component);
        let config = json!({
            "created": "1970-01-01T00:00:00Z",
            "architecture": "wasm",
            "os": "wasip2",
            "layerDigests": [digest.as_str()],
            "component": { "exports": exports, "imports": imports, "target": null },
        });
        let config = Bytes::from(config.to_string());
        let config_digest = Digest::of(&config);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": { "mediaType": CONFIG, "digest": config_digest.as_str(), "size": config.len() },
            "layers": [{ "mediaType": LAYER, "digest": digest.as_str(), "size": component.len() }],
        });
        let manifest = Bytes::from(manifest.to_string());
        let artifact = Artifact { digest: Digest::of(&manifest), component: digest, size: component.len() as u64 };
        Ok(Package { component, config, manifest, artifact, config_digest })
    }
}

/// What a component imports and exports, by name.
fn surface(component: &[u8]) -> Result<(Vec<String>, Vec<String>), RegistryError> {
    if !is_component(component) {
        let why = "it is no component, but a core module or something else".to_owned();
        return Err(RegistryError::NotPushed { why });
    }
    let mut types = Types::default();
    let parsed = Parsed::from_bytes("component", None, component, &mut types);
    let parsed = parsed.map_err(|error| RegistryError::NotPushed { why: format!("{error:#}") })?;
    let world = &types[parsed.ty()];
    Ok((world.imports.keys().cloned().collect(), world.exports.keys().cloned().collect()))
}

/// Whether it begins as a component does.
fn is_component(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\0asm\x0d\0\x01\0")
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_is_pushed_can_be_read() {
        let text = r#"(component (import "acme:stock/shelf@0.1.0" (instance)) (export "acme:shop/till" (instance 0)))"#;
        let bytes = wat::parse_str(text).expect("a component");
        let package = Package::of(bytes.clone().into()).expect("it is a component");
        let read = Artifact::read(&package.manifest).expect("it is an artifact");
        assert_eq!(read, package.artifact);
        assert_eq!((read.component, read.size), (Digest::of(&bytes), bytes.len() as u64));
        let config: Value = serde_json::from_slice(&package.config).expect("JSON");
        assert_eq!(config["component"]["imports"], json!(["acme:stock/shelf@0.1.0"]));
        assert_eq!(config["component"]["exports"], json!(["acme:shop/till"]));
        assert_eq!(config["layerDigests"], json!([Digest::of(&bytes).as_str()]));
        assert_eq!(Package::of(bytes.into()).expect("it is a component").manifest, package.manifest);
    }

    #[test]
    fn what_is_no_component_is_not_pushed() {
        let component = wat::parse_str("(component (core module))").expect("a component");
        for wrong in [&b""[..], b"\0asm\x01\0\0\0", &component[..component.len() - 1]] {
            assert!(Package::of(Bytes::copy_from_slice(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_artifact_of_another_kind_is_refused_with_what_it_is() {
        let layer = |kind: &str, digest: &str| json!({ "mediaType": kind, "digest": digest, "size": 1 });
        let digest = Digest::of(b"a");
        let good = layer(LAYER, digest.as_str());
        let read = |manifest: Value| Artifact::read(manifest.to_string().as_bytes());
        for (manifest, why) in [
            (json!(7), "its manifest is not one of OCI"),
            (json!({ "manifests": [] }), "it has 0 layers"),
            (json!({ "layers": [good, good] }), "it has 2 layers"),
            (json!({ "layers": [layer("text/plain", digest.as_str())] }), "its layer is of the type \"text/plain\""),
            (json!({ "layers": [layer(LAYER, "sha256:../../up")] }), "the digest of its layer is \"sha256:../../up\""),
            (json!({ "layers": [layer(LAYER, "sha512:00")] }), "not SHA-256"),
        ] {
            let error = read(manifest).expect_err(why).to_string();
            assert!(error.contains(why), "{error}");
        }
        for kind in OLDER_LAYERS {
            read(json!({ "layers": [layer(kind, digest.as_str())] })).expect(kind);
        }
    }
}
