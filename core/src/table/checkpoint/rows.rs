//! The rows of a checkpoint as actions.

use super::column::{Leaves, List, Map, One};
use super::leaf::{Kind, damaged};
use crate::table::action::{
    Add, DeletionVector, LogAction, Metadata, Protocol, Remove, Transaction,
};
use crate::table::uri::decoded_path;
use crate::{Error, ErrorKind, Result};

/// What an action takes in memory besides its texts.
const ACTION_BYTES: usize = 512;

/// The columns of all actions that we read.
pub(super) struct Actions {
    protocol: ProtocolColumns,
    metadata: MetadataColumns,
    transaction: TransactionColumns,
    add: AddColumns,
    remove: RemoveColumns,
    sidecar: One,
    checkpoint_metadata: One,
}

impl Actions {
    pub(super) fn open(leaves: &mut Leaves<'_>) -> Result<Self> {
        Ok(Actions {
            protocol: ProtocolColumns::open(leaves)?,
            metadata: MetadataColumns::open(leaves)?,
            transaction: TransactionColumns::open(leaves)?,
            add: AddColumns::open(leaves)?,
            remove: RemoveColumns::open(leaves)?,
            sidecar: leaves.mark(&["sidecar", "path"], Kind::Text)?,
            checkpoint_metadata: leaves.mark(&["checkpointMetadata", "version"], Kind::Number)?,
        })
    }

    /// Takes the next row. A row with no action that we know gives none. `row` is its number in
    /// the file, from 0.
    pub(super) fn next(
        &self,
        leaves: &mut Leaves<'_>,
        row: u64,
        actions: &mut Vec<LogAction>,
    ) -> Result<()> {
        self.refuse_v2(leaves)?;
        let before = actions.len();
        let found = Found { row };
        actions.extend(self.protocol.next(leaves, &found)?.map(LogAction::Protocol));
        let metadata = self.metadata.next(leaves, &found)?;
        actions.extend(metadata.map(|it| LogAction::Metadata(Box::new(it))));
        actions.extend(self.transaction.next(leaves, &found)?.map(LogAction::Transaction));
        let add = self.add.next(leaves, &found)?;
        actions.extend(add.map(|it| LogAction::Add(Box::new(it))));
        let remove = self.remove.next(leaves, &found)?;
        actions.extend(remove.map(|it| LogAction::Remove(Box::new(it))));
        leaves.spend((actions.len() - before).saturating_mul(ACTION_BYTES))
    }

    /// An error if the checkpoint keeps its files in other files (Delta protocol, "V2 Spec").
    fn refuse_v2(&self, leaves: &mut Leaves<'_>) -> Result<()> {
        let is_v2 =
            leaves.is_in_action(self.sidecar) || leaves.is_in_action(self.checkpoint_metadata);
        if is_v2 {
            return Err(Error::new(
                ErrorKind::Settings,
                "the checkpoint has the form of the table feature v2Checkpoint, which Coldpress \
                 does not read; set the table property delta.checkpointPolicy to classic and \
                 write a checkpoint with the engine that wrote this one",
            ));
        }
        leaves.text(self.sidecar)?;
        leaves.number(self.checkpoint_metadata)?;
        Ok(())
    }
}

/// Where a row was found, for errors.
struct Found {
    row: u64,
}

impl Found {
    /// The value of a field that the action must have.
    fn required<T>(&self, field: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| damaged(format!("row {} has no {field}", self.row)))
    }

    fn size(&self, field: &str, value: i64) -> Result<u64> {
        u64::try_from(value)
            .map_err(|_| damaged(format!("row {} has the negative {field} {value}", self.row)))
    }

    fn version(&self, field: &str, value: Option<i64>) -> Result<u32> {
        let value = self.required(field, value)?;
        u32::try_from(value).map_err(|_| damaged(format!("row {} has {field} {value}", self.row)))
    }

    fn path(&self, field: &str, value: Option<String>) -> Result<String> {
        let value = self.required(field, value)?;
        decoded_path(&value)
            .map_err(|why| damaged(format!("row {} has a wrong {field}: {why}", self.row)))
    }
}

struct ProtocolColumns {
    reader_version: One,
    writer_version: One,
    reader_features: List,
    writer_features: List,
}

