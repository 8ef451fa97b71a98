//! What the service's manager is told: `Type=notify` of systemd.
//!
//! Nothing depends on that it listens. What it cannot be told is a line of the log.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::interval;

/// The least time between two signs of life, whatever is asked for.
const LEAST: Duration = Duration::from_millis(10);

/// It serves.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// What it does, in a line for people.
pub fn status(status: &str) {
    tell(&[NotifyState::Status(status)]);
}

/// It ends by itself, as soon as what it has begun is done.
pub fn stopping(status: &str) {
    tell(&[NotifyState::Stopping, NotifyState::Status(status)]);
}

/// Give signs of life from now on, twice as often as they are asked for. They are those of the
/// runtime that this is spawned on.
pub async fn watch() {
    let Some(asked) = sd_notify::watchdog_enabled() else { return };
    let mut signs = interval((asked / 2).max(LEAST));
    loop {
        signs.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(error = &error as &dyn std::error::Error, "the service's manager was told nothing");
    }
}
