//! Brings files that lie in a collection's folder into its table.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use coldpress_core::table::{NewFile, Table, TableChange, TablePlace};
use coldpress_core::{ClaimMark, KeyTarget, ObjectKey, ReadLimits};
use futures_util::{StreamExt, stream};
use object_store::ObjectStoreExt;

use crate::error::{Error, ErrorKind, Result};
use crate::log::Done;
use crate::storage::claims::pause;
use crate::storage::cold_storage::ColdStorage;
use crate::storage::list::found::StoredObject;
use crate::store::path::store_path;
use crate::time::since_1970_ms;

/// How many footers are read at a time.
const FOOTERS_AT_ONCE: usize = 8;
/// The most files of one entry.
const FILES_OF_ENTRY: usize = 1_000;
/// The longest wait for puts that began before the table was made.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// What [`ColdStorage::adopt_table`] has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Adopted {
    /// The version of the table now; `None` if the collection has no file, and so no table.
    pub version: Option<u64>,
    /// The files that are in the table from now on, in the order of their LSNs.
    pub adopted: Vec<ObjectKey>,
    /// How many files were in it before.
    pub known: u64,
    /// Files that lie there and are not in the table.
    pub passed_over: Vec<NotAdopted>,
    /// How many puts that may not have seen the new log still run. Their files may come without a
    /// commit: then adopt once more.
    pub running: u64,
}

/// A file that was not adopted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotAdopted {
    /// Its key.
    pub key: ObjectKey,
    /// Why, for people.
    pub why: String,
}

/// What became of a stored file: [`ColdStorage::commit_stored`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// This version has brought it into the table.
    Committed(u64),
    /// It was in the table already.
    Known,
    /// The collection has no table, and this store makes none.
    NoTable,
}

impl ColdStorage {
    /// Brings every data file that lies in a collection's folder into its table, those with the
    /// lowest LSNs first. Makes the table if the collection has no log.
    ///
    /// Reads the footers of these files. Files that cannot be adopted stay where they are, and
    /// [`Adopted::passed_over`] names them: damaged files, files whose LSNs or columns do not fit,
    /// and files that the table has removed. Adopting again what is adopted is success.
    ///
    /// A put that began before the log was made may not commit its file. So the first adoption of a
    /// collection waits, a minute at most, for the puts that run, and takes their files too.
    pub async fn adopt_table(&self, tenant_id: u64, collection: &str) -> Result<Adopted> {
        let place = self.table_place(tenant_id, collection)?;
        let mut adopted = Adopted::default();
        let had_log = self.adopt_files(&place, &mut adopted).await?;
        if had_log || adopted.version.is_none() {
            return Ok(adopted);
        }
        adopted.running = self.wait_for_puts(&place).await?;
        let mut late = Adopted::default();
        self.adopt_files(&place, &mut late).await?;
        adopted.version = late.version.or(adopted.version);
        adopted.adopted.extend(late.adopted);
        adopted.passed_over = late.passed_over;
        Ok(adopted)
    }

    /// Commits data files that lie in the store, in the order of `keys`, and says what became of
    /// each. For receipts: a device that uploaded a file by a grant cannot commit it.
    ///
    /// Reads the footer of each file, because no receipt is trusted. Files of one collection share
    /// an entry. The failure of one file does not keep the others from being committed.
    pub async fn commit_stored(&self, keys: &[ObjectKey]) -> Vec<Result<Entered>> {
        let mut entered: Vec<Option<Result<Entered>>> = keys.iter().map(|_| None).collect();
        let mut left: Vec<usize> = (0..keys.len()).collect();
        while let Some(first) = left.first().and_then(|at| keys.get(*at)) {
            let place = match self.place_of(first) {
                Ok(place) => place,
                Err(error) => {
                    if let Some(slot) = entered.get_mut(left.remove(0)) {
                        *slot = Some(Err(error));
                    }
                    continue;
                }
            };
            let is_here = |at: &usize| keys.get(*at).is_some_and(|k| place.path_of(k).is_some());
            let (here, others): (Vec<usize>, Vec<usize>) = left.into_iter().partition(is_here);
            left = others;
            let of_table: Vec<&ObjectKey> = here.iter().filter_map(|at| keys.get(*at)).collect();
            let done = self.commit_in(&place, &of_table).await;
            for (at, done) in here.into_iter().zip(done) {
                if let Some(slot) = entered.get_mut(at) {
                    *slot = Some(done);
                }
            }
        }
        entered.into_iter().map(|done| done.unwrap_or_else(|| Err(unanswered()))).collect()
    }

