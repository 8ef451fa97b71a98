//! Where the store is.

use super::Invalid;

/// Checks the URL of a store and puts the name of the `app` in place of
/// `{app}`. That the scheme exists is all that is promised; the store reads
/// the rest.
pub fn store_url(text: &str, app: &str) -> Result<String, Invalid> {
    let help = "the stores are \"sqlite:PATH\" and \"memory:\"";
    match text.split_once(':') {
        Some(("memory", "")) => {}
        Some(("memory", _)) => return Err(Invalid::new("has a path", "write \"memory:\"")),
        Some(("sqlite", "")) => {
            return Err(Invalid::new("has no path", "write \"sqlite:data/{app}.db\""));
        }
        Some(("sqlite", ":memory:")) => {
            return Err(Invalid::new("is no file", "write \"memory:\" for a store that is not kept"));
        }
        // In a URL what follows `//` would be a host, in a path it is the root.
        Some(("sqlite", path)) if path.starts_with("//") => {
            let path = path.trim_start_matches('/');
            let help = format!("write \"sqlite:{path}\" for a path from the manifest's folder, or \"sqlite:/{path}\"");
            return Err(Invalid::new("has `//` before its path", help));
        }
        Some(("sqlite", _)) => {}
        Some((scheme, _)) => {
            return Err(Invalid::new(format!("names the store `{scheme}`, which does not exist"), help));
        }
        None => return Err(Invalid::new("is no URL of a store", help)),
    }
    Ok(text.replace("{app}", app))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_stores_are_taken() {
        assert_eq!(store_url("memory:", "demo"), Ok("memory:".to_owned()));
        assert_eq!(store_url("sqlite:data/{app}.db", "demo"), Ok("sqlite:data/demo.db".to_owned()));
        assert_eq!(store_url("sqlite:/var/demo.db", "demo"), Ok("sqlite:/var/demo.db".to_owned()));
    }

    #[test]
    fn others_are_refused() {
        for text in ["", "demo.db", "redis://localhost", "memory:x", "sqlite:", "sqlite::memory:"] {
            assert!(store_url(text, "demo").is_err(), "{text}");
        }
        let refused = store_url("sqlite://data/demo.db", "demo").map_err(|invalid| invalid.help);
        assert!(refused.is_err_and(|help| help.contains("\"sqlite:data/demo.db\"")));
    }
}
