//! Files that are read again when they change.
//!
//! Once a second each is looked at by its path, through whatever links lead there: so a file
//! that is written, one that is replaced, and a folder whose link is swapped are seen alike. A
//! file that is no good leaves in use what was read before ([`Kept`]). What is made of a file,
//! and who is told, is left to those who name it ([`Source`], [`Files`]). No message quotes what
//! is in one.

use std::time::Duration;

use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

pub use self::{
    file::{Wrong, is_open_to_all, read, wrong},
    kept::{Kept, Source},
};

mod file;
mod kept;

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Looks after files.
pub struct Renewal(Box<dyn Files>);

/// Files that somebody uses.
pub trait Files: Send {
    /// Use what is new, all of it at once. Whether anybody uses them still.
    fn look(&mut self) -> bool;
}

impl Renewal {
    /// Of these.
    pub fn of(files: impl Files + 'static) -> Renewal {
        Renewal(Box::new(files))
    }

    /// Look after them for as long as they are used. A file that is elsewhere may take long to
    /// answer, which holds up nobody.
    pub async fn run(self) {
        let Renewal(mut files) = self;
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let looked = spawn_blocking(move || files.look().then_some(files));
            match looked.await {
                Ok(Some(used)) => files = used,
                _ => return,
            }
        }
    }
}
