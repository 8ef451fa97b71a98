//! Where a history is: in the folder of the state, the folder of one app.

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, AtFlags, CWD};

use super::{error::HistoryError, step};
use crate::private;

/// What others must not write.
pub const WHAT: &str = "the history";

/// The file of the ledger, in the folder of an app.
pub const LEDGER: &str = "history.json";

/// What components are in, in the folder of an app.
pub const COMPONENTS: &str = "components";

/// Where a history is, whether it exists or not.
#[derive(Debug)]
pub struct Place {
    /// From that of the state to that of the components, each in the one before.
    folders: Vec<PathBuf>,
}

impl Place {
    /// The folder `below` that of the state.
    pub fn new(state: &Path, below: &Path) -> Place {
        let mut folders = vec![state.to_owned()];
        for name in below.iter().chain([COMPONENTS.as_ref()]) {
            folders.extend(folders.last().map(|above| above.join(name)));
        }
        Place { folders }
    }

    /// The folder of the state.
    pub fn state(&self) -> &Path {
        &self.folders[0]
    }

    /// The folder of the app.
    pub fn path(&self) -> &Path {
        &self.folders[self.folders.len() - 2]
    }

    /// What an earlier version left, which had no folders of apps.
    pub fn earlier(&self) -> Option<PathBuf> {
        let ledger = self.state().join(LEDGER);
        (self.path() != self.state() && ledger.is_file()).then_some(ledger)
    }

    /// Refuses it if others may write there: whoever does decides what the host runs.
    /// What is missing of it is no reason.
    pub fn look(&self) -> Result<(), HistoryError> {
        self.folders.iter().try_for_each(|folder| Ok(private::look(folder, WHAT)?))
    }

    /// Makes what is missing of it, for its owner alone, and refuses what is there
    /// like [`look`](Self::look), or if this process may not write there.
    pub fn make(&self) -> Result<(), HistoryError> {
        self.look()?;
        for folder in &self.folders {
            if !folder.is_dir() {
                let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
                made.map_err(HistoryError::disk("make the folder", folder))?;
                let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
                step::sync(parent.unwrap_or(Path::new(".")))?;
            }
            private::look(folder, WHAT)?;
        }
        for folder in [self.path(), &self.path().join(COMPONENTS)] {
            let may = rustix::fs::accessat(CWD, folder, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS);
            may.map_err(|error| HistoryError::disk("write in the folder", folder)(error.into()))?;
        }
        Ok(())
    }
}
