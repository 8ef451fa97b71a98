//! From the start of the shop to its first answer, with its code compiled before and
//! without.

use std::{fs, net::SocketAddr, path::Path, time::Instant};

use anyhow::{Result, ensure};

use crate::{
    client::Client,
    host::{self, App, Host},
    report::{self, median},
};

/// What starts took, in milliseconds.
pub struct Starts {
    /// With compiled code at hand.
    pub cached: Vec<f64>,
    /// With none.
    pub compiling: Vec<f64>,
}

impl Starts {
    /// Start the shop so often both ways, in turns.
    pub async fn measure(count: usize) -> Result<Starts> {
        println!("\nThe shop's start to its first answer, {count} times each way");
        let app = App::new(&host::shop()?)?;
        let store = app.file_store();
        let mut starts = Starts { cached: Vec::new(), compiling: Vec::new() };
        for _ in 0..count {
            // The same state otherwise: what is live is recorded, and the database made.
            forget_code(app.path())?;
            starts.compiling.push(timed(&app, &store, "/users/1", 1).await?.0);
            starts.cached.push(timed(&app, &store, "/users/1", 1).await?.0);
        }
        report::row("", &["ms"]);
        report::row("median compiling", &[&format!("{:.1}", median(&starts.compiling))]);
        report::row("median cached", &[&format!("{:.1}", median(&starts.cached))]);
        Ok(starts)
    }
}

/// Start the app with this store, and ask for this, where Alice has this id. How long
/// that took, in milliseconds, and the host.
pub async fn timed(app: &App, store: &str, path: &str, id: u64) -> Result<(f64, Host)> {
    let since = Instant::now();
    let host = app.up(store)?;
    first_answer(host.gateway, path, id).await?;
    Ok((since.elapsed().as_secs_f64() * 1000.0, host))
}

async fn first_answer(gateway: SocketAddr, path: &str, id: u64) -> Result<()> {
    let answer = Client::connect(gateway).await?.get(path).await?;
    let said = String::from_utf8_lossy(answer.body());
    let expected = format!(r#"{{"id":{id},"name":"Alice"}}"#);
    ensure!(said == expected, "{path}: {expected} became {} {said}", answer.status());
    Ok(())
}

fn forget_code(folder: &Path) -> Result<()> {
    let code = folder.join(".dovetail/code");
    if code.exists() {
        fs::remove_dir_all(code)?;
    }
    Ok(())
}
