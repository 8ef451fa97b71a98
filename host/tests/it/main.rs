//! Promises of Dovetail, each shown through the real binary.

mod shop;
mod support;
