//! What the footer of a file of ours says besides: the form of its values, and what its ids are.

use coldpress_core::filter::ColumnPath;
use coldpress_core::{ColumnType, Footer, ID_COLUMN, RESCUED_COLUMN, ReadLimits, Schema};
use parquet::file::metadata::ParquetMetaData;

use crate::error::Result;

/// The keys of the metadata (docs/format.md).
const FORMAT_VERSION: &str = "coldpress.format_version";
const OWN_ID: &str = "coldpress.id_in_document";

/// What a file of ours says of its columns.
#[derive(Debug)]
pub(super) struct Own {
    schema: Schema,
    /// Whether the column `_id` has the ids as text, while the rows have them as numbers.
    number_ids: bool,
    /// Whether `_id` is the column of the ids that is no field of the rows.
    text_ids: bool,
    /// The leaf of `_rescued_data`.
    pub(super) rescued: Option<usize>,
}

/// A column of a file of ours.
pub(super) enum OwnColumn<'o> {
    /// The ids, which are not in the schema.
    Ids {
        number: bool,
    },
    Typed(&'o ColumnType),
    /// `_rescued_data` itself.
    Rescued,
    None,
}

impl Own {
    /// `None` if Coldpress did not write the file.
    pub(super) fn of(
        metadata: &ParquetMetaData,
        tail: &[u8],
        bytes: u64,
        limits: &ReadLimits,
    ) -> Result<Option<Self>> {
        let pairs = metadata.file_metadata().key_value_metadata();
        let value = |key: &str| {
            let pair = pairs.into_iter().flatten().find(|pair| pair.key == key)?;
            Some(pair.value.as_deref().unwrap_or_default())
        };
        if value(FORMAT_VERSION).is_none() {
            return Ok(None);
        }
        let footer = Footer::read_within(tail, bytes, limits)?;
        let columns = metadata.file_metadata().schema_descr();
        let last = columns.root_schema().get_fields().last();
        let has_rescued = last.is_some_and(|field| field.name() == RESCUED_COLUMN);
        Ok(Some(Own {
            schema: footer.schema().clone(),
            number_ids: value(OWN_ID) == Some("number"),
            text_ids: footer.id_field().is_none(),
            rescued: has_rescued.then(|| columns.num_columns().saturating_sub(1)),
        }))
    }

    /// What the column at this path is. A path leads through structs only.
    pub(super) fn column(&self, path: &ColumnPath) -> OwnColumn<'_> {
        match path.names() {
            [name] if name == ID_COLUMN && self.text_ids => {
                return OwnColumn::Ids { number: self.number_ids };
            }
            [name] if name == RESCUED_COLUMN => return OwnColumn::Rescued,
            _ => {}
        }
        let mut columns = self.schema.columns();
        let mut found = None::<&ColumnType>;
        for name in path.names() {
            match found {
                None => {}
                Some(ColumnType::Struct(below)) => columns = below,
                Some(_) => return OwnColumn::None,
            }
            let column = columns.iter().find(|column| column.name == *name);
            match column {
                Some(column) => found = Some(&column.column_type),
                None => return OwnColumn::None,
            }
        }
        found.map_or(OwnColumn::None, OwnColumn::Typed)
    }

    /// Whether the path leads into a JSON column, to it or behind it.
    pub(super) fn is_in_json(&self, path: &ColumnPath) -> bool {
        (1..=path.names().len()).any(|length| {
            let part = ColumnPath::new(path.names()[..length].iter().cloned());
            part.is_ok_and(|part| matches!(self.column(&part), OwnColumn::Typed(ColumnType::Json)))
        })
    }
}
