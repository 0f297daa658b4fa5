//! Arrays of cells, in any form that Arrow has for them.

use std::sync::Arc;

use arrow_array::types::{Int8Type, Int16Type, Int32Type, UInt16Type};
use arrow_array::*;
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, Fields};

use crate::cells::{Cell, Type};
use coldpress_tests::dice::Dice;

/// An array of these cells, whose form `dice` chooses.
pub fn array(of: &Type, cells: &[&Cell], dice: &mut Dice) -> ArrayRef {
    match dice.below(10) {
        0 | 1 => sliced(of, cells, dice),
        2 => dictionary(of, cells, dice),
        3 => runs(of, cells, dice),
        _ => plain(of, cells, dice),
    }
}

/// A part of a longer array.
fn sliced(of: &Type, cells: &[&Cell], dice: &mut Dice) -> ArrayRef {
    let before: Vec<Cell> = (0..dice.below(4)).map(|_| of.cell(dice)).collect();
    let behind: Vec<Cell> = (0..dice.below(4)).map(|_| of.cell(dice)).collect();
    let all: Vec<&Cell> = before.iter().chain(cells.iter().copied()).chain(&behind).collect();
    plain(of, &all, dice).slice(before.len(), cells.len())
}

/// Keys, and values in any order, some of them twice or never used.
fn dictionary(of: &Type, cells: &[&Cell], dice: &mut Dice) -> ArrayRef {
    let unused = [of.cell(dice), Cell::Null];
    let mut values: Vec<&Cell> = unused.iter().collect();
    let mut keys = Vec::new();
    for cell in cells {
        let found = values.iter().position(|value| value == cell).filter(|_| dice.below(4) > 0);
        keys.push(match found {
            _ if **cell == Cell::Null && dice.below(2) == 0 => None,
            Some(at) => Some(at),
            None => {
                values.push(cell);
                Some(values.len() - 1)
            }
        });
    }
    let values = plain(of, &values, dice);
    match dice.below(3) {
        0 => Arc::new(DictionaryArray::new(
            PrimitiveArray::<Int8Type>::from_iter(keys.iter().map(|key| key.map(|k| k as i8))),
            values,
        )),
        1 => Arc::new(DictionaryArray::new(
            PrimitiveArray::<UInt16Type>::from_iter(keys.iter().map(|key| key.map(|k| k as u16))),
            values,
        )),
        _ => Arc::new(DictionaryArray::new(
            PrimitiveArray::<Int32Type>::from_iter(keys.iter().map(|key| key.map(|k| k as i32))),
            values,
        )),
    }
}

fn runs(of: &Type, cells: &[&Cell], dice: &mut Dice) -> ArrayRef {
    let (mut ends, mut values): (Vec<i16>, Vec<&Cell>) = (Vec::new(), Vec::new());
    for (at, cell) in cells.iter().enumerate() {
        if values.last() == Some(cell) {
            ends.pop();
        } else {
            values.push(cell);
        }
        ends.push(at as i16 + 1);
    }
    if cells.is_empty() {
        return plain(of, cells, dice);
    }
    let (ends, values) = (PrimitiveArray::<Int16Type>::from(ends), plain(of, &values, dice));
    let runs = RunArray::<Int16Type>::try_new(&ends, &values).unwrap();
    // Slices of runs are runs too.
    Arc::new(runs.slice(0, cells.len()))
}

/// An array of the type itself, or of one of those that hold the same.
fn plain(of: &Type, cells: &[&Cell], dice: &mut Dice) -> ArrayRef {
    match of {
        Type::Null => Arc::new(NullArray::new(cells.len())),
        Type::Boolean => Arc::new(BooleanArray::from_iter(cells.iter().map(|cell| match cell {
            Cell::Boolean(value) => Some(*value),
            _ => None,
        }))),
        Type::Int(..) | Type::Date | Type::Timestamp(..) | Type::Time(_) | Type::Decimal(..) => {
            integers(of, cells, dice)
        }
        Type::Float32 => Arc::new(Float32Array::from_iter(cells.iter().map(|cell| match cell {
            Cell::Float32(value) => Some(*value),
            _ => None,
        }))),
        Type::Float64 => Arc::new(Float64Array::from_iter(cells.iter().map(|cell| match cell {
            Cell::Float64(value) => Some(*value),
            _ => None,
        }))),
        Type::Text => texts(cells, dice),
        Type::Binary | Type::Uuid => bytes(of, cells, dice),
        Type::List(element) => lists(element, cells, dice),
        Type::Struct(fields) => structs(fields, cells, dice),
    }
}

