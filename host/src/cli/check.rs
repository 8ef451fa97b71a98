//! `dovetail check`: all that `up` does before it serves.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use anyhow::{Error, Result};
use clap::Args;
use serde::Serialize;

use super::{
    build::{self, Which},
    causes,
    certificates::Certificates,
    listening::Listening,
    pinned::{self, Pinning},
    plan, settings,
    state::{self, State},
    stdout::{Silent, print},
    tell_recorded,
    terminal::Terminal,
    trusting, up,
};
use crate::{
    admin::Token,
    app::{LinkNames, Plan, ScheduleNames},
    identity::Identities,
    manifest::{Asks, Manifest, Problem, Report, StoreUrl, Told},
    openapi, store,
    upstream::Upstreams,
};

/// Build and check everything that `up` would, without serving.
#[derive(Args)]
pub struct Check {
    /// Print what was found as JSON.
    #[arg(long)]
    json: bool,
    /// Check the files that are there, and build none.
    #[arg(long)]
    no_build: bool,
    #[command(flatten)]
    pinning: Pinning,
    #[command(flatten)]
    state: State,
}

/// What was found, for programs. Keys are added to it, and none is taken away.
#[derive(Serialize)]
struct Found {
    ok: bool,
    problems: Vec<Told>,
    /// Empty where there are problems.
    services: Vec<Service>,
    /// Empty where there are problems.
    links: Vec<LinkNames>,
    /// Likewise, one for each subscriber.
    events: Vec<LinkNames>,
    /// Likewise.
    schedules: Vec<ScheduleNames>,
    /// Likewise: the routes that everybody may ask, where others ask who it is.
    open: Vec<String>,
}

#[derive(Serialize)]
struct Service {
    name: String,
    /// SHA-256 of its component, in hexadecimal.
    digest: String,
    /// Bytes of its component.
    size: usize,
}

impl Check {
    /// Check, and say what was found.
    pub fn run(self, manifest: &Path) -> Result<()> {
        if !self.json {
            let (app, found) = self.look(manifest)?;
            let open = found.open.iter().map(|route| format!("\nopen to everybody: {route}"));
            return print(
                format!("{app} is ready to serve: {}{}", found.counted(), open.collect::<String>()).as_bytes(),
            );
        }
        let found = self.look(manifest).map_or_else(|error| Found::wrong(&error), |(_, found)| found);
        print(&serde_json::to_vec_pretty(&found)?)?;
        if found.ok { Ok(()) } else { Err(Silent::FAILED.into()) }
    }

    /// Build, compile and link, make an instance of each service, and look whether
    /// the store could be opened. A check changes no data, though a host may use it
    /// meanwhile: the instances have a store of their own. What is wrong with the
    /// manifest, or with what it names, is told before anything is built. The answer
    /// is the app's name and what is in it.
    fn look(&self, manifest: &Path) -> Result<(String, Found)> {
        let terminal = Terminal::new();
        let manifest = self.state.manifest(manifest)?;
        trusting::warn(&manifest);
        let named = [
            Listening::default().resolve(&manifest).map(drop),
            Token::of(&manifest).map(drop).map_err(Into::into),
            Certificates::of(&manifest).map(drop).map_err(Into::into),
            openapi::document(&manifest, "").map(drop).map_err(Into::into),
            settings::look(&manifest).map_err(Into::into),
            Upstreams::open(&manifest, &Upstreams::default()).map(drop).map_err(Into::into),
            Identities::open(&manifest, &Identities::default()).map(drop).map_err(Into::into),
        ];
        together(named)?;
        let (url, runtime) = (up::store_url(&manifest, None)?, up::runtime()?);
        runtime.block_on(store::inspect(&url))?;
        let history = Arc::new(state::peek(&manifest)?);
        let cache = state::code_if_possible(&manifest)?;
        pinned::have(&manifest, self.pinning, &terminal)?;
        build::run(&manifest, if self.no_build { Which::None } else { Which::All }, &terminal)?;
        let plan = plan(manifest, &history, cache, &terminal)?;
        tell_recorded(&plan, &history, &terminal);
        let found = Found::well(&plan);
        runtime.block_on(async {
            let app = Arc::new(plan.start(store::open(&StoreUrl::Memory).await?, history, None).await?);
            app.close().await?;
            Ok((app.name().to_owned(), found))
        })
    }
}

impl Found {
    fn well(plan: &Plan) -> Found {
        let services = plan.parts().map(|(service, part)| Service {
            name: service.name.clone(),
            digest: part.digest.clone(),
            size: part.size,
        });
        Found {
            ok: true,
            problems: Vec::new(),
            services: services.collect(),
            links: plan.links(),
            events: plan.events(),
            schedules: ScheduleNames::all(plan.manifest()),
            open: open(plan.manifest()),
        }
    }

    fn wrong(error: &Error) -> Found {
        let problems = match error.downcast_ref::<Report>() {
            Some(report) => report.problems().iter().map(Problem::told).collect(),
            None => {
                vec![Told { title: error.to_string(), causes: causes(error), ..Told::default() }]
            }
        };
        Found {
            ok: false,
            problems,
            services: Vec::new(),
            links: Vec::new(),
            events: Vec::new(),
            schedules: Vec::new(),
            open: Vec::new(),
        }
    }

    /// How many there are of each.
    fn counted(&self) -> String {
        // However many emit one or are told of it.
        let events: BTreeSet<_> = self.events.iter().map(|event| &event.interface).collect();
        let counts = [(self.services.len(), "service"), (self.links.len(), "link")];
        // Most apps have no events.
        let fewer = [(events.len(), "event"), (self.schedules.len(), "schedule")];
        let told = counts.into_iter().chain(fewer.into_iter().filter(|(number, _)| *number > 0));
        told.map(|(number, noun)| count(number as u64, noun)).collect::<Vec<_>>().join(", ")
    }
}

/// The routes that everybody may ask, each with who answers, if anybody is known at all.
fn open(manifest: &Manifest) -> Vec<String> {
    let routes = manifest.routes().filter(|_| !manifest.auths.is_empty());
    let open = routes.filter(|(_, route)| !matches!(route.policy.auth, Some(Asks::Known(_))));
    let shown = open.map(|(owner, route)| match &route.content {
        Some(content) => format!("{} → {content}", route.route),
        None => format!("{} → {owner}", route.route),
    });
    shown.collect()
}

/// All problems with the manifest in one report; anything else by itself.
fn together(looked: impl IntoIterator<Item = Result<()>>) -> Result<()> {
    let mut problems = Vec::new();
    for error in looked.into_iter().filter_map(Result::err) {
        problems.extend(error.downcast::<Report>()?.into_problems());
    }
    Ok(Report::new(problems).into_result()?)
}

/// A number of things.
pub fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
