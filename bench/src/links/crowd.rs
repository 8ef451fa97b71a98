//! An app of many services, which are alike.

use std::{fmt::Write, fs};

use anyhow::{Result, ensure};

use super::{component, start};
use crate::{
    client::Client,
    host::{App, Host},
    machine, report,
};

/// Of each service, for the address space of a process holds some 4,000 in all.
const INSTANCES: u32 = 4;

/// An app that serves, and what its start took.
pub struct Crowd {
    /// How many services it has.
    pub count: u64,
    /// How many different components they have.
    pub components: usize,
    /// The first start to its first answer, with all code to be compiled, in milliseconds.
    pub compiling: f64,
    /// The same when it was, median of some.
    pub cached: f64,
    /// What memory it has.
    pub memory: Memory,
    /// What serves it.
    pub host: Host,
}

/// Memory, in MB.
pub struct Memory {
    /// After the start.
    pub started: f64,
    /// When each service had answered once.
    pub answered: f64,
    /// The most ever.
    pub most: f64,
}

impl Crowd {
    /// Write it, start it some times, and ask each service once.
    pub async fn up(count: u64, components: usize, starts: usize) -> Result<Crowd> {
        let components = components.min(usize::try_from(count)?);
        let app = write(count, components)?;
        // The service that was made last.
        let path = format!("/services/{count}");
        let (compiling, host) = start::timed(&app, "memory:", &path, count).await?;
        drop(host);
        let mut cached = Vec::new();
        for _ in 1..starts {
            cached.push(start::timed(&app, "memory:", &path, count).await?.0);
        }
        let (last, host) = start::timed(&app, "memory:", &path, count).await?;
        cached.push(last);
        let started = machine::memory(host.pid());
        ask_each(&host, count).await?;
        let mut memory = Memory { started, answered: machine::memory(host.pid()), most: 0.0 };
        memory.look(&host);
        Ok(Crowd { count, components, compiling, cached: report::median(&cached), memory, host })
    }

    /// Print it in a row.
    pub fn print(&self, name: &str) {
        let Memory { started, answered, .. } = self.memory;
        let cells = [self.compiling / 1000.0, self.cached, started, answered].map(|figure| format!("{figure:.1}"));
        report::row(name, &cells.each_ref().map(String::as_str));
    }
}

impl Memory {
    /// What was most until now.
    pub fn look(&mut self, host: &Host) {
        self.most = machine::most_memory(host.pid());
    }
}

fn write(count: u64, components: usize) -> Result<App> {
    let mut manifest = "[app]\nname = \"crowd\"\n".to_owned();
    for (service, component) in (1..=count).zip((0..components).cycle()) {
        writeln!(manifest, "[service.leaf-{service}]\ncomponent = \"{component}.wasm\"")?;
        writeln!(manifest, "routes = [\"/services/{service}\"]\nlimits.instances = {INSTANCES}")?;
    }
    let app = App::new(&manifest)?;
    for component in 0..components {
        fs::write(app.path().join(format!("{component}.wasm")), component::leaf(component)?)?;
    }
    Ok(app)
}

async fn ask_each(host: &Host, count: u64) -> Result<()> {
    let mut client = Client::connect(host.gateway).await?;
    for service in 1..=count {
        let answer = client.get(&format!("/services/{service}")).await?;
        let said = String::from_utf8_lossy(answer.body());
        let expected = format!(r#"{{"id":{service},"name":"Alice"}}"#);
        ensure!(said == expected, "service {service}: {expected} became {} {said}", answer.status());
    }
    Ok(())
}
