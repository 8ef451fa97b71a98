//! `dovetail store backup`: the store at one moment, in a file.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, BufWriter},
    path::{Path, PathBuf},
    process,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::{entries, export::export};
use crate::{
    cli::terminal::Terminal,
    manifest::StoreUrl,
    store::{self, Copy, Upkeep},
};

/// What is said if it fails.
const UNWRITTEN: &str = "the entries could not be written";

/// Write the store, as it is at one moment, into a file.
#[derive(Args)]
pub struct Backup {
    /// The file, which is not there yet.
    file: PathBuf,
}

/// A file that gets its name once it is whole and on the disk, and is removed
/// otherwise.
struct Unfinished {
    path: PathBuf,
}

impl Backup {
    /// Write it.
    pub async fn run(self, url: &StoreUrl) -> Result<()> {
        let (upkeep, began) = (store::upkeep(url).await?, Instant::now());
        if self.file.symlink_metadata().is_ok() {
            bail!("there is a file at {:?} already; name another, or move this one away", self.file);
        }
        let terminal = Terminal::new();
        let unfinished = Unfinished::beside(&self.file)?;
        let what = self.write(&*upkeep, &unfinished.path, &terminal).await?;
        unfinished.finish(&self.file).with_context(|| format!("the backup {:?} could not be kept", self.file))?;
        terminal.done("Backed up", &format!("{what} into {}", self.file.display()), began.elapsed());
        Ok(())
    }

    /// Writes all of it, and says what it is.
    async fn write(&self, upkeep: &dyn Upkeep, path: &Path, terminal: &Terminal) -> Result<String> {
        let spinner = terminal.spin("Backing up", "");
        let copied = upkeep.copy(path).await?;
        drop(spinner);
        if copied == Copy::Made {
            return Ok(format!("{} bytes", super::grouped(fs::metadata(path)?.len())));
        }
        let file = File::create_new(path).with_context(|| format!("cannot write {path:?}"))?;
        let count = export(upkeep, None, &mut BufWriter::with_capacity(1 << 16, file), terminal, UNWRITTEN).await?;
        Ok(entries(count))
    }
}

impl Unfinished {
    /// A name of its own in the folder of `file`.
    fn beside(file: &Path) -> Result<Unfinished> {
        let Some(name) = file.file_name() else { bail!("{file:?} is no name of a file") };
        let mut own = OsString::from(".");
        own.push(name);
        own.push(format!(".{}", process::id()));
        Ok(Unfinished { path: file.with_file_name(own) })
    }

    fn finish(self, file: &Path) -> io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        fs::rename(&self.path, file)?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // It has its name, or was never made, if it is not there.
        let _ = fs::remove_file(&self.path);
    }
}
