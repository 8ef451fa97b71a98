//! An authority that speaks ACME, of the tests' own: Debian's `pebble`, which forgets all when
//! it is killed, and has another root then.
#![allow(dead_code, reason = "some of the tests that share this use only a part of it")]

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use super::daemon::{self, Daemon};

/// How it is made. The arguments: where it looks over HTTP and over TLS, where its managers and
/// its DNS are, and how many seconds its certificates are valid. Every name is 127.0.0.1.
const FUNCTIONS: &str = r#"
prepare() {
    authority ca
    # It is believed by hosts whose clocks are years ahead as well.
    certificate server DNS:localhost '' 20490101000000Z
}
serve() {
    cat > settings.json << END
{ "pebble": {
    "listenAddress": "127.0.0.1:$1", "managementListenAddress": "127.0.0.1:$4",
    "certificate": "server.crt", "privateKey": "server.key",
    "httpPort": $2, "tlsPort": $3, "certificateValidityPeriod": $6
} }
END
    pebble-challtestsrv -defaultIPv6 '' -http01 '' -https01 '' -tlsalpn01 '' \
        -dns01 "127.0.0.1:$5" -management "127.0.0.1:0" > dns.log 2>&1 &
    export PEBBLE_VA_NOSLEEP=1
    exec pebble -config settings.json -dnsserver "127.0.0.1:$5"
}
answers() {
    curl -sf --cacert ca.pem "https://localhost:$1/dir" -o /dev/null &&
        curl -sf --cacert ca.pem "https://localhost:$4/roots/0" -o root.pem
}
"#;

/// It, and the ports where it looks at proofs.
pub struct Pebble {
    daemon: Daemon,
    /// Where it asks over plain HTTP.
    pub http: u16,
    /// Where it asks over TLS.
    pub tls: u16,
}

impl Pebble {
    /// One whose certificates are valid for so many days; none where it is not installed.
    pub fn start(days: u64) -> Option<Pebble> {
        let [http, tls, managers, dns] = free_ports();
        if Command::new("pebble").arg("-h").output().is_err() || Command::new("curl").arg("-V").output().is_err() {
            daemon::is_missing("pebble", "pebble curl");
            return None;
        }
        let seconds = days * 24 * 60 * 60;
        let arguments = [http.into(), tls.into(), managers.into(), dns.into(), seconds].map(|it: u64| it.to_string());
        let daemon = Daemon::start(Command::new("env"), FUNCTIONS, &arguments.each_ref().map(String::as_str));
        Some(Pebble { daemon, http, tls })
    }

    /// The URL of its directory.
    pub fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.daemon.port())
    }

    /// The file of who vouches for its own server.
    pub fn ca(&self) -> PathBuf {
        self.daemon.file("ca.pem")
    }

    /// A file with the root of the certificates that it gives, in this folder.
    pub fn root(&self, folder: &Path) -> PathBuf {
        let root = folder.join("root.pem");
        fs::copy(self.daemon.file("root.pem"), &root).expect("it was asked for");
        root
    }

    /// How many certificates it gave.
    pub fn given(&self) -> usize {
        self.daemon.log().matches("Issued certificate serial").count()
    }

    /// End it.
    pub fn kill(&self) {
        self.daemon.kill();
    }

    /// Have it again, with nothing that it knew.
    pub fn restart(&self) {
        self.daemon.restart();
    }
}

fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("it is bound").port())
}
