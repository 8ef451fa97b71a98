//! `dovetail store import`: what was exported, set again.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::{
    bucket, entries,
    line::{LineError, Lines},
    subject::Subject,
};
use crate::{
    cli::terminal::{Bar, Terminal},
    manifest::StoreUrl,
    store::{self, BucketStore, Entry, Watermark},
};

/// How many lines are set at once, and of how many bytes before the last of them.
const LINES: usize = 1000;
const BYTES: usize = 1024 * 1024;

/// Set what export printed.
#[derive(Args)]
pub struct Import {
    /// The lines; standard input if it is `-` or not given.
    file: Option<PathBuf>,
    /// The bucket of lines that name none. Those of another are refused.
    #[arg(long, value_parser = bucket)]
    bucket: Option<String>,
    /// Empty each bucket that the lines are of, before its first one is set. Without
    /// this, keys that the lines do not have stay as they are.
    #[arg(long)]
    replace: bool,
}

impl Import {
    /// Set them.
    pub async fn run(self, subject: &Subject) -> Result<()> {
        let url = &subject.url;
        if *url == StoreUrl::Memory {
            return Err(store::StoreError::NotKept.into());
        }
        if let Some(folder) = self.file().filter(|file| file.is_dir()) {
            bail!("nothing was imported: {folder:?} is a folder; name a file of lines, as `store export` prints them");
        }
        let (terminal, began) = (Terminal::new(), Instant::now());
        let size = match self.can_be_read_again() {
            true => self.check(&terminal).context("nothing was imported")?,
            false => 0,
        };
        let store = store::open(url).await?;
        let bar = terminal.bar("Importing", size);
        let mut batches = Batches { store: &*store, replaces: self.replace, seen: BTreeSet::new(), set: 0 };
        let imported = self.import(&mut batches, &bar).await;
        // What was set is only then sure to be kept.
        let closed = store.close().await;
        drop(bar);
        let (set, buckets) = (batches.set, batches.seen.len());
        batches.seen.iter().filter_map(|bucket| subject.note(bucket)).for_each(|note| terminal.say("Note", &note));
        imported.with_context(|| format!("the first {} were imported, and no more", entries(set)))?;
        closed?;
        let noun = if buckets == 1 { "bucket" } else { "buckets" };
        terminal.done("Imported", &format!("{} of {buckets} {noun}", entries(set)), began.elapsed());
        Ok(())
    }

    /// The file, if it is not standard input.
    fn file(&self) -> Option<&Path> {
        self.file.as_deref().filter(|file| *file != Path::new("-"))
    }

    /// A pipe may have a path, too, as `/dev/stdin` and `<(…)` have.
    fn can_be_read_again(&self) -> bool {
        self.file().is_some_and(|path| path.metadata().map_or(true, |found| found.is_file()))
    }

    /// Reads the file to its end, and returns its size.
    fn check(&self, terminal: &Terminal) -> Result<u64> {
        let spinner = terminal.spin("Checking", "");
        let (mut lines, mut size) = (self.lines()?, 0);
        while lines.next()?.is_some() {
            size += lines.bytes();
        }
        drop(spinner);
        Ok(size)
    }

    async fn import(&self, batches: &mut Batches<'_>, bar: &Bar) -> Result<()> {
        let mut lines = self.lines()?;
        let (mut batch, mut bytes, mut at) = (Vec::new(), 0, 0);
        let mut of = String::new();
        while let Some((bucket, entry)) = lines.next()? {
            if bucket != of || batch.len() == LINES || bytes >= BYTES {
                batches.set(&of, std::mem::take(&mut batch)).await?;
                (bytes, of) = (0, bucket);
                bar.at(at);
            }
            bytes += entry.0.len() + entry.1.len();
            at += lines.bytes();
            batch.push(entry);
        }
        batches.set(&of, batch).await
    }

    fn lines(&self) -> Result<Lines<Box<dyn BufRead>>, LineError> {
        let (name, from): (_, Box<dyn BufRead>) = match self.file() {
            None => ("standard input".to_owned(), Box::new(io::stdin().lock())),
            Some(path) => {
                let name = path.display().to_string();
                let file = File::open(path).map_err(|source| LineError::Read { name: name.clone(), source })?;
                (name, Box::new(BufReader::with_capacity(1 << 16, file)))
            }
        };
        Ok(Lines::new(name, from, self.bucket.clone()))
    }
}

/// What is set, batch by batch.
struct Batches<'a> {
    store: &'a dyn BucketStore,
    replaces: bool,
    /// The buckets that a batch was of.
    seen: BTreeSet<String>,
    /// How many entries were set.
    set: u64,
}

impl Batches<'_> {
    /// Sets all of a batch or nothing of it.
    async fn set(&mut self, bucket: &str, batch: Vec<Entry>) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        if self.seen.insert(bucket.to_owned()) && self.replaces {
            self.empty(bucket).await?;
        }
        let count = batch.len() as u64;
        let written = Watermark::default();
        self.store.set_many(bucket, batch, &written).await?;
        self.store.durable(&written).await?;
        self.set += count;
        Ok(())
    }

    async fn empty(&self, bucket: &str) -> Result<()> {
        loop {
            let seen = Watermark::default();
            let page = self.store.list_keys(bucket, None, &seen).await?;
            if page.keys.is_empty() {
                return Ok(());
            }
            self.store.delete_many(bucket, page.keys, &seen).await?;
            self.store.durable(&seen).await?;
        }
    }
}
