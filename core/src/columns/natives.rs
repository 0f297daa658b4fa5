//! What comes with a type: the columns of Arrow record batches.
//!
//! A value that JSON has a kind for (a boolean, an integer, a double, a text) is kept as that kind,
//! whoever brings it. The others are kept as their column stores them, so nothing is printed and
//! read again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::values::Values;
use crate::format::value_text::{decimal_text, float_as_double, uuid_text, wide};
use crate::json::number;
use crate::schema::{ColumnType, Form};
use crate::time::{date_text, timestamp_text};

/// The type that a schema of Arrow states for a node, and the node's values that JSON has no kind
/// for.
///
/// Without the feature `arrow` there is no such value, and the compiler removes the code for it.
#[derive(Debug)]
pub(crate) struct Typed {
    pub(crate) typed_as: TypedAs,
    /// The values in order. Batches of another type begin another run.
    natives: Vec<Natives>,
    #[cfg(not(feature = "arrow"))]
    _never: std::convert::Infallible,
}

/// The type that a schema of Arrow states for a node.
#[cfg_attr(not(feature = "arrow"), allow(dead_code))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TypedAs {
    Leaf(ColumnType),
    Struct,
    List,
}

/// Values as a column of their type stores them.
#[derive(Debug)]
pub(crate) struct Natives {
    /// How many native values of the node come before them.
    first: usize,
    pub(crate) column_type: ColumnType,
    pub(crate) values: Values,
}

/// One of these values.
///
/// Without the feature `arrow` it holds a value of a type that has none, so that the compiler knows
/// that there is none. A reference alone does not tell it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Native<'n> {
    pub(crate) natives: &'n Natives,
    pub(crate) at: usize,
    #[cfg(not(feature = "arrow"))]
    _never: std::convert::Infallible,
}

/// A value in the form that it has in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NativeText {
    /// A string.
    Text(String),
    /// A number, as its literal.
    Number(String),
}

impl Typed {
    #[cfg(feature = "arrow")]
    pub(crate) fn new(typed_as: TypedAs) -> Self {
        Typed { typed_as, natives: Vec::new() }
    }

    /// Where the next values of this type go; `before`: how many native values the node has.
    #[cfg(feature = "arrow")]
    pub(crate) fn next(&mut self, column_type: &ColumnType, before: usize) -> &mut Natives {
        if self.natives.last().is_none_or(|last| last.column_type != *column_type) {
            self.natives.push(Natives { first: before, ..Natives::new(column_type.clone()) });
        }
        let last = self.natives.len() - 1;
        &mut self.natives[last]
    }

    /// The native value at `at`.
    pub(crate) fn native(&self, at: usize) -> Option<Native<'_>> {
        let behind = self.natives.partition_point(|natives| natives.first <= at);
        let natives = self.natives.get(behind.checked_sub(1)?)?;
        Some(Native {
            natives,
            at: at - natives.first,
            #[cfg(not(feature = "arrow"))]
            _never: self._never,
        })
    }

    /// All native values, if they have one type.
    pub(crate) fn only(&mut self) -> Option<&mut Natives> {
        match &mut self.natives[..] {
            [only] => Some(only),
            _ => None,
        }
    }

    /// The runs of values of one type.
    pub(crate) fn runs(&self) -> &[Natives] {
        &self.natives
    }
}

impl Native<'_> {
    /// Its JSON form.
    pub(crate) fn text(self) -> NativeText {
        self.natives.text(self.at)
    }
}

impl Natives {
    /// No values yet, of this type.
    #[cfg(feature = "arrow")]
    pub(crate) fn new(column_type: ColumnType) -> Self {
        Natives { first: 0, values: Values::of(&column_type), column_type }
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether JSON has numbers for the values.
    pub(crate) fn are_numbers(&self) -> bool {
        self.are_integers()
            || matches!(self.column_type, ColumnType::Float32 | ColumnType::Decimal { .. })
    }

    /// Whether the values come from a type of whole numbers.
    pub(crate) fn are_integers(&self) -> bool {
        self.column_type == ColumnType::UINT64 || self.column_type.integer_bits().is_some()
    }

    /// Whether a value is a number that is whole, and has a fraction in its JSON form.
    pub(crate) fn have_needless_fraction(&self) -> bool {
        let needless = |at: usize| match self.text(at) {
            NativeText::Number(literal) => match number::read_whole(&literal) {
                Some(number::Number::Double(double)) => number::has_needless_fraction(double),
                _ => false,
            },
            NativeText::Text(_) => false,
        };
        !self.are_integers() && (0..self.len()).any(needless)
    }

    /// Whether a column of this type stores the values as they are. The form of their JSON is the
    /// column's own business, because they came without one.
    pub(crate) fn are_stored_in(&self, column_type: &ColumnType) -> bool {
        let same = |a: &ColumnType, b: &ColumnType| match (a, b) {
            (ColumnType::Timestamp { unit: a, .. }, ColumnType::Timestamp { unit: b, .. }) => {
                a == b
            }
            (
                ColumnType::Decimal { precision: a, scale: c, .. },
                ColumnType::Decimal { precision: b, scale: d, .. },
            ) => (a, c) == (b, d),
            _ => a == b,
        };
        same(&self.column_type, column_type)
    }

    /// The form of the JSON of these values.
    pub(crate) fn form(&self) -> Option<Form> {
        match self.column_type {
            ColumnType::Timestamp { form, .. } | ColumnType::Decimal { form, .. } => form,
            _ => None,
        }
    }

    /// The whole number that the value at `index` is stored as; `None` if it is stored otherwise.
    pub(crate) fn whole(&self, index: usize) -> Option<i128> {
        match &self.values {
            Values::Int32(values) if self.column_type == ColumnType::Uint32 => {
                Some(i128::from(values[index].cast_unsigned()))
            }
            Values::Int32(values) => Some(i128::from(values[index])),
            Values::Int64(values) => Some(i128::from(values[index])),
            Values::Fixed(bytes, width) if self.column_type != ColumnType::Uuid => {
                Some(wide(&bytes[index * width..(index + 1) * width]))
            }
            _ => None,
        }
    }

    /// The value at `index` in its JSON form, which decoding gives for a column of its type.
    pub(crate) fn text(&self, index: usize) -> NativeText {
        let whole = || self.whole(index).unwrap_or_default();
        let short = || i64::try_from(whole()).unwrap_or_default();
        match (&self.column_type, &self.values) {
            (ColumnType::Date, _) => NativeText::Text(date_text(short()).unwrap_or_default()),
            (ColumnType::Timestamp { unit, form }, _) => {
                let digits = match form {
                    Some(Form::Text(form)) => form.digits.fixed(),
                    _ => Some(unit.digits()),
                };
                let text = timestamp_text(short(), unit.digits(), digits, None);
                NativeText::Text(text.unwrap_or_default())
            }
            (ColumnType::Decimal { scale, .. }, _) => {
                NativeText::Number(decimal_text(whole(), *scale))
            }
            (_, Values::Float(values)) => {
                let double = float_as_double(values[index]);
                let text = number::format(double, &mut number::buffer()).to_owned();
                NativeText::Number(text)
            }
            (_, Values::Fixed(bytes, width)) => {
                NativeText::Text(uuid_text(&bytes[index * width..(index + 1) * width]))
            }
            (_, Values::Bytes(blobs)) => NativeText::Text(STANDARD.encode(blobs.blob(index))),
            _ => NativeText::Number(whole().to_string()),
        }
    }
}
