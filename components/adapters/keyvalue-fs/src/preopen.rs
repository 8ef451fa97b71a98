//! The folder that the host lends, through `wasi:filesystem`.

use wasip2::filesystem::preopens;
use wasip2::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags};
use wasip2::io::streams::{OutputStream, StreamError};
use wasip2::random::random;

use crate::disk::{File, Folder};
use crate::{Error, names};

/// Where data is, if the host lends several folders.
const DATA: &str = "/data";

/// The folder of a bucket, and the one that it is in.
#[derive(Debug)]
pub struct BucketFolder {
    data: Descriptor,
    folder: Descriptor,
}

/// An open file.
#[derive(Debug)]
pub struct OpenFile {
    name: String,
    file: Descriptor,
    /// Made when it is first appended to.
    end: std::cell::OnceCell<OutputStream>,
}

impl BucketFolder {
    /// The folder of this bucket, made if it is missing.
    pub fn open(bucket: &str) -> Result<Self, Error> {
        let mut lent = preopens::get_directories();
        let data = match lent.iter().position(|(_, name)| name == DATA) {
            Some(data) => lent.swap_remove(data).0,
            None if lent.len() == 1 => lent.swap_remove(0).0,
            None => return Err(no_folder("the host lends no folder /data")),
        };
        let name = names::folder(bucket);
        let open = || {
            let flags = DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY;
            data.open_at(PathFlags::empty(), &name, OpenFlags::DIRECTORY, flags)
        };
        let folder = match open() {
            Err(ErrorCode::NoEntry) => match data.create_directory_at(&name) {
                Ok(()) | Err(ErrorCode::Exist) => open(),
                Err(error) => Err(error),
            },
            opened => opened,
        };
        // WASI may have no name for the reason: a read-only disk is "io".
        let unusable =
            |error: ErrorCode| no_folder(&format!("the folder that the host lends is of no use ({})", error.name()));
        Ok(Self { folder: folder.map_err(unusable)?, data })
    }

    fn open_file(&self, name: &str, flags: OpenFlags) -> Result<OpenFile, ErrorCode> {
        let file =
            self.folder.open_at(PathFlags::empty(), name, flags, DescriptorFlags::READ | DescriptorFlags::WRITE)?;
        Ok(OpenFile { name: name.to_owned(), file, end: std::cell::OnceCell::new() })
    }

    /// The names, unless a file was removed while they were read.
    fn try_names(&self) -> Result<Vec<String>, ErrorCode> {
        let entries = self.folder.read_directory()?;
        let mut names = Vec::new();
        while let Some(entry) = entries.read_directory_entry()? {
            names.push(entry.name);
        }
        Ok(names)
    }
}

impl Folder for BucketFolder {
    type File = OpenFile;

    fn names(&self) -> Result<Vec<String>, Error> {
        loop {
            match self.try_names() {
                Err(ErrorCode::NoEntry) => {}
                names => return names.map_err(|error| refused("list", ".", error)),
            }
        }
    }

    fn open(&self, name: &str) -> Result<Option<OpenFile>, Error> {
        match self.open_file(name, OpenFlags::empty()) {
            Ok(file) => Ok(Some(file)),
            Err(ErrorCode::NoEntry) => Ok(None),
            Err(error) => Err(refused("open", name, error)),
        }
    }

    fn create(&self, name: &str) -> Result<OpenFile, Error> {
        self.open_file(name, OpenFlags::CREATE).map_err(|error| match error {
            ErrorCode::Io => refused("make", name, ErrorCode::ReadOnly),
            error => refused("make", name, error),
        })
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        self.folder.rename_at(from, &self.folder, to).map_err(|error| refused("rename", from, error))
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        match self.folder.unlink_file_at(name) {
            Ok(()) | Err(ErrorCode::NoEntry) => Ok(()),
            Err(error) => Err(refused("remove", name, error)),
        }
    }

    fn sync(&self) -> Result<(), Error> {
        for folder in [&self.folder, &self.data] {
            folder.sync().map_err(|error| refused("sync", ".", error))?;
        }
        Ok(())
    }

    fn nonce(&self) -> u64 {
        random::get_random_u64()
    }
}

impl File for OpenFile {
    fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        // That the end is reached, it says beside the last bytes or none.
        self.file.read(length as u64, offset).map(|(bytes, _)| bytes).map_err(|error| self.refused("read", error))
    }

    /// In one write: the stream takes what it permits as a whole, and puts it at
    /// the end of the file by one call of its system.
    fn append(&self, bytes: &[u8]) -> Result<(), Error> {
        let end = match self.end.get() {
            Some(end) => end,
            None => {
                let end = self.file.append_via_stream().map_err(|error| self.refused("append to", error))?;
                self.end.get_or_init(|| end)
            }
        };
        self.write(end, bytes).map_err(|error| match error {
            StreamError::LastOperationFailed(error) => Error::disk("append to", &self.name, error.to_debug_string()),
            StreamError::Closed => Error::disk("append to", &self.name, "an append before it failed"),
        })
    }

    fn length(&self) -> Result<u64, Error> {
        self.file.stat().map(|stat| stat.size).map_err(|error| self.refused("stat", error))
    }

    fn sync(&self) -> Result<(), Error> {
        self.file.sync_data().map_err(|error| self.refused("sync", error))
    }
}

impl OpenFile {
    fn write(&self, end: &OutputStream, bytes: &[u8]) -> Result<(), StreamError> {
        while end.check_write()? < bytes.len() as u64 {
            end.subscribe().block();
        }
        end.write(bytes)?;
        end.blocking_flush()
    }

    fn refused(&self, doing: &'static str, error: ErrorCode) -> Error {
        refused(doing, &self.name, error)
    }
}

/// A refusal that a writable folder would mend says so.
fn refused(doing: &'static str, file: &str, error: ErrorCode) -> Error {
    match error {
        ErrorCode::ReadOnly | ErrorCode::NotPermitted | ErrorCode::Access => {
            no_folder("the folder that the host lends is read-only")
        }
        _ => Error::disk(doing, file, error.name()),
    }
}

fn no_folder(cause: &str) -> Error {
    Error::NoFolder { cause: cause.to_owned() }
}
