//! `dovetail store export`: entries as lines.

use std::{
    io::{self, BufWriter, Write},
    time::Instant,
};

use anyhow::{Context, Result};
use clap::Args;
use tokio::sync::mpsc;

use super::{bucket, entries, line, subject::Subject};
use crate::{
    cli::{
        stdout::{UNPRINTED, unread},
        terminal::Terminal,
    },
    store::{self, Page, Upkeep},
};

/// How many pages wait for whoever writes them.
const PAGES: usize = 4;

/// Print entries, one a line, as JSON.
#[derive(Args)]
pub struct Export {
    /// Only this bucket, which the lines then do not name.
    #[arg(long, value_parser = bucket)]
    bucket: Option<String>,
}

impl Export {
    /// Print them.
    pub async fn run(self, subject: &Subject) -> Result<()> {
        let (upkeep, began) = (store::upkeep(&subject.url).await?, Instant::now());
        let terminal = Terminal::new();
        let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
        let exported = export(&*upkeep, self.bucket.as_deref(), &mut out, &terminal, UNPRINTED).await;
        let count = exported.map_err(unread)?;
        if let Some(bucket) = self.bucket.as_deref().filter(|_| count == 0) {
            subject.refuse_unknown(bucket, &*upkeep).await?;
        }
        terminal.done("Exported", &entries(count), began.elapsed());
        Ok(())
    }
}

/// Writes the lines of a bucket, or of all, and returns how many. `unwritten` is said
/// if that fails.
pub async fn export(
    upkeep: &dyn Upkeep,
    bucket: Option<&str>,
    out: &mut impl Write,
    terminal: &Terminal,
    unwritten: &'static str,
) -> Result<u64> {
    let (sender, mut pages) = mpsc::channel::<Page>(PAGES);
    // Counted for somebody who watches alone: it takes a while.
    let total = match terminal.is_interactive() {
        true => {
            let stats = upkeep.stats().await?;
            stats.buckets.iter().filter(|found| bucket.is_none_or(|name| name == found.name)).map(|b| b.keys).sum()
        }
        false => 0,
    };
    let bar = terminal.bar("Exporting", total);
    let writing = async move {
        let mut count = 0;
        while let Some(page) = pages.recv().await {
            for entry in &page.entries {
                let named = if bucket.is_some() { None } else { Some(page.bucket.as_str()) };
                line::write(out, named, entry)?;
            }
            count += page.entries.len() as u64;
            bar.at(count);
        }
        out.flush()?;
        // What receives goes away here, so that the store stops if this failed.
        io::Result::Ok(count)
    };
    let (exported, written) = tokio::join!(upkeep.export(bucket, sender), writing);
    let count = written.context(unwritten)?;
    exported?;
    Ok(count)
}
