//! What looks after those who know who asks: files that are read again, issuers that are
//! asked again.

use std::{
    pin::Pin,
    sync::{Arc, Weak},
};

use crate::renewal::{Files, Kept, Renewal, Source};

/// Tasks that are to run, each for as long as what it looks after is used.
#[derive(Default)]
pub struct Care(Vec<Pin<Box<dyn Future<Output = ()> + Send>>>);

/// Hands what is new of some files to who uses it.
struct Handed<S: Source, U> {
    kept: Kept<S>,
    user: Weak<U>,
    take: fn(&U, Arc<S::Read>),
}

impl Care {
    /// Begin, in the runtime that this is called in.
    pub fn begin(self) {
        self.0.into_iter().for_each(|task| drop(tokio::spawn(task)));
    }

    /// Run a task, too.
    pub fn task(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.push(Box::pin(task));
    }

    /// Have `user` `take` what is new of these files.
    pub fn files<S, U>(&mut self, kept: Kept<S>, user: &Arc<U>, take: fn(&U, Arc<S::Read>))
    where
        S: Source + Send + 'static,
        S::Read: Send + Sync,
        U: Send + Sync + 'static,
    {
        let user = Arc::downgrade(user);
        self.task(Renewal::of(Handed { kept, user, take }).run());
    }
}

impl<S, U> Files for Handed<S, U>
where
    S: Source + Send,
    S::Read: Send + Sync,
    U: Send + Sync,
{
    fn look(&mut self) -> bool {
        let Some(user) = self.user.upgrade() else { return false };
        if self.kept.look() {
            (self.take)(&user, self.kept.now());
        }
        true
    }
}
