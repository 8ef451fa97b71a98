//! Who may use a registry, and how it is spoken to.

use std::fs;

use super::{Folder, refused, stderr, succeed};
use crate::support::registry::{CERTIFICATE, PASSWORD, Registry};

#[test]
fn a_registry_with_a_lock_is_opened_by_dockers_credentials() {
    let Some(registry) = Registry::for_anna() else { return };
    let folder = Folder::new();
    let one = folder.component("one.wasm", "Alice");
    let tag = registry.reference("directory:1");
    let docker = |config: String| {
        folder.write("config.json", config);
        let mut command = folder.dovetail();
        command.env("DOCKER_CONFIG", folder.path(""));
        command
    };
    let auths = |auth: &str| format!("{{\"auths\": {{\"{}\": {{\"auth\": \"{auth}\"}}}}}}", registry.address);
    // anna:open-sesame and anna:shut-sesame
    let (right, wrong) = ("YW5uYTpvcGVuLXNlc2FtZQ==", "YW5uYTpzaHV0LXNlc2FtZQ==");
    for (config, why) in [
        ("{}".to_owned(), "has none for it; run `docker login"),
        (auths(wrong), "does not take the credentials of anna in"),
        ("{\"credsStore\": \"desktop\"}".to_owned(), "leaves them to `docker-credential-desktop`; credentials that a"),
        (auths("YW5uYQ=="), "is not a name and a password in base64"),
        ("{".to_owned(), "cannot be read: line 1"),
    ] {
        for verb in [["push", "one.wasm", &tag], ["pull", &tag, "--output=pulled.wasm"]] {
            let said = refused(docker(config.clone()).args(verb));
            assert!(said.contains(why), "{verb:?} with {config}: {said}");
            assert!(!said.contains("sesame") && !said.contains(wrong), "{said}");
        }
    }
    succeed(docker(auths(right)).args(["push", "one.wasm", &tag]));
    let pulled = succeed(docker(auths(right)).args(["pull", &tag, "-o", "pulled.wasm"]));
    assert!(fs::read(folder.path("pulled.wasm")).expect("it was written") == one);
    assert!(!stderr(&pulled).contains(PASSWORD) && !stderr(&pulled).contains(right), "{}", stderr(&pulled));
}

/// A name of this machine that is not known as one: registries are spoken to
/// through TLS there.
fn elsewhere(reference: &str) -> String {
    reference.replace("://127.0.0.1:", "://127.1:")
}

#[test]
fn other_hosts_than_this_are_spoken_to_through_tls_unless_asked_otherwise() {
    let (Some(plain), Some(secure)) = (Registry::start(), Registry::with_tls()) else { return };
    let folder = Folder::new();
    let one = folder.component("one.wasm", "Alice");
    let push = |reference: &str| {
        let mut command = folder.dovetail();
        command.args(["push", "one.wasm", reference]);
        command
    };
    let reference = elsewhere(&plain.reference("directory:1.0"));
    let said = refused(&mut push(&reference));
    assert!(said.contains("there is no TLS with the registry") && said.contains("write \"oci+http://\""), "{said}");
    succeed(&mut push(&reference.replace("oci:", "oci+http:")));

    let reference = elsewhere(&secure.reference("directory:1.0"));
    let said = refused(&mut push(&reference));
    assert!(said.contains("invalid peer certificate") && said.contains("SSL_CERT_FILE"), "{said}");
    succeed(push(&reference).env("SSL_CERT_FILE", CERTIFICATE));
    let mut pull = folder.dovetail();
    succeed(pull.args(["pull", &reference, "-o", "pulled.wasm"]).env("SSL_CERT_FILE", CERTIFICATE));
    assert!(fs::read(folder.path("pulled.wasm")).expect("it was written") == one);
}
