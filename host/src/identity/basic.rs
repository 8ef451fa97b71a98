//! Names and passwords of people, of which a file has bcrypt hashes, as `htpasswd -B` makes it.
//!
//! To verify a password takes long on purpose, so that it is done apart from requests, by a few
//! at once, and whoever waits longer is refused. Those that were good are remembered for a
//! minute by a hash with a key of this process, which tells nobody what they were. A name that
//! is not there takes as long as one that is, for which all hashes of a file have one cost.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use ring::{
    hmac::{self, HMAC_SHA256},
    rand::SystemRandom,
};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use super::{
    Refusal,
    care::Care,
    defect::Defect,
    memory::{Memory, Print},
    now,
};
use crate::{
    capability::identity::Identity,
    renewal::{self, Kept, Source, Wrong, wrong},
};

/// How many passwords are verified at once.
const AT_ONCE: usize = 2;

/// How long whoever asks waits for a turn.
const TURN: Duration = Duration::from_secs(2);

/// For how long, in seconds, a good one is not verified again.
const REMEMBERED: u64 = 60;

/// Of what a password may be at most, in bytes: bcrypt looks at no more.
const LONGEST_PASSWORD: usize = 72;

/// What a hash may cost, as a power of two. Each above takes twice as long.
const COSTS: std::ops::RangeInclusive<u32> = 4..=14;

/// The longest file, in bytes.
const LONGEST: u64 = 1 << 20;

/// What is said whatever is wrong.
const WRONG: Refusal = Refusal::Invalid("The name or the password is wrong");

/// Knows names and passwords.
pub struct Passwords {
    auth: Arc<str>,
    hashes: ArcSwap<Hashes>,
    /// Which hashes these are: what others have verified counts no more.
    number: AtomicU64,
    turns: Arc<Semaphore>,
    key: hmac::Key,
    memory: Memory,
}

/// By name; there is at least one.
type Hashes = HashMap<String, String>;

/// A file of them.
struct PasswordFile(PathBuf);

impl Passwords {
    /// Those of a file, and what looks after it.
    pub fn open(auth: Arc<str>, file: &Path, care: &mut Care) -> Result<Arc<Passwords>, Defect> {
        let kept = Kept::open(PasswordFile(file.to_owned()))?;
        let key = hmac::Key::generate(HMAC_SHA256, &SystemRandom::new()).map_err(|_| {
            let help = "mend the system's source of random bytes";
            Defect::of("basic", file.to_owned(), wrong("cannot be used: the system gives no random bytes", help))
        })?;
        let (hashes, memory, turns) = (ArcSwap::new(kept.now()), Memory::new(), Arc::new(Semaphore::new(AT_ONCE)));
        let passwords = Arc::new(Passwords { auth, hashes, number: AtomicU64::new(0), turns, key, memory });
        care.files(kept, &passwords, |passwords, now| {
            passwords.hashes.store(now);
            passwords.number.fetch_add(1, Ordering::Release);
        });
        Ok(passwords)
    }

    /// Who asks with this name and this password.
    pub async fn verify(&self, name: &str, password: &[u8]) -> Result<Arc<Identity>, Refusal> {
        if password.len() > LONGEST_PASSWORD || password.contains(&0) {
            return Err(WRONG);
        }
        let (print, number) = (self.print(name, password), self.number.load(Ordering::Acquire));
        if let Some(identity) = self.memory.get(&print, number) {
            return Ok(identity);
        }
        let hashes = self.hashes.load_full();
        let own = hashes.get(name);
        // Whose name is not there is verified by another's, for as long.
        let hash = own.or_else(|| hashes.values().next()).cloned().unwrap_or_default();
        let turn = timeout(TURN, self.turns.clone().acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(Refusal::Unknown) };
        // Another may have been verified meanwhile that brought the same.
        if let Some(identity) = self.memory.get(&print, number) {
            return Ok(identity);
        }
        let tried = password.to_owned();
        // The turn is the work's: that goes on to its end though its request be gone.
        let verified = spawn_blocking(move || {
            let _turn = turn;
            bcrypt::verify(tried, &hash)
        })
        .await;
        if own.is_none() || !matches!(verified, Ok(Ok(true))) {
            return Err(WRONG);
        }
        let identity = Identity::new(self.auth.clone(), name.to_owned(), None, Vec::new());
        let identity = Arc::new(identity.until(now() + REMEMBERED));
        self.memory.put(print, number, identity.clone());
        Ok(identity)
    }

    fn print(&self, name: &str, password: &[u8]) -> Print {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&(name.len() as u64).to_le_bytes());
        context.update(name.as_bytes());
        context.update(password);
        let mut print = Print::default();
        print.copy_from_slice(context.sign().as_ref());
        print
    }
}

impl PasswordFile {
    fn hashes(&self) -> Result<Hashes, Wrong> {
        let help = "write `NAME:HASH` in each line, as `htpasswd -B` does";
        let text = String::from_utf8(renewal::read(&self.0, LONGEST)?).map_err(|_| wrong("is no text", help))?;
        let (mut hashes, mut first) = (Hashes::new(), None);
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        for (index, line) in lines {
            let at = index + 1;
            let (name, hash) = line
                .trim_end()
                .split_once(':')
                .filter(|(name, _)| !name.is_empty())
                .ok_or_else(|| wrong(format!("has no name and hash in line {at}"), help))?;
            let cost = hash.parse::<bcrypt::HashParts>().map(|parts| parts.get_cost());
            let cost = cost.ok().filter(|cost| COSTS.contains(cost)).ok_or_else(|| {
                let (least, most) = (COSTS.start(), COSTS.end());
                wrong(format!("has no hash of bcrypt with a cost of {least} to {most} in line {at}"), help)
            })?;
            let others = *first.get_or_insert(cost);
            if cost != others {
                let reason = format!("has a hash in line {at} whose cost is {cost}, where others have {others}");
                let help = "have all made with one cost (`htpasswd -B -C COST`): time would tell who is there";
                return Err(wrong(reason, help));
            }
            if hashes.insert(name.to_owned(), hash.to_owned()).is_some() {
                return Err(wrong(format!("has the name of line {at} twice"), "leave one of them out"));
            }
        }
        if hashes.is_empty() { Err(wrong("has nobody in it", help)) } else { Ok(hashes) }
    }
}

impl Source for PasswordFile {
    type Read = Hashes;
    type Defect = Defect;

    fn files(&self) -> Vec<&Path> {
        vec![&self.0]
    }

    fn read(&self) -> Result<Hashes, Defect> {
        self.hashes().map_err(|wrong| Defect::of("basic", self.0.clone(), wrong))
    }

    fn effect(&self) -> String {
        "those who are there now are known, and nobody else".to_owned()
    }
}
