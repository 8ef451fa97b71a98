//! Where a host listens: addresses, and names, which are all of their addresses.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    process::Output,
};

use http::StatusCode;

use crate::support::{Client, Host, dovetail, plain};

#[tokio::test]
async fn a_name_is_listened_on_at_its_addresses() {
    let named = plain("[gateway]\nlisten = \"localhost:0\"\n[admin]\nlisten = \"localhost:0\"\n");
    let manifest = named.path().join("dovetail.toml");
    let by_options = plain("");
    let mut commands = [dovetail(), dovetail()];
    commands[0].args(["up", "--manifest"]).arg(manifest);
    commands[1].args(["up", "--listen", "localhost:0", "--admin", "localhost:0"]).current_dir(&by_options);
    for command in &mut commands {
        let host = Host::start(command.stderr(std::process::Stdio::piped()));
        for (word, status) in [("Serving", StatusCode::NOT_FOUND), ("Admin", StatusCode::OK)] {
            let shown = addresses(&host.wait_for_output(word));
            let of_localhost: Vec<_> = ("localhost", shown[0].port()).to_socket_addrs().expect("it has one").collect();
            for address in of_localhost {
                // What the machine does not have of it cannot be reached.
                let is_bound = shown.contains(&address);
                assert!(is_bound || std::net::TcpListener::bind((address.ip(), 0)).is_err(), "{address} {shown:?}");
            }
            for address in shown {
                let answer = Client::http1(address).await.get("/readyz").await;
                assert_eq!(answer.status, status, "{address}");
            }
        }
        let verb = format!("localhost:{}", host.admin.port());
        let status = dovetail().args(["status", "--admin", &verb]).output().expect("dovetail starts");
        assert!(status.status.success(), "{}", told(&status));
        host.signal("TERM");
        assert_eq!(host.wait().code(), Some(0));
    }
}

#[tokio::test]
async fn several_addresses_are_listened_on_each_at_a_port_of_its_own() {
    let listed = plain("[gateway]\nlisten = [\"127.0.0.1:0\", \"127.0.0.2:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n");
    let by_options = plain("");
    let mut commands = [dovetail(), dovetail()];
    commands[0].args(["up", "--manifest"]).arg(listed.path().join("dovetail.toml"));
    let options = ["up", "--listen", "127.0.0.1:0", "--listen", "127.0.0.2:0", "--admin", "127.0.0.1:0"];
    commands[1].args(options).current_dir(&by_options);
    for command in &mut commands {
        let host = Host::start(command.stderr(std::process::Stdio::piped()));
        let shown = addresses(&host.wait_for_output("Serving"));
        assert_eq!(shown.iter().map(|it| it.ip().to_string()).collect::<Vec<_>>(), ["127.0.0.1", "127.0.0.2"]);
        assert_ne!(shown[0].port(), shown[1].port());
        for address in shown {
            assert_eq!(Client::http1(address).await.get("/").await.status, StatusCode::NOT_FOUND, "{address}");
        }
    }
    let taken = std::net::TcpListener::bind("127.0.0.2:0").expect("a free port");
    let taken = taken.local_addr().expect("it is bound").to_string();
    let arguments = ["up", "--listen", "127.0.0.1:0", "--listen", &taken, "--admin", "127.0.0.1:0"];
    let output = dovetail().args(arguments).current_dir(&by_options).output().expect("dovetail starts");
    let expected =
        format!("the gateway cannot listen on 127.0.0.1:0 and {taken}; choose another address with --listen");
    assert!(told(&output).contains(&expected), "{}", told(&output));
    assert!(told(&output).contains(&format!("caused by: {taken}: ")), "{}", told(&output));
}

/// The addresses in a line of output.
fn addresses(line: &str) -> Vec<SocketAddr> {
    let addresses = line.split("http://").skip(1).filter_map(|rest| rest.split_whitespace().next());
    addresses.map(|address| address.parse().expect("an address")).collect()
}

#[test]
fn a_name_that_leads_nowhere_is_told_before_anything_is_built() {
    let folder = plain(
        "build = \"touch built\"\n[gateway]\nlisten = \"nowhere.invalid:80\"\n\
         [admin]\nlisten = \"nowhere.invalid:81\"\n",
    );
    for verb in ["up", "check"] {
        let output = dovetail().arg(verb).current_dir(&folder).output().expect("dovetail starts");
        assert_eq!(output.status.code(), Some(1), "{verb}: {}", told(&output));
        for key in ["gateway", "admin"] {
            let told_of = format!("error: `{key}.listen` is a name that stands for no address: ");
            assert!(told(&output).contains(&told_of), "{verb}: {}", told(&output));
        }
        assert!(told(&output).contains("there are 2 problems"), "{verb}: {}", told(&output));
    }
    let arguments = ["up", "--listen", "nowhere.invalid:1", "--admin", "127.0.0.1:0"];
    let output = dovetail().args(arguments).current_dir(&folder).output().expect("dovetail starts");
    let expected = "error: --listen: nowhere.invalid:1 is a name that stands for no address: ";
    assert!(told(&output).starts_with(expected), "{}", told(&output));
    assert!(!folder.path().join("built").exists());
}

#[test]
fn two_that_take_each_others_requests_are_told() {
    let folder = plain("build = \"touch built\"\n");
    let arguments = ["up", "--listen", "0.0.0.0:7070", "--admin", "localhost:7070"];
    let output = dovetail().args(arguments).current_dir(&folder).output().expect("dovetail starts");
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let expected = "the gateway cannot listen on 0.0.0.0:7070 where the admin API listens on localhost:7070";
    assert!(told(&output).contains(expected) && !folder.path().join("built").exists(), "{}", told(&output));
    let arguments = ["up", "--listen", "0.0.0.0:7070", "--listen", "localhost:7070", "--admin", "localhost:7071"];
    let output = dovetail().args(arguments).current_dir(&folder).output().expect("dovetail starts");
    let expected = "the gateway cannot listen on localhost:7070 and on 0.0.0.0:7070 as well";
    assert!(told(&output).contains(expected) && !folder.path().join("built").exists(), "{}", told(&output));
}

#[test]
fn what_is_no_address_is_told_with_what_was_meant() {
    for (option, address, meant) in [
        ("--listen", ":8080", "write \"0.0.0.0:8080\" for all of this machine's addresses"),
        ("--listen", "localhost", "has no port; write \"localhost:8080\""),
        ("--admin", "localhost", "has no port; write \"localhost:9090\""),
        ("--admin", "127.0.0.1", "has no port; write \"127.0.0.1:9090\""),
        ("--listen", "http://localhost:8080/", "is a URL; write \"localhost:8080\", an address and a port alone"),
        ("--listen", "http://anna:s3cret@localhost:8080", "is a URL; write an address"),
    ] {
        let output = dovetail().args(["up", option, address]).output().expect("dovetail starts");
        assert_eq!(output.status.code(), Some(2), "{}", told(&output));
        assert!(told(&output).contains(meant) && !told(&output).contains("s3cret"), "{}", told(&output));
    }
}

fn told(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("UTF-8")
}
