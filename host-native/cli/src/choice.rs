//! Chooses data files for `verify`, `ls` and `rm`: all, a tenant's, or a collection's.

use coldpress::Contents;
use coldpress_core::{KeyPrefix, ObjectKey};

use super::absent;
use super::failure::Failure;
use super::store::Store;

/// The chosen data files.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'a> {
    tenant: Option<u64>,
    collection: Option<&'a str>,
}

impl<'a> Choice<'a> {
    /// The files of a tenant, of a collection, of both, or all. A failure if no collection can have
    /// that name.
    pub fn new(tenant: Option<u64>, collection: Option<&'a str>) -> Result<Self, Failure> {
        if let Some(collection) = collection {
            ObjectKey::collection_folder(&KeyPrefix::default(), 0, collection)
                .map_err(Failure::usage)?;
        }
        Ok(Choice { tenant, collection })
    }

    /// The chosen files in the store, by tenant, collection and LSN, and the foreign names beside
    /// them. A failure if a named tenant or collection has no data, or if the store does not exist.
    pub fn contents(self, store: &Store) -> Result<Contents, Failure> {
        let storage = store.storage();
        let mut contents = store.ask(storage.contents(self.tenant, self.collection))?;
        contents.objects.retain(|object| object.key.lsns().is_some());
        if contents.objects.is_empty() {
            store.ask(storage.require())?;
            if self.tenant.is_some() || self.collection.is_some() {
                return Err(absent::choice(store, self.tenant, self.collection));
            }
        }
        Ok(contents)
    }

    /// Whether a path that is no key is in the folders of the chosen files.
    pub fn holds(self, prefix: &KeyPrefix, path: &str) -> bool {
        let rest = path.strip_prefix(prefix.as_str()).unwrap_or(path);
        let Some((tenant, below)) = rest.split_once('/') else {
            return self.tenant.is_none() && self.collection.is_none();
        };
        let in_collection = |collection| {
            ObjectKey::collection_folder(&KeyPrefix::default(), 0, collection)
                .is_ok_and(|folder| below.starts_with(&folder["0/".len()..]))
        };
        self.tenant.is_none_or(|wanted| tenant == wanted.to_string())
            && self.collection.is_none_or(in_collection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lie_in_the_folders_of_a_choice_or_not() {
        let prefix = KeyPrefix::new("p").unwrap();
        let holds = |tenant, collection, path| {
            Choice::new(tenant, collection).unwrap().holds(&prefix, path)
        };
        for (tenant, collection, path, expected) in [
            (None, None, "p/7/a%20b/.x", true),
            (None, None, "p/.x", true),
            (Some(7), None, "p/7/a%20b/.x", true),
            (Some(7), None, "p/.x", false),
            (Some(7), None, "p/77/c/.x", false),
            (None, Some("a b"), "p/7/a%20b/.x", true),
            (None, Some("a"), "p/7/a%20b/.x", false),
            (Some(7), Some("a b"), "p/7/a%20b/.x", true),
            (Some(8), Some("a b"), "p/7/a%20b/.x", false),
        ] {
            assert_eq!(
                holds(tenant, collection, path),
                expected,
                "{tenant:?} {collection:?} {path}"
            );
        }
        assert!(Choice::new(None, Some("")).is_err());
    }
}
