//! Claims on LSN ranges of a collection. Core's `Claiming` decides; this puts, lists and deletes
//! the claims' objects (decision 14).

pub(crate) mod found;
mod object;

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use coldpress_core::{
    Backoff, ClaimMark, ClaimName, ClaimStep, Claiming, KeyTarget, LsnRange, ObjectKey, Random,
    Refusal, Retry, Wanted,
};

use crate::error::{Error, ErrorKind, Result};
use crate::process;
use crate::storage::claims::found::{ClaimsAndFiles, FoundClaim, store_time};
use crate::storage::claims::object::ClaimObject;
use crate::storage::cold_storage::ColdStorage;
use crate::storage::list::found::StoredObject;

/// After this time, a claim is stale and its writer stores nothing more: others count a claim as
/// dead after an hour, and this is well before.
const TRUSTED: Duration = Duration::from_secs(20 * 60);
/// The longest first pause between two listings. It doubles each time, up to the maximum; each
/// pause is a random part of it.
const PAUSE_MS: u64 = 40;
const PAUSE_MS_MAX: u64 = 1_000;

/// The kind of put that claims LSNs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ClaimAs<'n> {
    /// A put to keys that the caller chose.
    Put,
    /// A put after the highest LSN.
    Append,
    /// The same, by the append with this id.
    AppendId(&'n str),
    /// A repair of the damaged object at this key.
    Repair(&'n ObjectKey),
}

/// A granted claim: its LSNs are ours until it ends. If it is dropped before anything was stored,
/// its object is deleted.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) lsns: LsnRange,
    /// The files that the collection had when the claim was granted.
    pub(crate) files: Vec<StoredObject>,
    /// The claims of appends and puts with lower LSNs whose files may not be there yet.
    pub(crate) before: Vec<ClaimName>,
    name: ClaimName,
    own: ClaimObject,
    /// Claims of other puts that are useless once this put has stored its files.
    outlived: Vec<ClaimObject>,
    made: (Instant, SystemTime),
}

/// Why LSNs were not claimed.
#[derive(Debug)]
pub(crate) enum NotClaimed {
    /// There is no permission to list, so nobody can check for other claims. No claim is left in
    /// the store.
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
    /// The LSN after all files of a collection and all claims of running puts; `None` if the
    /// highest possible LSN is taken. Another writer may take it at any time:
    /// [`RowStream::append`](crate::RowStream::append) takes an LSN that is free when its rows are
    /// stored.
    pub async fn next_lsn(&self, tenant_id: u64, collection: &str) -> Result<Option<u64>> {
        Ok(self.claims_and_files(tenant_id, collection).await?.next_lsn())
    }

