//! A Kafka broker of the tests' own: tansu, which speaks its protocol.
//!
//! It keeps nothing on a disk. So its log is in a [store of objects](Objects) that this
//! process has, which outlives it.
#![allow(dead_code, reason = "some of the tests that share this use only a part of it")]

use std::process::Command;

use super::{broker::Broker, daemon::Daemon, objects::Objects, tools};

/// How it is made. The arguments: the broker's file, and where its log is.
const FUNCTIONS: &str = r#"
prepare() { :; }
serve() {
    url=tcp://127.0.0.1:$1
    rm -f kafka.log
    exec "$2" broker --listener-url $url --advertised-listener-url $url --storage-engine "$3" > kafka.log 2>&1
}
answers() {
    grep -q '^ready in' kafka.log
}
"#;

/// A broker without topics; none where there is no tansu.
pub fn start() -> Option<Broker> {
    let program = tools::find("tansu")?;
    let objects = Objects::shared();
    let mut command = Command::new("env");
    command.envs(objects.environment());
    let log = format!("s3://{}/", objects.bucket());
    let daemon = Daemon::start(command, FUNCTIONS, &[&program.display().to_string(), &log]);
    let url = format!("kafka://127.0.0.1:{}", daemon.port());
    Some(Broker { daemon, url })
}
