//! What a bucket promises, on disks that fail as they may.

mod crash;
mod disk;
mod files;
mod model;
mod race;
mod shape;