fn integers(of: &Type, cells: &[&Cell], dice: &mut Dice) -> ArrayRef {
    let ints = || {
        cells.iter().map(|cell| match cell {
            Cell::Int(value) => Some(*value),
            _ => None,
        })
    };
    macro_rules! of {
        ($array:ty, $native:ty) => {
            <$array>::from_iter(ints().map(|value| value.map(|value| value as $native)))
        };
    }
    let utc = ["UTC", "+02:00", "Europe/Berlin"][dice.below(3)];
    match of {
        Type::Int(8, true) => Arc::new(of!(Int8Array, i8)),
        Type::Int(16, true) => Arc::new(of!(Int16Array, i16)),
        Type::Int(32, true) => Arc::new(of!(Int32Array, i32)),
        Type::Int(_, true) => Arc::new(of!(Int64Array, i64)),
        Type::Int(8, false) => Arc::new(of!(UInt8Array, u8)),
        Type::Int(16, false) => Arc::new(of!(UInt16Array, u16)),
        Type::Int(32, false) => Arc::new(of!(UInt32Array, u32)),
        Type::Int(..) => Arc::new(of!(UInt64Array, u64)),
        Type::Date if dice.below(2) == 0 => Arc::new(of!(Date32Array, i32)),
        Type::Date => {
            let ms = ints().map(|days| days.map(|days| days as i64 * 86_400_000));
            Arc::new(Date64Array::from_iter(ms))
        }
        Type::Timestamp(0, zone) => {
            Arc::new(of!(TimestampSecondArray, i64).with_timezone_opt(zone.then_some(utc)))
        }
        Type::Timestamp(3, zone) => {
            Arc::new(of!(TimestampMillisecondArray, i64).with_timezone_opt(zone.then_some(utc)))
        }
        Type::Timestamp(6, zone) => {
            Arc::new(of!(TimestampMicrosecondArray, i64).with_timezone_opt(zone.then_some(utc)))
        }
        Type::Timestamp(_, zone) => {
            Arc::new(of!(TimestampNanosecondArray, i64).with_timezone_opt(zone.then_some(utc)))
        }
        Type::Time(0) => Arc::new(of!(Time32SecondArray, i32)),
        Type::Time(3) => Arc::new(of!(Time32MillisecondArray, i32)),
        Type::Time(6) => Arc::new(of!(Time64MicrosecondArray, i64)),
        Type::Time(_) => Arc::new(of!(Time64NanosecondArray, i64)),
        Type::Decimal(precision, scale) => {
            let (precision, scale) = (*precision, *scale as i8);
            match precision {
                1..=9 if dice.below(2) == 0 => Arc::new(
                    of!(Decimal32Array, i32).with_precision_and_scale(precision, scale).unwrap(),
                ),
                1..=18 if dice.below(2) == 0 => Arc::new(
                    of!(Decimal64Array, i64).with_precision_and_scale(precision, scale).unwrap(),
                ),
                _ => Arc::new(
                    of!(Decimal128Array, i128).with_precision_and_scale(precision, scale).unwrap(),
                ),
            }
        }
        other => panic!("{other:?}"),
    }
}

fn texts(cells: &[&Cell], dice: &mut Dice) -> ArrayRef {
    let texts = cells.iter().map(|cell| match cell {
        Cell::Text(text) => Some(text.as_str()),
        _ => None,
    });
    match dice.below(3) {
        0 => Arc::new(StringArray::from_iter(texts)),
        1 => Arc::new(LargeStringArray::from_iter(texts)),
        _ => Arc::new(StringViewArray::from_iter(texts)),
    }
}

