//! Which LSNs are whose: claims on ranges of a collection, put, judged and taken back.

mod note;
mod seen;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use coldpress_core::{
    Backoff, ClaimMark, ClaimName, ClaimStep, Claiming, KeyTarget, LsnRange, ObjectKey, Random,
    Refusal, Retry, Wanted,
};

use crate::leftovers;
use crate::storage::{Backend, blocking};
use crate::{ColdStorage, Error, ErrorKind, PutOutcome, Result, StoredObject};
use note::Note;
use seen::own_time;
pub(crate) use seen::{FoundClaim, Seen};

/// A writer that was held up so long makes sure of its claim once more before it stores anything.
const TRUSTED: Duration = Duration::from_secs(20 * 60);
/// The longest first pause; it doubles each time up to the other, and each is a random part of it.
const PAUSE_MS: u64 = 40;
const PAUSE_MS_MAX: u64 = 1_000;

/// For what kind of put LSNs are claimed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ClaimAs<'n> {
    /// Of keys that the caller chose.
    Put,
    /// Behind all that is there.
    Append,
    /// The same, of the append with this id.
    AppendId(&'n str),
    /// In the place of the damaged object at this key.
    Repair(&'n ObjectKey),
}

/// LSNs that are ours until this ends. Dropped before anything was stored, it takes its object
/// back.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) lsns: LsnRange,
    /// The files that were there when it was granted.
    pub(crate) files: Vec<StoredObject>,
    name: ClaimName,
    own: Note,
    /// Claims that this put takes the place of, and those of which nothing is left.
    outlived: Vec<Note>,
    made: (Instant, SystemTime),
}

/// Why LSNs were not claimed.
#[derive(Debug)]
pub(crate) enum NotClaimed {
    /// The store does not let us list, so that nobody can look whose they are. No claim is left.
    Unseen(Error),
    /// Any other reason.
    Failed(Error),
}

impl NotClaimed {
    fn of_listing(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Denied => NotClaimed::Unseen(error),
            _ => NotClaimed::Failed(error),
        }
    }
}

impl From<Error> for NotClaimed {
    fn from(error: Error) -> Self {
        NotClaimed::Failed(error)
    }
}

impl From<coldpress_core::Error> for NotClaimed {
    fn from(error: coldpress_core::Error) -> Self {
        NotClaimed::Failed(error.into())
    }
}

impl From<NotClaimed> for Error {
    fn from(not: NotClaimed) -> Self {
        match not {
            NotClaimed::Unseen(error) | NotClaimed::Failed(error) => error,
        }
    }
}

impl ColdStorage {
    /// The LSN behind all files of a collection and all puts under way; none where the highest
    /// there can be is taken. Another writer may take it at any time:
    /// [`RowStream::append`](crate::RowStream::append) takes what is free when its rows are stored.
    pub async fn next_lsn(&self, tenant_id: u64, collection: &str) -> Result<Option<u64>> {
        Ok(self.look_at_ranges(tenant_id, collection).await?.next_lsn())
    }

    /// Stores a small object at a path that is no key's. It is not counted.
    pub(crate) async fn put_note(&self, path: &str, bytes: Bytes) -> Result<PutOutcome> {
        match self.backend() {
            Backend::Local(folder) => {
                let (folder, path) = (Arc::clone(folder), path.to_owned());
                blocking(move || {
                    let mut staged = folder.stage(&path)?;
                    staged.write(&bytes)?;
                    folder.publish_new(staged, &path)
                })
                .await
            }
            Backend::Remote(remote) => remote.put_new(path, &bytes).await,
        }
    }

