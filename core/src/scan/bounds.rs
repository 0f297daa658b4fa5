//! The bounds that a file states of a column, as values of a filter.

use parquet::file::metadata::ColumnChunkMetaData;

use super::filter::{Bounds, DateLiteral, InstantLiteral, Kind, Literal, NumberLiteral};
use crate::decode::{Ends, PageFacts, StoredEnd, ends_of_chunk};
use crate::format::value_text::{decimal_text, float_as_double, uuid_text, wide};
use crate::schema::{ColumnType, Form};

/// What a chunk or a page states of a leaf.
pub(super) struct LeafFacts {
    /// How many rows have no value; `None` if it does not say so.
    pub(super) nulls: Option<u64>,
    /// `None` where the values are of no one kind.
    pub(super) bounds: Option<Bounds>,
}

/// What the statistics of a chunk say; `None` if it has none.
pub(super) fn of_chunk(chunk: &ColumnChunkMetaData, column_type: &ColumnType) -> Option<LeafFacts> {
    let statistics = chunk.statistics()?;
    let nulls = statistics.null_count_opt();
    Some(LeafFacts { nulls, bounds: bounds(column_type, ends_of_chunk(statistics)) })
}

/// What the column index says of this page, which it must have.
pub(super) fn of_page(facts: &PageFacts, page: usize, column_type: &ColumnType) -> LeafFacts {
    LeafFacts { nulls: facts.nulls(page), bounds: bounds(column_type, facts.ends(page)) }
}

/// `None` if the values of the column are of no one kind in the rows.
fn bounds(column_type: &ColumnType, (min, max): Ends<'_>) -> Option<Bounds> {
    let kind = kind(column_type)?;
    let min = min.and_then(|min| literal(column_type, min, false));
    let max = max.and_then(|max| literal(column_type, max, true));
    Some(Bounds::new(kind, min, max))
}

/// The kind that the values of a column have in the rows.
fn kind(column_type: &ColumnType) -> Option<Kind> {
    match column_type {
        ColumnType::Boolean => Some(Kind::Boolean),
        ColumnType::String | ColumnType::Binary | ColumnType::Uuid => Some(Kind::String),
        ColumnType::Date => Some(Kind::Date),
        // A file that states no form gives numbers.
        ColumnType::Timestamp { form: Some(Form::Text(_)), .. } => Some(Kind::Instant),
        ColumnType::Decimal { form: Some(Form::Text(_)), .. } => Some(Kind::String),
        ColumnType::Timestamp { .. } | ColumnType::Decimal { .. } => Some(Kind::Number),
        ColumnType::Float32 | ColumnType::Float64 => Some(Kind::Number),
        integer if integer.integer_bits().is_some() => Some(Kind::Number),
        _ => None,
    }
}

/// The stored bound as the rows have it; `None` where their order is not that of the stored values,
/// and where it says nothing. `above`: no value is above it.
fn literal(column_type: &ColumnType, stored: StoredEnd<'_>, above: bool) -> Option<Literal> {
    match (column_type, stored) {
        (ColumnType::Boolean, StoredEnd::Boolean(value)) => Some(Literal::Boolean(value)),
        (ColumnType::Float64, StoredEnd::Double(value)) => {
            value.is_finite().then(|| NumberLiteral::double(value)).map(Literal::Number)
        }
        // Both have the value of their shortest decimal form.
        (ColumnType::Float32, StoredEnd::Float(value)) => {
            let double = value.is_finite().then(|| float_as_double(value));
            double.map(NumberLiteral::double).map(Literal::Number)
        }
        (ColumnType::String, StoredEnd::Bytes(text)) => {
            self::text(text, above).map(Literal::String)
        }
        // In lower case, texts of UUIDs have the order of their bytes.
        (ColumnType::Uuid, StoredEnd::Bytes(bytes)) if bytes.len() == 16 => {
            Some(Literal::String(uuid_text(bytes)))
        }
        (ColumnType::Date, StoredEnd::Integer(days)) => {
            i32::try_from(days).ok().and_then(DateLiteral::of_days).map(Literal::Date)
        }
        (ColumnType::Timestamp { unit, form: Some(Form::Text(_)) }, StoredEnd::Integer(value)) => {
            InstantLiteral::of_unit(value, unit.digits()).map(Literal::Instant)
        }
        // The order of texts is not that of numbers.
        (ColumnType::Decimal { form: Some(Form::Text(_)), .. }, _) => None,
        (ColumnType::Decimal { scale, .. }, stored) => {
            let digits = match stored {
                StoredEnd::Integer(value) => i128::from(value),
                StoredEnd::Bytes(bytes) if (1..=16).contains(&bytes.len()) => wide(bytes),
                _ => return None,
            };
            NumberLiteral::read(&decimal_text(digits, *scale)).ok().map(Literal::Number)
        }
        // The bits of a u32, stored as an i32.
        (ColumnType::Uint32, StoredEnd::Integer(value)) => {
            Some(Literal::Number((value & i64::from(u32::MAX)).into()))
        }
        (_, StoredEnd::Integer(value)) => Some(Literal::Number(value.into())),
        // Base64 has another order than the bytes.
        _ => None,
    }
}

/// Bounds of texts may be cut within a character. What is left of a lower one is still below all
/// texts.
fn text(bytes: &[u8], above: bool) -> Option<String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text.to_owned()),
        Err(_) if above => None,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).ok().map(str::to_owned),
    }
}
