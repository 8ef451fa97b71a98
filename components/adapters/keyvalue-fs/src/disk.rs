//! What the store needs of a file system. `preopen` has it of `wasi:filesystem`;
//! tests have it of real files, and of a disk that fails when they say so.

use crate::Error;

/// The most bytes that are read at once.
pub const LARGEST_READ: usize = 64 * 1024;

/// The folder of one bucket.
pub trait Folder {
    /// Its files.
    type File: File;

    /// The names of all files, as they are at one moment.
    fn names(&self) -> Result<Vec<String>, Error>;

    /// Open a file to read and append; `None` if there is none.
    fn open(&self, name: &str) -> Result<Option<Self::File>, Error>;

    /// Open a file to read and append, and make it first if there is none.
    fn create(&self, name: &str) -> Result<Self::File, Error>;

    /// Give a file the name of another, which is gone then.
    fn rename(&self, from: &str, to: &str) -> Result<(), Error>;

    /// Remove a file; that it is gone is fine.
    fn remove(&self, name: &str) -> Result<(), Error>;

    /// Make the names durable.
    fn sync(&self) -> Result<(), Error>;

    /// A number that nobody gets twice.
    fn nonce(&self) -> u64;
}

/// A file, which stays what it is when its name goes or is given to another.
pub trait File {
    /// The bytes from `offset`, at most `length` and [`LARGEST_READ`]; none at the
    /// end and nowhere else.
    fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, Error>;

    /// Put these bytes, at most 64 KiB, at the end, wherever it is by now, with no
    /// other's between them. They may end up split only if writing fails on the way.
    fn append(&self, bytes: &[u8]) -> Result<(), Error>;

    /// How many bytes it has.
    fn length(&self) -> Result<u64, Error>;

    /// Make its bytes durable.
    fn sync(&self) -> Result<(), Error>;
}
