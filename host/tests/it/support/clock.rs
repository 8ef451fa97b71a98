//! A clock on the wall that is set back and forward under a host.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use tempfile::TempDir;

use super::{Host, preload, up};

/// An hour, in seconds.
pub const HOUR: i64 = 3600;

/// A clock that shows the true time until it is set. What is loaded into a host to
/// look at it is `tests/clock/shim.rs`; periods are measured by another clock, which
/// goes on as it does.
pub struct Clock(TempDir);

impl Clock {
    /// One that shows the true time.
    pub fn new() -> Clock {
        Clock(tempfile::tempdir().expect("a temporary folder"))
    }

    /// Set it to so many seconds after the true time, or before it.
    pub fn set(&self, ahead: i64) {
        let new = self.0.path().join("new");
        fs::write(&new, ahead.to_string()).expect("the folder is ours");
        // Whoever looks meanwhile sees the time before or the time after.
        fs::rename(new, self.file()).expect("it was written");
    }

    /// Have a command look at this clock.
    pub fn shown_to<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        static BUILT: OnceLock<PathBuf> = OnceLock::new();
        let shim = BUILT.get_or_init(|| preload::build("clock"));
        command.env("LD_PRELOAD", shim).env("CLOCK_AHEAD", self.file())
    }

    /// Serve a folder's manifest by this clock.
    pub fn up(&self, folder: &Path) -> Host {
        Host::start(self.shown_to(&mut up(folder)).stderr(Stdio::piped()))
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("ahead")
    }
}
