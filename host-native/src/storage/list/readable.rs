//! The data files of a collection, page by page, for grants to read them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use coldpress_core::table::Table;
use coldpress_core::{KeyTarget, LsnRange, ObjectKey};

use crate::error::{Error, ErrorKind, Result};
use crate::storage::list::Listing;
use crate::storage::list::names::Name;
use crate::store::s3::client::S3Store;
use crate::store::s3::grants::Readable;
use crate::store::s3::list::ListingPages;
use crate::threads::blocking;

/// Where a file stands in its collection: by its LSNs. Two widths of the same LSNs stand in the
/// order of their keys.
pub(crate) type Position = (LsnRange, String);

/// Which files of a collection to give.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) tenant_id: u64,
    pub(crate) collection: String,
    /// Only files that hold one of these LSNs.
    pub(crate) lsns: Option<LsnRange>,
    /// Only files behind this one.
    pub(crate) after: Option<Position>,
    /// Only files of this table.
    pub(crate) table: Option<Arc<Table>>,
    /// At most this many, at least 1.
    pub(crate) count: usize,
}

/// A page of files.
#[derive(Debug)]
pub(crate) struct ReadablePage {
    pub(crate) files: Vec<Readable>,
    /// Whether there are more.
    pub(crate) more: bool,
    /// Whether there is a log beside the files.
    pub(crate) has_log: bool,
}

impl Listing<'_> {
    /// The first files that are wanted, in the order of their LSNs.
    ///
    /// Reads the whole listing of the collection, because a bucket lists names and not numbers
    /// (`lsn-10` before `lsn-9`). Keeps no more than `count` files of it.
    pub(crate) async fn readable(&self, s3: &S3Store, wanted: &Wanted) -> Result<ReadablePage> {
        let folder =
            ObjectKey::collection_folder(self.prefix, wanted.tenant_id, &wanted.collection)?;
        let of_table = wanted.files_of_table().await?;
        let mut pages = ListingPages::new(s3, &folder, Some("/"));
        let mut first = BTreeMap::new();
        let (mut more, mut has_log) = (false, false);
        while let Some(page) = pages.next().await? {
            let log = Name::Log(folder.clone());
            has_log |= page.folders.iter().any(|name| Name::of(self.prefix, name) == log);
            for listed in page.objects {
                let Name::Key(key) = Name::of(self.prefix, &listed.name) else { continue };
                let Some(position) = wanted.position_of(&key) else { continue };
                if of_table.as_ref().is_some_and(|files| !files.contains(&position)) {
                    continue;
                }
                let (bytes, etag) = (listed.bytes, listed.etag);
                let readable = Readable { key, bytes, etag };
                if let Some(twice) = first.insert(position, readable) {
                    return Err(self.listed_twice(&twice.key));
                }
                if first.len() > wanted.count {
                    first.pop_last();
                    more = true;
                }
            }
        }
        let mut of_table = of_table.into_iter().flatten().take(wanted.count);
        if let Some((_, key)) = of_table.find(|position| !first.contains_key(position)) {
            return Err(missing(&key));
        }
        Ok(ReadablePage { files: first.into_values().collect(), more, has_log })
    }
}

impl Wanted {
    /// Where this file stands; `None` if it is not wanted.
    fn position_of(&self, key: &ObjectKey) -> Option<Position> {
        let KeyTarget::Data { tenant_id, collection, lsns, .. } = key.target() else { return None };
        let is_here = *tenant_id == self.tenant_id && *collection == self.collection;
        let overlaps = self.lsns.is_none_or(|wanted| lsns.overlaps(wanted));
        let position = (*lsns, key.as_str().to_owned());
        let is_behind = self.after.as_ref().is_none_or(|after| position > *after);
        (is_here && overlaps && is_behind).then_some(position)
    }

    /// The files of the table that are wanted, those of later pages too; `None` without a table.
    async fn files_of_table(&self) -> Result<Option<BTreeSet<Position>>> {
        let Some(table) = self.table.clone() else { return Ok(None) };
        let wanted = self.clone();
        blocking(move || {
            let keys = table.adds().filter_map(|add| table.place().key_of(&add.path));
            Ok(Some(keys.filter_map(|key| wanted.position_of(&key)).collect()))
        })
        .await
    }
}

fn missing(key: &str) -> Error {
    let message = "the table has this file, and no object lies there; if the page is an old one, \
        begin with the first page again, else restore the object";
    Error::new(ErrorKind::NotFound, message).at(key)
}
