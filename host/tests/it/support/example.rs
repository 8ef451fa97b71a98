//! Components that other tools build than cargo: the user services of `examples/`,
//! and those of `tests/foreign/`.

use std::{
    env, fs,
    path::PathBuf,
    sync::{Mutex, OnceLock},
};

use super::{dovetail, root, tools};

/// Components with one manifest, and the tools that build them, which `.ci/tools`
/// installs.
pub struct Example {
    manifest: &'static str,
    tools: &'static [(&'static str, &'static str)],
    components: &'static [&'static str],
    built: OnceLock<Vec<Vec<u8>>>,
}

const COMPONENTIZE_PY: (&str, &str) = ("componentize-py", "python/bin");
const COMPONENTIZE_JS: (&str, &str) = ("componentize-js", "js/node_modules/.bin");

/// The user service in Python.
pub static PYTHON: Example =
    Example::of("examples/python-user", &[COMPONENTIZE_PY], &["target/examples/python-user.wasm"]);

/// The user service in JavaScript.
pub static JAVASCRIPT: Example = Example::of("examples/js-user", &[COMPONENTIZE_JS], &["target/examples/js-user.wasm"]);

/// What fetches, in JavaScript and in Python.
pub static FETCHERS: Example = Example::of(
    "host/tests/foreign",
    &[COMPONENTIZE_JS, COMPONENTIZE_PY],
    &["target/foreign/js.wasm", "target/foreign/python.wasm"],
);

/// Held while an example is built: they share folders.
static BUILDING: Mutex<()> = Mutex::new(());

impl Example {
    const fn of(
        manifest: &'static str,
        tools: &'static [(&'static str, &'static str)],
        components: &'static [&'static str],
    ) -> Example {
        Example { manifest, tools, components, built: OnceLock::new() }
    }

    /// Its components, built by the first who asks with the manifest's own commands;
    /// `None`, and a line that says so, where a tool is not installed.
    pub fn components(&self) -> Option<&[Vec<u8>]> {
        if let Some((tool, _)) = self.tools.iter().find(|(tool, folder)| !is_installed(tool, folder)) {
            tools::skip(&format!("{tool} is not installed; `.ci/tools` does it"));
            return None;
        }
        Some(self.built.get_or_init(|| {
            let _building = BUILDING.lock().expect("no build panics");
            let manifest = root().join(self.manifest).join("dovetail.toml");
            let output = dovetail().arg("build").arg("--manifest").arg(manifest).output().expect("dovetail starts");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let files = self.components.iter().map(|file| root().join(file));
            files.map(|file| fs::read(file).expect("it was built")).collect()
        }))
    }

    /// The one component of an example that has no other.
    pub fn component(&self) -> Option<&[u8]> {
        self.components().and_then(|components| components.first()).map(Vec::as_slice)
    }
}

fn is_installed(tool: &str, folder: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [root().join("target/tools").join(folder)].into_iter().chain(env::split_paths(&path));
    folders.map(|folder: PathBuf| folder.join(tool)).any(|file| file.is_file())
}
