//! What can go wrong.

use std::fmt;

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// There is no folder, or none that can be written.
    NoFolder {
        /// What is missing.
        cause: String,
    },
    /// The file system refused.
    Disk {
        /// What was to be done.
        doing: &'static str,
        /// The file's name.
        file: String,
        /// What the file system said.
        cause: String,
    },
    /// A table is not one, or not whole.
    Damaged {
        /// The file's name.
        file: String,
    },
    /// Others changed the bucket each time it was looked at.
    Busy,
    /// A call carries more than it may.
    OutOfBounds {
        /// What is counted.
        what: &'static str,
        /// How much of it there is.
        count: usize,
        /// How much there may be.
        most: usize,
    },
    /// The value of an incremented key is no number.
    NotACounter {
        /// The key.
        key: String,
    },
    /// The sum does not fit a counter.
    Overflow {
        /// The key.
        key: String,
        /// What the counter holds, before and after.
        value: u64,
        /// What was to be added.
        delta: u64,
    },
}

impl Error {
    /// The file system's refusal.
    pub fn disk(doing: &'static str, file: &str, cause: impl fmt::Display) -> Self {
        Self::Disk { doing, file: file.to_owned(), cause: cause.to_string() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = u64::MAX;
        match self {
            Self::NoFolder { cause } => write!(f, "{cause}: run with --dir FOLDER::/data"),
            Self::Disk { doing, file, cause } => write!(f, "cannot {doing} {file:?}: {cause}"),
            Self::Damaged { file } => write!(f, "{file:?} is damaged: put a copy of its folder in place"),
            Self::Busy => write!(f, "the bucket changes faster than it can be read: ask again"),
            Self::OutOfBounds { what, count, most } => {
                write!(f, "{what} of {count} is too much for one call: it may have at most {most}")
            }
            Self::NotACounter { key } => write!(
                f,
                "cannot increment key {key:?}: its value is no decimal number from 0 to {most}; set it to one, or \
                 count under another key"
            ),
            Self::Overflow { key, value, delta } => {
                write!(f, "cannot increment key {key:?}: {value} and {delta} exceed {most}; set it to a lower number")
            }
        }
    }
}

impl std::error::Error for Error {}
