use super::*;

fn allows(entry: &str, scheme: &str, host: &str, port: u16) -> bool {
    entry.parse::<OutboundHost>().is_ok_and(|entry| entry.allows(scheme, host, port))
}

#[test]
fn a_host_alone_allows_both_schemes_at_their_ports() {
    assert!(allows("example.com", "http", "example.com", 80));
    assert!(allows("example.com", "HTTPS", "EXAMPLE.com.", 443));
    assert!(!allows("example.com", "http", "example.com", 443));
    assert!(!allows("example.com", "http", "example.com", 8080));
    assert!(!allows("example.com", "ftp", "example.com", 80));
    assert!(!allows("example.com", "http", "www.example.com", 80));
    assert!(!allows("example.com", "http", "badexample.com", 80));
}

#[test]
fn a_scheme_and_a_port_narrow_it() {
    assert!(allows("https://api.example.com", "https", "api.example.com", 443));
    assert!(!allows("https://api.example.com", "http", "api.example.com", 80));
    assert!(allows("127.0.0.1:9000", "http", "127.0.0.1", 9000));
    assert!(allows("127.0.0.1:9000", "https", "127.0.0.1", 9000));
    assert!(!allows("127.0.0.1:9000", "http", "127.0.0.1", 80));
}

#[test]
fn a_star_stands_for_what_is_below_or_for_all() {
    assert!(allows("*.example.com", "https", "api.Example.com", 443));
    assert!(allows("*.example.com", "https", "a.b.example.com", 443));
    assert!(!allows("*.example.com", "https", "example.com", 443));
    assert!(!allows("*.example.com", "https", ".example.com", 443));
    assert!(!allows("*.example.com", "https", "badexample.com", 443));
    assert!(allows("*", "http", "anything", 80) && allows("*", "https", "[::1]", 443));
    assert!(allows("http://*:8080", "http", "10.0.0.1", 8080));
    assert!(!allows("*", "http", "anything", 8080));
}

#[test]
fn addresses_compare_as_addresses() {
    for host in ["::1", "[::1]", "0:0:0:0:0:0:0:1", "[0::0:1]"] {
        assert!(allows("[::1]:8080", "http", host, 8080), "{host}");
    }
    assert!(allows("[2001:DB8::a]", "https", "2001:db8:0::A", 443));
    assert!(allows("127.0.0.1", "http", "[::ffff:127.0.0.1]", 80));
    assert!(!allows("[::1]", "http", "::2", 80));
}

#[test]
fn a_name_leads_to_this_machine_only_if_it_says_so() {
    let may = |entry: &str, address: &str| {
        let entry = entry.parse::<OutboundHost>();
        entry.is_ok_and(|entry| address.parse().is_ok_and(|address| entry.may_lead_to(address)))
    };
    let own = ["127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "169.254.169.254", "::1", "::", "fe80::1"];
    let clothed = ["::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:0.0.0.0"];
    for address in own.into_iter().chain(clothed) {
        assert!(!may("example.com", address) && !may("*.example.com", address), "{address}");
        assert!(may("localhost:8080", address) && may("*.localhost", address) && may("*", address), "{address}");
        assert!(!may("notlocalhost", address), "{address}");
    }
    for address in ["10.0.0.1", "192.168.0.1", "93.184.216.34", "2001:db8::1", "fc00::1", "::ffff:10.0.0.1"] {
        assert!(may("example.com", address) && may("*.example.com", address), "{address}");
    }
}

#[test]
fn what_is_no_host_is_refused() {
    for entry in [
        "",
        "https://",
        "ftp://a.com",
        "a.com/path",
        "https://a.com/",
        "me@a.com",
        "a b.com",
        "a.com:0",
        "a.com:99999",
        "a.com:+80",
        "a.com:",
        ":80",
        "::1",
        "[::1",
        "[::1]x",
        "api.*.com",
        "**",
        "*.",
        "*.*.com",
        "*.0.0.1",
        "127.1",
        "a..com",
        "-a.com",
        "bücher.de",
        "[fe80::1%eth0]",
        "0x7f000001",
    ] {
        assert!(entry.parse::<OutboundHost>().is_err(), "{entry}");
    }
}
