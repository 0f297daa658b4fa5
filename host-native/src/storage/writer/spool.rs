//! Holds the bytes of an object until its key is known.

use std::io;
use std::io::{Read, Seek, Write};
use std::sync::Arc;

use bytes::Bytes;
use coldpress_core::ObjectKey;
use tempfile::SpooledTempFile;

use crate::error::{Error, ErrorKind, Result};
use crate::store::s3::client::S3Store;
use crate::store::s3::writer::S3Writer;
use crate::threads::blocking;

/// From this size on, the bytes wait in a temporary file.
const MEMORY_BYTES: usize = 32 << 20;
/// How many bytes are read back at a time.
const SLICE_BYTES: usize = 1 << 20;

/// The bytes of one object, in memory or in a temporary file without a name. The system deletes
/// such a file when the process ends.
#[derive(Debug)]
pub(super) struct Spool {
    s3: Arc<S3Store>,
    /// `None` once a write has failed.
    file: Option<SpooledTempFile>,
}

impl Spool {
    pub(super) fn new(s3: Arc<S3Store>) -> Self {
        Spool { s3, file: Some(SpooledTempFile::new(MEMORY_BYTES)) }
    }

    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let mut file = self.take_file()?;
        let write = move || match file.write_all(&bytes) {
            Ok(()) => Ok(file),
            Err(error) => Err(failed(&error)),
        };
        self.file = Some(blocking(write).await?);
        Ok(())
    }

    /// Writes all bytes into an object with this key.
    pub(super) async fn pour(&mut self, key: &ObjectKey) -> Result<S3Writer> {
        let mut file = self.take_file()?;
        file.rewind().map_err(|error| failed(&error))?;
        let mut writer = S3Writer::new(&self.s3, key.as_str())?;
        loop {
            let read = move || {
                let mut slice = Vec::with_capacity(SLICE_BYTES);
                let taken = (&mut file).take(SLICE_BYTES as u64).read_to_end(&mut slice);
                taken.map(|_| (file, slice)).map_err(|error| failed(&error))
            };
            let (rest, slice) = match blocking(read).await {
                Ok(read) => read,
                Err(error) => return Err(writer.give_up(error).await),
            };
            file = rest;
            if slice.is_empty() {
                return Ok(writer);
            }
            if let Err(error) = writer.write(Bytes::from(slice)).await {
                return Err(writer.give_up(error).await);
            }
        }
    }

    fn take_file(&mut self) -> Result<SpooledTempFile> {
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
    let doing = "keep the bytes of an object until it is complete (set TMPDIR to a folder with \
        more space, or make smaller files)";
    Error::from_io(error, doing, &folder)
}