impl ProtocolColumns {
    fn open(leaves: &mut Leaves<'_>) -> Result<Self> {
        Ok(ProtocolColumns {
            reader_version: leaves.mark(&["protocol", "minReaderVersion"], Kind::Number)?,
            writer_version: leaves.one(&["protocol", "minWriterVersion"], Kind::Number)?,
            reader_features: leaves.list(&["protocol", "readerFeatures"])?,
            writer_features: leaves.list(&["protocol", "writerFeatures"])?,
        })
    }

    fn next(&self, leaves: &mut Leaves<'_>, found: &Found) -> Result<Option<Protocol>> {
        let exists = leaves.is_in_action(self.reader_version);
        let reader_version = leaves.number(self.reader_version)?;
        let writer_version = leaves.number(self.writer_version)?;
        let reader_features = leaves.texts(self.reader_features)?;
        let writer_features = leaves.texts(self.writer_features)?;
        if !exists {
            return Ok(None);
        }
        Ok(Some(Protocol {
            reader_version: found.version("protocol.minReaderVersion", reader_version)?,
            writer_version: found.version("protocol.minWriterVersion", writer_version)?,
            reader_features,
            writer_features,
        }))
    }
}

struct MetadataColumns {
    id: One,
    name: One,
    description: One,
    provider: One,
    schema: One,
    partition_columns: List,
    configuration: Map,
    created: One,
}

impl MetadataColumns {
    fn open(leaves: &mut Leaves<'_>) -> Result<Self> {
        Ok(MetadataColumns {
            id: leaves.mark(&["metaData", "id"], Kind::Text)?,
            name: leaves.one(&["metaData", "name"], Kind::Text)?,
            description: leaves.one(&["metaData", "description"], Kind::Text)?,
            provider: leaves.one(&["metaData", "format", "provider"], Kind::Text)?,
            schema: leaves.one(&["metaData", "schemaString"], Kind::Text)?,
            partition_columns: leaves.list(&["metaData", "partitionColumns"])?,
            configuration: leaves.map(&["metaData", "configuration"])?,
            created: leaves.one(&["metaData", "createdTime"], Kind::Number)?,
        })
    }

    fn next(&self, leaves: &mut Leaves<'_>, found: &Found) -> Result<Option<Metadata>> {
        let exists = leaves.is_in_action(self.id);
        let (id, name) = (leaves.text(self.id)?, leaves.text(self.name)?);
        let description = leaves.text(self.description)?;
        let (provider, schema) = (leaves.text(self.provider)?, leaves.text(self.schema)?);
        let partition_columns = leaves.texts(self.partition_columns)?;
        let configuration = leaves.values(self.configuration)?;
        let created_ms = leaves.number(self.created)?;
        if !exists {
            return Ok(None);
        }
        Ok(Some(Metadata {
            id: found.required("metaData.id", id)?,
            name,
            description,
            format_provider: found.required("metaData.format.provider", provider)?,
            schema_string: found.required("metaData.schemaString", schema)?,
            partition_columns,
            configuration,
            created_ms,
        }))
    }
}

struct TransactionColumns {
    app_id: One,
    version: One,
    updated: One,
}

impl TransactionColumns {
    fn open(leaves: &mut Leaves<'_>) -> Result<Self> {
        Ok(TransactionColumns {
            app_id: leaves.mark(&["txn", "appId"], Kind::Text)?,
            version: leaves.one(&["txn", "version"], Kind::Number)?,
            updated: leaves.one(&["txn", "lastUpdated"], Kind::Number)?,
        })
    }

    fn next(&self, leaves: &mut Leaves<'_>, found: &Found) -> Result<Option<Transaction>> {
        let exists = leaves.is_in_action(self.app_id);
        let app_id = leaves.text(self.app_id)?;
        let (version, updated_ms) = (leaves.number(self.version)?, leaves.number(self.updated)?);
        if !exists {
            return Ok(None);
        }
        Ok(Some(Transaction {
            app_id: found.required("txn.appId", app_id)?,
            version: found.required("txn.version", version)?,
            updated_ms,
        }))
    }
}

struct AddColumns {
    path: One,
    partition_values: Map,
    size: One,
    modified: One,
    data_change: One,
    stats: One,
    tags: Map,
    vector: VectorColumns,
}

