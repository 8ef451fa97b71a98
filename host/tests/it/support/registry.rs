//! A registry of our own: Debian's `docker-registry` on a free port, with its data
//! in a temporary folder, ended with the value.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use oci_client::{
    Client, Reference,
    client::{ClientConfig, ClientProtocol},
    secrets::RegistryAuth,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::tools;

/// Who may use a registry [for some](Registry::for_anna), with the password's hash.
const ANNA: &str = "anna:$2b$05$abcdefghijklmnopqrstuutXu9KzOt.1yBoZUeFWoT/914/JfszCO";
/// Anna's password.
pub const PASSWORD: &str = "open-sesame";

/// The certificate of [`Registry::with_tls`], for 127.0.0.1, and its key, which
/// opens nothing else.
pub const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/registry/certificate.pem");
const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/registry/key.pem");

/// Who may use a registry, and how.
enum Access {
    Everybody,
    Anna,
    Tls,
}

/// A registry that runs.
pub struct Registry {
    process: Child,
    folder: TempDir,
    /// Host and port.
    pub address: String,
}

impl Registry {
    /// One for everybody; none where it is not installed, which is said.
    pub fn start() -> Option<Registry> {
        Some(Registry::with(&tools::find("docker-registry")?, Access::Everybody))
    }

    /// One that asks for a name and a password.
    pub fn for_anna() -> Option<Registry> {
        Some(Registry::with(&tools::find("docker-registry")?, Access::Anna))
    }

    /// One that speaks TLS, with [`CERTIFICATE`].
    pub fn with_tls() -> Option<Registry> {
        Some(Registry::with(&tools::find("docker-registry")?, Access::Tls))
    }

    fn with(program: &Path, access: Access) -> Registry {
        let folder = tempfile::tempdir().expect("a folder");
        let [config, users, data] = ["config.yml", "users", "data"].map(|name| folder.path().join(name));
        let mut text = format!(
            "version: 0.1\nlog: {{level: info, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}}}\nhttp:\n  addr: '127.0.0.1:0'\n",
            data.display()
        );
        match access {
            Access::Everybody => {}
            Access::Anna => {
                text.push_str(&format!("auth: {{htpasswd: {{realm: tests, path: {}}}}}\n", users.display()));
                fs::write(&users, format!("{ANNA}\n")).expect("it can be written");
            }
            Access::Tls => text.push_str(&format!("  tls: {{certificate: '{CERTIFICATE}', key: '{KEY}'}}\n")),
        }
        fs::write(&config, text).expect("it can be written");
        let mut command = Command::new(program);
        command.arg("serve").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the registry starts");
        let mut lines = BufReader::new(process.stderr.take().expect("stderr is piped")).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let (_, rest) = line.split_once("listening on ")?;
            let end = rest.find(|c: char| c != '.' && c != ':' && !c.is_ascii_digit()).unwrap_or(rest.len());
            Some(rest[..end].to_owned())
        });
        // Whatever else it says, so that it can say it.
        std::thread::spawn(move || lines.for_each(drop));
        Registry { process, folder, address: address.expect("it says where it listens") }
    }

    /// A reference to something in it: `REPOSITORY:TAG`.
    pub fn reference(&self, name: &str) -> String {
        format!("oci://{}/{name}", self.address)
    }

    /// The file of a blob, by its digest.
    pub fn blob(&self, digest: &str) -> PathBuf {
        let digits = digest.trim_start_matches("sha256:");
        let blobs = self.folder.path().join("data/docker/registry/v2/blobs/sha256");
        blobs.join(&digits[..2]).join(digits).join("data")
    }

    /// Put an artifact there that `dovetail push` would not make: layers of these
    /// types, and what else its manifest is to say.
    pub async fn put(&self, name: &str, layers: &[(&str, &[u8])], change: impl FnOnce(&mut Value)) {
        let config = ClientConfig { protocol: ClientProtocol::Http, ..ClientConfig::default() };
        // The command does so for itself.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::new(config);
        let reference: Reference = format!("{}/{name}", self.address).parse().expect("a reference");
        client.store_auth_if_needed(reference.resolve_registry(), &RegistryAuth::Anonymous).await;
        let mut described = Vec::new();
        for (kind, bytes) in layers.iter().chain([&("application/json", &b"{}"[..])]) {
            client.push_blob(&reference, bytes.to_vec(), &digest(bytes)).await.expect("it takes blobs");
            described.push(json!({ "mediaType": kind, "digest": digest(bytes), "size": bytes.len() }));
        }
        let config = described.pop();
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let mut manifest = json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": described });
        change(&mut manifest);
        let kind = manifest["mediaType"].as_str().expect("a type").parse().expect("a header value");
        client.push_manifest_raw(&reference, manifest.to_string(), kind).await.expect("it takes manifests");
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// SHA-256 as registries write it.
pub fn digest(bytes: &[u8]) -> String {
    let digits: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}
