//! What is wrong with a file of TLS.

use std::path::PathBuf;

/// A file that cannot be used. It says nothing of what is in the file.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{file}` {reason}; {help}", file = .file.display())]
pub struct Defect {
    /// The file.
    pub file: PathBuf,
    /// What it was to be.
    pub part: Part,
    /// What is wrong, as the rest of a sentence that begins with the file.
    pub reason: String,
    /// What would be right.
    pub help: String,
}

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The certificate of the pair of this number, from 0.
    Certificate(usize),
    /// The key of the pair of this number.
    Key(usize),
    /// Who vouches for the other side.
    Authorities,
}
