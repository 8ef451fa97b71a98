//! Where it was measured: figures of different machines, or of one with other
//! work, do not compare.

use std::{fs, num::NonZero, thread, time::Duration};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};

/// The machine, when a measurement began.
pub struct Machine {
    cores: usize,
    model: String,
    kernel: String,
    /// How many wanted to run in the minute before.
    load: String,
}

/// Processor time, in ticks of the kernel's clock.
#[derive(Clone, Copy)]
pub struct Ticks {
    bench: u64,
    servers: u64,
    all: u64,
}

/// Who used the processors, in percent of what was used.
#[derive(Clone, Copy)]
pub struct Shares {
    /// This process, the load generator.
    pub generator: f64,
    /// What is measured.
    pub servers: f64,
    /// All others. Where it is not small, the figures tell of them too.
    pub others: f64,
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
    pub fn until_now(servers: &[u32]) -> Ticks {
        let servers = servers.iter().map(|server| ticks(&server.to_string())).sum();
        Ticks { bench: ticks("self"), servers, all: all_ticks() }
    }

    /// What the servers used since then.
    pub fn servers_since(self, earlier: Ticks) -> Duration {
        // The kernel counts in hundredths of a second, whatever its own clock does.
        Duration::from_millis(10 * self.servers.saturating_sub(earlier.servers))
    }

    /// Who used them since then.
    pub fn shares_since(self, earlier: Ticks) -> Shares {
        let all = self.all.saturating_sub(earlier.all).max(1) as f64;
        let share = |now: u64, then: u64| 100.0 * now.saturating_sub(then) as f64 / all;
        let (generator, servers) = (share(self.bench, earlier.bench), share(self.servers, earlier.servers));
        Shares { generator, servers, others: (100.0 - generator - servers).max(0.0) }
    }
}

/// Let this process and those that it starts open as many files as they may, which
/// their connections are.
pub fn allow_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where it fails, many connections do, and say so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// The memory that a process has now, in MB: what is its own, and what it has
/// mapped of files and touched, such as compiled code.
pub fn memory(process: u32) -> f64 {
    in_megabytes(process, "VmRSS:")
}

/// The most memory that a process ever had, in MB.
pub fn most_memory(process: u32) -> f64 {
    in_megabytes(process, "VmHWM:")
}

fn in_megabytes(process: u32, field: &str) -> f64 {
    let status = read(&format!("/proc/{process}/status"));
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse().unwrap_or(f64::NAN);
    kibibytes * 1024.0 / 1e6
}

/// The time in user and in kernel mode.
fn ticks(process: &str) -> u64 {
    let stat = read(&format!("/proc/{process}/stat"));
    // The name, in parentheses, may have spaces; these are fields 14 and 15.
    let after = stat.rsplit_once(") ").map_or("", |(_, after)| after);
    after.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

/// What all processes used, and what the machine's own host took from it.
fn all_ticks() -> u64 {
    let stat = read("/proc/stat");
    // user nice system idle iowait irq softirq steal; after that, parts of these.
    let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1).take(8);
    let used = fields.enumerate().filter(|(place, _)| !matches!(place, 3 | 4));
    used.filter_map(|(_, ticks)| ticks.parse::<u64>().ok()).sum()
}

/// A file of `/proc`, empty where there is none.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
