//! The methods that a route is for.

use std::{collections::BTreeSet, fmt, str::FromStr};

use crate::{Invalid, route::is_token};

/// Methods by name; none are all.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Methods(BTreeSet<Box<str>>);

impl Methods {
    /// Whether these are all that there are.
    pub fn are_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the method is one of them: who answers GET answers HEAD (RFC 9110, section
    /// 9.3.2).
    pub fn admit(&self, method: &str) -> bool {
        self.are_all() || self.name(method) || (method == "HEAD" && self.name("GET"))
    }

    /// Whether the method is named.
    pub fn name(&self, method: &str) -> bool {
        self.0.contains(method)
    }

    /// Those that are admitted, by name.
    pub fn admitted(&self) -> impl Iterator<Item = &str> {
        let head = self.name("GET").then_some("HEAD");
        self.0.iter().map(|method| &**method).chain(head)
    }

    /// Whether a method is one of both, and neither goes before the other for it.
    pub fn conflicts(&self, other: &Methods) -> bool {
        self.are_all() == other.are_all() && (self.are_all() || !self.0.is_disjoint(&other.0))
    }
}

impl FromStr for Methods {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut methods = BTreeSet::new();
        for method in text.split(',') {
            if method.is_empty() || !method.bytes().all(is_token) {
                let help = "write methods as in \"GET /orders\" or \"GET,POST /orders\"";
                return Err(Invalid::new(format!("has the method {method:?}"), help));
            }
            if method.bytes().any(|byte| byte.is_ascii_lowercase()) {
                let help = format!("write \"{}\": methods have a case", method.to_ascii_uppercase());
                return Err(Invalid::new(format!("has the method {method:?}"), help));
            }
            if matches!(method, "CONNECT" | "TRACE") {
                let help = "leave it out: the gateway answers it with 501";
                return Err(Invalid::new(format!("has the method {method}, which no service is asked by"), help));
            }
            if !methods.insert(method.into()) {
                return Err(Invalid::new(format!("has the method {method} twice"), "leave one of the two out"));
            }
        }
        Ok(Methods(methods))
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, method) in self.0.iter().enumerate() {
            write!(f, "{}{method}", if index > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}
