//! The JSON form of each action.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::super::action::{
    Add, CommitInfo, DeletionVector, LogAction, Metadata, Protocol, Remove, Transaction,
};
use super::super::uri::{decoded_path, encoded_path};

/// One line: an object whose one field names the action.
pub(super) struct Line(pub(super) LogAction);

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(LineVisitor)
    }
}

/// Appends an action as one line. An action whose content we do not keep has none.
pub(super) fn write_line(action: &LogAction, bytes: &mut Vec<u8>) {
    let object = match action {
        LogAction::Protocol(it) => named("protocol", ProtocolJson::from(it.clone())),
        LogAction::Metadata(it) => named("metaData", MetadataJson::from((**it).clone())),
        LogAction::Add(it) => named("add", AddJson::from((**it).clone())),
        LogAction::Remove(it) => named("remove", RemoveJson::from((**it).clone())),
        LogAction::Transaction(it) => named("txn", TransactionJson::from(it.clone())),
        LogAction::CommitInfo(it) => named("commitInfo", &it.0),
        LogAction::Other(_) => return,
    };
    bytes.extend_from_slice(object.as_bytes());
    bytes.push(b'\n');
}

/// `{"name":content}`. Content of strings, numbers and maps always has a JSON form.
fn named(name: &str, content: impl Serialize) -> String {
    let content = serde_json::to_string(&content).unwrap_or_default();
    format!("{{\"{name}\":{content}}}")
}

struct LineVisitor;

impl<'de> Visitor<'de> for LineVisitor {
    type Value = Line;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object with one action")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line, A::Error> {
        let (mut known, mut other) = (None, None);
        while let Some(name) = map.next_key::<String>()? {
            let action = match name.as_str() {
                "protocol" => content::<_, ProtocolJson>(&mut map, &name)?,
                "metaData" => content::<_, MetadataJson>(&mut map, &name)?,
                "add" => content::<_, AddJson>(&mut map, &name)?,
                "remove" => content::<_, RemoveJson>(&mut map, &name)?,
                "txn" => content::<_, TransactionJson>(&mut map, &name)?,
                "commitInfo" => content::<_, CommitInfoJson>(&mut map, &name)?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    other = other.or(Some(name));
                    continue;
                }
            };
            if action.is_some() && known.is_some() {
                return Err(A::Error::custom("it has two actions"));
            }
            known = known.or(action);
        }
        let other = || LogAction::Other(other.unwrap_or_default());
        Ok(Line(known.unwrap_or_else(other)))
    }
}

/// The content of one field; `None` for `null`, with which a line may fill up its other actions.
fn content<'de, A, J>(map: &mut A, name: &str) -> Result<Option<LogAction>, A::Error>
where
    A: MapAccess<'de>,
    J: Deserialize<'de> + TryInto<LogAction, Error = String>,
{
    let wrong = |why: String| A::Error::custom(format!("{name}: {why}"));
    let json = map.next_value::<Option<J>>().map_err(|error| wrong(error.to_string()))?;
    json.map(J::try_into).transpose().map_err(wrong)
}

/// A map of texts whose values may be `null`.
type Texts = BTreeMap<String, Option<String>>;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProtocolJson {
    min_reader_version: u32,
    min_writer_version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    reader_features: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    writer_features: Option<Vec<String>>,
}

impl From<Protocol> for ProtocolJson {
    fn from(it: Protocol) -> Self {
        // The lists exist exactly with the versions that have features.
        let reader = it.reader_version >= 3 || !it.reader_features.is_empty();
        let writer = it.writer_version >= 7 || !it.writer_features.is_empty();
        ProtocolJson {
            min_reader_version: it.reader_version,
            min_writer_version: it.writer_version,
            reader_features: reader.then_some(it.reader_features),
            writer_features: writer.then_some(it.writer_features),
        }
    }
}

impl TryFrom<ProtocolJson> for LogAction {
    type Error = String;

