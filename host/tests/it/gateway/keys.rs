//! Keys of the host's own: made by a verb, known by their hashes, taken back with the file.
