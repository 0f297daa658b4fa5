//! Which files of a table can have rows of a query, by the statistics in its log.

use super::action::Add;
use super::added::{FORMS_OF_TABLE, FORMS_TAG};
use super::columns::TableColumns;
use super::lsns::LSNS_TAG;
use crate::filter::{
    Bounds, ColumnFacts, ColumnPath, Comparison, Condition, DateLiteral, Facts, Filter, FilterRow,
    InstantLiteral, Kind, Literal, NumberLiteral, PickedRow, Seen,
};
use crate::json::{self, Number, write_number};
use crate::schema::{Column, ColumnType, Form, ID_COLUMN, RESCUED_COLUMN};
use crate::time::timestamp;

/// Whether the file can have a row that the filter takes, by its statistics in the log. `false` is
/// a promise: it has none. Damaged or missing statistics, of whatever writer, give `true`.
pub fn can_match(columns: &TableColumns, add: &Add, filter: &Filter) -> bool {
    let paths = filter.columns().iter().map(ColumnPath::names);
    Known::read(columns, add, paths).is_none_or(|known| filter.may_match(&known))
}

/// Whether the file can have the row with this id, by its statistics in the log. `false` is a
/// promise, as that of [`can_match`].
pub fn can_have_id(columns: &TableColumns, add: &Add, id: &str) -> bool {
    let own = [ID_COLUMN.to_owned()];
    let names = columns.id_field().unwrap_or(&own);
    let Some(known) = Known::read(columns, add, std::iter::once(names)) else { return true };
    let is_own = columns.id_field().is_none();
    let Place::Leaf(column_type) = place(columns.all(), names) else { return true };
    // The column `_id` has the id of each row as a text, whatever is rescued.
    let kind = if is_own { Some(Kind::String) } else { known.kind(names, column_type) };
    let literal = match kind {
        Some(Kind::String) => Literal::String(id.to_owned()),
        Some(Kind::Number) => match NumberLiteral::read(id) {
            Ok(number) => Literal::Number(number),
            Err(_) => return true,
        },
        _ => return true,
    };
    let (Some(kind), true) = (kind, is_own || !known.hides()) else { return true };
    let facts = known.facts(names, column_type, Some(kind));
    let equals = ColumnPath::new(names.to_vec())
        .and_then(|path| Filter::new(Condition::Compare(path, Comparison::Equal, literal)));
    equals.map_or(true, |equals| equals.may_match(&Same(facts)))
}

/// What the log says of a file.
struct Known<'k> {
    columns: &'k TableColumns,
    /// Whether a commit of ours added the file, with these columns.
    is_ours: bool,
    /// Whether the values have the forms that the table's schema says.
    has_forms: bool,
    rows: u64,
    stats: PickedRow,
}

/// Where the values at a path are.
enum Place<'p> {
    /// In this leaf.
    Leaf(&'p ColumnType),
    /// In no column.
    Nothing,
    /// In more than one leaf, in a list, or in the texts of a JSON column.
    Many,
}

impl<'k> Known<'k> {
    /// What the statistics say of these paths; `None` if nothing can be told by them.
    fn read<'p>(
        columns: &'k TableColumns,
        add: &Add,
        paths: impl Iterator<Item = &'p [String]>,
    ) -> Option<Self> {
        if !columns.is_exact() {
            return None;
        }
        let text = add.stats.as_deref()?;
        let mut picked = vec![stats_path(&["numRecords".to_owned()], None)?];
        picked.push(stats_path(&[RESCUED_COLUMN.to_owned()], Some(NULLS))?);
        for names in paths {
            for part in [MIN, MAX, NULLS] {
                picked.push(stats_path(names, Some(part))?);
            }
        }
        let mut stats = PickedRow::new(&picked);
        json::read(text.as_bytes(), &mut stats).ok()?;
        let rows = count(stats.seen(picked.first()?))?;
        let tag = add.tags.get(FORMS_TAG).map(String::as_str);
        let is_ours = add.tags.contains_key(LSNS_TAG);
        let has_forms = is_ours && tag == Some(FORMS_OF_TABLE);
        Some(Known { columns, is_ours, has_forms, rows, stats })
    }

    fn nulls(&self, names: &[String]) -> Option<u64> {
        let path = stats_path(names, Some(NULLS))?;
        count(self.stats.seen(&path)).filter(|nulls| *nulls <= self.rows)
    }

    /// Whether values may lie in `_rescued_data`, where no statistics see them.
    fn hides(&self) -> bool {
        let rescued = [RESCUED_COLUMN.to_owned()];
        let has = self.columns.all().iter().any(|column| column.name == RESCUED_COLUMN);
        (has || self.is_ours) && self.nulls(&rescued) != Some(self.rows)
    }

    /// What is known of a leaf whose values are of this kind in the rows.
    fn facts(&self, names: &[String], column_type: &ColumnType, kind: Option<Kind>) -> ColumnFacts {
        let bounds = kind.map(|kind| {
            let end = |part, above| {
                let path = stats_path(names, Some(part)).filter(|_| self.trusts(column_type))?;
                literal(column_type, kind, self.stats.seen(&path), above)
            };
            Bounds::new(kind, end(MIN, false), end(MAX, true))
        });
        ColumnFacts::new(self.rows, self.nulls(names), bounds)
    }

    /// The kind that the values have in the rows; `None` if it is not known, or not one.
    fn kind(&self, names: &[String], column_type: &ColumnType) -> Option<Kind> {
        let is_own_id = self.columns.id_field().is_none() && names == [ID_COLUMN];
        match column_type {
            // A document may have its own one, which may be a number.
            ColumnType::String if is_own_id && !self.has_forms => None,
            ColumnType::String | ColumnType::Binary => Some(Kind::String),
            ColumnType::Boolean => Some(Kind::Boolean),
            ColumnType::Date => Some(Kind::Date),
            ColumnType::Timestamp { form, .. } if self.has_forms => match form {
                Some(Form::Text(_)) => Some(Kind::Instant),
                Some(Form::Number) => Some(Kind::Number),
                None => None,
            },
            ColumnType::Decimal { form: Some(form), .. } if self.has_forms => match form {
                Form::Text(_) => Some(Kind::String),
                Form::Number => Some(Kind::Number),
            },
            ColumnType::Float32 | ColumnType::Float64 => Some(Kind::Number),
            integer if integer.integer_bits().is_some() => Some(Kind::Number),
            _ => None,
        }
    }

    /// Whether no value is past the bounds. Other writers leave out what is not a number, which
    /// some engines put above all numbers; and bytes have another order than their texts.
    fn trusts(&self, column_type: &ColumnType) -> bool {
        match column_type {
            ColumnType::Float32 | ColumnType::Float64 => self.has_forms,
            ColumnType::Binary => false,
            ColumnType::Decimal { form, .. } => *form == Some(Form::Number),
            _ => true,
        }
    }
}

