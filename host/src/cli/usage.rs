//! What the arguments alone are answered with: help, the version, or what is wrong with
//! them.

use std::process::ExitCode;

use anyhow::Result;
use clap::{
    Error,
    error::{ContextKind, ContextValue},
};

use super::stdout::read_or_not;
use crate::manifest::StoreUrl;

/// Print it, and say how the process ends.
pub fn answer(said: Error) -> Result<ExitCode> {
    let said = hinted(hidden(said));
    let (is_wrong, printed) = (said.use_stderr(), said.print());
    if !is_wrong {
        read_or_not(printed)?;
    }
    Ok(ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(1)))
}

/// The same without the passwords of URLs: what is refused is repeated.
fn hidden(mut said: Error) -> Error {
    let told: Vec<_> = said.context().map(|(kind, value)| (kind, value.clone())).collect();
    for (kind, value) in told {
        let value = match value {
            ContextValue::String(text) => ContextValue::String(StoreUrl::hide_passwords(&text)),
            value => value,
        };
        said.insert(kind, value);
    }
    said
}

/// The same with the verb that was meant, where other programs call it otherwise.
fn hinted(mut said: Error) -> Error {
    let verb = match said.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(verb)) => verb.as_str(),
        _ => return said,
    };
    let meant = match verb {
        "serve" | "run" | "start" | "dev" => "up",
        "validate" | "lint" | "verify" => "check",
        "ps" | "ls" | "list" => "status",
        "deploy" | "replace" => "swap",
        "undo" | "revert" => "rollback",
        _ => return said,
    };
    said.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![meant.to_owned()]));
    said
}
