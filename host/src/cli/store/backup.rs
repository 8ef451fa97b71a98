//! `dovetail store backup`: the store at one moment, in a file.

use std::{
    io::BufWriter,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::{entries, export::export, subject::Subject};
use crate::{
    cli::{output::has_folder, terminal::Terminal},
    registry::Unfinished,
    store::{self, Copy, Upkeep},
};

/// The permissions of an ordinary file.
const MODE: u32 = 0o666;

/// What is said if it fails.
const UNWRITTEN: &str = "the entries could not be written";

/// Write the store, as it is at one moment, into a file.
#[derive(Args)]
pub struct Backup {
    /// The file, which is not there yet.
    file: PathBuf,
}

impl Backup {
    /// Write it.
    pub async fn run(self, subject: &Subject) -> Result<()> {
        if self.file == Path::new("-") {
            bail!("a backup is not printed; name a file, or print the entries by `dovetail store export`");
        }
        subject.belongings().refuse(&self.file)?;
        has_folder(&self.file)?;
        if self.file.is_dir() {
            bail!("{:?} is a folder; name a file in it, which is not there yet", self.file);
        }
        if self.file.symlink_metadata().is_ok() {
            bail!("there is a file at {:?} already; name another, or move this one away", self.file);
        }
        let (upkeep, began) = (store::upkeep(&subject.url).await?, Instant::now());
        let terminal = Terminal::new();
        let unkept = || format!("the backup {:?} could not be made", self.file);
        let mut unfinished = Unfinished::beside(&self.file, MODE).with_context(unkept)?;
        let what = write(&*upkeep, &mut unfinished, &terminal).await.with_context(unkept)?;
        unfinished.finish().with_context(unkept)?;
        terminal.done("Backed up", &format!("{what} into {}", self.file.display()), began.elapsed());
        Ok(())
    }
}

/// Writes all of it, and says what it is.
async fn write(upkeep: &dyn Upkeep, into: &mut Unfinished, terminal: &Terminal) -> Result<String> {
    let spinner = terminal.spin("Backing up", "");
    let copied = upkeep.copy(into.path()).await?;
    drop(spinner);
    if copied == Copy::Made {
        return Ok(format!("{} bytes", super::grouped(into.file().metadata()?.len())));
    }
    let count = export(upkeep, None, &mut BufWriter::with_capacity(1 << 16, into.file()), terminal, UNWRITTEN).await?;
    Ok(entries(count))
}