    /// Claims LSNs in the collection of `key`, which is any key of it. The claims `ignored` are no
    /// obstacle, and are deleted when this claim ends well.
    pub(crate) async fn claim(
        &self,
        key: &ObjectKey,
        wanted: Wanted,
        kind: ClaimAs<'_>,
        ignored: Vec<ClaimName>,
    ) -> Result<Claim, NotClaimed> {
        let KeyTarget::Data { tenant_id, collection, .. } = key.target() else {
            let message = "only data files have LSNs, so only their keys can be claimed";
            return Err(Error::new(ErrorKind::Misuse, message).into());
        };
        let mark = match (kind, &wanted) {
            (ClaimAs::AppendId(id), _) => ClaimMark::append_id(id),
            (ClaimAs::Repair(key), _) => ClaimMark::repair(key),
            (ClaimAs::Put, Wanted::Keys(keys)) => ClaimMark::keys(keys),
            (ClaimAs::Put | ClaimAs::Append, _) => ClaimMark::Append,
        };
        let owner = process::process_name();
        let mut claiming = Claiming::new(wanted, mark, &owner, ignored.clone())?;
        let path = |name: &ClaimName| -> Result<String> {
            Ok(name.path(self.prefix(), *tenant_id, collection)?)
        };
        let object = |name: &ClaimName| path(name).map(|path| ClaimObject::new(self, path));
        let mut own: Option<ClaimObject> = None;
        let mut made = (Instant::now(), self.clock().now());
        let mut seen = (ClaimsAndFiles { claims: Vec::new(), files: Vec::new() }, made.1);
        loop {
            match claiming.poll().clone() {
                ClaimStep::List => {
                    let found = match self.claims_and_files(*tenant_id, collection).await {
                        Ok(found) => found,
                        Err(error) => {
                            if let Some(own) = own.take() {
                                own.delete().await;
                            }
                            return Err(NotClaimed::of_listing(error));
                        }
                    };
                    let now = store_time(&found, &owner).unwrap_or_else(|| self.clock().now());
                    claiming.listed(&found.claims_seen(now), &found.keys());
                    seen = (found, now);
                }
                ClaimStep::Put(name) => {
                    made = (Instant::now(), self.clock().now());
                    own = Some(self.put_claim(object(&name)?).await?);
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
                    let own = own.map_or_else(|| object(&name), Ok)?;
                    let outlived = seen.0.outlived(&name, &ignored, seen.1);
                    let outlived = outlived.iter().map(|name| object(name).map(ClaimObject::kept));
                    let outlived = outlived.collect::<Result<Vec<_>>>()?;
                    let lsns = name.lsns();
                    let (before, files) = (seen.0.unstored_before(lsns, seen.1), seen.0.files);
                    return Ok(Claim { lsns, files, before, name, own, outlived, made });
                }
                ClaimStep::Refused(refusal) => {
                    return Err(self.refused(refusal, key, &path).into());
                }
            }
        }
    }

    async fn put_claim(&self, claim: ClaimObject) -> Result<ClaimObject> {
        match self.put_note(&claim.path, Bytes::new()).await {
            Ok(_) => Ok(claim),
            Err(error) => {
                // Without a useful answer, the claim may be in the store: then dropping it deletes
                // it. After a clear refusal, it is not there.
                if error.kind() != ErrorKind::Unavailable {
                    drop(claim.kept());
                }
                Err(error)
            }
        }
    }

    /// Lists the claims of a collection, and then its files. In this order no writer is missed: one
    /// that has already deleted its claim has published its files before.
    pub(crate) async fn claims_and_files(
        &self,
        tenant_id: u64,
        collection: &str,
    ) -> Result<ClaimsAndFiles> {
        let folder = ObjectKey::claims_folder(self.prefix(), tenant_id, collection)?;
        let mut claims = Vec::new();
        for meta in self.listing().folder(&folder).await? {
            let name = meta.location.as_ref().rsplit('/').next().and_then(ClaimName::parse);
            match name {
                Some(name) => claims.push(FoundClaim {
                    runs: process::runs(name.owner()),
                    name,
                    modified: meta.last_modified.into(),
                }),
                None => {
                    tracing::debug!(name = %meta.location, "ignored a name that is not a claim")
                }
            }
        }
        let files = self.list(tenant_id, collection, None).await?;
        Ok(ClaimsAndFiles { claims, files })
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
                let message = format!(
                    "LSNs {lsns} overlap those of {found}, which is already stored; give these \
                    rows other LSNs"
                );
                (ErrorKind::Conflict, message, wanted.as_str().to_owned())
            }
            Refusal::Claim(name) => {
                let message = format!(
                    "another put has claimed LSNs {} and is about to store them; wait until it has \
                    ended, and try again (if it was killed on another machine, its claim counts \
                    for an hour: delete this object to continue at once)",
                    name.lsns()
                );
                (ErrorKind::Conflict, message, path(&name).unwrap_or_default())
            }
            Refusal::SameRun(name) => {
                let message = match name.mark() {
                    ClaimMark::Repair(_) => {
                        "another repair of this object is running; wait until it has ended, and \
                        run this one again (if it was killed on another machine, its claim counts \
                        for an hour; after that, run the same repair again)"
                    }
                    _ => {
                        "another run of this append is running; wait until it has ended, and run \
                        this one again (if it was killed on another machine, its claim counts for \
                        an hour: delete this object to continue at once)"
                    }
                };
                (ErrorKind::Conflict, message.to_owned(), path(&name).unwrap_or_default())
            }
            Refusal::NoneLeft => {
                let message = "the collection has no LSN left for all of these rows after its \
                    highest one; give a free range";
                let error = coldpress_core::Error::new(coldpress_core::ErrorKind::Key, message);
                return Error::from(error).at(key.as_str());
            }
            Refusal::Outrun => {
                let message = "other writers were faster at each free range of LSNs; try again";
                (ErrorKind::Unavailable, message.to_owned(), key.as_str().to_owned())
            }
            Refusal::NotListed(name) => {
                let message = "the store does not list this object, although it was put just now; \
                    try again, or use a store whose listings are up to date";
                (ErrorKind::Unavailable, message.to_owned(), path(&name).unwrap_or_default())
            }
        };
        Error::new(kind, message).at(at)
    }
}

