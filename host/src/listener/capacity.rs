//! How many connections there may be.

use rustix::process::{Resource, getrlimit, setrlimit};

/// However many files may be open. Each connection takes memory, too.
const MOST_CONNECTIONS: u64 = 10_000;

/// Raise the limit on open files as far as this process may, and say how many
/// connections fit below it: three quarters of it, at most [`MOST_CONNECTIONS`].
/// The rest is left to the store and to requests that components send.
pub fn capacity() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it may not be raised so far, what it is now has to do.
    let _ = setrlimit(Resource::Nofile, limit);
    connections(getrlimit(Resource::Nofile).current)
}

fn connections(open_files: Option<u64>) -> usize {
    open_files.map_or(MOST_CONNECTIONS, |files| (files / 4 * 3).clamp(1, MOST_CONNECTIONS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_quarters_of_what_may_be_open_are_connections() {
        for (open_files, expected) in
            [(Some(3), 1), (Some(1024), 768), (Some(16_000), 10_000), (Some(u64::MAX), 10_000), (None, 10_000)]
        {
            assert_eq!(connections(open_files), expected, "{open_files:?}");
        }
    }
}