    /// Claims LSNs in the collection of `key`, any key of it. `ignored` do not stand in the way,
    /// and end with this claim.
    pub(crate) async fn claim(
        &self,
        key: &ObjectKey,
        wanted: Wanted,
        kind: ClaimAs<'_>,
        ignored: Vec<ClaimName>,
    ) -> Result<Claim, NotClaimed> {
        let KeyTarget::Data { tenant_id, collection, .. } = key.target() else {
            let message = "only data files have LSNs to claim";
            return Err(Error::new(ErrorKind::Misuse, message).into());
        };
        let mark = match (kind, &wanted) {
            (ClaimAs::AppendId(id), _) => ClaimMark::append_id(id),
            (ClaimAs::Repair(key), _) => ClaimMark::repair(key),
            (ClaimAs::Put, Wanted::Keys(keys)) => ClaimMark::keys(keys),
            (ClaimAs::Put | ClaimAs::Append, _) => ClaimMark::Append,
        };
        let owner = leftovers::process_name();
        let mut claiming = Claiming::new(wanted, mark, &owner, ignored.clone())?;
        let path = |name: &ClaimName| -> Result<String> {
            Ok(name.path(self.prefix(), *tenant_id, collection)?)
        };
        let note = |name: &ClaimName| path(name).map(|path| Note::new(self, path));
        let mut own: Option<Note> = None;
        let mut made = (Instant::now(), SystemTime::now());
        let mut seen = (Seen { claims: Vec::new(), files: Vec::new() }, made.1);
        loop {
            match claiming.poll().clone() {
                ClaimStep::List => {
                    let found = match self.look_at_ranges(*tenant_id, collection).await {
                        Ok(found) => found,
                        Err(error) => {
                            if let Some(own) = own.take() {
                                own.delete().await;
                            }
                            return Err(NotClaimed::of_listing(error));
                        }
                    };
                    let now = own_time(&found, &owner);
                    claiming.listed(&found.claims_seen(now), &found.keys());
                    seen = (found, now);
                }
                ClaimStep::Put(name) => {
                    made = (Instant::now(), SystemTime::now());
                    own = Some(self.put_claim(note(&name)?).await?);
                    claiming.put();
                }
                ClaimStep::Delete(_) => {
                    if let Some(own) = own.take() {
                        own.delete().await;
                    }
                    claiming.deleted();
                }
                ClaimStep::Wait(times) => {
                    pause(times).await;
                    claiming.waited();
                }
                ClaimStep::Claimed(name) => {
                    let own = own.map_or_else(|| note(&name), Ok)?;
                    let outlived = seen.0.outlived(&name, &ignored, seen.1);
                    let outlived = outlived.iter().map(|name| note(name).map(Note::kept));
                    let outlived = outlived.collect::<Result<Vec<_>>>()?;
                    let (lsns, files) = (name.lsns(), seen.0.files);
                    return Ok(Claim { lsns, files, name, own, outlived, made });
                }
                ClaimStep::Refused(refusal) => {
                    return Err(self.refused(refusal, key, &path).into());
                }
            }
        }
    }

    async fn put_claim(&self, claim: Note) -> Result<Note> {
        match self.put_note(&claim.path, Bytes::new()).await {
            Ok(_) => Ok(claim),
            Err(error) => {
                // Only where no useful answer came may the claim be there.
                if error.kind() != ErrorKind::Unavailable {
                    drop(claim.kept());
                }
                Err(error)
            }
        }
    }

    /// The claims of a collection, and after them its files: whoever has taken its claim back has
    /// its files there.
    pub(crate) async fn look_at_ranges(&self, tenant_id: u64, collection: &str) -> Result<Seen> {
        let folder = ObjectKey::claims_folder(self.prefix(), tenant_id, collection)?;
        let mut claims = Vec::new();
        for meta in self.listing().folder(&folder).await? {
            let name = meta.location.as_ref().rsplit('/').next().and_then(ClaimName::parse);
            match name {
                Some(name) => claims.push(FoundClaim {
                    runs: leftovers::runs(name.owner()),
                    name,
                    modified: meta.last_modified.into(),
                }),
                None => tracing::debug!(name = %meta.location, "no claim of ours; passed over"),
            }
        }
        let files = self.list(tenant_id, collection, None).await?;
        Ok(Seen { claims, files })
    }

