//! Orders by many, until each has its notice.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::{
    look::Look,
    shop::{self, ORDER, Telling},
    turns::{PACE, Shop, Turns},
};
use crate::{
    check,
    load::Shot,
    native::{Child, Commit},
    round::{Rounds, Turn},
};

const WHAT: &str = "POST /orders until each has its notice";

/// As many as the manifest has by default.
const WAITING: u64 = 1_000_000;

/// The same by one user, whose events are delivered one after the other.
const ORDER_OF_ONE: Shot = Shot::post("/orders", r#"{"user_id":1,"item":"Book"}"#);

/// The places of those who take turns.
pub const OURS: usize = 0;
pub const OURS_OF_ONE: usize = 1;
pub const OURS_QUIET: usize = 2;
pub const NATIVE: usize = 3;
pub const NATIVE_QUIET: usize = 4;

/// What came of it.
pub struct Orders(pub Turns);

impl Orders {
    /// Measure both ways on the host and natively, in turns.
    pub async fn measure(rounds: Rounds) -> Result<Orders> {
        let (ours, quiet) = (Telling::up(WAITING)?, shop::quiet()?);
        let ((native, look), native_quiet) = (shop::native()?, Child::durable(Commit::Group)?);
        let gateways = [ours.host.gateway, quiet.gateway, native.gateway, native_quiet.gateway];
        check::same(&gateways, &check::SHOP).await?;
        same_notices(&ours.look, &look).await?;
        for gateway in gateways {
            shop::invite(gateway, 3).await?;
        }
        let told =
            |name, shot| Shop { name, gateway: ours.host.gateway, pid: ours.host.pid(), shot, look: Some(&ours.look) };
        let not_told = |name, gateway, pid| Shop { name, gateway, pid, shot: ORDER, look: None };
        let shops = [
            told("dovetail", ORDER),
            told("dovetail, one user", ORDER_OF_ONE),
            not_told("dovetail, no event", quiet.gateway, quiet.pid()),
            Shop { look: Some(&look), ..not_told("native, outbox", native.gateway, native.pid()) },
            not_told("native, no outbox", native_quiet.gateway, native_quiet.pid()),
        ];
        let turns = Turns::measure(WHAT, rounds, &shops).await?;
        ours.look.check()?;
        look.check()?;
        Ok(Orders(turns))
    }

    /// How many orders have their notices in a second, as they are taken.
    pub fn rate(&self) -> f64 {
        self.0.series.median_of(OURS, Turn::rate)
    }

    /// A figure of one server to that of another.
    pub fn ratio(&self, one: usize, other: usize, figure: fn(&Turn) -> f64) -> f64 {
        self.0.ratio(one, other, figure)
    }

    /// The time that an event alone takes of the processors: native to ours.
    pub fn event_alone(&self) -> f64 {
        self.0.event_alone([NATIVE, NATIVE_QUIET], [OURS, OURS_QUIET])
    }
}

/// Both keep the same notices of [`check::SHOP`].
async fn same_notices(ours: &Look, native: &Look) -> Result<()> {
    for look in [ours, native] {
        look.until_drained(Instant::now(), PACE).await?;
        look.check()?;
    }
    for id in [1, 2] {
        let (ours, native) = (ours.notice(3, id)?, native.notice(3, id)?);
        ensure!(ours == native, "a notice is {ours} here and {native} there");
    }
    Ok(())
}
