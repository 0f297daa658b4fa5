//! Restores segments from the archive, each whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::{fs, io};

use bytes::Bytes;
use coldpress_core::{ArchivedSegment, SegmentChecksum, SegmentNames, SegmentPlace, WalPlan};
use futures_util::StreamExt;
use futures_util::future::try_join;
use tokio::sync::mpsc;

use crate::error::{Error, ErrorKind, Result};
use crate::random::random_name;
use crate::store::local::folder::sync_folder;
use crate::threads::{blocking, internal};
use crate::wal::archive::Archive;
use crate::wal::check::survey;
use crate::wal::missing::{MissingRules, never_not_found};
use crate::wal::segment_file::checksum_of;

/// Segments that are fetched at a time.
const FETCHES_AT_ONCE: usize = 4;
/// Slices that wait for the disk.
const SLICES_AHEAD: usize = 4;

/// Which segments to restore. Default: all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WalRange {
    /// The first, itself included.
    pub from: Option<String>,
    /// The last, itself included.
    pub until: Option<String>,
}

/// A restored segment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WalRestored {
    /// Its name.
    pub name: String,
    /// Its length and checksum.
    pub checksum: SegmentChecksum,
    /// Whether the same file was already there.
    pub already_there: bool,
    /// Whether it has no record. Then only its length was checked.
    pub unrecorded: bool,
}

/// As [`WalArchiver::get`](super::WalArchiver::get).
pub(super) async fn get(
    archive: &Archive<'_>,
    name: &str,
    to: &Path,
    rules: MissingRules,
) -> Result<Option<SegmentChecksum>> {
    let key = archive.key(name)?;
    let asked = to.to_owned();
    let to = blocking(move || target(&asked)).await.map_err(never_not_found)?;
    let open = || try_join(archive.open(&key), archive.records(&key));
    let (incoming, records) = match open().await {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if !archive.arrives(&key, name).await.map_err(never_not_found)? {
                return Err(archive.missing_error(name, rules).await);
            }
            open().await.map_err(never_not_found)?
        }
        other => other?,
    };
    let fetched = async {
        let folder = folder_of(&to).to_owned();
        let fetched = Fetched::new(archive, name, incoming, &folder, &records).await?;
        let checksum = fetched.checksum;
        blocking(move || fetched.rename(&to)).await?;
        Ok((!records.is_empty()).then_some(checksum))
    };
    fetched.await.map_err(never_not_found)
}

/// The file to write: `to` itself, or the file that it links to. An error if something other than a
/// file is there, because a rename would replace it. Blocks.
fn target(to: &Path) -> Result<PathBuf> {
    let failed = |e: io::Error| Error::from_io(&e, "look at the file to write", to);
    let facts = match fs::symlink_metadata(to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(to.to_owned()),
        other => other.map_err(failed)?,
    };
    let to = match facts.is_symlink() {
        true => fs::canonicalize(to).map_err(failed)?,
        false => to.to_owned(),
    };
    match fs::metadata(&to).map_err(failed)?.is_file() {
        true => Ok(to),
        false => {
            let message = "this is a folder, a device or a pipe, so it was not replaced; give a \
                file";
            Err(Error::new(ErrorKind::Misuse, message).at(to.display().to_string()))
        }
    }
}

