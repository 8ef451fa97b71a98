//! What people see while they wait: a line for each thing that was done, and a
//! spinner for the one under way. Spinners are for terminals; elsewhere each
//! step that takes long is a line when it begins. With `--quiet` there is none of it.

use std::{
    io::{IsTerminal, Write, stderr},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};

use super::time;

/// Words that say what was done.
pub const DONE: Style = AnsiColor::Green.on_default().bold();
/// The word `error`.
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
/// What stands beside the thing that matters.
pub const FAINT: Style = Style::new().dimmed();
/// The thing that matters.
pub const STRONG: Style = Style::new().bold();

/// Columns for the word that begins a line.
const WORD: usize = 10;

/// Whether nothing is to be seen but errors; decided once, from the arguments.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Where progress is shown.
pub struct Terminal {
    interactive: bool,
    quiet: bool,
}

/// Shows that something is under way, until it is dropped.
pub struct Spinner {
    bar: ProgressBar,
    word: &'static str,
    interactive: bool,
    quiet: bool,
}

/// Shows how far something is, until it is dropped; on a terminal only.
pub struct Bar {
    bar: ProgressBar,
}

/// Whether standard error takes colours, as the terminal and the environment
/// (`NO_COLOR`, `CLICOLOR_FORCE`) say.
pub fn stderr_has_color() -> bool {
    anstream::AutoStream::choice(&stderr()) != anstream::ColorChoice::Never
}

/// Say something on standard error. Where that takes nothing (its disk is full, its
/// terminal gone) there is nobody to tell, and what is told of goes on.
pub fn tell(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// Show no progress from now on.
pub fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// The word that begins a line, in its column.
pub fn word(word: &str) -> String {
    format!("{DONE}{word:>WORD$}{DONE:#}")
}

impl Terminal {
    /// Standard error.
    pub fn new() -> Terminal {
        let quiet = QUIET.load(Ordering::Relaxed);
        Terminal { interactive: stderr().is_terminal() && !quiet, quiet }
    }

    /// Whether somebody is watching.
    pub fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Say that something was done, and how long it took.
    pub fn done(&self, verb: &str, what: &str, took: Duration) {
        self.line(verb, &format!("{what} {FAINT}in {}{FAINT:#}", time::took(took)));
    }

    /// Say something that is worth a line.
    pub fn say(&self, verb: &str, what: &str) {
        self.line(verb, what);
    }

    fn line(&self, verb: &str, what: &str) {
        if !self.quiet {
            tell(&format!("{} {what}", word(verb)));
        }
    }

    /// Show that something is under way.
    pub fn spin(&self, verb: &'static str, what: &str) -> Spinner {
        let bar = if self.interactive { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        let template = format!("{{prefix:>{WORD}.cyan.bold}} {{wide_msg}} {{spinner}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar.set_prefix(verb);
        bar.enable_steady_tick(Duration::from_millis(100));
        let spinner = Spinner { bar, word: verb, interactive: self.interactive, quiet: self.quiet };
        if !what.is_empty() {
            spinner.show(what);
        }
        spinner
    }

    /// Show that an answer is waited for, on a terminal only: what comes of it is told
    /// when it is known.
    pub fn wait(&self, verb: &'static str, what: &str) -> Spinner {
        let spinner = self.spin(verb, "");
        spinner.pass(what);
        spinner
    }

    /// Show how far something is on its way to `end`; if that is 0, only that it goes
    /// on.
    pub fn bar(&self, verb: &'static str, end: u64) -> Bar {
        let bar = match (self.interactive, end) {
            (false, _) => ProgressBar::hidden(),
            (true, 0) => ProgressBar::new_spinner(),
            (true, end) => ProgressBar::new(end),
        };
        let shown = if end == 0 { "{human_pos} {spinner}" } else { "{wide_bar} {percent:>3} %" };
        if let Ok(style) = ProgressStyle::with_template(&format!("{{prefix:>{WORD}.cyan.bold}} {shown}")) {
            bar.set_style(style);
        }
        bar.set_prefix(verb);
        Bar { bar }
    }
}

impl Bar {
    /// Say how far it is.
    pub fn at(&self, position: u64) {
        self.bar.set_position(position);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Spinner {
    /// Say what is under way now.
    pub fn show(&self, what: &str) {
        if self.interactive {
            self.bar.set_message(what.to_owned());
        } else if !self.quiet {
            tell(&format!("{} {what}", word(self.word)));
        }
    }

    /// Show a passing detail, on a terminal only.
    pub fn pass(&self, detail: &str) {
        self.bar.set_message(detail.trim().to_owned());
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
