//! Nodes into columns: which types the values take, their levels, and what is rescued.

mod emit;
mod fit;
mod levels;
mod plan;
mod render;
mod rescue;
mod temporal;

use std::sync::Arc;

use crate::build::{Builder, KINDS, Kind, Node, NodeId, Texts};
use crate::schema::{ColumnType, ID_COLUMN, Schema};
use crate::{Nulls, Policy, Result, Settings};

#[cfg(feature = "decode")]
pub(crate) use fit::{float_as_double, uuid_text};
pub(crate) use levels::{LevelSlice, Levels};
#[cfg(any(feature = "decode", feature = "sign"))]
pub(crate) use temporal::timestamp_text;
#[cfg(feature = "decode")]
pub(crate) use temporal::{date_text, decimal_text};

/// What the documents' own `_id` fields are, so that decoding gives them back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnId {
    /// Not a column's worth of them; those there are, are rescued.
    Absent,
    /// Each document has one, a string.
    String,
    /// Each document has one, a whole number.
    Number,
}

/// The values of one leaf column, nulls left out.
#[derive(Debug)]
pub(crate) enum Values {
    Boolean(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Bytes(Blobs),
    /// Values of the same width, one behind the other.
    Fixed(Vec<u8>, usize),
}

/// Byte strings one behind the other in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Blobs {
    pub(crate) bytes: Vec<u8>,
    /// Where each ends in `bytes`.
    pub(crate) ends: Vec<usize>,
}

/// One leaf column, whole.
#[derive(Debug)]
pub(crate) struct Leaf {
    /// The names from the root of the file down.
    pub(crate) path: Vec<String>,
    /// Definition levels; empty where every entry is a value.
    pub(crate) definitions: Levels,
    pub(crate) definition_max: i16,
    /// Repetition levels; empty where every entry is a row of its own.
    pub(crate) repetitions: Arc<Levels>,
    pub(crate) values: Values,
}

/// All columns of a file, before they are written.
#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) schema: Schema,
    pub(crate) own_id: OwnId,
    pub(crate) rows: usize,
    /// `_id`, then the leaves of `schema` in order, then `_rescued_data` where there is one.
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) has_rescued: bool,
    /// Values rescued, by the path of their column as people read it.
    pub(crate) rescued: Vec<(String, u64)>,
    pub(crate) duplicate_keys: u64,
}

/// What the file already is that these columns go into.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Opened {
    /// What its documents' own `_id` fields are; `None` where no row is in it yet.
    pub(crate) own_id: Option<OwnId>,
    /// It has room for rescued values, whether these rows want it or not.
    pub(crate) keeps_rescued: bool,
}

/// What the own `_id` fields of all rows of `builder` are.
pub(crate) fn own_id(builder: &Builder) -> OwnId {
    match builder.own_id_differs() {
        true => OwnId::Absent,
        false => plan::own_id(&builder.nodes, builder.rows()),
    }
}

/// Chooses the columns for all rows of `builder` and fills them.
pub(crate) fn resolve(
    mut builder: Builder,
    settings: &Settings,
    opened: Opened,
) -> Result<Columns> {
    let rows = builder.rows();
    let own_id = opened.own_id.unwrap_or_else(|| own_id(&builder));
    let ids = std::mem::take(&mut builder.ids);
    let duplicate_keys = builder.duplicate_keys;
    let rows_before = builder.rows_before();
    let plan = plan::plan(&builder.nodes, own_id, settings);
    let schema = plan::schema(&plan, settings.schema.as_ref());

    let mut emitter = emit::Emitter::new(builder.nodes, settings.nulls == Nulls::Preserve);
    emitter.leaves.push(id_leaf(ids));
    emitter.document(&plan, rows);
    let emit::Emitter { mut leaves, rescues, problem, .. } = emitter;
    if let Some(problem) = problem {
        return Err(problem);
    }

    if settings.policy == Policy::Strict
        && let Some(error) = rescues.first_as_error(&leaves[0], rows_before)
    {
        return Err(error);
    }
    let has_rescued = settings.policy == Policy::Rescue
        && (settings.schema.is_some() || opened.keeps_rescued || !rescues.is_empty());
    let rescued = rescues.counts();
    if has_rescued {
        leaves.push(rescues.into_leaf(rows));
    }
    Ok(Columns { schema, own_id, rows, leaves, has_rescued, rescued, duplicate_keys })
}

fn id_leaf(ids: Texts) -> Leaf {
    Leaf {
        path: vec![ID_COLUMN.to_owned()],
        definitions: Levels::default(),
        definition_max: 0,
        repetitions: Arc::default(),
        values: Values::Bytes(ids.into()),
    }
}

impl Blobs {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
    }

    pub(crate) fn blob(&self, index: usize) -> &[u8] {
        &self.bytes[self.range(index)]
    }

    pub(crate) fn range(&self, index: usize) -> std::ops::Range<usize> {
        self.start(index)..self.ends[index]
    }

    /// Some of them, in order.
    pub(crate) fn iter(&self, range: std::ops::Range<usize>) -> impl Iterator<Item = &[u8]> {
        let mut start = self.start(range.start);
        self.ends[range].iter().map(move |end| {
            let blob = &self.bytes[start..*end];
            start = *end;
            blob
        })
    }

    /// Some of them as they lie.
    pub(crate) fn span(&self, range: std::ops::Range<usize>) -> &[u8] {
        &self.bytes[self.start(range.start)..self.start(range.end)]
    }

    fn start(&self, index: usize) -> usize {
        if index == 0 { 0 } else { self.ends[index - 1] }
    }
}

impl From<Texts> for Blobs {
    fn from(texts: Texts) -> Self {
        Blobs { bytes: texts.bytes.into_bytes(), ends: texts.ends }
    }
}

impl Values {
    /// No values yet, of a leaf type.
    pub(crate) fn of(column_type: &ColumnType) -> Self {
        use crate::schema::parquet_type::fixed_width;
        match column_type {
            ColumnType::Boolean => Values::Boolean(Vec::new()),
            ColumnType::Int64 | ColumnType::Timestamp { .. } => Values::Int64(Vec::new()),
            ColumnType::Float32 => Values::Float(Vec::new()),
            ColumnType::Float64 => Values::Double(Vec::new()),
            ColumnType::Decimal { precision: 10..=18, .. } => Values::Int64(Vec::new()),
            ColumnType::Decimal { precision: 19.., .. } | ColumnType::Uuid => {
                Values::Fixed(Vec::new(), fixed_width(column_type))
            }
            ColumnType::Int8
            | ColumnType::Int16
            | ColumnType::Int32
            | ColumnType::Uint8
            | ColumnType::Uint16
            | ColumnType::Uint32
            | ColumnType::Date
            | ColumnType::Decimal { .. } => Values::Int32(Vec::new()),
            ColumnType::String
            | ColumnType::Binary
            | ColumnType::Json
            | ColumnType::Null
            | ColumnType::Struct(_)
            | ColumnType::List(_) => Values::Bytes(Blobs::default()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Values::Boolean(values) => values.len(),
            Values::Int32(values) => values.len(),
            Values::Int64(values) => values.len(),
            Values::Float(values) => values.len(),
            Values::Double(values) => values.len(),
            Values::Bytes(values) => values.ends.len(),
            Values::Fixed(values, width) => values.len() / width,
        }
    }
}

#[cfg(test)]
mod work_tests;
