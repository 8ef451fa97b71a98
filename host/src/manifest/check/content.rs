//! What the gateway answers by itself, and what it changes in answers.

use super::Checker;
use crate::manifest::{
    Coding, Content, FilesManifest, HeaderChanges, Invalid, Moved, Policy, Route, RouteManifest, Target, files,
    header_changes,
    key::KeyPath,
    moved,
    schema::{self, RouteTable, TextOr},
};

impl Checker<'_> {
    /// The routes that no service answers.
    pub(super) fn gateway_routes(&mut self, tables: Vec<RouteTable>, policy: &Policy) -> Vec<RouteManifest> {
        let list = KeyPath::root().child("gateway").child("routes");
        for (index, table) in
            tables.iter().enumerate().filter(|(_, table)| table.redirect.is_none() && table.files.is_none())
        {
            let route = table.route.as_deref().unwrap_or_default();
            let problem = self.problem(&list.child(index), format!("nobody answers the gateway's route `{route}`"));
            let help = "add `redirect = \"/new\"` or `files = \"dist/\"`, or let it be a service's";
            self.problems.push(problem.help(help));
        }
        let routes: Vec<_> = tables.into_iter().map(|table| schema::Route::Table(Box::new(table))).collect();
        self.routes(&list, "the gateway", &routes, policy)
    }

    /// What answers the route of the table at `at` in place of a service, if anything does.
    pub(super) fn content(&mut self, at: &KeyPath, table: &RouteTable, route: &Route) -> Option<Content> {
        match (&table.redirect, &table.files) {
            (Some(_), Some(_)) => {
                let title = "a route cannot have both a `redirect` and `files`";
                let problem = self.problem(&at.child("files"), title).help("leave one of the two out");
                self.problems.push(problem.other(self.places.value(&at.child("redirect")), "sends all requests on"));
                None
            }
            (Some(redirect), None) => self.moved(&at.child("redirect"), redirect, route).map(Content::Moved),
            (None, Some(files)) => self.files(&at.child("files"), files, route).map(Content::Files),
            (None, None) => None,
        }
    }

    fn files(&mut self, at: &KeyPath, written: &TextOr<schema::Files>, route: &Route) -> Option<FilesManifest> {
        if route.path().parameters().last() != Some(&"*") {
            let path = route.path().as_str().trim_end_matches("{/}").trim_end_matches('/');
            let problem = self.problem(at, format!("`{at}` is of a route that stands for no paths below it"));
            self.problems.push(problem.help(format!("end the route with `*`, as in \"{path}/*\"")));
        }
        let (folder, table) = match written {
            TextOr::Text(folder) => ((at.clone(), Some(folder)), None),
            TextOr::Table(table) => ((at.child("folder"), table.folder.as_ref()), Some(table)),
        };
        let fallback = table.and_then(|table| table.fallback.clone());
        let fallback = fallback.and_then(|path| self.take(&at.child("fallback"), files::inside(&path).map(|()| path)));
        let cache_control = table.and_then(|table| table.cache_control.as_deref());
        let cache_control =
            cache_control.and_then(|text| self.take(&at.child("cache_control"), header_changes::value(text)));
        // One that is missing has been reported.
        let (at, text) = (folder.0, folder.1?);
        let folder = self.path(&at, text, "write the path of a folder, as in \"dist/\"")?;
        Some(FilesManifest { text: text.clone(), folder, fallback, cache_control })
    }

    fn moved(&mut self, at: &KeyPath, written: &TextOr<schema::Redirect>, route: &Route) -> Option<Moved> {
        let parameters = route.path().parameters();
        let (to, status) = match written {
            TextOr::Text(to) => (self.take(at, Target::parse(to, &parameters)), None),
            TextOr::Table(table) => {
                // One that is missing has been reported.
                let to = table.to.as_deref();
                (to.and_then(|to| self.take(&at.child("to"), Target::parse(to, &parameters))), table.status)
            }
        };
        let status = self.take(&at.child("status"), moved::status(status.unwrap_or(308)));
        Some(Moved { to: to?, status: status? })
    }

    /// The codings that answers are made shorter by.
    pub(super) fn compress(&mut self, at: &KeyPath, written: &schema::Compress) -> Vec<Coding> {
        let names = match written {
            schema::Compress::Flag(false) => return Vec::new(),
            schema::Compress::Flag(true) => return Coding::FAST.to_vec(),
            schema::Compress::Codings(names) => names,
        };
        if names.is_empty() {
            self.take::<()>(at, Err(Invalid::new("is empty", "write `false` for none, or `true` for all")));
        }
        let mut codings = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let coding = match Coding::ALL.into_iter().find(|coding| coding.name() == name) {
                None => Err(Invalid::new("is no coding that is known here", "write \"br\", \"zstd\" or \"gzip\"")),
                Some(coding) if codings.contains(&coding) => {
                    Err(Invalid::new("is there twice", "leave one of the two out"))
                }
                Some(coding) => Ok(coding),
            };
            codings.extend(self.take_item(at, index, name, coding));
        }
        codings
    }

    /// The changes in the table at `at`.
    pub(super) fn headers(&mut self, at: &KeyPath, written: &schema::HeaderChanges) -> HeaderChanges {
        let mut changes = HeaderChanges::default();
        for (text, value) in &written.set {
            let at = at.child("set").child(text);
            let name = self.take_key(&at, "header", header_changes::name(text));
            let value = self.take(&at, header_changes::value(value));
            changes.set.extend(name.zip(value));
        }
        for (index, text) in written.remove.iter().enumerate() {
            let name =
                header_changes::name(text).and_then(|name| match changes.set.iter().any(|(set, _)| *set == name) {
                    true => {
                        Err(Invalid::new("is set as well", "leave it out here: what is set is in place of all others"))
                    }
                    false => Ok(name),
                });
            changes.remove.extend(self.take_item(&at.child("remove"), index, text, name));
        }
        changes
    }
}
