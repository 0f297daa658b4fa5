//! Files of one collection that hold the same LSNs: their rows are read twice.

use coldpress::StoredObject;
use coldpress_core::{KeyTarget, LsnRange};

/// The keys of two files that hold the same LSNs.
pub type Overlap = [String; 2];

/// Every file whose LSNs begin within an earlier file, with that file. `objects` are in the order
/// of tenant, collection and LSN.
pub fn overlaps(objects: &[StoredObject]) -> Vec<Overlap> {
    let mut found = Vec::new();
    let mut before: Option<&StoredObject> = None;
    for object in objects {
        let Some((place, lsns)) = place(object) else { continue };
        let of_before = before.and_then(|before| Some((before, self::place(before)?)));
        let of_before = of_before.filter(|(_, (other, _))| *other == place);
        if let Some((before, (_, others))) = of_before
            && others.overlaps(lsns)
        {
            found.push([before.key.to_string(), object.key.to_string()]);
        }
        // The one that reaches furthest can overlap those that follow.
        if of_before.is_none_or(|(_, (_, others))| others.max() < lsns.max()) {
            before = Some(object);
        }
    }
    found
}

/// The tenant and the collection of a file of rows, and its LSNs.
fn place(object: &StoredObject) -> Option<((u64, &str), LsnRange)> {
    match object.key.target() {
        KeyTarget::Data { tenant_id, collection, lsns } => Some(((*tenant_id, collection), *lsns)),
        KeyTarget::Wal { .. } => None,
    }
}
