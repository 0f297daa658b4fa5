//! Reads a segment's file in slices, computes its checksum, and notices if the file changes.

use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use coldpress_core::{LocalSegment, SegmentChecksum};
use tokio::sync::mpsc;

use crate::error::{Error, ErrorKind, Result};
use crate::threads::blocking;

/// How much is read at a time.
const SLICE_BYTES: u64 = 1 << 20;
/// How many slices wait in memory for the store.
const SLICES_AHEAD: usize = 2;

/// The open file of a segment, with its checksum.
#[derive(Debug)]
pub(super) struct SegmentFile {
    file: File,
    path: PathBuf,
    state: FileState,
    checksum: SegmentChecksum,
}

/// The state of a file. It differs if the file has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileState {
    bytes: u64,
    modified: SystemTime,
}

/// The next item of a segment that is being read.
#[derive(Debug)]
pub(super) enum Slice {
    Bytes(Bytes),
    /// Everything was read, and the file has not changed since its checksum was computed.
    End,
}

impl SegmentFile {
    /// Opens the file and reads it once for its checksum. An error if the file is not as
    /// `expected`, or changes while it is read.
    pub(super) async fn open(path: &Path, expected: Option<&LocalSegment>) -> Result<Self> {
        let path = path.to_owned();
        let expected = expected.map(|local| (local.bytes, local.modified_ms));
        blocking(move || Self::open_now(path, expected)).await
    }

    fn open_now(path: PathBuf, expected: Option<(u64, u64)>) -> Result<Self> {
        let failed = |e| Error::from_io(&e, "read the segment", &path);
        let mut file = File::open(&path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            let message = "this is a folder or a device, not a segment of a log; give a file";
            return Err(Error::new(ErrorKind::Misuse, message).at(path.display().to_string()));
        }
        let state = FileState::of(&metadata).map_err(failed)?;
        if expected.is_some_and(|then| then != (state.bytes, ms(state.modified))) {
            return Err(changed(&path));
        }
        let checksum = checksum_of(&mut file).map_err(failed)?;
        if checksum.bytes != state.bytes {
            return Err(changed(&path));
        }
        Ok(SegmentFile { file, path, state, checksum })
    }

    pub(super) fn checksum(&self) -> SegmentChecksum {
        self.checksum
    }

    /// Reads it again, in slices. The last item is [`Slice::End`], or the error that it changed.
    pub(super) fn stream(self) -> mpsc::Receiver<Result<Slice>> {
        let (sender, receiver) = mpsc::channel(SLICES_AHEAD);
        tokio::task::spawn_blocking(move || {
            let end = self.send_all(&sender);
            // If the receiver is gone, the put was stopped.
            let _ = sender.blocking_send(end.map(|()| Slice::End));
        });
        receiver
    }

    fn send_all(mut self, sender: &mpsc::Sender<Result<Slice>>) -> Result<()> {
        let failed = |e| Error::from_io(&e, "read the segment", &self.path);
        self.file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut found = SegmentChecksum { crc32c: 0, bytes: 0 };
        // Never more than at first: a file that keeps growing would be read for ever.
        while found.bytes < self.checksum.bytes {
            let wanted = SLICE_BYTES.min(self.checksum.bytes - found.bytes);
            let mut slice = Vec::with_capacity(wanted as usize);
            let read = (&mut self.file).take(wanted).read_to_end(&mut slice).map_err(failed)?;
            if read == 0 {
                break;
            }
            found.crc32c = crc32c::crc32c_append(found.crc32c, &slice);
            found.bytes += read as u64;
            if sender.blocking_send(Ok(Slice::Bytes(Bytes::from(slice)))).is_err() {
                return Ok(());
            }
        }
        // Check the open handle and the path: the file may have been written to, or replaced by
        // another file.
        let handle =
            self.file.metadata().and_then(|metadata| FileState::of(&metadata)).map_err(failed)?;
        let path = std::fs::metadata(&self.path);
        let path = path.and_then(|metadata| FileState::of(&metadata)).map_err(failed)?;
        match found == self.checksum && handle == self.state && path == self.state {
            true => Ok(()),
            false => Err(changed(&self.path)),
        }
    }
}

