//! The store: objects by name, relative to the folder of the table.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::super::ListedObject;
use super::content::Content;

pub(super) const LOG: &str = "_delta_log/";
pub(super) const CLAIMS: &str = "_claims/";

#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) content: Content,
    pub(super) modified_ms: i64,
}

#[derive(Debug, Default)]
pub(super) struct Store(BTreeMap<String, Object>);

impl Store {
    pub(super) fn get(&self, name: &str) -> Option<&Object> {
        self.0.get(name)
    }

    /// Whether the object is new; one that is there stays.
    pub(super) fn put_new(&mut self, name: &str, content: Content, now_ms: i64) -> bool {
        if self.0.contains_key(name) {
            return false;
        }
        self.put_over(name, content, now_ms);
        true
    }

    pub(super) fn put_over(&mut self, name: &str, content: Content, now_ms: i64) {
        self.0.insert(name.to_owned(), Object { content, modified_ms: now_ms });
    }

    pub(super) fn delete(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    /// The objects of a folder, without those of folders in it, whose names sort after this one.
    pub(super) fn list(&self, folder: &str, after: &str) -> Vec<ListedObject> {
        let after = format!("{folder}{after}");
        let later = self.0.range::<str, _>((Bound::Excluded(after.as_str()), Bound::Unbounded));
        let here = later.take_while(|(name, _)| name.starts_with(folder));
        let listed = here.filter_map(|(name, object)| {
            let name = name.strip_prefix(folder).filter(|name| !name.contains('/'))?;
            Some(ListedObject {
                name: name.to_owned(),
                bytes: object.content.bytes(),
                modified_ms: object.modified_ms,
            })
        });
        listed.collect()
    }

    /// The files of rows.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &Object)> {
        let files = self.0.iter().filter(|(name, _)| !name.contains('/'));
        files.map(|(name, object)| (name.as_str(), object))
    }
}
