//! Actions as the leaves of our checkpoints.

use super::shape::Growing;
use crate::resolve::Leaf;
use crate::table::action::{Add, Metadata, Protocol, Remove, Transaction};
use crate::table::uri::encoded_path;
use crate::{Error, Result};

/// One action of a checkpoint that is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Action<'t> {
    Protocol(&'t Protocol),
    Metadata(&'t Metadata),
    Transaction(&'t Transaction),
    Add(&'t Add),
    Remove(&'t Remove),
}

/// The actions of one row group.
pub(super) struct Group {
    pub(super) rows: usize,
    /// Bytes of the longest texts of the actions.
    pub(super) text_bytes: usize,
    protocol: Protocols,
    metadata: Metadatas,
    transaction: Transactions,
    add: Adds,
    remove: Removes,
}

impl Group {
    pub(super) fn new() -> Self {
        Group {
            rows: 0,
            text_bytes: 0,
            protocol: Protocols::new(),
            metadata: Metadatas::new(),
            transaction: Transactions::new(),
            add: Adds::new(),
            remove: Removes::new(),
        }
    }

    /// Adds the action as the next row.
    pub(super) fn push(&mut self, action: Action<'_>) -> Result<()> {
        let row = self.rows;
        match action {
            Action::Protocol(action) => self.protocol.push(row, action)?,
            Action::Metadata(action) => self.metadata.push(row, action),
            Action::Transaction(action) => self.transaction.push(row, action),
            Action::Add(action) => {
                self.text_bytes += action.path.len() + action.stats.as_ref().map_or(0, String::len);
                self.add.push(row, action)?;
            }
            Action::Remove(action) => {
                self.text_bytes += action.path.len();
                self.remove.push(row, action)?;
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// All leaves, in the order of the schema.
    pub(super) fn end(self) -> Vec<Leaf> {
        let rows = self.rows;
        let (protocol, metadata) = (self.protocol.leaves(), self.metadata.leaves());
        let (transaction, add) = (self.transaction.leaves(), self.add.leaves());
        let remove = self.remove.leaves();
        let leaves = protocol.into_iter().chain(metadata).chain(transaction).chain(add);
        leaves.chain(remove).map(|leaf| leaf.end(rows)).collect()
    }
}

struct Protocols {
    reader_version: Growing,
    writer_version: Growing,
    reader_features: Growing,
    writer_features: Growing,
}

impl Protocols {
    fn new() -> Self {
        Protocols {
            reader_version: Growing::int32(1),
            writer_version: Growing::int32(1),
            reader_features: Growing::nullable_entries(1),
            writer_features: Growing::nullable_entries(1),
        }
    }

    fn push(&mut self, row: usize, action: &Protocol) -> Result<()> {
        self.reader_version.int32_of(row, version(action.reader_version)?);
        self.writer_version.int32_of(row, version(action.writer_version)?);
        // The lists exist exactly with the versions that have features.
        let reader = action.reader_version >= 3 || !action.reader_features.is_empty();
        let writer = action.writer_version >= 7 || !action.writer_features.is_empty();
        self.reader_features.entries(row, reader.then(|| texts(&action.reader_features)));
        self.writer_features.entries(row, writer.then(|| texts(&action.writer_features)));
        Ok(())
    }

    fn leaves(self) -> [Growing; 4] {
        [self.reader_version, self.writer_version, self.reader_features, self.writer_features]
    }
}

struct Metadatas {
    id: Growing,
    name: Growing,
    description: Growing,
    provider: Growing,
    options: Map,
    schema: Growing,
    partition_columns: Growing,
    configuration: Map,
    created: Growing,
}

impl Metadatas {
    fn new() -> Self {
        Metadatas {
            id: Growing::texts(1),
            name: Growing::texts(1),
            description: Growing::texts(1),
            provider: Growing::texts(2),
            options: Map::new(2),
            schema: Growing::texts(1),
            partition_columns: Growing::nullable_entries(1),
            configuration: Map::new(1),
            created: Growing::int64(1),
        }
    }

    fn push(&mut self, row: usize, action: &Metadata) {
        self.id.text(row, Some(&action.id));
        self.name.text(row, action.name.as_deref());
        self.description.text(row, action.description.as_deref());
        self.provider.text(row, Some(&action.format_provider));
        // Nothing has options, but readers want the map.
        self.options.push(row, Some(std::iter::empty()));
        self.schema.text(row, Some(&action.schema_string));
        self.partition_columns.entries(row, Some(texts(&action.partition_columns)));
        self.configuration.push(row, Some(pairs(&action.configuration)));
        self.created.number(row, action.created_ms);
    }

    fn leaves(self) -> Vec<Growing> {
        let mut leaves = vec![self.id, self.name, self.description, self.provider];
        leaves.extend(self.options.leaves());
        leaves.extend([self.schema, self.partition_columns]);
        leaves.extend(self.configuration.leaves());
        leaves.push(self.created);
        leaves
    }
}

struct Transactions {
    app_id: Growing,
    version: Growing,
    updated: Growing,
}

impl Transactions {
    fn new() -> Self {
        Transactions {
            app_id: Growing::texts(1),
            version: Growing::int64(1),
            updated: Growing::int64(1),
        }
    }

    fn push(&mut self, row: usize, action: &Transaction) {
        self.app_id.text(row, Some(&action.app_id));
        self.version.number(row, Some(action.version));
        self.updated.number(row, action.updated_ms);
    }

    fn leaves(self) -> [Growing; 3] {
        [self.app_id, self.version, self.updated]
    }
}

struct Adds {
    path: Growing,
    partition_values: Map,
    size: Growing,
    modified: Growing,
    data_change: Growing,
    stats: Growing,
    tags: Map,
}

impl Adds {
    fn new() -> Self {
        Adds {
            path: Growing::texts(1),
            partition_values: Map::new(1),
            size: Growing::int64(1),
            modified: Growing::int64(1),
            data_change: Growing::booleans(1),
            stats: Growing::texts(1),
            tags: Map::new(1),
        }
    }

    fn push(&mut self, row: usize, action: &Add) -> Result<()> {
        if action.deletion_vector.is_some() {
            return Err(has_vector(&action.path));
        }
        self.path.text(row, Some(&encoded_path(&action.path)));
        let values = action.partition_values.iter();
        let values = values.map(|(key, value)| (key.as_str(), value.as_deref()));
        self.partition_values.push(row, Some(values));
        self.size.number(row, Some(size(&action.path, action.bytes)?));
        self.modified.number(row, Some(action.modified_ms));
        self.data_change.boolean(row, Some(false));
        self.stats.text(row, action.stats.as_deref());
        let tags = (!action.tags.is_empty()).then(|| pairs(&action.tags));
        self.tags.push(row, tags);
        Ok(())
    }

    fn leaves(self) -> Vec<Growing> {
        let mut leaves = vec![self.path];
        leaves.extend(self.partition_values.leaves());
        leaves.extend([self.size, self.modified, self.data_change, self.stats]);
        leaves.extend(self.tags.leaves());
        leaves
    }
}

struct Removes {
    path: Growing,
    deleted: Growing,
    data_change: Growing,
    is_extended: Growing,
    partition_values: Map,
    size: Growing,
    tags: Map,
}

impl Removes {
    fn new() -> Self {
        Removes {
            path: Growing::texts(1),
            deleted: Growing::int64(1),
            data_change: Growing::booleans(1),
            is_extended: Growing::booleans(1),
            partition_values: Map::new(1),
            size: Growing::int64(1),
            tags: Map::new(1),
        }
    }

    fn push(&mut self, row: usize, action: &Remove) -> Result<()> {
        if action.deletion_vector.is_some() {
            return Err(has_vector(&action.path));
        }
        self.path.text(row, Some(&encoded_path(&action.path)));
        self.deleted.number(row, action.deleted_ms);
        self.data_change.boolean(row, Some(false));
        // It says that size, partition values and tags are there. We write only to tables without
        // partitions.
        let is_extended = action.bytes.is_some();
        self.is_extended.boolean(row, Some(is_extended));
        self.partition_values.push(row, is_extended.then(std::iter::empty));
        let bytes = action.bytes.map(|bytes| size(&action.path, bytes)).transpose()?;
        self.size.number(row, bytes);
        let tags = (!action.tags.is_empty()).then(|| pairs(&action.tags));
        self.tags.push(row, tags);
        Ok(())
    }

    fn leaves(self) -> Vec<Growing> {
        let mut leaves = vec![self.path, self.deleted, self.data_change, self.is_extended];
        leaves.extend(self.partition_values.leaves());
        leaves.push(self.size);
        leaves.extend(self.tags.leaves());
        leaves
    }
}

/// A map of texts.
struct Map {
    keys: Growing,
    values: Growing,
}

impl Map {
    fn new(groups: i16) -> Self {
        Map { keys: Growing::keys(groups), values: Growing::nullable_entries(groups) }
    }

    fn push<'t>(
        &mut self,
        row: usize,
        entries: Option<impl Iterator<Item = (&'t str, Option<&'t str>)> + Clone>,
    ) {
        self.keys.entries(row, entries.clone().map(|all| all.map(|(key, _)| Some(key))));
        self.values.entries(row, entries.map(|all| all.map(|(_, value)| value)));
    }

    fn leaves(self) -> [Growing; 2] {
        [self.keys, self.values]
    }
}

fn pairs(
    map: &std::collections::BTreeMap<String, String>,
) -> impl Iterator<Item = (&str, Option<&str>)> + Clone {
    map.iter().map(|(key, value)| (key.as_str(), Some(value.as_str())))
}

fn texts(list: &[String]) -> impl Iterator<Item = Option<&str>> {
    list.iter().map(|text| Some(text.as_str()))
}

fn version(version: u32) -> Result<i32> {
    i32::try_from(version).map_err(|_| {
        Error::misuse(format!("the protocol has the version {version}, which no checkpoint holds"))
    })
}

fn size(path: &str, bytes: u64) -> Result<i64> {
    i64::try_from(bytes).map_err(|_| {
        Error::misuse(format!("the file {path:?} has {bytes} bytes, which no checkpoint holds"))
    })
}

/// A table with deletion vectors is read only for us.
fn has_vector(path: &str) -> Error {
    Error::misuse(format!(
        "the file {path:?} has a deletion vector, and Coldpress writes no checkpoint of a table \
         with deletion vectors; write it with the engine that made them"
    ))
}