/// As [`WalArchiver::restore`](super::WalArchiver::restore).
pub(super) async fn restore(
    archive: &Archive<'_>,
    names: Option<SegmentNames>,
    to: &Path,
    range: &WalRange,
    mut report: impl FnMut(&WalRestored) + Send,
) -> Result<Vec<WalRestored>> {
    let wanted = wanted(archive, names, range).await?;
    let folder = to.to_owned();
    blocking(move || {
        fs::create_dir_all(&folder).map_err(|e| Error::from_io(&e, "make the folder", &folder))?;
        sync_folder(folder_of(&folder))
    })
    .await?;
    let fetch = |segment: ArchivedSegment| async move {
        let path = to.join(&segment.name);
        if let Some(done) = already_there(&segment, &path).await? {
            return Ok((None, done));
        }
        let incoming = archive.open(&archive.key(&segment.name)?).await?;
        let fetched = Fetched::new(archive, &segment.name, incoming, to, &segment.records).await?;
        let done = WalRestored {
            name: segment.name,
            checksum: fetched.checksum,
            already_there: false,
            unrecorded: segment.records.is_empty(),
        };
        Ok::<_, Error>((Some((fetched, path)), done))
    };
    let mut restored = Vec::new();
    let mut fetches =
        futures_util::stream::iter(wanted.into_iter().map(fetch)).buffered(FETCHES_AT_ONCE);
    while let Some(fetched) = fetches.next().await {
        let (file, done) = fetched?;
        if let Some((fetched, path)) = file {
            blocking(move || fetched.rename(&path)).await?;
        }
        report(&done);
        restored.push(done);
    }
    Ok(restored)
}

/// The segments of the range, in order. An error if there is none, if the range has a gap, or if a
/// given end of it is not in the archive.
async fn wanted(
    archive: &Archive<'_>,
    names: Option<SegmentNames>,
    range: &WalRange,
) -> Result<Vec<ArchivedSegment>> {
    let listed = archive.list().await?;
    archive.require_log(&listed).await?;
    let plan = survey(names, Default::default(), Vec::new(), listed)?;
    let order = plan.order();
    check_ends(&plan, range)?;
    let ends = [&range.from, &range.until].map(|name| name.as_ref().map(|name| order.place(name)));
    let [from, until] = &ends;
    let mut wanted: Vec<ArchivedSegment> = Vec::new();
    let mut before: Option<SegmentPlace> = None;
    for segment in plan.archived() {
        let place = order.place(&segment.name);
        // A file outside the sequence, such as PostgreSQL's `.history`, belongs to every range.
        let is_within = !place.is_segment()
            || from.as_ref().is_none_or(|from| place >= *from)
                && until.as_ref().is_none_or(|until| place <= *until);
        if segment.bytes.is_none() || !is_within {
            continue;
        }
        if let Some(gap) = before.as_ref().and_then(|before| order.gap_between(before, &place)) {
            let message = format!(
                "{gap}; nothing was restored; give a range before or after the gap (for the \
                command: --until {}, or --from {})",
                gap.after, gap.before
            );
            return Err(Error::new(ErrorKind::NotFound, message));
        }
        before = Some(place).filter(SegmentPlace::is_segment).or(before);
        check_file_name(&segment.name)?;
        wanted.push(segment.clone());
    }
    if wanted.is_empty() {
        let message = "the archive holds no segment yet; nothing was restored";
        return Err(Error::new(ErrorKind::NotFound, message).at(archive.location()));
    }
    Ok(wanted)
}

/// Checks that both ends of a range are in the archive and in order.
fn check_ends(plan: &WalPlan, range: &WalRange) -> Result<()> {
    let is_held = |name: &String| plan.archived().any(|s| s.bytes.is_some() && s.name == *name);
    for (option, end) in [("--from", &range.from), ("--until", &range.until)] {
        if let Some(name) = end.as_ref().filter(|name| !is_held(name)) {
            let message = format!(
                "the archive holds no segment {name}, at which the range should begin or end (for \
                the command: {option}), so nothing was restored; `coldpress wal verify` lists the \
                segments that it holds"
            );
            return Err(Error::new(ErrorKind::NotFound, message));
        }
    }
    match (&range.from, &range.until) {
        (Some(from), Some(until)) if plan.order().place(from) > plan.order().place(until) => {
            let message = format!(
                "the range ends before it begins: {until} is before {from}; nothing was restored; \
                swap the two ends"
            );
            Err(Error::new(ErrorKind::Misuse, message))
        }
        _ => Ok(()),
    }
}

