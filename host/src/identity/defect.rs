//! What is wrong with a file of those who know who asks.

use std::{fmt, path::PathBuf};

use crate::renewal::Wrong;

/// A file that cannot be used. It says nothing of what is in the file.
#[derive(Clone, Debug)]
pub struct Defect {
    /// The key of its `[auth.NAME]` that names it.
    pub key: &'static str,
    /// The file.
    pub file: PathBuf,
    /// What is wrong, as the rest of a sentence that begins with the file.
    pub reason: String,
    /// What would be right.
    pub help: String,
}

impl Defect {
    /// What is wrong with the file that this key names.
    pub fn of(key: &'static str, file: PathBuf, (reason, help): Wrong) -> Defect {
        Defect { key, file, reason, help }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}; {}", self.file.display(), self.reason, self.help)
    }
}
