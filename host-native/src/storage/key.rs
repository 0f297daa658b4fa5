//! Keys as callers give them: an `ObjectKey`, or its text.

use std::borrow::Cow;

use coldpress_core::{KeyPrefix, ObjectKey};

use crate::error::Result;
use crate::storage::cold_storage::ColdStorage;

/// The key of one object: an [`ObjectKey`], or its text as the store has it (`&str`, `String`).
///
/// A text is parsed with [`ColdStorage::prefix`]. A text that is not a key with this prefix is an
/// error of kind [`ErrorKind::Key`](crate::ErrorKind::Key), and so is an [`ObjectKey`] with another
/// prefix. No other type can implement this trait.
pub trait ToKey: sealed::Parsed + Send + Sync {}

impl ToKey for ObjectKey {}
impl ToKey for str {}
impl ToKey for String {}
impl<K: ToKey + ?Sized> ToKey for &K {}

mod sealed {
    use super::{Cow, KeyPrefix, ObjectKey, Result};

    pub trait Parsed {
        /// The key. Only a text is checked against the prefix.
        fn parsed(&self, prefix: &KeyPrefix) -> Result<Cow<'_, ObjectKey>>;
    }

    impl Parsed for ObjectKey {
        fn parsed(&self, _: &KeyPrefix) -> Result<Cow<'_, ObjectKey>> {
            Ok(Cow::Borrowed(self))
        }
    }

    impl Parsed for str {
        fn parsed(&self, prefix: &KeyPrefix) -> Result<Cow<'_, ObjectKey>> {
            Ok(Cow::Owned(ObjectKey::parse(prefix, self)?))
        }
    }

    impl Parsed for String {
        fn parsed(&self, prefix: &KeyPrefix) -> Result<Cow<'_, ObjectKey>> {
            self.as_str().parsed(prefix)
        }
    }

    impl<K: Parsed + ?Sized> Parsed for &K {
        fn parsed(&self, prefix: &KeyPrefix) -> Result<Cow<'_, ObjectKey>> {
            (**self).parsed(prefix)
        }
    }
}

impl ColdStorage {
    /// The key, which must be one of this store; any other is an error of kind `Key`.
    pub(crate) fn own_key<'k>(&self, key: &'k impl ToKey) -> Result<Cow<'k, ObjectKey>> {
        let key = key.parsed(self.prefix())?;
        ObjectKey::parse(self.prefix(), key.as_str())?;
        Ok(key)
    }

    /// The key. An `ObjectKey` may have another prefix.
    pub(crate) fn any_key<'k>(&self, key: &'k impl ToKey) -> Result<Cow<'k, ObjectKey>> {
        key.parsed(self.prefix())
    }
}