    fn refused(
        &self,
        refusal: Refusal,
        key: &ObjectKey,
        path: &dyn Fn(&ClaimName) -> Result<String>,
    ) -> Error {
        let (kind, message, at) = match refusal {
            Refusal::File { wanted, found } => {
                let lsns = wanted.lsns().map(|lsns| lsns.to_string()).unwrap_or_default();
                let message =
                    format!("LSNs {lsns} overlap those of {found}, which is already there");
                (ErrorKind::Conflict, message, wanted.as_str().to_owned())
            }
            Refusal::Claim(name) => {
                let message = format!(
                    "another put claims LSNs {} and is about to store them; wait until it has ended, and try again (if it was killed on another machine, its claim counts for an hour: delete this object to go on at once)",
                    name.lsns()
                );
                (ErrorKind::Conflict, message, path(&name).unwrap_or_default())
            }
            Refusal::SameRun(name) => {
                let message = match name.mark() {
                    ClaimMark::Repair(_) => {
                        "another repair of this object is under way; wait until it has ended, and run this one again (if it was killed on another machine, its claim counts for an hour, and then the same repair goes on)"
                    }
                    _ => {
                        "another run of this append is under way; wait until it has ended, and run it again (if it was killed on another machine, its claim counts for an hour: delete this object to go on at once)"
                    }
                };
                (ErrorKind::Conflict, message.to_owned(), path(&name).unwrap_or_default())
            }
            Refusal::NoneLeft => {
                let message = "the collection has no LSN left for all of these rows behind its highest one; name a free range";
                let error = coldpress_core::Error::new(coldpress_core::ErrorKind::Key, message);
                return Error::from(error).at(key.as_str());
            }
            Refusal::Outrun => {
                let message = "other writers took each free range of LSNs first; try again";
                (ErrorKind::Unavailable, message.to_owned(), key.as_str().to_owned())
            }
            Refusal::NotListed(name) => {
                let message = "the store does not list this object, which was put just now; try again, or use a store whose listings are up to date";
                (ErrorKind::Unavailable, message.to_owned(), path(&name).unwrap_or_default())
            }
        };
        Error::new(kind, message).at(at)
    }
}

impl Claim {
    /// Whether it is too long ago that it was made to be sure that it still counts.
    pub(crate) fn is_stale(&self) -> bool {
        let (instant, time) = self.made;
        // The one stands still while the machine sleeps, the other can be set.
        let by_clock = SystemTime::now().duration_since(time).unwrap_or_default();
        instant.elapsed().max(by_clock) > TRUSTED
    }

    /// The same, [`storing`](Self::storing).
    pub(crate) fn for_put(mut self) -> Self {
        self.storing();
        self
    }

    /// From here on files of these LSNs may be seen: whatever ends this now, the claim stays until
    /// they are.
    pub(crate) fn storing(&mut self) {
        self.own.keep();
    }

    /// Ends a put of which some objects are stored and others are not: its claim stays for whoever
    /// runs it again, as that of a process that is gone.
    pub(crate) async fn leave(self, storage: &ColdStorage) {
        let left = async {
            let name = self.name.clone().owned_by(&leftovers::nobody())?;
            let above = self.own.path.rsplit_once('/').map_or("", |(above, _)| above);
            storage.put_note(&format!("{above}/{name}"), Bytes::new()).await
        };
        match left.await {
            Ok(_) => self.own.delete().await,
            Err(error) => {
                tracing::warn!(%error, "a put that failed half-way keeps its claim for an hour");
                drop(self.own.kept());
            }
        }
    }

    /// Takes the claim back, and what it outlived. Where `failed` leaves it open whether a file
    /// comes to be, it stays: that of an append for its next run, that of a put of given keys to
    /// keep others away.
    pub(crate) async fn end(self, storage: &ColdStorage, failed: Option<&Error>) {
        match failed.map(Error::kind) {
            Some(ErrorKind::Unavailable | ErrorKind::Internal) => match self.name.mark() {
                ClaimMark::Keys(_) => drop(self.own.kept()),
                ClaimMark::Append | ClaimMark::AppendId(_) | ClaimMark::Repair(_) => {
                    self.leave(storage).await;
                }
            },
            Some(_) => self.own.delete().await,
            None => {
                self.own.delete().await;
                for note in self.outlived {
                    note.delete().await;
                }
            }
        }
    }
}

/// The pause before the claims are listed once more, after so many.
async fn pause(times: u32) {
    let mut waited = Retry::from(0);
    waited.failures = times.saturating_sub(1);
    let mut random = Random::new(RandomState::new().hash_one(Instant::now()));
    let backoff = Backoff { first_ms: PAUSE_MS, longest_ms: PAUSE_MS_MAX, ..Backoff::patient(0) };
    waited.after_failure(&backoff, &mut random, None, 0);
    tokio::time::sleep(Duration::from_millis(waited.not_before_ms)).await;
}
