//! Where a certificate is kept, with its key and that of the account: a folder for this host's
//! user alone.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use instant_acme::AccountCredentials;
use serde::{Deserialize, Serialize};

use super::{
    due::{FROM, Kept},
    failure::Failure,
    order::Issued,
};
use crate::{
    manifest::{Acme, TlsPair},
    private, tls,
};

/// What it is used for.
const WHAT: &str = "keys of TLS";

/// The file of the account.
const ACCOUNT: &str = "account.json";

/// A folder, for who orders, and nobody else meanwhile.
pub struct Folder {
    path: PathBuf,
    /// Locked until this is dropped, or its process ends.
    _lock: File,
}

/// An account with an authority.
#[derive(Serialize, Deserialize)]
pub struct Account {
    /// The URL of its directory.
    pub directory: String,
    /// What shows who this is.
    pub credentials: AccountCredentials,
}

impl Folder {
    /// Open it, made where it is missing. Refused if others may write there, or if another has it.
    pub fn open(path: &Path) -> Result<Folder, Failure> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(disk(path, "made"))?;
        let lock = File::open(path).map_err(disk(path, "opened"))?;
        private::check(path, &lock.metadata().map_err(disk(path, "looked at"))?, WHAT)?;
        match lock.try_lock() {
            Ok(()) => Ok(Folder { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Failure::Locked(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(disk(path, "locked")(error)),
        }
    }

    /// The account with the authority of this directory, if there is one.
    pub fn account(&self, directory: &str) -> Result<Option<AccountCredentials>, Failure> {
        let path = self.path.join(ACCOUNT);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            read => read.map_err(disk(&path, "read"))?,
        };
        // One that is damaged is no loss: another is had for the asking.
        let account = serde_json::from_slice::<Account>(&text).ok().filter(|account| account.directory == directory);
        Ok(account.map(|account| account.credentials))
    }

    /// Keep an account, in the place of any other.
    pub fn keep_account(&self, account: &Account) -> Result<(), Failure> {
        let path = self.path.join(ACCOUNT);
        let text = serde_json::to_vec_pretty(account).map_err(|error| disk(&path, "written")(error.into()))?;
        self.put(&path, &text)
    }

    /// Keep no account: it is none any more.
    pub fn forget_account(&self) -> Result<(), Failure> {
        let path = self.path.join(ACCOUNT);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(disk(&path, "removed")(error)),
            _ => Ok(()),
        }
    }

    /// Keep a certificate and its key, in one file, so that they change at once; unless it is
    /// of no use.
    pub fn keep(&self, acme: &Acme, issued: &Issued) -> Result<Kept, Failure> {
        let path = acme.pair();
        let text = format!("{FROM}{}\n{}\n{}", acme.directory, issued.chain, issued.key);
        let new = self.write(&path, text.as_bytes())?;
        let looked = tls::about(&TlsPair { certificate: new.clone(), key: new.clone(), acme: None });
        let shown = looked.map_err(|defect| {
            let _ = fs::remove_file(&new);
            Failure::Useless(defect)
        })?;
        self.replace(&new, &path)?;
        Ok(Kept::new(&shown))
    }

    fn put(&self, path: &Path, text: &[u8]) -> Result<(), Failure> {
        let new = self.write(path, text)?;
        self.replace(&new, path)
    }

    /// Write a file beside the one that it is to replace, for its owner alone.
    fn write(&self, path: &Path, text: &[u8]) -> Result<PathBuf, Failure> {
        let new = path.with_extension("new");
        // One that was left by who was killed.
        let _ = fs::remove_file(&new);
        let written = || {
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(&new)?;
            file.write_all(text)?;
            file.sync_all()
        };
        written().map_err(disk(&new, "written"))?;
        Ok(new)
    }

    fn replace(&self, new: &Path, path: &Path) -> Result<(), Failure> {
        fs::rename(new, path).map_err(disk(path, "replaced"))?;
        File::open(&self.path).and_then(|folder| folder.sync_all()).map_err(disk(&self.path, "synced"))
    }
}

fn disk(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> Failure {
    let path = path.to_owned();
    move |source| Failure::Disk { path, what, source }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn one_at_a_time_orders_for_a_folder_of_its_owner() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let path = parent.path().join("a/acme");
        let folder = Folder::open(&path).expect("it is made");
        assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o700);
        assert!(matches!(Folder::open(&path), Err(Failure::Locked(_))));
        folder.put(&path.join("x"), b"x").expect("it is ours");
        assert_eq!(fs::metadata(path.join("x")).expect("it is there").permissions().mode() & 0o777, 0o600);
        drop(folder);
        drop(Folder::open(&path).expect("it is free"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o770)).expect("it is ours");
        assert!(matches!(Folder::open(&path), Err(Failure::Folder(_))));
    }

    #[test]
    fn what_is_no_account_is_none() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::open(parent.path()).expect("it is ours");
        assert!(folder.account("https://a").expect("it is read").is_none());
        for text in ["", "{", "{\"directory\":\"https://a\"}"] {
            fs::write(parent.path().join(ACCOUNT), text).expect("it is ours");
            assert!(folder.account("https://a").expect("it is read").is_none());
        }
    }
}
