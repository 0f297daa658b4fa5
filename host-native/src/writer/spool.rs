//! A file that waits for its key.

use std::io::{self, Read, Seek, Write};
use std::sync::Arc;

use bytes::Bytes;
use coldpress_core::ObjectKey;
use tempfile::SpooledTempFile;

use super::multipart::Multipart;
use crate::answer::io_error;
use crate::remote::RemoteStore;
use crate::storage::blocking;
use crate::{Error, ErrorKind, Result};

/// What waits in memory before a temporary file takes it.
const MEMORY_BYTES: usize = 32 << 20;
/// How much is read back at a time.
const SLICE_BYTES: usize = 1 << 20;

/// Bytes for one object, in memory or in a temporary file without a name, which ends with the process.
#[derive(Debug)]
pub(super) struct Spool {
    remote: Arc<RemoteStore>,
    /// None once a write has failed.
    file: Option<SpooledTempFile>,
}

impl Spool {
    pub(super) fn new(remote: Arc<RemoteStore>) -> Self {
        Spool { remote, file: Some(SpooledTempFile::new(MEMORY_BYTES)) }
    }

    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let mut file = self.taken()?;
        let write = move || match file.write_all(&bytes) {
            Ok(()) => Ok(file),
            Err(error) => Err(failed(&error)),
        };
        self.file = Some(blocking(write).await?);
        Ok(())
    }

    /// Writes all of it into an object of this key.
    pub(super) async fn pour(&mut self, key: &ObjectKey) -> Result<Multipart> {
        let mut file = self.taken()?;
        file.rewind().map_err(|error| failed(&error))?;
        let mut parts = Multipart::new(Arc::clone(&self.remote), key.clone());
        loop {
            let read = move || {
                let mut slice = Vec::with_capacity(SLICE_BYTES);
                let taken = (&mut file).take(SLICE_BYTES as u64).read_to_end(&mut slice);
                taken.map(|_| (file, slice)).map_err(|error| failed(&error))
            };
            let (rest, slice) = match blocking(read).await {
                Ok(read) => read,
                Err(error) => return Err(parts.give_up(error).await),
            };
            file = rest;
            if slice.is_empty() {
                return Ok(parts);
            }
            if let Err(error) = parts.write(Bytes::from(slice)).await {
                return Err(parts.give_up(error).await);
            }
        }
    }

    fn taken(&mut self) -> Result<SpooledTempFile> {
        self.file.take().ok_or_else(|| {
            Error::new(
                ErrorKind::Misuse,
                "an earlier write of this object failed; begin another one",
            )
        })
    }
}

fn failed(error: &io::Error) -> Error {
    let folder = std::env::temp_dir();
    let doing = "keep a file until it is whole (set TMPDIR to a folder with more room, or make smaller files)";
    io_error(error, doing, &folder)
}
