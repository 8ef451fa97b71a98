//! What an app keeps of events, as `dovetail store export` prints it: messages that wait,
//! and the records of attempts that failed.

use std::path::Path;

use serde_json::Value;

use crate::support::{dovetail, until};

/// The rows of the host's own buckets.
pub struct Rows(Vec<Row>);

/// A row of one of them.
#[derive(Debug)]
pub struct Row {
    /// Which: `event`, `retry`, `blocked` or `parked`.
    pub kind: String,
    /// The event and the subscriber, with a slash between.
    pub queue: String,
    pub key: String,
    pub value: Value,
}

impl Rows {
    /// Those of an app, in the store of its manifest or in another.
    pub fn of(folder: &Path, store: Option<&str>) -> Rows {
        Rows(export(folder, store).lines().filter_map(row).collect())
    }

    /// Wait until so many are on the disk of an app that runs; see [`Rows::counts`].
    pub async fn wait_for(folder: &Path, counts: [usize; 4]) -> Rows {
        until(&format!("{counts:?} are kept"), async || Rows::of(folder, None).counts() == counts).await;
        Rows::of(folder, None)
    }

    /// Those of one kind.
    pub fn of_kind(&self, kind: &str) -> Vec<&Row> {
        self.0.iter().filter(|row| row.kind == kind).collect()
    }

    /// How many there are of each kind: messages, tried again, blocked, parked.
    pub fn counts(&self) -> [usize; 4] {
        ["event", "retry", "blocked", "parked"].map(|kind| self.of_kind(kind).len())
    }
}

/// What `dovetail store export` prints.
pub fn export(folder: &Path, store: Option<&str>) -> String {
    let mut export = dovetail();
    export.args(["store", "export"]).current_dir(folder);
    if let Some(store) = store {
        export.args(["--store", store]);
    }
    let output = export.output().expect("dovetail starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn row(line: &str) -> Option<Row> {
    let line: Value = serde_json::from_str(line).expect("a line is JSON");
    let (kind, queue) = line["bucket"].as_str().expect("it names its bucket").split_once(':')?;
    let key = line["key"].as_str().expect("a key").to_owned();
    // What is no JSON is no message either.
    let value = line["value"].as_str().and_then(|value| serde_json::from_str(value).ok()).unwrap_or_default();
    Some(Row { kind: kind.to_owned(), queue: queue.to_owned(), key, value })
}
