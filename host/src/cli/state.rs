//! `--state`: where a host keeps what it must not forget.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;

use crate::{
    engine::{CacheError, CodeCache},
    history::{History, HistoryError},
    manifest::{Manifest, Report},
    private::NotPrivate,
};

/// Where a host keeps what it must not forget.
#[derive(Args)]
pub struct State {
    /// Keep what is live, compiled code and pulled components in this folder instead of in
    /// `.dovetail` beside the manifest.
    #[arg(long = "state", value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl State {
    /// The manifest at this path, for a host that has its folder there.
    pub fn manifest(&self, path: &Path) -> Result<Manifest, Report> {
        Manifest::load_with(path, self.folder.as_deref())
    }
}

/// What was and is live of a manifest's app, for the host that serves it.
pub fn history(manifest: &Manifest) -> Result<History, HistoryError> {
    History::open(&manifest.state, &manifest.app_state())
}

/// The same, for who writes nothing there.
pub fn peek(manifest: &Manifest) -> Result<History, HistoryError> {
    History::peek(&manifest.state, &manifest.app_state())
}

/// Compiled code, which all hosts share that have this folder.
pub fn code(manifest: &Manifest) -> Result<CodeCache, CacheError> {
    CodeCache::open(&manifest.state.join("code"))
}

/// The same, for who serves nobody: if that folder can be read or written.
pub fn code_if_possible(manifest: &Manifest) -> Result<Arc<CodeCache>, NotPrivate> {
    CodeCache::if_possible(&manifest.state.join("code")).map(Arc::new)
}
