//! A broker of the tests' own, and programs of others that talk with it.
#![allow(dead_code, reason = "some of the tests that share this use only a part of it")]

use std::{
    io::Write,
    ops::Deref,
    process::{Child, Command, Stdio},
};

use super::{daemon::Daemon, root, tools};

/// A broker that runs.
pub struct Broker {
    /// The server.
    pub daemon: Daemon,
    /// Its URL as a `transport` of a manifest, with the file of the right password.
    pub url: String,
}

/// A program in Python that uses its broker's usual client: `examples/events/by_NAME.py`.
pub struct Foreign {
    python: std::path::PathBuf,
    script: std::path::PathBuf,
    url: String,
}

impl Deref for Broker {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}

impl Broker {
    /// The program of this name for this broker; none where its clients are not installed.
    pub fn foreign(&self, name: &str) -> Option<Foreign> {
        let python = root().join("target/tools/clients/bin/python");
        if !python.is_file() {
            tools::skip("the clients of brokers are not installed; `.ci/tools` does it");
            return None;
        }
        let (scheme, rest) = self.url.split_once("://").expect("a URL");
        let (server, _) = rest.split_once('?').unwrap_or((rest, ""));
        let url = format!("{scheme}://{}", server.replace('@', ":secret@"));
        Some(Foreign { python, script: root().join(format!("examples/events/by_{name}.py")), url })
    }
}

impl Foreign {
    /// Publish a document with a key to a function of an event.
    pub fn publish(&self, event: &str, function: &str, key: &str, document: &str) {
        let mut child = self.start(&["publish", event, function, key]);
        child.stdin.take().expect("it is piped").write_all(document.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The first documents of an event that its broker keeps, or that come: so many.
    pub fn read(&self, event: &str, count: usize) -> Vec<String> {
        let output = self.start(&["read", event, &count.to_string()]).wait_with_output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
    }

    /// Begin to read, and be sure that what is sent from now on is read.
    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(&self.python);
        command.arg(&self.script).arg(&self.url).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("Python starts")
    }
}