fn bytes(of: &Type, cells: &[&Cell], dice: &mut Dice) -> ArrayRef {
    let blobs = cells.iter().map(|cell| match cell {
        Cell::Bytes(bytes) => Some(bytes.as_slice()),
        _ => None,
    });
    match dice.below(3) {
        _ if *of == Type::Uuid => {
            Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(blobs, 16).unwrap())
        }
        0 => Arc::new(BinaryArray::from_iter(blobs)),
        1 => Arc::new(LargeBinaryArray::from_iter(blobs)),
        _ => Arc::new(BinaryViewArray::from_iter(blobs)),
    }
}

fn lists(element: &Type, cells: &[&Cell], dice: &mut Dice) -> ArrayRef {
    let valid = NullBuffer::from_iter(cells.iter().map(|cell| **cell != Cell::Null));
    // A list that is null may lie over elements nonetheless.
    let unused: Vec<Cell> = (0..dice.below(3)).map(|_| element.cell(dice)).collect();
    let (mut values, mut lengths): (Vec<&Cell>, Vec<usize>) = (Vec::new(), Vec::new());
    for cell in cells {
        let before = values.len();
        match cell {
            Cell::List(cells) => values.extend(cells),
            _ => values.extend(&unused),
        }
        lengths.push(values.len() - before);
    }
    let values = array(element, &values, dice);
    let field = Arc::new(element.mark(Field::new("item", values.data_type().clone(), true)));
    let starts: Vec<usize> =
        lengths.iter().scan(0, |end, length| Some(std::mem::replace(end, *end + length))).collect();
    let fixed = lengths.first().copied().filter(|first| lengths.iter().all(|l| l == first));
    match (dice.below(5), fixed) {
        (0, _) => {
            let offsets = OffsetBuffer::from_lengths(lengths);
            Arc::new(LargeListArray::new(field, offsets, values, Some(valid)))
        }
        (1, _) => {
            let starts: ScalarBuffer<i32> = starts.iter().map(|start| *start as i32).collect();
            let lengths: ScalarBuffer<i32> = lengths.iter().map(|length| *length as i32).collect();
            Arc::new(ListViewArray::new(field, starts, lengths, values, Some(valid)))
        }
        (2, _) => {
            let starts: ScalarBuffer<i64> = starts.iter().map(|start| *start as i64).collect();
            let lengths: ScalarBuffer<i64> = lengths.iter().map(|length| *length as i64).collect();
            Arc::new(LargeListViewArray::new(field, starts, lengths, values, Some(valid)))
        }
        (3, Some(length)) if length > 0 => {
            Arc::new(FixedSizeListArray::new(field, length as i32, values, Some(valid)))
        }
        _ => {
            let offsets = OffsetBuffer::from_lengths(lengths);
            Arc::new(ListArray::new(field, offsets, values, Some(valid)))
        }
    }
}

fn structs(fields: &[(String, Type)], cells: &[&Cell], dice: &mut Dice) -> ArrayRef {
    let valid = NullBuffer::from_iter(cells.iter().map(|cell| **cell != Cell::Null));
    let (mut of_fields, mut arrays): (Vec<Field>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
    for (at, (name, field)) in fields.iter().enumerate() {
        // A struct that is null may have fields nonetheless.
        let hidden = field.cell(dice);
        let cells = cells.iter().map(|cell| match cell {
            Cell::Struct(cells) => &cells[at],
            _ => &hidden,
        });
        let column = array(field, &cells.collect::<Vec<_>>(), dice);
        let data_type: DataType = column.data_type().clone();
        of_fields.push(field.mark(Field::new(name, data_type, true)));
        arrays.push(column);
    }
    Arc::new(StructArray::new(Fields::from(of_fields), arrays, Some(valid)))
}
