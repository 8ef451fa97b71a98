//! What the listeners show over TLS: read, and checked, before anything is built.

use std::sync::Arc;

use crate::{
    acme,
    manifest::{Acme, Manifest, Problem, Report, TlsFiles},
    private,
    renewal::{Renewal, is_open_to_all},
    tls::{Defect, Part, Tls},
};

/// The TLS of a host.
#[derive(Default)]
pub struct Certificates {
    /// What the gateway shows, if it speaks TLS.
    pub gateway: Option<Arc<Tls>>,
    /// What the admin API shows, likewise.
    pub admin: Option<Arc<Tls>>,
    /// What reads their files again when they change.
    pub renewals: Vec<Renewal>,
}

impl Certificates {
    /// Those of a manifest, or what is wrong with its files, each at its key. A key that all may
    /// read is a warning: some who mount secrets cannot help it.
    pub fn of(manifest: &Manifest) -> Result<Certificates, Report> {
        let (mut certificates, mut problems) = (Certificates::default(), Vec::new());
        certificates.gateway =
            certificates.open(manifest.gateway.tls.as_ref(), &mut problems, |it| located(manifest, "gateway", it));
        certificates.admin =
            certificates.open(manifest.admin.tls.as_ref(), &mut problems, |it| located(manifest, "admin", it));
        problems.extend(orders(manifest).flat_map(|(at, acme)| unfit(manifest, &at, acme)));
        Report::new(problems).into_result()?;
        let files = manifest.gateway.tls.iter().chain(&manifest.admin.tls);
        for pair in files.flat_map(|files| &files.pairs).filter(|pair| is_open_to_all(&pair.key)) {
            let key = pair.key.display();
            tracing::warn!("whoever is on this machine may read the key `{key}`; run `chmod o-r {key}`");
        }
        Ok(certificates)
    }

    fn open(
        &mut self,
        files: Option<&TlsFiles>,
        problems: &mut Vec<Problem>,
        located: impl Fn(&Defect) -> Problem,
    ) -> Option<Arc<Tls>> {
        match Tls::open(files?) {
            Ok((tls, renewal)) => {
                self.renewals.push(renewal);
                Some(tls)
            }
            Err(defects) => {
                problems.extend(defects.iter().map(located));
                None
            }
        }
    }
}

/// The certificates that are ordered, each with the key where that is said.
pub fn orders(manifest: &Manifest) -> impl Iterator<Item = (String, &Acme)> {
    let files = manifest.gateway.tls.as_ref();
    let is_listed = files.is_some_and(|files| files.is_listed);
    let pairs = files.into_iter().flat_map(|files| files.pairs.iter().enumerate());
    pairs.filter_map(move |(number, pair)| {
        let at = if is_listed { format!("tls.{number}.acme") } else { "tls.acme".to_owned() };
        Some((at, pair.acme.as_ref()?))
    })
}

/// What is found of a certificate's folder, and of whom to trust, before anything is ordered.
fn unfit(manifest: &Manifest, at: &str, acme: &Acme) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Err(unfit) = private::look(&acme.folder, "keys of TLS") {
        let help = "name a folder that only this account may write in";
        problems.push(manifest.table_problem("gateway", &format!("{at}.folder"), unfit.to_string(), help));
    }
    if let Some(Err(error)) = acme.ca.as_deref().map(acme::trusted) {
        let help = "name a file in PEM with who vouches for the directory's server";
        problems.push(manifest.table_problem("gateway", &format!("{at}.ca"), error.to_string(), help));
    }
    problems
}

/// A defect at the key of the file.
fn located(manifest: &Manifest, table: &str, Defect { file, part, reason, help }: &Defect) -> Problem {
    let is_listed = table == "gateway" && manifest.gateway.tls.as_ref().is_some_and(|files| files.is_listed);
    let of_pair = |number: &usize, key: &str| match is_listed {
        true => format!("tls.{number}.{key}"),
        false => format!("tls.{key}"),
    };
    let (what, key) = match part {
        Part::Certificate(number) => ("certificate", of_pair(number, "certificate")),
        Part::Key(number) => ("key", of_pair(number, "key")),
        Part::Authorities => ("file of authorities", "tls.clients".to_owned()),
    };
    manifest.table_problem(table, &key, format!("the {what} `{}` {reason}", file.display()), help)
}