    fn try_from(json: ProtocolJson) -> Result<Self, String> {
        Ok(LogAction::Protocol(Protocol {
            reader_version: json.min_reader_version,
            writer_version: json.min_writer_version,
            reader_features: json.reader_features.unwrap_or_default(),
            writer_features: json.writer_features.unwrap_or_default(),
        }))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataJson {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    format: FormatJson,
    schema_string: String,
    partition_columns: Option<Vec<String>>,
    configuration: Option<Texts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_time: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct FormatJson {
    provider: String,
    /// Written for readers that want it; nothing has options.
    options: Option<Texts>,
}

impl From<Metadata> for MetadataJson {
    fn from(it: Metadata) -> Self {
        MetadataJson {
            id: it.id,
            name: it.name,
            description: it.description,
            format: FormatJson { provider: it.format_provider, options: Some(Texts::new()) },
            schema_string: it.schema_string,
            partition_columns: Some(it.partition_columns),
            configuration: Some(with_values(it.configuration)),
            created_time: it.created_ms,
        }
    }
}

impl TryFrom<MetadataJson> for LogAction {
    type Error = String;

    fn try_from(json: MetadataJson) -> Result<Self, String> {
        Ok(LogAction::Metadata(Box::new(Metadata {
            id: json.id,
            name: json.name,
            description: json.description,
            format_provider: json.format.provider,
            schema_string: json.schema_string,
            partition_columns: json.partition_columns.unwrap_or_default(),
            configuration: without_nulls(json.configuration),
            created_ms: json.created_time,
        })))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AddJson {
    path: String,
    partition_values: Option<Texts>,
    size: i64,
    modification_time: i64,
    data_change: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Texts>,
    #[serde(skip_serializing)]
    deletion_vector: Option<DeletionVectorJson>,
}

impl From<Add> for AddJson {
    fn from(it: Add) -> Self {
        AddJson {
            path: encoded_path(&it.path),
            partition_values: Some(it.partition_values),
            size: i64::try_from(it.bytes).unwrap_or(i64::MAX),
            modification_time: it.modified_ms,
            data_change: it.data_change,
            stats: it.stats,
            tags: (!it.tags.is_empty()).then(|| with_values(it.tags)),
            deletion_vector: None,
        }
    }
}

impl TryFrom<AddJson> for LogAction {
    type Error = String;

    fn try_from(json: AddJson) -> Result<Self, String> {
        Ok(LogAction::Add(Box::new(Add {
            path: decoded_path(&json.path)?,
            partition_values: json.partition_values.unwrap_or_default(),
            bytes: size(json.size)?,
            modified_ms: json.modification_time,
            data_change: json.data_change,
            stats: json.stats,
            tags: without_nulls(json.tags),
            deletion_vector: json.deletion_vector.map(DeletionVector::from),
        })))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RemoveJson {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_timestamp: Option<i64>,
    data_change: bool,
    /// Whether `partitionValues` and `size` are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    extended_file_metadata: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition_values: Option<Texts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Texts>,
    #[serde(skip_serializing)]
    deletion_vector: Option<DeletionVectorJson>,
}

impl From<Remove> for RemoveJson {
    fn from(it: Remove) -> Self {
        RemoveJson {
            path: encoded_path(&it.path),
            deletion_timestamp: it.deleted_ms,
            data_change: it.data_change,
            extended_file_metadata: it.bytes.map(|_| true),
            // We write only to tables without partitions.
            partition_values: it.bytes.map(|_| Texts::new()),
            size: it.bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
            tags: (!it.tags.is_empty()).then(|| with_values(it.tags)),
            deletion_vector: None,
        }
    }
}

impl TryFrom<RemoveJson> for LogAction {
    type Error = String;

    fn try_from(json: RemoveJson) -> Result<Self, String> {
        Ok(LogAction::Remove(Box::new(Remove {
            path: decoded_path(&json.path)?,
            deleted_ms: json.deletion_timestamp,
            data_change: json.data_change,
            bytes: json.size.map(size).transpose()?,
            tags: without_nulls(json.tags),
            deletion_vector: json.deletion_vector.map(DeletionVector::from),
        })))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeletionVectorJson {
    storage_type: String,
    path_or_inline_dv: String,
    offset: Option<i32>,
}

impl From<DeletionVectorJson> for DeletionVector {
    /// As the protocol derives it: "Deletion Vectors", "Derived Fields".
    fn from(json: DeletionVectorJson) -> Self {
        let mut unique_id = json.storage_type + &json.path_or_inline_dv;
        if let Some(offset) = json.offset {
            unique_id.push_str(&format!("@{offset}"));
        }
        DeletionVector { unique_id }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TransactionJson {
    app_id: String,
    version: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_updated: Option<i64>,
}

impl From<Transaction> for TransactionJson {
    fn from(it: Transaction) -> Self {
        TransactionJson { app_id: it.app_id, version: it.version, last_updated: it.updated_ms }
    }
}

impl TryFrom<TransactionJson> for LogAction {
    type Error = String;

    fn try_from(json: TransactionJson) -> Result<Self, String> {
        Ok(LogAction::Transaction(Transaction {
            app_id: json.app_id,
            version: json.version,
            updated_ms: json.last_updated,
        }))
    }
}

#[derive(Deserialize)]
struct CommitInfoJson(Map<String, Value>);

impl TryFrom<CommitInfoJson> for LogAction {
    type Error = String;

    fn try_from(json: CommitInfoJson) -> Result<Self, String> {
        Ok(LogAction::CommitInfo(CommitInfo(json.0)))
    }
}

fn size(size: i64) -> Result<u64, String> {
    u64::try_from(size).map_err(|_| format!("the size {size} is below 0"))
}

fn with_values(texts: BTreeMap<String, String>) -> Texts {
    texts.into_iter().map(|(name, text)| (name, Some(text))).collect()
}

fn without_nulls(texts: Option<Texts>) -> BTreeMap<String, String> {
    let texts = texts.unwrap_or_default().into_iter();
    texts.filter_map(|(name, text)| Some((name, text?))).collect()
}
