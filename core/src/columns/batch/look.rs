//! A first look at a batch: whether each value has a place in a row, and what each row takes.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Float16Type, Float32Type,
    Float64Type,
};
use arrow_array::{Array, ArrayRef, BinaryArrayType, StringArrayType};
use arrow_schema::DataType;

use super::class::{ArrowType, Class, DAY_MS, digits};
use super::slots::{Slots, elements, elements_of};
use super::values::instant_of;
use crate::columns::builder::row_too_large;
use crate::columns::node::{BYTES, Kind};
use crate::time::{DAY_SECONDS, DAYS};
use crate::{Error, ErrorKind, Result, Settings};

/// The bytes of a wide decimal.
const WIDE_BYTES: usize = 16;
/// The bytes of the text of a time without a zone, about.
const CLOCK_BYTES: usize = 19;

/// The step of a path into a list.
const ELEMENT: &str = "[]";

/// What the rows of a batch take, found value by value.
#[derive(Debug)]
pub(super) struct Look {
    /// The bytes that each row takes.
    pub(super) row_bytes: Vec<usize>,
    /// The bytes that every row takes besides.
    pub(super) each: usize,
    pub(super) row_bytes_max: usize,
    /// How deep structs and lists may nest; the rows themselves are level 1.
    pub(super) depth_max: usize,
    /// The number of the first row.
    pub(super) first_row: u64,
    pub(super) path: Vec<String>,
}

impl Look {
    /// Looks at the values of an array at these places.
    ///
    /// An error of kind `Row` names the row and the column of a value that no column can hold.
    pub(super) fn at(
        &mut self,
        array: &ArrayRef,
        arrow: ArrowType<'_>,
        slots: Slots,
    ) -> Result<()> {
        let class = arrow.class().map_err(|reason| self.unsupported(arrow.data_type, reason))?;
        if matches!(class, Class::Struct(_) | Class::List(_)) {
            self.check_depth()?;
        }
        if class == Class::Null {
            self.add(&slots, BYTES[Kind::Null as usize]);
            return Ok(());
        }
        let slots = match slots.with_values(array) {
            None => slots,
            Some((valid, with_values)) => {
                for (at, _) in valid.iter().enumerate().filter(|(_, valid)| !**valid) {
                    self.row_bytes[slots.row(at)] += BYTES[Kind::Null as usize];
                }
                with_values
            }
        };
        match class {
            Class::Elsewhere(data_type) => {
                let (values, slots) = slots.elsewhere(array);
                self.at(values, arrow.elsewhere(data_type), slots)
            }
            Class::Struct(fields) => {
                self.add(&slots, BYTES[Kind::Object as usize]);
                for (field, column) in fields.iter().zip(array.as_struct().columns()) {
                    self.path.push(field.name().clone());
                    self.at(column, ArrowType::of(field), slots.clone())?;
                    self.path.pop();
                }
                Ok(())
            }
            Class::List(element) => {
                self.add(&slots, BYTES[Kind::Array as usize]);
                self.elements_fit(array, &slots)?;
                self.path.push(ELEMENT.to_owned());
                self.at(&elements(array), ArrowType::of(element), slots.elements(array))?;
                self.path.pop();
                Ok(())
            }
            leaf => {
                self.leaf(array, &leaf, &slots);
                match first_bad(array, &slots) {
                    Some((at, message)) => Err(self.error(slots.row(at), message)),
                    None => Ok(()),
                }
            }
        }
    }

    /// An error if the array at the current path nests too deep. It comes before anything below it
    /// is looked at.
    fn check_depth(&self) -> Result<()> {
        let lists = self.path.iter().filter(|step| *step == ELEMENT).count();
        if self.path.len() < self.depth_max && lists <= Settings::LISTS_LIMIT {
            return Ok(());
        }
        let message = format!(
            "the column nests deeper than {} levels (depth_max), or has more than {} lists in one \
             another; flatten it",
            self.depth_max,
            Settings::LISTS_LIMIT
        );
        Err(Error::new(ErrorKind::Limit, message).in_column(self.column()))
    }

    /// An error for the first row that takes more than a row may.
    pub(super) fn check_sizes(&self) -> Result<()> {
        let most = self.row_bytes_max.saturating_sub(self.each);
        match self.row_bytes.iter().position(|bytes| *bytes > most) {
            Some(row) => Err(self.too_large(row)),
            None => Ok(()),
        }
    }

    /// An error before the elements of a row are counted one by one: views may name the same
    /// elements again and again.
    fn elements_fit(&self, lists: &ArrayRef, slots: &Slots) -> Result<()> {
        let mut of_row = (usize::MAX, 0_usize);
        for (at, place) in slots.places().enumerate() {
            let row = slots.row(at);
            let before = if of_row.0 == row { of_row.1 } else { 0 };
            of_row = (row, before.saturating_add(elements_of(lists, place).len()));
            if of_row.1 > self.row_bytes_max {
                return Err(self.too_large(row));
            }
        }
        Ok(())
    }