impl FileState {
    fn of(metadata: &Metadata) -> std::io::Result<Self> {
        Ok(FileState { bytes: metadata.len(), modified: metadata.modified()? })
    }
}

/// Milliseconds since 1970.
pub(super) fn ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Reads a file to its end for its checksum. Blocks.
pub(super) fn checksum_of(file: &mut File) -> std::io::Result<SegmentChecksum> {
    let mut buffer = vec![0; (SLICE_BYTES / 4) as usize];
    let mut found = SegmentChecksum { crc32c: 0, bytes: 0 };
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => return Ok(found),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        found.crc32c = crc32c::crc32c_append(found.crc32c, &buffer[..read]);
        found.bytes += read as u64;
    }
}

/// The error of a segment that was not finished.
pub(super) fn changed(path: &Path) -> Error {
    let message = "the segment was written to while it was read, so it is not finished, and \
        nothing of it was stored; check that the rule for sealed segments fits its writer (for the \
        command: --sealed), and try again";
    Error::new(ErrorKind::Unavailable, message).at(path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the second reading returns if `meddle` changes the segment before it.
    async fn read(meddle: impl FnOnce(&Path)) -> Result<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("segment");
        std::fs::write(&path, vec![7; 3 << 20]).unwrap();
        let mut slices = SegmentFile::open(&path, None).await?;
        // A few seconds back, so that even a coarse clock shows a change.
        let then = SystemTime::now() - std::time::Duration::from_secs(5);
        slices.file = File::options().read(true).write(true).open(&path).unwrap();
        slices.file.set_modified(then).unwrap();
        slices.state.modified = slices.file.metadata().unwrap().modified().unwrap();
        meddle(&path);
        let mut slices = slices.stream();
        let mut found = Vec::new();
        loop {
            match slices.recv().await.unwrap()? {
                Slice::Bytes(bytes) => found.extend_from_slice(&bytes),
                Slice::End => return Ok(found),
            }
        }
    }

    #[tokio::test]
    async fn a_segment_that_changes_while_it_is_read_is_an_error() {
        assert_eq!(read(|_| ()).await.unwrap(), vec![7; 3 << 20]);
        let write = |path: &Path, bytes: usize| std::fs::write(path, vec![7; bytes]).unwrap();
        let changed = [
            read(|path| write(path, (3 << 20) + 1)).await,
            read(|path| write(path, 1 << 20)).await,
            read(|path| write(path, 0)).await,
            // The same bytes again are a write too.
            read(|path| write(path, 3 << 20)).await,
            // Another file in its place.
            read(|path| {
                std::fs::remove_file(path).unwrap();
                write(path, 3 << 20);
            })
            .await,
        ];
        for result in changed {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            assert!(error.to_string().contains("not finished"), "{error}");
        }
        let gone = read(|path| std::fs::remove_file(path).unwrap()).await.unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound, "{gone}");
    }

    #[tokio::test]
    async fn a_segment_that_changed_since_the_scan_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1");
        std::fs::write(&path, b"one").unwrap();
        let seen = LocalSegment {
            name: "1".to_owned(),
            bytes: 3,
            modified_ms: ms(std::fs::metadata(&path).unwrap().modified().unwrap()),
            age_ms: 0,
            mark: coldpress_core::ArchiveMark::None,
        };
        assert_eq!(SegmentFile::open(&path, Some(&seen)).await.unwrap().checksum().bytes, 3);
        let younger = LocalSegment { modified_ms: seen.modified_ms + 1, ..seen.clone() };
        let longer = LocalSegment { bytes: 4, ..seen };
        for other in [younger, longer] {
            let error = SegmentFile::open(&path, Some(&other)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        }
    }

    #[test]
    fn the_checksum_is_castagnolis() {
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        let halves = crc32c::crc32c_append(crc32c::crc32c(b"1234"), b"56789");
        assert_eq!(halves, 0xe306_9283);
    }
}
