//! The key-value metadata in the footer of our files.

/// The writer of the file, in the form that readers parse. It changes only if the bytes that we
/// write change.
pub(crate) const CREATED_BY: &str = "coldpress version 1.3.0";

/// The writer of files that have no checksum of the whole file.
#[cfg(feature = "decode")]
pub(crate) const CREATED_BY_WITHOUT_CHECKSUM: &str = "coldpress version 1.0.0";

/// The version of our format: the meaning of `coldpress.*` metadata and `_rescued_data`, and the
/// form of the columns.
pub(crate) const FORMAT_VERSION: &str = "3";

/// The version that says nothing about the form of nulls and whole numbers.
#[cfg(feature = "decode")]
pub(crate) const FORMAT_VERSION_WITHOUT_FORMS: &str = "2";

/// The version whose columns are [`TreeForm::Numbered`].
#[cfg(feature = "decode")]
pub(crate) const FORMAT_VERSION_NUMBERED: &str = "1";

/// Keys of the file's metadata.
pub(crate) mod metadata_key {
    pub(crate) const FORMAT_VERSION: &str = "coldpress.format_version";
    pub(crate) const TENANT: &str = "coldpress.tenant";
    pub(crate) const COLLECTION: &str = "coldpress.collection";
    pub(crate) const APPEND_ID: &str = "coldpress.append_id";
    pub(crate) const APPEND_ROW: &str = "coldpress.append_row";
    pub(crate) const MIN_LSN: &str = "coldpress.min_lsn";
    pub(crate) const MAX_LSN: &str = "coldpress.max_lsn";
    pub(crate) const SCHEMA: &str = "coldpress.schema";
    pub(crate) const OWN_ID: &str = "coldpress.id_in_document";
    pub(crate) const ID: &str = "coldpress.id";
    pub(crate) const CHECKSUM: &str = "coldpress.crc32";
}

/// Where the ids of the rows are: in the column `_id`, and then how decoding gives back the `_id`
/// fields of the documents; or in a field that the caller named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnId {
    /// Not every document has one, or not in the same form. `_rescued_data` has those that exist.
    Absent,
    /// Each document has one, a string.
    String,
    /// Each document has one, a whole number.
    Number,
    /// The file has no `_id` of ours: the ids are the field of exactly the name that the caller
    /// chose.
    NamedField,
    /// The same, and the ids are the field at the end of the path that the chosen name spells.
    NamedPath,
}

impl OwnId {
    /// Whether the ids are a field of the documents, and not the column `_id`.
    pub(crate) fn is_named(self) -> bool {
        matches!(self, OwnId::NamedField | OwnId::NamedPath)
    }
}