impl Claim {
    /// Whether the claim is so old that other writers may soon count it as dead.
    pub(crate) fn is_stale(&self, storage: &ColdStorage) -> bool {
        let (instant, time) = self.made;
        // Two clocks: one stops while the machine sleeps, the other can be set back.
        let by_clock = storage.clock().now().duration_since(time).unwrap_or_default();
        instant.elapsed().max(by_clock) > TRUSTED
    }

    /// As [`keep_if_dropped`](Self::keep_if_dropped), by value.
    pub(crate) fn kept(mut self) -> Self {
        self.keep_if_dropped();
        self
    }

    /// From now on, files with these LSNs may become visible. So if this value is dropped, the
    /// claim stays in the store and keeps others away.
    pub(crate) fn keep_if_dropped(&mut self) {
        self.own.keep();
    }

    /// Ends a put that has stored some of its objects. The claim stays for the next run of the same
    /// put, as the claim of a process that has ended, so that the next run does not wait.
    pub(crate) async fn leave_for_rerun(self, storage: &ColdStorage) {
        let left = async {
            let name = self.name.clone().owned_by(&process::nobody())?;
            let above = self.own.path.rsplit_once('/').map_or("", |(above, _)| above);
            storage.put_note(&format!("{above}/{name}"), Bytes::new()).await
        };
        match left.await {
            Ok(_) => self.own.delete().await,
            Err(error) => {
                tracing::warn!(%error, "the claim of a failed put counts for an hour");
                drop(self.own.kept());
            }
        }
    }

    /// Deletes the claim, and after success also the claims that it makes useless. If `failed` does
    /// not say whether a file may still appear in the store, the claim stays: an append's for its
    /// next run, a put's to keep others away.
    pub(crate) async fn end(self, storage: &ColdStorage, failed: Option<&Error>) {
        match failed.map(Error::kind) {
            Some(ErrorKind::Unavailable | ErrorKind::Internal) => match self.name.mark() {
                ClaimMark::Keys(_) => drop(self.own.kept()),
                ClaimMark::Append | ClaimMark::AppendId(_) | ClaimMark::Repair(_) => {
                    self.leave_for_rerun(storage).await;
                }
            },
            Some(_) => self.own.delete().await,
            None => {
                self.own.delete().await;
                for object in self.outlived {
                    object.delete().await;
                }
            }
        }
    }
}

/// The pause before the claims are listed again, after `times` listings.
pub(crate) async fn pause(times: u32) {
    let mut waited = Retry::from(0);
    waited.failures = times.saturating_sub(1);
    let mut random = Random::new(RandomState::new().hash_one(Instant::now()));
    let backoff = Backoff { first_ms: PAUSE_MS, longest_ms: PAUSE_MS_MAX, ..Backoff::patient(0) };
    waited.after_failure(&backoff, &mut random, None, 0);
    tokio::time::sleep(Duration::from_millis(waited.not_before_ms)).await;
}
