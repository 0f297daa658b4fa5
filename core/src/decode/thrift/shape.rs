//! The structs of `parquet.thrift` that parquet's own decoder reads, as tables for the walk.
//!
//! Parquet's decoder does not check the type of a known field. So the walk refuses a known field
//! with another type. Otherwise the two would read the same bytes in two ways, and the walk would
//! prove nothing.

/// The type of a field, or of an element of a list.
#[derive(Debug)]
pub(super) enum Kind {
    Bool,
    I8,
    I16,
    I32,
    I64,
    Double,
    /// A string, or bytes of any length.
    Binary,
    List(&'static Kind),
    Struct(&'static Shape),
}

/// A struct: its fields by id, in ascending order, and the ids of the required ones.
#[derive(Debug)]
pub(in super::super) struct Shape {
    pub(super) fields: &'static [(i16, Kind)],
    pub(super) required: &'static [i16],
}

use Kind::{Binary, Bool, Double, I8, I16, I32, I64, List, Struct};

/// A struct or a union without required fields.
const fn open(fields: &'static [(i16, Kind)]) -> Shape {
    Shape { fields, required: &[] }
}

const EMPTY: Shape = open(&[]);

const TIME_UNIT: Shape = open(&[(1, Struct(&EMPTY)), (2, Struct(&EMPTY)), (3, Struct(&EMPTY))]);
const TIME: Shape = open(&[(1, Bool), (2, Struct(&TIME_UNIT))]);

/// The union `LogicalType`.
const LOGICAL_TYPE: Shape = open(&[
    (1, Struct(&EMPTY)),
    (2, Struct(&EMPTY)),
    (3, Struct(&EMPTY)),
    (4, Struct(&EMPTY)),
    (5, Struct(&open(&[(1, I32), (2, I32)]))),
    (6, Struct(&EMPTY)),
    (7, Struct(&TIME)),
    (8, Struct(&TIME)),
    (10, Struct(&open(&[(1, I8), (2, Bool)]))),
    (11, Struct(&EMPTY)),
    (12, Struct(&EMPTY)),
    (13, Struct(&EMPTY)),
    (14, Struct(&EMPTY)),
    (15, Struct(&EMPTY)),
    (16, Struct(&open(&[(1, I8)]))),
    (17, Struct(&open(&[(1, Binary)]))),
    (18, Struct(&open(&[(1, Binary), (2, I32)]))),
]);

pub(super) const SCHEMA_ELEMENT: Shape = Shape {
    fields: &[
        (1, I32),
        (2, I32),
        (3, I32),
        (4, Binary),
        (5, I32),
        (6, I32),
        (7, I32),
        (8, I32),
        (9, I32),
        (10, Struct(&LOGICAL_TYPE)),
    ],
    required: &[4],
};

const STATISTICS: Shape = open(&[
    (1, Binary),
    (2, Binary),
    (3, I64),
    (4, I64),
    (5, Binary),
    (6, Binary),
    (7, Bool),
    (8, Bool),
]);

const PAGE_ENCODING_STATS: Shape =
    Shape { fields: &[(1, I32), (2, I32), (3, I32)], required: &[1, 2, 3] };

const SIZE_STATISTICS: Shape = open(&[(1, I64), (2, List(&I64)), (3, List(&I64))]);

const BOUNDING_BOX: Shape = open(&[
    (1, Double),
    (2, Double),
    (3, Double),
    (4, Double),
    (5, Double),
    (6, Double),
    (7, Double),
    (8, Double),
]);

const GEOSPATIAL_STATISTICS: Shape = open(&[(1, Struct(&BOUNDING_BOX)), (2, List(&I32))]);

const KEY_VALUE: Shape = Shape { fields: &[(1, Binary), (2, Binary)], required: &[1] };

const COLUMN_META_DATA: Shape = Shape {
    fields: &[
        (1, I32),
        (2, List(&I32)),
        (3, List(&Binary)),
        (4, I32),
        (5, I64),
        (6, I64),
        (7, I64),
        (8, List(&Struct(&KEY_VALUE))),
        (9, I64),
        (10, I64),
        (11, I64),
        (12, Struct(&STATISTICS)),
        (13, List(&Struct(&PAGE_ENCODING_STATS))),
        (14, I64),
        (15, I32),
        (16, Struct(&SIZE_STATISTICS)),
        (17, Struct(&GEOSPATIAL_STATISTICS)),
    ],
    required: &[1, 2, 3, 4, 5, 6, 7, 9],
};

const COLUMN_CHUNK: Shape = Shape {
    fields: &[
        (1, Binary),
        (2, I64),
        (3, Struct(&COLUMN_META_DATA)),
        (4, I64),
        (5, I32),
        (6, I64),
        (7, I32),
    ],
    required: &[2, 3],
};

const SORTING_COLUMN: Shape = Shape { fields: &[(1, I32), (2, Bool), (3, Bool)], required: &[1] };

pub(super) const ROW_GROUP: Shape = Shape {
    fields: &[
        (1, List(&Struct(&COLUMN_CHUNK))),
        (2, I64),
        (3, I64),
        (4, List(&Struct(&SORTING_COLUMN))),
        (5, I64),
        (6, I64),
        (7, I16),
    ],
    required: &[1, 2, 3],
};

pub(super) const KEY_VALUES: Kind = List(&Struct(&KEY_VALUE));

pub(super) const COLUMN_ORDERS: Kind =
    List(&Struct(&open(&[(1, Struct(&EMPTY)), (2, Struct(&EMPTY))])));

/// `PageLocation`: an element of the list of an [`OFFSET_INDEX`].
pub(in super::super) const PAGE_LOCATION: Shape =
    Shape { fields: &[(1, I64), (2, I32), (3, I64)], required: &[1, 2, 3] };

/// `OffsetIndex`: where the pages of a column chunk lie.
pub(in super::super) const OFFSET_INDEX: Shape =
    Shape { fields: &[(1, List(&Struct(&PAGE_LOCATION))), (2, List(&I64))], required: &[1] };

/// `ColumnIndex`: statistics of the pages of a column chunk.
pub(in super::super) const COLUMN_INDEX: Shape = Shape {
    fields: &[
        (1, List(&Bool)),
        (2, List(&Binary)),
        (3, List(&Binary)),
        (4, I32),
        (5, List(&I64)),
        (6, List(&I64)),
        (7, List(&I64)),
    ],
    required: &[1, 2, 3, 4],
};

/// `BloomFilterHeader`: how many bytes of the filter follow, and its kind.
pub(in super::super) const BLOOM_FILTER_HEADER: Shape = Shape {
    fields: &[
        (1, I32),
        (2, Struct(&open(&[(1, Struct(&EMPTY))]))),
        (3, Struct(&open(&[(1, Struct(&EMPTY))]))),
        (4, Struct(&open(&[(1, Struct(&EMPTY))]))),
    ],
    required: &[1, 2, 3, 4],
};
