//! Certificates of the tests' own, which Debian's `openssl` makes.
#![allow(dead_code, reason = "some of the tests that share this use only a part of it")]

use std::{
    path::Path,
    process::{Command, Output},
};

/// Makes them in the current folder: `authority NAME` is one that others trust, and
/// `certificate NAME NAMES [BEGIN END]` one of the authority `ca`, valid now unless it says
/// when, for names as openssl writes them: `DNS:localhost,IP:127.0.0.1`.
pub const FUNCTIONS: &str = r#"
authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" -keyout "$1.key" -out "$1.pem"
}
certificate() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr"
    cat > "$1.cnf" << END
[ca]
default_ca = own
[own]
database = $1.index
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = extensions
[any]
commonName = supplied
[extensions]
subjectAltName = $2
END
    : > "$1.index"
    begin=${3:-$(date -u -d yesterday +%Y%m%d%H%M%SZ)} end=${4:-$(date -u -d tomorrow +%Y%m%d%H%M%SZ)}
    openssl ca -batch -notext -config "$1.cnf" -cert "${5:-ca}.pem" -keyfile "${5:-ca}.key" -startdate "$begin" -enddate "$end" -in "$1.csr" -out "$1.crt"
}
"#;

/// Run these commands, which may use [`FUNCTIONS`], in a folder. Its files are their
/// owner's alone.
pub fn make(folder: &Path, commands: &str) {
    let script = format!("set -e; umask 077\n{FUNCTIONS}\n{commands}");
    let made = Command::new("sh").args(["-c", &script]).current_dir(folder).output();
    let Output { status, stderr, .. } = made.expect("sh starts");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
}