    /// Makes sure that files of an earlier run of a put are in the table. A file that was removed
    /// since stays removed.
    pub(crate) async fn adopt_stored(
        &self,
        place: &TablePlace,
        objects: Vec<StoredObject>,
    ) -> Result<()> {
        let mut files = Vec::with_capacity(objects.len());
        let mut reading = stream::iter(objects)
            .map(|object| async move { self.file_of(place, &object).await })
            .buffered(FOOTERS_AT_ONCE);
        while let Some(file) = reading.next().await {
            files.push(file?);
        }
        match files.is_empty() {
            true => Ok(()),
            false => self.tables().commit(place, TableChange::adopt(files)).await.map(|_| ()),
        }
    }

    /// One round: adopts what lies there. Says whether there was a log.
    async fn adopt_files(&self, place: &TablePlace, adopted: &mut Adopted) -> Result<bool> {
        let seen = self.claims_and_files(place.tenant_id(), place.collection()).await?;
        let had_log = seen.table.is_some();
        adopted.version = seen.table.as_ref().and_then(|table| table.version());
        let mut new = Vec::new();
        for object in seen.files {
            match seen.table.as_deref().map(|table| standing(table, &object)) {
                None | Some(Standing::New) => new.push(object),
                Some(Standing::Known) => adopted.known += 1,
                Some(Standing::Removed(why)) => {
                    adopted.passed_over.push(NotAdopted { key: object.key, why });
                }
            }
        }
        for objects in new.chunks(FILES_OF_ENTRY) {
            self.adopt_chunk(place, objects, adopted).await?;
        }
        Ok(had_log)
    }

    async fn adopt_chunk(
        &self,
        place: &TablePlace,
        objects: &[StoredObject],
        adopted: &mut Adopted,
    ) -> Result<()> {
        let mut files = Vec::with_capacity(objects.len());
        let read = |object: &StoredObject| {
            let object = object.clone();
            async move { (self.file_of(place, &object).await, object) }
        };
        let mut reading = stream::iter(objects.iter().map(read)).buffered(FOOTERS_AT_ONCE);
        while let Some((read, object)) = reading.next().await {
            match read {
                Ok(file) => files.push(file),
                Err(error) if is_of_file(&error) => {
                    let why = error.message().to_owned();
                    adopted.passed_over.push(NotAdopted { key: object.key, why });
                }
                Err(error) => return Err(error),
            }
        }
        if files.is_empty() {
            return Ok(());
        }
        let done = self.tables().commit(place, TableChange::adopt(files)).await?;
        let key = |path: &String| place.key_of(path);
        adopted.adopted.extend(done.outcome.added.iter().filter_map(key));
        adopted.known += done.outcome.known.len() as u64;
        for passed in done.outcome.passed_over {
            if let Some(key) = place.key_of(&passed.path) {
                adopted.passed_over.push(NotAdopted { key, why: passed.why });
            }
        }
        let version = done.table.and_then(|table| table.version());
        adopted.version = version.or(adopted.version);
        Ok(())
    }

    /// Waits until the puts that run now have ended; says how many have not after a while.
    async fn wait_for_puts(&self, place: &TablePlace) -> Result<u64> {
        let claims = async || {
            let seen = self.claims_and_files(place.tenant_id(), place.collection()).await?;
            let now = self.clock().now();
            let runs = seen.claims.into_iter().filter(|claim| {
                !claim.is_dead(now) && !matches!(claim.name.mark(), ClaimMark::Repair(_))
            });
            Ok::<HashSet<_>, Error>(runs.map(|claim| claim.name).collect())
        };
        let mut left = claims().await?;
        let wait = async {
            let mut times = 0;
            while !left.is_empty() {
                times += 1;
                pause(times).await;
                let now = claims().await?;
                left.retain(|claim| now.contains(claim));
            }
            Ok::<(), Error>(())
        };
        let limit = WAIT_MAX.min(Duration::from_millis(self.limit_ms()));
        if let Ok(waited) = tokio::time::timeout(limit, wait).await {
            waited?;
        }
        Ok(left.len() as u64)
    }

