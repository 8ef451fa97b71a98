//! Promises of Dovetail, each shown through the real binary.

mod linking;
mod shop;
mod support;
