//! Standard output: what a verb found, and what it means if that cannot be printed.
//!
//! A disk that is full is a failure: whoever asked has not what was asked for. Who
//! closed the pipe, as `head` does, wants no more of it, and that is none; but what is
//! of use only whole ends in the way of other programs, for which the rest is missing.

use std::{
    io::{self, ErrorKind, Write},
    process::ExitCode,
};

use anyhow::{Context, Error, Result};

/// What is said if it cannot be printed.
pub const UNPRINTED: &str = "standard output cannot be written";

/// All is said that is to be said: the process ends with this code.
#[derive(Debug, thiserror::Error)]
#[error("ended with {0}")]
pub struct Silent(u8);

impl Silent {
    /// A failure that was printed.
    pub const FAILED: Silent = Silent(1);

    /// Who read standard output was gone before it had the whole. The code is that of a
    /// process that SIGPIPE ended, as shells tell it.
    const UNREAD: Silent = Silent(128 + 13);

    /// The code of what ends so.
    pub fn code(error: &Error) -> Option<ExitCode> {
        error.downcast_ref::<Silent>().map(|Silent(code)| ExitCode::from(*code))
    }
}

/// Print what was found as it is, and end its line.
pub fn print(found: &[u8]) -> Result<()> {
    print_with(|out| {
        out.write_all(found)?;
        out.write_all(b"\n")
    })
}

/// Print what was found, in colour if standard output is a terminal.
pub fn print_with(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let mut out = anstream::stdout().lock();
    read_or_not(write(&mut out).and_then(|()| out.flush()))
}

/// Print bytes that are of use only whole, as they are.
pub fn print_whole(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).context(UNPRINTED).map_err(unread)
}

/// What became of printing what may be read in part.
pub fn read_or_not(printed: io::Result<()>) -> Result<()> {
    match printed {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        printed => printed.context(UNPRINTED),
    }
}

/// [`Silent`], if that is why something that is of use only whole was not printed.
pub fn unread(error: Error) -> Error {
    match error.downcast_ref::<io::Error>() {
        Some(cause) if cause.kind() == ErrorKind::BrokenPipe => Silent::UNREAD.into(),
        _ => error,
    }
}
