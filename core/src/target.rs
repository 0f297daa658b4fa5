//! Whose rows a file holds.

use crate::key::{KeyPrefix, LsnRange, LsnWidth};

/// Whose rows a file holds, and so where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The folder in which all keys lie.
    pub prefix: KeyPrefix,
    /// The tenant whose rows they are.
    pub tenant_id: u64,
    /// The collection they belong to: any name that [`ObjectKey`](crate::ObjectKey) can encode.
    pub collection: String,
    /// The LSNs of the rows. `None`: they count the rows from 0.
    pub lsns: Option<LsnRange>,
    /// How LSNs are written in the key.
    pub lsn_width: LsnWidth,
}

impl Target {
    /// The target without a prefix, with LSNs that count the rows.
    pub fn new(tenant_id: u64, collection: impl Into<String>) -> Self {
        Target {
            prefix: KeyPrefix::default(),
            tenant_id,
            collection: collection.into(),
            lsns: None,
            lsn_width: LsnWidth::default(),
        }
    }
}