impl Facts for Known<'_> {
    fn column(&self, path: &ColumnPath) -> ColumnFacts {
        let names = path.names();
        let mut opaque = self.columns.opaque().iter();
        // Without a field `_id`, a row has its id there, which is another field.
        let is_other_id =
            names == [ID_COLUMN] && self.columns.id_field().is_some_and(|id| id != names);
        if is_other_id || self.hides() || opaque.any(|opaque| names.starts_with(opaque)) {
            return ColumnFacts::unknown();
        }
        match place(self.columns.all(), names) {
            Place::Leaf(column_type) => {
                self.facts(names, column_type, self.kind(names, column_type))
            }
            // The document's own field of this name is always rescued.
            _ if names.first().is_some_and(|name| name == RESCUED_COLUMN) => {
                ColumnFacts::new(self.rows, Some(self.rows), None)
            }
            Place::Nothing if self.is_ours => ColumnFacts::new(self.rows, Some(self.rows), None),
            Place::Nothing | Place::Many => ColumnFacts::unknown(),
        }
    }
}

/// The same facts for each path.
struct Same(ColumnFacts);

impl Facts for Same {
    fn column(&self, _: &ColumnPath) -> ColumnFacts {
        self.0.clone()
    }
}

const MIN: &str = "minValues";
const MAX: &str = "maxValues";
const NULLS: &str = "nullCount";

fn stats_path(names: &[String], part: Option<&str>) -> Option<ColumnPath> {
    let names = names.iter().map(String::as_str);
    ColumnPath::new(part.into_iter().chain(names)).ok()
}

fn count(seen: Seen<'_>) -> Option<u64> {
    match seen {
        Seen::Number(Number::Int(count)) => u64::try_from(count).ok(),
        _ => None,
    }
}

fn place<'c>(columns: &'c [Column], names: &[String]) -> Place<'c> {
    let (mut fields, mut names) = (columns, names.iter());
    while let Some(name) = names.next() {
        let Some(field) = fields.iter().find(|field| field.name == *name) else {
            return Place::Nothing;
        };
        match &field.column_type {
            // What was null in the first file may have values in a list or a struct by now, but
            // then it has another type.
            ColumnType::Null => return Place::Nothing,
            ColumnType::Struct(below) => fields = below,
            ColumnType::List(_) | ColumnType::Json => return Place::Many,
            // A value has no fields.
            _ if names.next().is_some() => return Place::Nothing,
            column_type => return Place::Leaf(column_type),
        }
    }
    Place::Many
}

/// A bound as the rows have it; `None` if the log says none, or not as the protocol wants it.
/// `above`: no value is above it.
fn literal(column_type: &ColumnType, kind: Kind, seen: Seen<'_>, above: bool) -> Option<Literal> {
    match (column_type, seen) {
        (ColumnType::Timestamp { unit, .. }, Seen::String(text)) => {
            // Spark cuts the larger end to milliseconds too, instead of rounding it up.
            let micros = timestamp(text, 6)?.checked_add(if above { 1_000 } else { 0 })?;
            match kind {
                Kind::Instant => InstantLiteral::of_unit(micros, 6).map(Literal::Instant),
                _ => {
                    let finer = 1_000_000 / unit.per_second();
                    // A number is exact only within its unit: the lower end is rounded down.
                    (finer > 0).then(|| Literal::Number(micros.div_euclid(finer).into()))
                }
            }
        }
        (ColumnType::Date, Seen::String(text)) => DateLiteral::read(text).map(Literal::Date),
        (ColumnType::String, Seen::String(text)) => Some(Literal::String(text.to_owned())),
        (ColumnType::Boolean, Seen::Boolean(value)) => Some(Literal::Boolean(value)),
        (ColumnType::Float32 | ColumnType::Float64 | ColumnType::Decimal { .. }, seen) => {
            let Seen::Number(number) = seen else { return None };
            let mut text = String::new();
            write_number(&mut text, number);
            NumberLiteral::read(&text).ok().map(Literal::Number)
        }
        // Another form may be a rounded one.
        (integer, Seen::Number(Number::Int(value))) if integer.integer_bits().is_some() => {
            Some(Literal::Number(value.into()))
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
