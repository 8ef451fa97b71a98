//! Who we are to registries, as `docker login` wrote it down.

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use oci_client::secrets::RegistryAuth;
use serde::Deserialize;

use super::RegistryError;

/// What docker's config file has of credentials. Programs that keep them
/// elsewhere (`credsStore`, `credHelpers`) are not asked.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Credentials {
    #[serde(skip)]
    path: PathBuf,
    auths: BTreeMap<String, Entry>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

/// What a registry was asked with, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// The file has nothing for it.
    Nobody {
        /// The file.
        path: PathBuf,
    },
    /// The file leaves it to a program.
    Helper {
        /// The file.
        path: PathBuf,
        /// The program, without `docker-credential-`.
        helper: String,
    },
    /// By this name.
    User {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
}

impl Credentials {
    /// Those of `$DOCKER_CONFIG/config.json`, or of `~/.docker`; none if there is
    /// no such file.
    pub fn load() -> Result<Credentials, RegistryError> {
        let named = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = named("DOCKER_CONFIG").or_else(|| named("HOME").map(|home| home.join(".docker")));
        Credentials::read(&folder.unwrap_or_default().join("config.json"))
    }

    fn read(path: &Path) -> Result<Credentials, RegistryError> {
        let invalid = |why: String| RegistryError::Credentials { path: path.to_owned(), why };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => "{}".to_owned(),
            Err(error) => return Err(invalid(error.to_string())),
        };
        // What the parser says may quote a secret.
        let read = serde_json::from_str(&text);
        let read: Credentials =
            read.map_err(|error| invalid(format!("line {}, column {}", error.line(), error.column())))?;
        Ok(Credentials { path: path.to_owned(), ..read })
    }

    /// For a registry, and what to say of it.
    pub fn of(&self, registry: &str) -> Result<(RegistryAuth, Login), RegistryError> {
        let path = self.path.clone();
        let entry = self.auths.iter().find(|(key, entry)| host(key) == canonical(registry) && !entry.is_empty());
        if let Some((_, entry)) = entry {
            let (name, password) = entry.decode().ok_or_else(|| {
                let why = format!("the `auth` of {registry} is not a name and a password in base64");
                RegistryError::Credentials { path: path.clone(), why }
            })?;
            return Ok((RegistryAuth::Basic(name.clone(), password), Login::User { path, name }));
        }
        let own = self.cred_helpers.iter().find(|(key, _)| host(key) == canonical(registry)).map(|(_, helper)| helper);
        let login = match own.or(self.creds_store.as_ref()) {
            Some(helper) => Login::Helper { path, helper: helper.clone() },
            None => Login::Nobody { path },
        };
        Ok((RegistryAuth::Anonymous, login))
    }
}

impl Entry {
    fn is_empty(&self) -> bool {
        self.auth.is_empty() && self.username.is_empty()
    }

    fn decode(&self) -> Option<(String, String)> {
        if self.auth.is_empty() {
            return Some((self.username.clone(), self.password.clone()));
        }
        let decoded = String::from_utf8(BASE64_STANDARD.decode(&self.auth).ok()?).ok()?;
        let (name, password) = decoded.split_once(':')?;
        Some((name.to_owned(), password.trim_end_matches('\0').to_owned()))
    }
}

/// The host of a key, which may be a URL.
fn host(key: &str) -> &str {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    canonical(bare.split('/').next().unwrap_or(bare))
}

/// The other name of docker's own registry, by which docker writes it down.
const INDEX: &str = "index.docker.io";

fn canonical(host: &str) -> &str {
    if host == INDEX { "docker.io" } else { host }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Credentials, RegistryError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.json");
        fs::write(&path, text).expect("it can be written");
        Credentials::read(&path)
    }

    #[test]
    fn what_docker_writes_is_read() {
        let text = r#"{"auths": {"127.0.0.1:5000": {"auth": "YW5uYTpzZWM6cmV0"}, "https://INDEX/v1/":
            {"username": "bob", "password": "secret"}, "ghcr.io": {}}, "credsStore": "desktop",
            "credHelpers": {"gcr.io": "gcloud"}, "HttpHeaders": {}}"#;
        let credentials = read(&text.replace("INDEX", INDEX)).expect("it is docker's");
        let of = |registry| credentials.of(registry).expect("it is well-formed");
        let basic = |name: &str, password: &str| RegistryAuth::Basic(name.to_owned(), password.to_owned());
        assert!(of("127.0.0.1:5000").0 == basic("anna", "sec:ret"));
        assert!(of("docker.io").0 == basic("bob", "secret"));
        assert!(
            matches!(of("ghcr.io"), (RegistryAuth::Anonymous, Login::Helper { helper, .. }) if helper == "desktop")
        );
        assert!(matches!(of("gcr.io"), (RegistryAuth::Anonymous, Login::Helper { helper, .. }) if helper == "gcloud"));
        assert!(matches!(read("{}").expect("JSON").of("gcr.io"), Ok((RegistryAuth::Anonymous, Login::Nobody { .. }))));
    }

    #[test]
    fn an_error_never_tells_a_secret() {
        for text in [r#"{"auths": "c2VjcmV0"}"#, r#"{"auths": {"a.b": {"auth": 5}}, c2VjcmV0"#] {
            let error = read(text).err().expect("it is not docker's").to_string();
            assert!(!error.contains("c2VjcmV0") && error.contains("line 1"), "{error}");
        }
        let credentials = read(r#"{"auths": {"a.b": {"auth": "c2VjcmV0"}}}"#).expect("JSON");
        let error = credentials.of("a.b").expect_err("it has no colon").to_string();
        assert!(!error.contains("c2VjcmV0") && !error.contains("secret"), "{error}");
    }
}
