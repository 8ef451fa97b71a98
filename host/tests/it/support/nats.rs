//! A NATS server with JetStream, of the tests' own.
#![allow(dead_code, reason = "some of the tests that share this use only a part of it")]

use std::process::Command;

use super::{broker::Broker, daemon::Daemon, tools};

/// How it is made. The arguments: the server's file, and `plain` or `tls`.
const FUNCTIONS: &str = r#"
prepare() {
    echo secret > passfile
    [ "$2" = plain ] || certificates
}
serve() {
    rm -f nats.log
    {
        echo 'jetstream { store_dir: ".", sync_interval: always }'
        echo 'authorization { user: dovetail, password: secret }'
        [ "$3" = plain ] || echo 'tls { cert_file: server.crt, key_file: server.key }'
    } > settings
    exec "$2" --config settings --addr 127.0.0.1 --port "$1" --log nats.log
}
answers() {
    grep -q 'Server is ready' nats.log
}
"#;

/// A server that has synced what it acknowledged; none where there is no `nats-server`.
pub fn start() -> Option<Broker> {
    of_kind("plain")
}

/// The same over TLS alone, with a certificate for localhost.
pub fn encrypted() -> Option<Broker> {
    of_kind("tls")
}

fn of_kind(kind: &str) -> Option<Broker> {
    let server = tools::find("nats-server")?;
    let daemon = Daemon::start(Command::new("env"), FUNCTIONS, &[&server.display().to_string(), kind]);
    let (port, passfile) = (daemon.port(), daemon.file("passfile"));
    let url = match kind {
        "plain" => format!("nats://dovetail@127.0.0.1:{port}?passfile={}", passfile.display()),
        _ => {
            let root = daemon.file("ca.pem");
            format!(
                "nats+tls://dovetail@localhost:{port}?passfile={}&sslrootcert={}",
                passfile.display(),
                root.display()
            )
        }
    };
    Some(Broker { daemon, url })
}
