//! The values of a column as it stores them.

use crate::schema::ColumnType;
use crate::schema::parquet_type::fixed_width;

/// The values of one leaf column, nulls left out.
#[derive(Debug)]
pub(crate) enum Values {
    Boolean(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Bytes(Blobs),
    /// Values of the same width, one after the other.
    Fixed(Vec<u8>, usize),
}

/// Texts in one buffer, one after the other.
#[derive(Debug, Default, Clone)]
pub(crate) struct Texts {
    pub(crate) bytes: String,
    /// Where each ends in `bytes`.
    pub(crate) ends: Vec<usize>,
}

impl Texts {
    #[inline]
    pub(crate) fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
    }

    #[inline]
    pub(crate) fn text(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn truncate(&mut self, texts: usize) {
        self.ends.truncate(texts);
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }
}

/// Byte strings in one buffer, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Blobs {
    pub(crate) bytes: Vec<u8>,
    /// Where each ends in `bytes`.
    pub(crate) ends: Vec<usize>,
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
