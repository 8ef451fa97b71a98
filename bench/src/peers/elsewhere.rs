//! Other hosts for components: `wasmtime serve`, and wasmCloud's `wash dev`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use super::peer::{Peer, Serving};
use crate::{
    folder::Folder,
    process::{Process, free_addresses},
};

/// `wasmtime serve`, with these options beside what every component here needs. The
/// component finds an empty folder where it keeps what it keeps.
pub fn wasmtime(name: &'static str, wasmtime: &Path, component: PathBuf, options: &'static [&str]) -> Peer {
    let wasmtime = wasmtime.to_owned();
    Peer::new(name, move || {
        let (folder, [gateway]) = (Arc::new(Folder::new()?), free_addresses()?);
        let data = folder.path().join("data");
        fs::create_dir(&data)?;
        let mut serve = Command::new(&wasmtime);
        serve.args(["serve", "-S", "cli", "--addr", &gateway.to_string()]).args(options);
        serve.arg("--dir").arg(format!("{}::/data", data.display())).arg(&component);
        Ok(Serving { gateway, processes: vec![Process::start_quietly(&mut serve, folder)?] })
    })
}

/// `wash dev`, linking a component to `user`, if there is one, as another component.
pub fn wash(name: &'static str, wash: &Path, component: PathBuf, user: Option<PathBuf>) -> Peer {
    let wash = wash.to_owned();
    Peer::new(name, move || {
        let (folder, [gateway]) = (Arc::new(Folder::new()?), free_addresses()?);
        let mut config = format!(
            "build:\n  command: \"true\"\n  component_path: {}\ndev:\n  address: {gateway}\n",
            component.display()
        );
        if let Some(user) = &user {
            config += "  components:\n    - name: user\n      poolSize: 32\n      maxInvocations: 1000\n";
            config += &format!("      file: {}\n", user.display());
        }
        fs::create_dir(folder.path().join(".wash"))?;
        fs::write(folder.path().join(".wash/config.yaml"), config)?;
        let mut dev = Command::new(&wash);
        dev.arg("--non-interactive").arg("-C").arg(folder.path()).arg("dev");
        // What it keeps for its user is kept there.
        dev.env("HOME", folder.path()).env("NO_COLOR", "1");
        Ok(Serving { gateway, processes: vec![Process::start_quietly(&mut dev, folder)?] })
    })
}
