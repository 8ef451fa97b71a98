//! What pages of other origins may ask.

use std::time::Duration;

use http::Method;

use super::Checker;
use crate::manifest::{Cors, Invalid, Names, Origins, cors, duration, key::KeyPath, schema};

/// The longest that a browser is told to remember anything; none does for longer.
const DAY: Duration = Duration::from_secs(86_400);

impl Checker<'_> {
    /// What the table at `at` allows.
    pub(super) fn cors(&mut self, at: &KeyPath, written: &schema::Cors) -> Option<Cors> {
        let methods = match &written.methods {
            Some(methods) => self.names(&at.child("methods"), methods, cors::method),
            None => Names::These(vec![Method::GET, Method::HEAD, Method::POST]),
        };
        let headers = self.names(&at.child("headers"), &written.headers, cors::header);
        let expose = self.names(&at.child("expose"), &written.expose, cors::header);
        let max_age = written.max_age.as_deref().and_then(|text| self.take(&at.child("max_age"), max_age(text)));
        // One that is missing has been reported.
        let origins = self.origins(&at.child("origins"), written.origins.as_ref()?);
        if written.credentials {
            self.without_credentials(at, written);
        }
        Some(Cors { origins, methods, headers, expose, credentials: written.credentials, max_age })
    }

    fn origins(&mut self, at: &KeyPath, written: &[String]) -> Origins {
        if written.is_empty() {
            let help = "write an origin, as in \"https://app.example\", or leave `cors` out";
            self.take::<()>(at, Err(Invalid::new("is empty", help)));
        }
        if written == [cors::ANY] {
            return Origins::Any;
        }
        let read = written.iter().enumerate();
        let read = read.filter_map(|(index, text)| {
            let origin = match text.as_str() {
                cors::ANY => Err(Invalid::new("is every origin", "let it stand alone, or leave it out")),
                text => cors::origin(text),
            };
            self.take_item(at, index, text, origin)
        });
        Origins::These(read.collect())
    }

    fn names<T>(&mut self, at: &KeyPath, written: &[String], read: impl Fn(&str) -> Result<T, Invalid>) -> Names<T> {
        if written == [cors::ANY] {
            return Names::Any;
        }
        let all = written.iter().enumerate();
        let all = all.filter_map(|(index, text)| {
            let name = match text.as_str() {
                cors::ANY => Err(Invalid::new("is all of them", "let it stand alone, or leave it out")),
                text => read(text),
            };
            self.take_item(at, index, text, name)
        });
        Names::These(all.collect())
    }

    /// With credentials `*` means nothing to browsers, or everybody; and everybody can have the
    /// origin `null`.
    fn without_credentials(&mut self, at: &KeyPath, written: &schema::Cors) {
        let lists = [
            ("origins", written.origins.as_ref()),
            ("methods", written.methods.as_ref()),
            ("headers", Some(&written.headers)),
            ("expose", Some(&written.expose)),
        ];
        for (key, list) in lists {
            let of_all = |name: &&String| [cors::ANY, cors::NULL].contains(&name.as_str());
            let Some(name) = list.into_iter().flatten().find(of_all) else { continue };
            let list = at.child(key);
            let problem = self.problem(&list, format!("{name:?} in `{list}` does not go with `credentials`"));
            let problem = problem.other(self.places.value(&at.child("credentials")), "cookies and logins go along");
            self.problems.push(problem.help("write each that is meant, or leave `credentials` out"));
        }
    }
}

fn max_age(text: &str) -> Result<Duration, Invalid> {
    let age = duration::parse(text)?;
    match age {
        age if age.subsec_nanos() > 0 || age.is_zero() => Err(Invalid::new("is no whole seconds", "write 1s to 1d")),
        age if age > DAY => Err(Invalid::new("is too long", "write 1s to 1d")),
        age => Ok(age),
    }
}
