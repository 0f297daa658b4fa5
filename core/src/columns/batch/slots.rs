//! Which values of an array are meant, and the rows that they belong to.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int16Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

/// Some places of an array, in order.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    places: Places,
    /// The row of each place; `None`: the first is in the first row, and so on.
    rows: Option<Vec<usize>>,
}

#[derive(Debug, Clone)]
enum Places {
    Range(Range<usize>),
    These(Vec<usize>),
}

impl Slots {
    /// The places of these rows, in an array of rows.
    pub(super) fn of_rows(rows: usize) -> Self {
        Slots { places: Places::Range(0..rows), rows: None }
    }

    pub(super) fn len(&self) -> usize {
        match &self.places {
            Places::Range(range) => range.len(),
            Places::These(places) => places.len(),
        }
    }

    /// The places in order.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> + '_ {
        let (range, these) = match &self.places {
            Places::Range(range) => (range.clone(), &[][..]),
            Places::These(these) => (0..0, &these[..]),
        };
        range.chain(these.iter().copied())
    }

    /// The places, if they follow one another.
    pub(super) fn range(&self) -> Option<Range<usize>> {
        match &self.places {
            Places::Range(range) => Some(range.clone()),
            Places::These(_) => None,
        }
    }

    /// The row of the place that is the `at`th.
    pub(super) fn row(&self, at: usize) -> usize {
        self.rows.as_ref().map_or(at, |rows| rows[at])
    }

    /// Whether each row has one place.
    pub(super) fn are_of_all_rows(&self) -> bool {
        self.rows.is_none()
    }

    /// Which places have a value in `array`, and these places; `None`: all of them have.
    pub(super) fn with_values(&self, array: &dyn Array) -> Option<(Vec<bool>, Slots)> {
        let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0)?;
        let valid: Vec<bool> = self.places().map(|place| nulls.is_valid(place)).collect();
        let kept = || self.places().zip(&valid).enumerate().filter(|(_, (_, valid))| **valid);
        let places = kept().map(|(_, (place, _))| place).collect();
        let rows = kept().map(|(at, _)| self.row(at)).collect();
        Some((valid, Slots { places: Places::These(places), rows: Some(rows) }))
    }

    /// The array that holds the values of a dictionary or of runs, and their places there.
    pub(super) fn elsewhere(self, array: &ArrayRef) -> (&ArrayRef, Slots) {
        if let Some(dictionary) = array.as_any_dictionary_opt() {
            // The keys of a dictionary without values cannot be asked for.
            let keys = match self.len() {
                0 => Vec::new(),
                _ => dictionary.normalized_keys(),
            };
            return (dictionary.values(), self.at(|place| keys[place]));
        }
        let DataType::RunEndEncoded(ends, _) = array.data_type() else { return (array, self) };
        match ends.data_type() {
            DataType::Int16 => {
                let runs = array.as_run::<Int16Type>();
                (runs.values(), self.at(|place| runs.get_physical_index(place)))
            }
            DataType::Int32 => {
                let runs = array.as_run::<Int32Type>();
                (runs.values(), self.at(|place| runs.get_physical_index(place)))
            }
            _ => {
                let runs = array.as_run::<Int64Type>();
                (runs.values(), self.at(|place| runs.get_physical_index(place)))
            }
        }
    }

    fn at(self, place: impl Fn(usize) -> usize) -> Slots {
        Slots { places: Places::These(self.places().map(place).collect()), rows: self.rows }
    }

    /// The elements of the lists at these places.
    pub(super) fn elements(&self, lists: &ArrayRef) -> Slots {
        let (mut places, mut rows) = (Vec::new(), Vec::new());
        for (at, place) in self.places().enumerate() {
            let range = elements_of(lists, place);
            rows.resize(rows.len() + range.len(), self.row(at));
            places.extend(range);
        }
        Slots { places: Places::These(places), rows: Some(rows) }
    }
}

/// The elements of all lists of an array.
pub(super) fn elements(lists: &ArrayRef) -> ArrayRef {
    match lists.data_type() {
        DataType::List(_) => lists.as_list::<i32>().values().clone(),
        DataType::LargeList(_) => lists.as_list::<i64>().values().clone(),
        DataType::ListView(_) => lists.as_list_view::<i32>().values().clone(),
        DataType::LargeListView(_) => lists.as_list_view::<i64>().values().clone(),
        DataType::Map(..) => Arc::new(lists.as_map().entries().clone()),
        _ => lists.as_fixed_size_list().values().clone(),
    }
}

/// The places of the elements of the list at `at`.
pub(super) fn elements_of(lists: &ArrayRef, at: usize) -> Range<usize> {
    let between = |ends: &[i32]| ends[at] as usize..ends[at + 1] as usize;
    match lists.data_type() {
        DataType::List(_) => between(lists.as_list::<i32>().value_offsets()),
        DataType::Map(..) => between(lists.as_map().value_offsets()),
        DataType::LargeList(_) => {
            let ends = lists.as_list::<i64>().value_offsets();
            ends[at] as usize..ends[at + 1] as usize
        }
        DataType::ListView(_) => {
            let views = lists.as_list_view::<i32>();
            let start = views.value_offset(at) as usize;
            start..start + views.value_size(at) as usize
        }
        DataType::LargeListView(_) => {
            let views = lists.as_list_view::<i64>();
            let start = views.value_offset(at) as usize;
            start..start + views.value_size(at) as usize
        }
        _ => {
            let length = lists.as_fixed_size_list().value_length() as usize;
            at * length..(at + 1) * length
        }
    }
}
