//! Where it was measured: figures of different machines, or of one with other
//! work, do not compare.

use std::{fs, num::NonZero, thread};

use serde_json::{Value, json};

/// The machine, when a measurement began.
pub struct Machine {
    cores: usize,
    model: String,
    kernel: String,
    /// How many wanted to run in the minute before.
    load: String,
}

/// Processor time, in ticks of the kernel's clock, of this process and of the
/// host's.
#[derive(Clone, Copy)]
pub struct Ticks {
    bench: u64,
    host: u64,
}

impl Machine {
    /// This one, now.
    pub fn look() -> Machine {
        let cpus = read("/proc/cpuinfo");
        let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Machine {
            cores: thread::available_parallelism().map_or(1, NonZero::get),
            model: model.map_or("an unknown processor", |(_, model)| model).to_owned(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
        }
    }

    /// In a line.
    pub fn line(&self) -> String {
        let Machine { cores, model, kernel, load } = self;
        format!("{cores} cores, {model}, Linux {kernel}, load average {load} before")
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        json!({ "cores": self.cores, "model": self.model, "kernel": self.kernel, "load_average": self.load })
    }
}

impl Ticks {
    /// Until now.
    pub fn until_now(host: u32) -> Ticks {
        Ticks { bench: ticks("self"), host: ticks(&host.to_string()) }
    }

    /// This process's share since then, in percent of what both used.
    pub fn share_since(self, earlier: Ticks) -> f64 {
        let (bench, host) = (self.bench.saturating_sub(earlier.bench), self.host.saturating_sub(earlier.host));
        100.0 * bench as f64 / (bench + host).max(1) as f64
    }
}

/// The time in user and in kernel mode.
fn ticks(process: &str) -> u64 {
    let stat = read(&format!("/proc/{process}/stat"));
    // The name, in parentheses, may have spaces; these are fields 14 and 15.
    let after = stat.rsplit_once(") ").map_or("", |(_, after)| after);
    after.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

/// A file of `/proc`, empty where there is none.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
