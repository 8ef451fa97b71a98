//! What a measurement is of: the machine, the commit of the host, and what else takes
//! part.

use std::{process::Command, slice};

use serde_json::{Value, json};

use crate::{host, machine::Machine};

/// Where it was measured, and what.
pub struct Setting {
    pub machine: Machine,
    pub commit: String,
    /// The versions of others' servers.
    beside: Vec<String>,
}

impl Setting {
    /// This machine, now, and the host that is built here.
    pub fn look(beside: Vec<String>) -> Setting {
        Setting { machine: Machine::look(), commit: commit(), beside }
    }

    /// Print it in two lines.
    pub fn print(&self) {
        println!("\n{}", self.machine.line());
        println!("Commit {}", [slice::from_ref(&self.commit), &self.beside].concat().join(", "));
    }

    /// Add it to figures in JSON.
    pub fn add_to(&self, figures: &mut Value) {
        figures["machine"] = self.machine.json();
        figures["commit"] = json!(self.commit);
        figures["beside"] = json!(self.beside);
    }
}

/// The commit whose host is measured.
fn commit() -> String {
    if host::is_given() {
        return "unknown (a given host)".to_owned();
    }
    let output = Command::new("git").arg("-C").arg(host::root()).args(["describe", "--always", "--dirty"]).output();
    let commit = output.ok().filter(|output| output.status.success());
    commit.map_or_else(|| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