impl AddColumns {
    fn open(leaves: &mut Leaves<'_>) -> Result<Self> {
        Ok(AddColumns {
            path: leaves.mark(&["add", "path"], Kind::Text)?,
            partition_values: leaves.map(&["add", "partitionValues"])?,
            size: leaves.one(&["add", "size"], Kind::Number)?,
            modified: leaves.one(&["add", "modificationTime"], Kind::Number)?,
            data_change: leaves.one(&["add", "dataChange"], Kind::Boolean)?,
            stats: leaves.one(&["add", "stats"], Kind::Text)?,
            tags: leaves.map(&["add", "tags"])?,
            vector: VectorColumns::open(leaves, "add")?,
        })
    }

    fn next(&self, leaves: &mut Leaves<'_>, found: &Found) -> Result<Option<Add>> {
        let exists = leaves.is_in_action(self.path);
        let path = leaves.text(self.path)?;
        let partition_values = leaves.entries(self.partition_values)?;
        let (size, modified) = (leaves.number(self.size)?, leaves.number(self.modified)?);
        let data_change = leaves.boolean(self.data_change)?;
        let (stats, tags) = (leaves.text(self.stats)?, leaves.values(self.tags)?);
        let deletion_vector = self.vector.next(leaves, found)?;
        if !exists {
            return Ok(None);
        }
        Ok(Some(Add {
            path: found.path("add.path", path)?,
            partition_values,
            bytes: found.size("add.size", found.required("add.size", size)?)?,
            modified_ms: found.required("add.modificationTime", modified)?,
            // A checkpoint changes no data, whatever it says.
            data_change: data_change.unwrap_or(false),
            stats,
            tags,
            deletion_vector,
        }))
    }
}

struct RemoveColumns {
    path: One,
    deleted: One,
    data_change: One,
    size: One,
    tags: Map,
    vector: VectorColumns,
}

impl RemoveColumns {
    fn open(leaves: &mut Leaves<'_>) -> Result<Self> {
        Ok(RemoveColumns {
            path: leaves.mark(&["remove", "path"], Kind::Text)?,
            deleted: leaves.one(&["remove", "deletionTimestamp"], Kind::Number)?,
            data_change: leaves.one(&["remove", "dataChange"], Kind::Boolean)?,
            size: leaves.one(&["remove", "size"], Kind::Number)?,
            tags: leaves.map(&["remove", "tags"])?,
            vector: VectorColumns::open(leaves, "remove")?,
        })
    }

    fn next(&self, leaves: &mut Leaves<'_>, found: &Found) -> Result<Option<Remove>> {
        let exists = leaves.is_in_action(self.path);
        let path = leaves.text(self.path)?;
        let deleted_ms = leaves.number(self.deleted)?;
        let data_change = leaves.boolean(self.data_change)?;
        let (size, tags) = (leaves.number(self.size)?, leaves.values(self.tags)?);
        let deletion_vector = self.vector.next(leaves, found)?;
        if !exists {
            return Ok(None);
        }
        Ok(Some(Remove {
            path: found.path("remove.path", path)?,
            deleted_ms,
            data_change: data_change.unwrap_or(false),
            bytes: size.map(|size| found.size("remove.size", size)).transpose()?,
            tags,
            deletion_vector,
        }))
    }
}

struct VectorColumns {
    storage_type: One,
    path_or_inline: One,
    offset: One,
}

impl VectorColumns {
    fn open(leaves: &mut Leaves<'_>, action: &str) -> Result<Self> {
        let vector = "deletionVector";
        Ok(VectorColumns {
            storage_type: leaves.one(&[action, vector, "storageType"], Kind::Text)?,
            path_or_inline: leaves.one(&[action, vector, "pathOrInlineDv"], Kind::Text)?,
            offset: leaves.one(&[action, vector, "offset"], Kind::Number)?,
        })
    }

    /// The name that the protocol derives ("Deletion Vectors", "Derived Fields").
    fn next(&self, leaves: &mut Leaves<'_>, found: &Found) -> Result<Option<DeletionVector>> {
        let storage_type = leaves.text(self.storage_type)?;
        let path = leaves.text(self.path_or_inline)?;
        let offset = leaves.number(self.offset)?;
        if storage_type.is_none() && path.is_none() {
            return Ok(None);
        }
        let storage_type = found.required("deletionVector.storageType", storage_type)?;
        let path = found.required("deletionVector.pathOrInlineDv", path)?;
        let offset = offset.map(|offset| format!("@{offset}")).unwrap_or_default();
        Ok(Some(DeletionVector { unique_id: format!("{storage_type}{path}{offset}") }))
    }
}
