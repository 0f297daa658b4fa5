//! The data files of a collection, page by page, for grants to read them.

use std::collections::BTreeMap;

use coldpress_core::{KeyTarget, LsnRange, ObjectKey};

use crate::error::Result;
use crate::storage::list::Listing;
use crate::storage::list::names::Name;
use crate::store::s3::client::S3Store;
use crate::store::s3::grants::Readable;
use crate::store::s3::list::ListingPages;

/// Where a file stands in its collection: by its LSNs. Two widths of the same LSNs stand in the
/// order of their keys.
pub(crate) type Position = (LsnRange, String);

/// Which files of a collection to give.
#[derive(Debug, Clone)]
pub(crate) struct Wanted<'w> {
    pub(crate) tenant_id: u64,
    pub(crate) collection: &'w str,
    /// Only files that hold one of these LSNs.
    pub(crate) lsns: Option<LsnRange>,
    /// Only files behind this one.
    pub(crate) after: Option<Position>,
    /// At most this many, at least 1.
    pub(crate) count: usize,
}

impl Listing<'_> {
    /// The first files that are wanted, in the order of their LSNs; and whether there are more.
    ///
    /// Reads the whole listing of the collection, because a bucket lists names and not numbers
    /// (`lsn-10` before `lsn-9`). Keeps no more than `count` files of it.
    pub(crate) async fn readable(
        &self,
        s3: &S3Store,
        wanted: &Wanted<'_>,
    ) -> Result<(Vec<Readable>, bool)> {
        let folder =
            ObjectKey::collection_folder(self.prefix, wanted.tenant_id, wanted.collection)?;
        let mut pages = ListingPages::new(s3, &folder, Some("/"));
        let mut first = BTreeMap::new();
        let mut more = false;
        while let Some(page) = pages.next().await? {
            for listed in page.objects {
                let Name::Key(key) = Name::of(self.prefix, &listed.name) else { continue };
                let Some(position) = wanted.position_of(&key) else { continue };
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
        Ok((first.into_values().collect(), more))
    }
}

impl Wanted<'_> {
    /// Where this file stands; `None` if it is not wanted.
    fn position_of(&self, key: &ObjectKey) -> Option<Position> {
        let KeyTarget::Data { tenant_id, collection, lsns } = key.target() else { return None };
        let is_here = *tenant_id == self.tenant_id && collection == self.collection;
        let overlaps = self.lsns.is_none_or(|wanted| lsns.overlaps(wanted));
        let position = (*lsns, key.as_str().to_owned());
        let is_behind = self.after.as_ref().is_none_or(|after| position > *after);
        (is_here && overlaps && is_behind).then_some(position)
    }
}
