//! The command line: one verb a file.
//!
//! What a verb finds goes to standard output, how it gets there to standard
//! error. It ends with 0, with 1 for a failure, with 2 for wrong usage; and with 141
//! if who read its output went away before it had what is of use only whole.

use std::{
    num::IntErrorKind,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};

use self::{
    build::Which,
    pinned::Pinning,
    recorded::Recorded,
    stdout::{Silent, print},
    terminal::{Terminal, tell},
};
use crate::{
    app::Plan,
    engine::{CodeCache, Effort},
    history::History,
    manifest::{Invalid, Manifest, Report},
    telemetry,
};

mod asyncapi;
mod belongings;
mod build;
mod certificates;
mod check;
mod client;
mod compose;
mod events;
mod given;
mod graph;
mod history;
mod key;
mod listeners;
mod listening;
mod openapi;
mod output;
mod passed;
mod pinned;
mod promote;
mod pull;
mod push;
mod recorded;
mod registries;
mod rollback;
mod settings;
mod signals;
mod state;
mod status;
mod stdout;
mod store;
mod swap;
mod swapped;
mod table;
mod terminal;
mod time;
mod trusting;
mod up;
mod update;
mod usage;
mod watch;

/// Microservices as WebAssembly components, linked by one host.
#[derive(Parser)]
#[command(name = "dovetail", version, max_term_width = 100)]
struct Cli {
    /// The app's manifest; paths in it start from its folder.
    #[arg(short, long, global = true, value_name = "FILE", default_value = "dovetail.toml")]
    manifest: PathBuf,
    /// Show no progress, only errors and warnings.
    #[arg(short, long, global = true)]
    quiet: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Build the components, link them and serve the app.
    Up(up::Up),
    /// Build the components: run each service's build command, pull what is in registries.
    Build(build::Options),
    /// Build and check everything that `up` would, without serving.
    Check(check::Check),
    /// Show the services, their routes, their links and events.
    Graph(graph::Graph),
    /// Print the app's events as an AsyncAPI document.
    ///
    /// For programs that send or receive them, and for what generates such programs: each
    /// function of an event is a message with its schema, and each service that emits it
    /// or is delivered it an operation.
    Asyncapi(asyncapi::AsyncApi),
    /// Print the app's HTTP as an OpenAPI document.
    ///
    /// For clients, pages and tests that are made of it: what the services describe in the
    /// files that their tables name by `openapi`, merged.
    Openapi(openapi::OpenApi),
    /// Compose services into one component that other hosts run.
    ///
    /// A service is composed with all that it links to, and exports what it does
    /// alone. Without a service, all that have routes are composed behind a router.
    /// What comes out imports WASI alone; what it needs of its host is told.
    Compose(compose::Compose),
    /// Push a component to a registry.
    Push(push::Push),
    /// Pull a component from a registry into a file.
    Pull(pull::Pull),
    /// Pin the manifest's references to what their tags stand for now.
    Update(update::Update),
    /// Make another component live in a running host, with nothing lost.
    Swap(swap::Swap),
    /// Withdraw a service's canary, or make the revision before the live one live again.
    Rollback(rollback::Rollback),
    /// Make a service's canary live.
    Promote(promote::Promote),
    /// Show the revisions of a service, the newest first.
    History(history::History),
    /// Show the services of a running host, and what they have in hand.
    Status(status::Status),
    /// Show what events wait for whom, and steer their deliveries.
    Events(events::Events),
    /// Make a key for somebody who is to ask the gateway.
    Key(key::Key),
    /// Look at the app's data, take it out, put it in, keep a copy.
    Store(store::Store),
    /// Print the JSON schema of the manifest, for editors.
    Schema,
    /// Print a completion script for a shell.
    Completions {
        /// The shell to complete in.
        shell: clap_complete::Shell,
    },
}

/// Parse the arguments, do what they say, and tell how it ended.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => return usage::answer(said).unwrap_or_else(|error| failed(&error)),
    };
    if cli.quiet {
        terminal::be_quiet();
    }
    let ended = telemetry::start(cli.quiet).and_then(|()| cli.verb.run(&cli.manifest));
    telemetry::finish();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

