//! How fast the store takes orders and finds them, and what memory it needs.
//!
//! Orders are posted to the shop on the host and to the same shop written natively,
//! in turns, each with a database of its own on the same disk. Then orders are read
//! from a store of a million.

use std::{fs::File, io::Write, time::Duration};

use anyhow::Result;
use serde_json::json;
use tokio::time::Instant;

use self::figures::Figures;
use crate::{
    folder::Folder,
    host,
    load::Shot,
    manner::{Manner, Outcome},
    report::median,
    round::Rounds,
    setting::Setting,
};

mod figures;
mod fill;
mod orders;
mod reads;

const ORDER: Shot = Shot::post("/orders", r#"{"user_id":1,"item":"Book"}"#);

/// As `--quick` has them, and as they are measured in whole.
const QUICK: Rounds = Rounds { count: 3, each: Duration::from_millis(1500) };
const WHOLE: Rounds = Rounds { count: 5, each: Duration::from_secs(4) };

/// Measure, and print what came of it.
pub async fn measure(manner: &Manner) -> Result<()> {
    host::build()?;
    let rounds = manner.of(QUICK, WHOLE);
    let (setting, sync) = (Setting::look(Vec::new()), sync()?);
    setting.print();
    println!("A file's next 4 KiB are on the disk after {sync:.2} ms (median)");

    let orders = orders::measure(rounds).await?;
    let reads = reads::measure(rounds).await?;
    let found = Figures { orders, reads };
    let mut figures = found.json();
    figures["sync_ms"] = json!(sync);
    manner.conclude(&setting, Outcome { figures, targets: found.targets() })
}

/// What a commit waits for at least, in milliseconds.
fn sync() -> Result<f64> {
    let folder = Folder::new()?;
    let mut file = File::create(folder.path().join("sync"))?;
    let mut took = Vec::new();
    for _ in 0..100 {
        let since = Instant::now();
        file.write_all(&[1; 4096])?;
        file.sync_data()?;
        took.push(since.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(median(&took))
}
