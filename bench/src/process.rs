//! A server that is measured.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// Killed when it is dropped, for nothing that it has is to be kept.
pub struct Process(Child);

impl Process {
    /// Start it; what it prints comes with it.
    pub fn start(command: &mut Command) -> Result<(Process, impl BufRead + use<>)> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let child = child.with_context(|| format!("{} could not be started", command.get_program().display()))?;
        let mut process = Process(child);
        let Some(output) = process.0.stdout.take() else { bail!("a server without output") };
        Ok((process, BufReader::<ChildStdout>::new(output)))
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It fails only where it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
