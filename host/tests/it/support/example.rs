//! The user services of `examples/`, which other tools build than cargo.

use std::{
    fs,
    sync::{Mutex, OnceLock},
};

use super::{dovetail, root, tools};

/// An example, and the tool that makes its component, which `.ci/tools` installs.
pub struct Example {
    name: &'static str,
    tool: &'static str,
    folder: &'static str,
    component: OnceLock<Vec<u8>>,
}

/// The user service in Python.
pub static PYTHON: Example = Example::of("python-user", "componentize-py", "python/bin");

/// The user service in JavaScript.
pub static JAVASCRIPT: Example = Example::of("js-user", "componentize-js", "js/node_modules/.bin");

/// Held while an example is built: they share folders.
static BUILDING: Mutex<()> = Mutex::new(());

impl Example {
    const fn of(name: &'static str, tool: &'static str, folder: &'static str) -> Example {
        Example { name, tool, folder, component: OnceLock::new() }
    }

    /// Its component, built by the first who asks with the manifest's own command;
    /// `None`, and a line that says so, where its tool is not installed.
    pub fn component(&self) -> Option<&[u8]> {
        if !self.has_tool() {
            tools::skip(&format!("{} is not installed; `.ci/tools` does it", self.tool));
            return None;
        }
        Some(self.component.get_or_init(|| {
            let _building = BUILDING.lock().expect("no build panics");
            let manifest = root().join("examples").join(self.name).join("dovetail.toml");
            let output = dovetail().arg("build").arg("--manifest").arg(manifest).output().expect("dovetail starts");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            fs::read(root().join("target/examples").join(self.name).with_extension("wasm")).expect("it was built")
        }))
    }

    fn has_tool(&self) -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = [root().join("target/tools").join(self.folder)].into_iter().chain(std::env::split_paths(&path));
        folders.map(|folder| folder.join(self.tool)).any(|file| file.is_file())
    }
}