impl Verb {
    fn run(self, manifest: &Path) -> Result<()> {
        match self {
            Verb::Up(up) => up.run(manifest),
            Verb::Build(build) => build.run(manifest),
            Verb::Check(check) => check.run(manifest),
            Verb::Graph(graph) => graph.run(manifest),
            Verb::Asyncapi(asyncapi) => asyncapi.run(manifest),
            Verb::Openapi(openapi) => openapi.run(manifest),
            Verb::Compose(compose) => compose.run(manifest),
            Verb::Push(push) => push.run(manifest),
            Verb::Pull(pull) => pull.run(manifest),
            Verb::Update(update) => update.run(manifest),
            Verb::Swap(swap) => swap.run(manifest),
            Verb::Rollback(rollback) => rollback.run(manifest),
            Verb::Promote(promote) => promote.run(manifest),
            Verb::History(history) => history.run(manifest),
            Verb::Status(status) => status.run(manifest),
            Verb::Events(events) => events.run(manifest),
            Verb::Key(key) => key.run(manifest),
            Verb::Store(store) => store.run(manifest),
            Verb::Schema => print(format!("{:#}", crate::manifest::json_schema()).as_bytes()),
            Verb::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Cli::command(), "dovetail", &mut script);
                print(script.trim_ascii_end())
            }
        }
    }
}

/// Compile the components of a manifest, and link them.
fn plan(manifest: Manifest, history: &History, cache: Arc<CodeCache>, terminal: &Terminal) -> Result<Plan> {
    let spinner = terminal.spin("Compiling", "");
    let plan = Plan::make(manifest, history, cache, Effort::Full, |service| spinner.show(&service.name));
    drop(spinner);
    let plan = plan?;
    for (service, part) in plan.parts() {
        let size = part.size.div_ceil(1024);
        let kept = if part.from_cache { ", from the cache" } else { "" };
        let what = format!("{} ({size} KiB, sha256 {}{kept})", service.name, &part.digest[..12]);
        terminal.done("Compiled", &what, part.compiled_in);
    }
    Ok(plan)
}

/// The plan of what is live, for who looks at it alone: what is not there is built before.
fn plan_of_live(manifest: Manifest, pinning: Pinning) -> Result<Plan> {
    let terminal = Terminal::new();
    pinned::have(&manifest, pinning, &terminal)?;
    let history = state::peek(&manifest)?;
    build::run(&manifest, Which::Missing, &terminal)?;
    let cache = state::code_if_possible(&manifest)?;
    let plan = plan(manifest, &history, cache, &terminal)?;
    tell_recorded(&plan, &history, &terminal);
    Ok(plan)
}

/// Say what of a plan is not the manifest's file.
fn tell_recorded(plan: &Plan, history: &History, terminal: &Terminal) {
    Recorded::of(plan, history).iter().for_each(|recorded| terminal.say("Live", &recorded.to_string()));
}

/// Reads the name of a service.
fn service(name: &str) -> Result<String, Invalid> {
    crate::manifest::service_name(name).map(|()| name.to_owned())
}

/// Reads the name of a service, or of a broker's outbox.
fn reader(name: &str) -> Result<String, Invalid> {
    match name.strip_prefix('@') {
        Some("nats" | "amqp" | "kafka") => Ok(name.to_owned()),
        Some(_) => {
            let help = "name a subscriber, or `@nats`, `@amqp` or `@kafka` for what is to be sent there";
            Err(Invalid { reason: "is no broker".to_owned(), help: help.to_owned() })
        }
        None if name.contains([':', '/']) => {
            let help = "name a subscriber: `dovetail events` lists them by event";
            Err(Invalid { reason: "is no subscriber, but an interface".to_owned(), help: help.to_owned() })
        }
        None => service(name),
    }
}

/// Reads a number that is counted from 1.
fn number(text: &str) -> Result<u64, Invalid> {
    let refused = |reason: &str, help: String| Invalid { reason: reason.to_owned(), help };
    match text.parse::<u64>() {
        Ok(number) if number > 0 => Ok(number),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => {
            Err(refused("is too large", format!("write at most {}", u64::MAX)))
        }
        _ => Err(refused("is no number above 0", "write 1 or more, in digits".to_owned())),
    }
}

/// Say what went wrong, and how the process ends for it.
fn failed(error: &anyhow::Error) -> ExitCode {
    Silent::code(error).unwrap_or_else(|| {
        show(error);
        ExitCode::FAILURE
    })
}

fn show(error: &anyhow::Error) {
    let color = terminal::stderr_has_color();
    match error.downcast_ref::<Report>() {
        Some(report) => tell(report.render(color).trim_end()),
        None => {
            let red = terminal::ERROR;
            tell(&format!("{red}error{red:#}: {error}"));
            for cause in causes(error) {
                tell(&format!("  caused by: {cause}"));
            }
        }
    }
}

/// What an error came from, the nearest first. Some libraries' errors say the same as
/// what they came from, but for a number before it: that is told once.
fn causes(error: &anyhow::Error) -> Vec<String> {
    let mut told: Vec<_> = error.chain().map(ToString::to_string).collect();
    told.dedup_by(|cause, told| {
        cause.strip_suffix(told.as_str()).is_some_and(|it| it.is_empty() || it.ends_with(": "))
    });
    told.split_off(1)
}