    /// Commits files of one collection, each by itself.
    async fn commit_in(&self, place: &TablePlace, keys: &[&ObjectKey]) -> Vec<Result<Entered>> {
        let all = |error: &Error| keys.iter().map(|_| Err(error.clone())).collect();
        match self.prepared(place).await {
            Err(error) => return all(&error),
            Ok(false) => return keys.iter().map(|_| Ok(Entered::NoTable)).collect(),
            Ok(true) => {}
        }
        let read = |key: &&ObjectKey| {
            let key = (*key).clone();
            async move {
                let (bytes, modified) = self.facts_of(&key).await?;
                self.file_of(place, &StoredObject { key, bytes, modified }).await
            }
        };
        let files: Vec<Result<NewFile>> =
            stream::iter(keys.iter().map(read)).buffered(FOOTERS_AT_ONCE).collect().await;
        let good = files.iter().filter_map(|file| file.as_ref().ok());
        let changes: Vec<_> = good.map(|f| TableChange::append(vec![f.clone()])).collect();
        let done = match changes.is_empty() {
            true => Vec::new(),
            false => self.tables().commit_each(place, changes).await,
        };
        let mut done = done.into_iter();
        let mut entered = Vec::with_capacity(files.len());
        for file in files {
            let done = match file {
                Ok(_) => done.next().unwrap_or_else(|| Err(unanswered())),
                Err(error) => Err(error),
            };
            entered.push(done.map(|Done { outcome, .. }| match outcome.version {
                Some(version) => Entered::Committed(version),
                None => Entered::Known,
            }));
        }
        entered
    }

    /// Whether the collection has a table. Makes it, if this store makes tables.
    async fn prepared(&self, place: &TablePlace) -> Result<bool> {
        if self.makes_tables() {
            self.prepare_table(place.tenant_id(), place.collection()).await?;
            return Ok(true);
        }
        Ok(self.tables().open(place).await?.is_some())
    }

    /// The place of the table that this data file belongs to.
    pub(crate) fn place_of(&self, key: &ObjectKey) -> Result<TablePlace> {
        match ObjectKey::parse(self.prefix(), key.as_str())?.target() {
            KeyTarget::Data { tenant_id, collection, .. } => {
                self.table_place(*tenant_id, collection)
            }
            KeyTarget::Wal { .. } => {
                let message = "this is a segment of a log, and a table has only data files";
                Err(Error::new(ErrorKind::Key, message).at(key.as_str()))
            }
        }
    }

    /// The size of an object, and when it was stored.
    pub(super) async fn facts_of(&self, key: &ObjectKey) -> Result<(u64, SystemTime)> {
        let (store, path) = (self.object_store(), store_path(key.as_str())?);
        let head = async { store.head(&path).await };
        let found = self.within("look at the object", key.as_str(), head).await?;
        Ok((found.size, found.last_modified.into()))
    }

    /// What the log is to say of a file that lies in the store.
    pub(super) async fn file_of(
        &self,
        place: &TablePlace,
        object: &StoredObject,
    ) -> Result<NewFile> {
        let StoredObject { key, bytes, modified } = object;
        let tail = self.tail_of(key, *bytes, &ReadLimits::default()).await?;
        self.new_file(place, key, tail, *bytes, since_1970_ms(*modified)).await
    }
}

/// How an object stands in a table.
enum Standing {
    New,
    Known,
    Removed(String),
}

fn standing(table: &Table, object: &StoredObject) -> Standing {
    let Some(path) = table.place().path_of(&object.key) else { return Standing::New };
    match (table.add(path), table.removal(path)) {
        (Some(add), _) if add.bytes == object.bytes => Standing::Known,
        (Some(_), _) | (None, None) => Standing::New,
        (None, Some(removal)) => {
            let by = removal.version.map(|version| format!(" in version {version}"));
            let by = by.unwrap_or_default();
            Standing::Removed(format!("the table has removed it{by}; a vacuum deletes it"))
        }
    }
}

/// Whether only this one file is at fault.
fn is_of_file(error: &Error) -> bool {
    let kind = error.kind();
    matches!(
        kind,
        ErrorKind::Corrupt | ErrorKind::Limit | ErrorKind::NotFound | ErrorKind::Conflict
    )
}

fn unanswered() -> Error {
    Error::new(ErrorKind::Internal, "a file was not committed, and nothing says why; report this")
}
