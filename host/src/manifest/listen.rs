//! Addresses to listen on.

use std::net::SocketAddr;

use super::Invalid;

/// Reads an address for the gateway, such as `127.0.0.1:8080`.
pub fn listen_address(text: &str) -> Result<SocketAddr, Invalid> {
    text.parse().map_err(|_| Invalid::new("is not an address to listen on", meant(text)))
}

/// Reads an address for the admin API. Whoever reaches that API can replace
/// services, so unless it asks for a token it stays on this machine.
pub fn admin_address(text: &str, asks_for_token: bool) -> Result<SocketAddr, Invalid> {
    let address = listen_address(text)?;
    if asks_for_token || address.ip().to_canonical().is_loopback() {
        return Ok(address);
    }
    Err(Invalid::new(
        "is no loopback address, and the admin API asks for no token",
        format!(
            "write \"127.0.0.1:{}\", so that only this machine reaches it, or add to `[admin]` \
             `token_file = \"admin.token\"`, a file with a secret",
            address.port()
        ),
    ))
}

fn meant(text: &str) -> String {
    match text.rsplit_once(':') {
        Some(("localhost", port)) => format!("write \"127.0.0.1:{port}\""),
        Some(("" | "*", port)) => format!("write \"0.0.0.0:{port}\" for all of this machine's addresses"),
        _ => "write an IP address and a port, as in \"127.0.0.1:8080\" or \"[::1]:8080\"; port 0 picks a free one"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        assert!(listen_address("0.0.0.0:80").is_ok());
        assert!(listen_address("[::1]:0").is_ok());
        assert!(admin_address("127.1.2.3:9090", false).is_ok());
        assert!(admin_address("[::1]:9090", false).is_ok());
    }

    #[test]
    fn other_addresses_are_refused_with_what_was_meant() {
        let help = |text| listen_address(text).map_err(|invalid| invalid.help);
        assert_eq!(help("localhost:80"), Err("write \"127.0.0.1:80\"".to_owned()));
        assert!(help(":8080").is_err_and(|help| help.contains("0.0.0.0:8080")));
        assert!(help("127.0.0.1").is_err_and(|help| help.contains("and a port")));
        assert!(help("127.0.0.1:99999").is_err());
    }

    #[test]
    fn without_a_token_the_admin_api_stays_on_this_machine() {
        for text in ["0.0.0.0:9090", "[::]:9090", "192.168.0.2:9090", "[::ffff:10.0.0.1]:1"] {
            let refused = admin_address(text, false).map_err(|invalid| invalid.reason);
            assert!(refused.is_err_and(|reason| reason.contains("asks for no token")), "{text}");
            assert!(admin_address(text, true).is_ok(), "{text}");
        }
        assert!(admin_address("localhost:9090", true).is_err());
        for text in [":9090", "9090"] {
            assert!(admin_address(text, true).is_err(), "{text}");
        }
    }
}
