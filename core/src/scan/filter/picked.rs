//! The values of some columns, picked from the events of a document.

use super::path::ColumnPath;
use super::row::{FilterRow, Seen};
use crate::by_name::ByName;
use crate::json::{Events, Number, write_number};

/// The top of a document.
const TOP: usize = 0;

/// A row of which only the columns of a filter are kept. It takes the row's JSON as events, without
/// a tree, and keeps its memory for the next row.
///
/// ```
/// use coldpress_core::filter::{Filter, PickedRow};
/// use coldpress_core::json;
///
/// let filter = Filter::parse("size.w > 10")?;
/// let mut row = PickedRow::new(filter.columns());
/// for (document, wanted) in [(r#"{"size":{"w":11}}"#, true), (r#"{"a":[{}]}"#, false)] {
///     row.clear();
///     json::read(document.as_bytes(), &mut row)?;
///     assert_eq!(filter.matches(&row), wanted);
/// }
/// # Ok::<(), coldpress_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct PickedRow {
    /// The names of the paths as a tree; the first one is the top.
    places: Vec<Place>,
    /// How many values were seen at a place so far.
    seen: u64,
    /// The open objects and arrays: the place of each, if it is one of ours. Arrays have none.
    open: Vec<Option<usize>>,
    /// The place of the next value.
    next: Option<usize>,
}

#[derive(Debug, Clone, Default)]
struct Place {
    below: ByName<String, usize>,
    held: Held,
    text: String,
    /// When its value began. It counts only if that was after the one above began: of equal keys
    /// in one object, the last stays.
    since: u64,
}

#[derive(Debug, Clone, Copy, Default)]
enum Held {
    #[default]
    Nothing,
    Boolean(bool),
    Int(i64),
    Big(u64),
    Double(f64),
    /// A number, which is in `text`.
    Literal,
    /// A string, which is in `text`.
    String,
    Nested,
}

impl PickedRow {
    /// A row without values, of these columns.
    pub fn new(columns: &[ColumnPath]) -> Self {
        let mut row =
            PickedRow { places: vec![Place::default()], seen: 0, open: Vec::new(), next: None };
        for column in columns {
            let mut above = TOP;
            for name in column.names() {
                let new = row.places.len();
                let place = *row.places[above].below.get_or_insert(name, || new, str::to_owned);
                if place == new {
                    row.places.push(Place::default());
                }
                above = place;
            }
        }
        row.clear();
        row
    }

    /// Forgets the values, for the next row.
    pub fn clear(&mut self) {
        self.seen += 1;
        self.places[TOP].since = self.seen;
        self.places[TOP].held = Held::Nothing;
        self.open.clear();
        self.next = Some(TOP);
    }

    /// Puts a string at the top under this name, if the row has nothing there and somebody asks.
    pub(in crate::scan) fn default_string(&mut self, name: &str, text: &str) {
        let top = &self.places[TOP];
        let Some(place) = top.below.get(name).copied() else { return };
        if self.places[place].since <= top.since {
            self.next = Some(place);
            self.put(Held::String, Some(text));
        }
    }

    fn put(&mut self, held: Held, text: Option<&str>) {
        let Some(place) = self.next.take() else { return };
        self.seen += 1;
        let place = &mut self.places[place];
        place.since = self.seen;
        place.held = held;
        if let Some(text) = text {
            text.clone_into(&mut place.text);
        }
    }
}

impl Events for PickedRow {
    fn key(&mut self, name: &str) {
        let above = self.open.last().copied().flatten();
        self.next = above.and_then(|above| self.places[above].below.get(name).copied());
    }

    fn null(&mut self) {
        self.put(Held::Nothing, None);
    }

    fn boolean(&mut self, value: bool) {
        self.put(Held::Boolean(value), None);
    }

    fn number(&mut self, value: Number<'_>) {
        match value {
            Number::Int(value) => self.put(Held::Int(value), None),
            Number::Big(value) => self.put(Held::Big(value), None),
            Number::Double(value) => self.put(Held::Double(value), None),
            value @ Number::Literal(_) => {
                let mut text = String::new();
                write_number(&mut text, value);
                self.put(Held::Literal, Some(&text));
            }
        }
    }

    fn string(&mut self, value: &str) {
        self.put(Held::String, Some(value));
    }

    fn open_object(&mut self) {
        self.open.push(self.next);
        self.put(Held::Nested, None);
    }

    fn close_object(&mut self) {
        self.open.pop();
    }

    fn open_array(&mut self) {
        self.put(Held::Nested, None);
        self.open.push(None);
    }

    fn close_array(&mut self) {
        self.open.pop();
    }
}

impl FilterRow for PickedRow {
    fn seen(&self, path: &ColumnPath) -> Seen<'_> {
        let mut above = &self.places[TOP];
        for name in path.names() {
            match above.below.get(name).map(|place| &self.places[*place]) {
                Some(place) if place.since > above.since => above = place,
                _ => return Seen::Nothing,
            }
        }
        match above.held {
            Held::Nothing => Seen::Nothing,
            Held::Boolean(value) => Seen::Boolean(value),
            Held::Int(value) => Seen::Number(Number::Int(value)),
            Held::Big(value) => Seen::Number(Number::Big(value)),
            Held::Double(value) => Seen::Number(Number::Double(value)),
            Held::Literal => Seen::Number(Number::Literal(&above.text)),
            Held::String => Seen::String(&above.text),
            Held::Nested => Seen::Nested,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::read;
    use Seen::{Boolean, Nested, Nothing, String as Text};

    #[test]
    fn the_last_of_equal_keys_counts() {
        let paths = ["a", "a.b", "a.b.c", "d"].map(|path| path.parse::<ColumnPath>().unwrap());
        let mut row = PickedRow::new(&paths);
        let one = Seen::Number(Number::Int(1));
        for (document, wanted) in [
            (r#"{"a":{"b":{"c":1}}}"#, [Nested, Nested, one.clone(), Nothing]),
            (r#"{"a":{"b":1},"a":{"c":2}}"#, [Nested, Nothing, Nothing, Nothing]),
            (r#"{"a":{"b":1},"a":true}"#, [Boolean(true), Nothing, Nothing, Nothing]),
            (r#"{"a":2,"a":{"b":1},"d":null}"#, [Nested, one.clone(), Nothing, Nothing]),
            (r#"{"a":[{"b":1},[{"a":{"b":1}}]],"d":"x"}"#, [Nested, Nothing, Nothing, Text("x")]),
            (r#"{"x":{"a":1,"d":1},"d":1}"#, [Nothing, Nothing, Nothing, one.clone()]),
            (r#"[{"a":1}]"#, [Nothing, Nothing, Nothing, Nothing]),
            ("1", [Nothing, Nothing, Nothing, Nothing]),
        ] {
            row.clear();
            read(document.as_bytes(), &mut row).unwrap();
            assert_eq!(paths.each_ref().map(|path| row.seen(path)), wanted, "{document}");
        }
    }
}
