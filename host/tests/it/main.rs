//! Promises of Dovetail, each shown through the real binary.

mod linking;
mod rooms;
mod shop;
mod support;