    fn leaf(&mut self, array: &ArrayRef, class: &Class<'_>, slots: &Slots) {
        let bytes = match class {
            Class::Boolean => BYTES[Kind::Boolean as usize],
            Class::Clock => BYTES[Kind::String as usize] + CLOCK_BYTES,
            _ => BYTES[Kind::Native as usize],
        };
        self.add(slots, bytes);
        match array.data_type() {
            DataType::Utf8 => self.texts(array.as_string::<i32>(), slots),
            DataType::LargeUtf8 => self.texts(array.as_string::<i64>(), slots),
            DataType::Utf8View => self.texts(array.as_string_view(), slots),
            DataType::Binary => self.blobs(array.as_binary::<i32>(), slots),
            DataType::LargeBinary => self.blobs(array.as_binary::<i64>(), slots),
            DataType::BinaryView => self.blobs(array.as_binary_view(), slots),
            DataType::FixedSizeBinary(width) => self.add(slots, *width as usize),
            DataType::UInt64 | DataType::Decimal128(..) => self.add(slots, WIDE_BYTES),
            _ => {}
        }
    }

    fn texts<'a>(&mut self, array: impl StringArrayType<'a>, slots: &Slots) {
        for (at, place) in slots.places().enumerate() {
            self.row_bytes[slots.row(at)] += array.value(place).len();
        }
    }

    fn blobs<'a>(&mut self, array: impl BinaryArrayType<'a>, slots: &Slots) {
        for (at, place) in slots.places().enumerate() {
            self.row_bytes[slots.row(at)] += array.value(place).len();
        }
    }

    fn add(&mut self, slots: &Slots, bytes: usize) {
        if slots.are_of_all_rows() {
            self.each += bytes;
            return;
        }
        for at in 0..slots.len() {
            self.row_bytes[slots.row(at)] += bytes;
        }
    }

    fn unsupported(&self, data_type: &DataType, reason: &str) -> Error {
        let message = format!("the Arrow type {data_type} cannot become a column: {reason}");
        Error::settings(message).in_column(self.column())
    }

    fn too_large(&self, row: usize) -> Error {
        row_too_large(self.first_row + row as u64, self.row_bytes_max)
    }

    fn error(&self, row: usize, message: String) -> Error {
        let row = self.first_row + row as u64;
        Error::new(ErrorKind::Row, message).at_row(row).in_column(self.column())
    }

    fn column(&self) -> String {
        self.path.join(".").replace(".[]", "[]")
    }
}

/// The first of these values that has no place in a row: which it is, and why.
fn first_bad(array: &ArrayRef, slots: &Slots) -> Option<(usize, String)> {
    let find = |message: &dyn Fn(usize) -> Option<String>| {
        slots.places().enumerate().find_map(|(at, place)| Some((at, message(place)?)))
    };
    let finite = |value: f64| {
        (!value.is_finite())
            .then(|| format!("{value} is no number that JSON has; put a null in its place"))
    };
    match array.data_type() {
        DataType::Float16 => {
            let values = array.as_primitive::<Float16Type>().values();
            find(&|at| finite(f64::from(values[at].to_f32())))
        }
        DataType::Float32 => {
            let values = array.as_primitive::<Float32Type>().values();
            find(&|at| finite(f64::from(values[at])))
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>().values();
            find(&|at| finite(values[at]))
        }
        DataType::Date32 => {
            let values = array.as_primitive::<Date32Type>().values();
            find(&|at| day(i64::from(values[at])))
        }
        DataType::Date64 => {
            let values = array.as_primitive::<Date64Type>().values();
            find(&|at| match values[at] % DAY_MS {
                0 => day(values[at] / DAY_MS),
                _ => Some(format!("{} ms are no whole days; cast to a timestamp", values[at])),
            })
        }
        DataType::Timestamp(unit, _) => {
            let per_day = DAY_SECONDS * 10_i64.pow(u32::from(digits(*unit)));
            find(&|at| day(instant_of(array, at).div_euclid(per_day)))
        }
        DataType::Time32(unit) | DataType::Time64(unit) => {
            let per_day = DAY_SECONDS * 10_i64.pow(u32::from(digits(*unit)));
            find(&|at| {
                let value = instant_of(array, at);
                let within = (0..per_day).contains(&value);
                (!within).then(|| format!("{value} is no time of day; correct it"))
            })
        }
        DataType::Decimal32(precision, _) => {
            let values = array.as_primitive::<Decimal32Type>().values();
            find(&|at| decimal(i128::from(values[at]), *precision))
        }
        DataType::Decimal64(precision, _) => {
            let values = array.as_primitive::<Decimal64Type>().values();
            find(&|at| decimal(i128::from(values[at]), *precision))
        }
        DataType::Decimal128(precision, _) => {
            let values = array.as_primitive::<Decimal128Type>().values();
            find(&|at| decimal(values[at], *precision))
        }
        _ => None,
    }
}

fn day(days: i64) -> Option<String> {
    let known = DAYS.contains(&days);
    (!known).then(|| {
        format!(
            "day {days} since 1970 is outside the years 0001 to 9999; correct it, or put a null"
        )
    })
}

fn decimal(value: i128, precision: u8) -> Option<String> {
    let limit = 10_u128.pow(u32::from(precision));
    (value.unsigned_abs() >= limit).then(|| {
        format!("the decimal {value} (without its point) has more than {precision} digits")
    })
}
