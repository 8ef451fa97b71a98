//! Who asks. The host notes it beside each swap.

/// The `User-Agent`: `dovetail/0.1.0 (anna@laptop)`.
pub fn agent() -> String {
    let user = std::env::var("USER").ok().filter(|user| !user.is_empty());
    let user = user.unwrap_or_else(|| rustix::process::getuid().as_raw().to_string());
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    of(&user, &host)
}

fn of(user: &str, host: &str) -> String {
    let plain = |c: char| if c.is_ascii_graphic() && !"()\\".contains(c) { c } else { '?' };
    let who: String = format!("{user}@{host}").chars().map(plain).collect();
    format!("dovetail/{} ({who})", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_header_value_whatever_the_names_are() {
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(of("anna", "laptop"), format!("dovetail/{version} (anna@laptop)"));
        assert_eq!(of("zoë", "my (old)\nbox"), format!("dovetail/{version} (zo?@my??old??box)"));
        assert!(http::HeaderValue::try_from(agent()).is_ok());
    }
}
