//! Settings of an encoder: plain data, checked once.

mod choices;
mod codec;

use crate::schema::{self, Names};
use crate::{Error, Result, Schema};

pub use choices::{Encodings, IdSource, NewFields, Nulls, Numbers, Policy, TextTypes};
pub use codec::Codec;

/// How rows become a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Compression of pages. Default: zstd.
    pub codec: Codec,
    /// The encodings of values. Default: those that the engines in wide use read.
    pub encodings: Encodings,
    /// The most rows in one row group; at least 1. Default: 49,152. With this number of ids, a
    /// bloom filter of 64 KiB is wrong about one absent id in 100.
    pub row_group_rows_max: usize,
    /// The most leaf columns, without `_id` and `_rescued_data`; at least 1. Default: 1,000.
    pub columns_max: usize,
    /// The deepest nesting that becomes structs and lists; the document itself is level 1. From 1
    /// to
    /// 64. Default: 64.
    pub depth_max: usize,
    /// The most bytes of one row; at least 1. It bounds the JSON text of the row. It also bounds,
    /// separately, the memory of its values (9 bytes for a number; its length and 9 bytes for a
    /// text). A larger row is an error of kind `Limit`. Default: 256 MiB.
    pub row_bytes_max: usize,
    /// Which names become columns. Default: of names that differ only in case, only one.
    pub names: Names,
    /// What an explicit `null` means. Default: something else than an absent field.
    pub nulls: Nulls,
    /// Whether texts that are instants or days become columns of that type. Default: they do.
    pub text_types: TextTypes,
    /// Whether columns of integers become doubles. Default: they do not.
    pub numbers: Numbers,
    /// The columns, if the caller knows them. Default: inferred from all rows.
    pub schema: Option<Schema>,
    /// What becomes of fields that `schema` does not have. Default: their values are rescued.
    pub new_fields: NewFields,
    /// What happens to values that do not fit `schema`. Default: they are rescued.
    pub policy: Policy,
    /// Where the ids of rows come from. Default: the field `_id`, else the number of the row.
    pub id: IdSource,
    /// Refuse a row whose id an earlier row of the same file has: an error of kind `Row` that names
    /// both, when the rows are written. A stream compares row groups by 64 bits of each id, for
    /// which it keeps 8 bytes a row; that two ids of 10 million share these bits is less likely
    /// than 1 in 100,000. Default: no; duplicates are counted in
    /// [`Summary::duplicate_ids`](crate::Summary::duplicate_ids).
    pub unique_ids: bool,
}

impl Settings {
    /// The highest value of [`Settings::depth_max`]. Readers recurse over nested columns, and their
    /// stack is limited.
    pub const DEPTH_LIMIT: usize = schema::DEPTH_LIMIT;
    /// The most lists within lists that become columns. With more of them, engines take very long
    /// (DuckDB) or refuse the file (pyarrow).
    pub const LISTS_LIMIT: usize = schema::LISTS_LIMIT;
    /// The highest value of [`Settings::columns_max`], and the most columns of
    /// [`Settings::schema`], with the fields of structs and the elements of lists.
    pub const COLUMNS_LIMIT: usize = 100_000;

    pub(crate) fn check(&self) -> Result<()> {
        self.codec.check()?;
        #[cfg(not(feature = "brotli"))]
        if let Codec::Brotli(_) = self.codec {
            return Err(Error::settings(
                "this build has no brotli encoder; choose zstd or gzip, or a build with the \
                 feature \"brotli\"",
            ));
        }
        let ranges = [
            ("row_group_rows_max", self.row_group_rows_max, usize::MAX),
            ("columns_max", self.columns_max, Self::COLUMNS_LIMIT),
            ("depth_max", self.depth_max, Self::DEPTH_LIMIT),
            ("row_bytes_max", self.row_bytes_max, usize::MAX),
        ];
        for (name, value, most) in ranges {
            if value < 1 || value > most {
                let range = match most {
                    usize::MAX => "at least 1".to_owned(),
                    most => format!("from 1 to {most}"),
                };
                return Err(Error::settings(format!("{name} is {value}; it must be {range}")));
            }
        }
        if let Some(schema) = &self.schema {
            let named = self.id != IdSource::Auto;
            schema.check_names(self.names, named)?;
            if named && schema.own_field_ids().id.is_some() {
                return Err(Error::settings(
                    "the schema has an \"id_field_id\", but a field is named for the ids (option \
                     id), so there is no column \"_id\"; give that field a \"field_id\" instead",
                ));
            }
        }
        let columns = self.schema.as_ref().map_or(0, Schema::columns_in_all);
        if columns > Self::COLUMNS_LIMIT {
            return Err(Error::settings(format!(
                "the schema has {columns} columns, with fields and elements; it can have at most \
                 {}",
                Self::COLUMNS_LIMIT
            )));
        }
        if self.policy == Policy::Strict && self.schema.is_none() {
            return Err(Error::settings(
                "policy \"strict\" needs a schema to check the rows against; give one",
            ));
        }
        if self.policy == Policy::Strict && self.new_fields == NewFields::Column {
            return Err(Error::settings(
                "policy \"strict\" refuses new fields, and new_fields makes columns of them; choose \
                 one of the two",
            ));
        }
        Ok(())
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            codec: Codec::default(),
            encodings: Encodings::default(),
            row_group_rows_max: 48 << 10,
            columns_max: 1_000,
            depth_max: Self::DEPTH_LIMIT,
            row_bytes_max: 256 << 20,
            names: Names::default(),
            nulls: Nulls::default(),
            text_types: TextTypes::default(),
            numbers: Numbers::default(),
            schema: None,
            new_fields: NewFields::default(),
            policy: Policy::default(),
            id: IdSource::default(),
            unique_ids: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, ColumnType};

    #[test]
    fn a_schema_of_more_columns_than_a_file_may_have_is_refused() {
        let columns = |count: usize| {
            let of_nothing = |at: usize| Column::new(at.to_string(), ColumnType::Null);
            Schema::new((0..count).map(of_nothing).collect()).unwrap()
        };
        let check = |count| {
            let settings = Settings { schema: Some(columns(count)), ..Settings::default() };
            settings.check()
        };
        check(Settings::COLUMNS_LIMIT).unwrap();
        let error = check(Settings::COLUMNS_LIMIT + 1).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Settings);
    }

    #[cfg(not(feature = "brotli"))]
    #[test]
    fn a_build_without_the_brotli_encoder_says_so() {
        let settings = Settings { codec: Codec::Brotli(5), ..Settings::default() };
        let error = settings.check().unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Settings);
        assert!(error.to_string().contains("no brotli encoder"), "{error}");
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let bad = [
            Settings { depth_max: 65, ..Settings::default() },
            Settings { columns_max: 0, ..Settings::default() },
            Settings { row_group_rows_max: 0, ..Settings::default() },
            Settings { row_bytes_max: 0, ..Settings::default() },
            Settings { codec: Codec::Zstd(0), ..Settings::default() },
            Settings { policy: Policy::Strict, ..Settings::default() },
            Settings {
                policy: Policy::Strict,
                new_fields: NewFields::Column,
                schema: Some(Schema::default()),
                ..Settings::default()
            },
        ];
        for settings in bad {
            assert!(settings.check().is_err(), "{settings:?}");
        }
    }
}
