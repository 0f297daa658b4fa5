//! The bounds of a file's whole numbers, as its statistics say them.

use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;

/// The smallest and the largest of the whole numbers in a leaf column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum IntegerBounds {
    /// The file does not say, or the column holds no 64-bit whole numbers (of a timestamp: its
    /// units since 1970).
    #[default]
    Unknown,
    /// The column holds only nulls.
    None,
    /// All numbers lie from the first to the second one, both included.
    Within(i64, i64),
}

impl IntegerBounds {
    /// The bounds of the numbers of both.
    #[must_use]
    pub fn with(self, other: IntegerBounds) -> IntegerBounds {
        match (self, other) {
            (IntegerBounds::None, bounds) | (bounds, IntegerBounds::None) => bounds,
            (IntegerBounds::Within(a, b), IntegerBounds::Within(c, d)) => {
                IntegerBounds::Within(a.min(c), b.max(d))
            }
            _ => IntegerBounds::Unknown,
        }
    }

    /// Whether all numbers are known to lie from `-most` to `most`.
    pub fn is_within(self, most: u64) -> bool {
        match self {
            IntegerBounds::Unknown => false,
            IntegerBounds::None => true,
            IntegerBounds::Within(min, max) => min.unsigned_abs().max(max.unsigned_abs()) <= most,
        }
    }
}

/// The bounds of each leaf from this one on, without the last `behind` ones.
pub(super) fn integer_bounds(
    metadata: &ParquetMetaData,
    from: usize,
    behind: usize,
) -> Vec<IntegerBounds> {
    let leaves = metadata.file_metadata().schema_descr().num_columns().saturating_sub(behind);
    let of_leaf = |leaf| {
        metadata
            .row_groups()
            .iter()
            .map(|group| of_chunk(group, leaf))
            .fold(IntegerBounds::None, IntegerBounds::with)
    };
    (from..leaves).map(of_leaf).collect()
}

fn of_chunk(group: &RowGroupMetaData, leaf: usize) -> IntegerBounds {
    let Some(chunk) = group.columns().get(leaf) else { return IntegerBounds::Unknown };
    let Some(Statistics::Int64(statistics)) = chunk.statistics() else {
        return IntegerBounds::Unknown;
    };
    match (statistics.min_opt(), statistics.max_opt()) {
        (Some(min), Some(max)) if min <= max => IntegerBounds::Within(*min, *max),
        _ if statistics.null_count_opt() == u64::try_from(chunk.num_values()).ok() => {
            IntegerBounds::None
        }
        _ => IntegerBounds::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Encoder, Footer, Schema, Settings, Target};

    #[test]
    fn each_leaf_has_the_bounds_of_all_row_groups() {
        let schema = r#"{"columns":[{"name":"a","type":"int64"},{"name":"gone","type":"null"},
            {"name":"s","type":"struct","fields":[{"name":"t","type":"string"},
            {"name":"b","type":"list","element":{"type":"int64"}}]},
            {"name":"at","type":"timestamp","unit":"ms"},{"name":"never","type":"int64"}]}"#;
        let settings = Settings {
            schema: Some(Schema::from_json(schema).unwrap()),
            row_group_rows_max: 1,
            ..Settings::default()
        };
        let mut encoder = Encoder::new(settings).unwrap();
        encoder
            .push_json(
                br#"{"a":5,"s":{"t":"x","b":[-9,7]},"at":1000}
                {"a":-2,"s":{"b":[8]}} {"a":null}"#,
            )
            .unwrap();
        let file = encoder.finish(&Target::new(7, "c")).unwrap().bytes;
        let footer = Footer::read(&file, file.len() as u64).unwrap();
        assert_eq!(
            footer.integer_bounds(),
            [
                IntegerBounds::Within(-2, 5),
                IntegerBounds::Unknown,
                IntegerBounds::Within(-9, 8),
                IntegerBounds::Within(1000, 1000),
                IntegerBounds::None,
            ]
        );
    }

    #[test]
    fn limits_are_of_the_absolute_value() {
        assert!(IntegerBounds::None.is_within(0));
        assert!(!IntegerBounds::Unknown.is_within(u64::MAX));
        assert!(IntegerBounds::Within(-5, 4).is_within(5));
        assert!(!IntegerBounds::Within(-6, 4).is_within(5));
        assert!(IntegerBounds::Within(i64::MIN, 0).is_within(1 << 63));
    }
}