/// Checks that a segment's name cannot lead out of the folder that it is restored to.
fn check_file_name(name: &str) -> Result<()> {
    let is_plain = !name.contains(['/', '\0']) && !matches!(name, "." | "..");
    match is_plain {
        true => Ok(()),
        false => {
            let message = format!(
                "the segment {name:?} has a name that no file can have, so nothing was restored; \
                fetch it with `coldpress wal get NAME FILE`, and restore the others as ranges"
            );
            Err(Error::new(ErrorKind::Key, message))
        }
    }
}

/// Whether the file is already there with this content; an error if it has other content.
async fn already_there(segment: &ArchivedSegment, path: &Path) -> Result<Option<WalRestored>> {
    let to = path.to_owned();
    let there = blocking(move || {
        // A link to nothing is something too, so `exists` would be wrong; and a pipe or a device
        // must not be read.
        if fs::symlink_metadata(&to).is_err_and(|e| e.kind() == io::ErrorKind::NotFound) {
            return Ok(None);
        }
        let to = target(&to)?;
        File::open(&to)
            .and_then(|mut file| checksum_of(&mut file))
            .map(Some)
            .map_err(|e| Error::from_io(&e, "read the file that is already there", &to))
    });
    let Some(checksum) = there.await? else { return Ok(None) };
    if !segment.records.contains(&checksum) || segment.bytes != Some(checksum.bytes) {
        let message = "this file is already there with other content and was not replaced; move it \
            away, or restore into another folder";
        return Err(Error::new(ErrorKind::Conflict, message).at(path.display().to_string()));
    }
    Ok(Some(WalRestored {
        name: segment.name.clone(),
        checksum,
        already_there: true,
        unrecorded: false,
    }))
}

/// A fetched segment in a temporary file, synced and verified. Removed when dropped.
struct Fetched {
    temporary: Temporary,
    checksum: SegmentChecksum,
}

impl Fetched {
    async fn new(
        archive: &Archive<'_>,
        name: &str,
        mut incoming: super::archive::Incoming,
        folder: &Path,
        records: &[SegmentChecksum],
    ) -> Result<Self> {
        let key = archive.key(name)?;
        let (sender, receiver) = mpsc::channel(SLICES_AHEAD);
        let path = folder.join(format!(".coldpress-{}.tmp", random_name()));
        let temporary = Temporary(path.clone());
        let writing = tokio::task::spawn_blocking(move || write(&path, receiver));
        while let Some(slice) = archive.next(&key, &mut incoming).await? {
            if sender.send(slice).await.is_err() {
                // The writing thread stopped at an error, which is returned below.
                break;
            }
        }
        drop(sender);
        let checksum = writing.await.map_err(|error| internal(&error))??;
        archive.whole(&key, &incoming, checksum.bytes)?;
        if !records.is_empty() && !records.contains(&checksum) {
            let message = format!(
                "the archived segment is damaged: it is {checksum}, and was put as {}; nothing was \
                written; fetch it from another copy of the archive",
                records.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
            );
            return Err(Error::new(ErrorKind::Corrupt, message).at(key.as_str()));
        }
        Ok(Fetched { temporary, checksum })
    }

    /// Blocks.
    fn rename(self, to: &Path) -> Result<()> {
        fs::rename(&self.temporary.0, to)
            .map_err(|e| Error::from_io(&e, "rename the fetched segment into place", to))?;
        sync_folder(folder_of(to))
    }
}

/// A temporary file, removed when dropped unless it has been renamed.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let path = self.0.display();
                tracing::warn!(%path, %error, "could not remove a file; remove it by hand");
            }
            _ => {}
        }
    }
}

fn write(path: &Path, mut slices: mpsc::Receiver<Bytes>) -> Result<SegmentChecksum> {
    let failed = |e: io::Error| Error::from_io(&e, "write the segment", path);
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    let mut found = SegmentChecksum { crc32c: 0, bytes: 0 };
    while let Some(slice) = slices.blocking_recv() {
        file.write_all(&slice).map_err(failed)?;
        found.crc32c = crc32c::crc32c_append(found.crc32c, &slice);
        found.bytes += slice.len() as u64;
    }
    file.sync_all().map_err(failed)?;
    Ok(found)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
