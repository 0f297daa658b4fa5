//! Names with dots that look like the path of another column.
//!
//! ClickHouse and PyIceberg name a field of a struct by its path: its names, joined by dots. They
//! refuse a whole file that has a column `a.b` and also a struct `a` with a field `b`.

use std::collections::{BTreeMap, BTreeSet};

use super::column::{Column, ColumnType};
use super::names::folded;

/// The fields with a dot in their names whose path is also the path of another field. Each result
/// is the names from the top down to the field. The elements of lists count as fields too. Of two
/// fields with dots and the same path, only the later one is a twin. `own`: the names of the columns
/// that the file has beside these.
pub(crate) fn twins(columns: &[Column], own: &[&str]) -> Vec<Vec<String>> {
    let mut walk = Walk::default();
    if has_dots(columns) {
        for own in own {
            let place = walk.places.below(TOP, own);
            walk.taken.insert(place);
        }
        let plain = walk.plain(columns, Path::default());
        walk.taken.extend(plain);
        walk.look(columns, Path::default());
    }
    walk.twins
}

/// The new fields whose path is also the path of another field, as in [`twins`]. `columns` has all
/// columns of `given` and their new fields. A given field is never a twin: the new one is.
pub(crate) fn new_twins(columns: &[Column], given: &[Column], own: &[&str]) -> Vec<Vec<String>> {
    let mut walk = Walk::default();
    if has_dots(columns) {
        for own in own {
            let place = walk.places.below(TOP, own);
            walk.taken.insert(place);
        }
        walk.take_all(given, Path::default());
        walk.look_at_new(columns, given, Path::default(), false);
        walk.look_at_new(columns, given, Path::default(), true);
    }
    walk.twins
}

fn has_dots(fields: &[Column]) -> bool {
    fields.iter().any(|field| field.name.contains('.') || has_dots(fields_of(&field.column_type).0))
}

/// The fields of a struct, or of the structs in nested lists; and the number of those lists.
fn fields_of(column_type: &ColumnType) -> (&[Column], usize) {
    match column_type {
        ColumnType::Struct(fields) => (fields, 0),
        ColumnType::List(element) => {
            let (fields, lists) = fields_of(&element.column_type);
            (fields, lists + 1)
        }
        _ => (&[], 0),
    }
}

/// The paths that were seen, as a tree of the words between their dots. So memory grows with the
/// names alone, and not with their depth.
#[derive(Default)]
struct Places(BTreeMap<(usize, String), usize>);

/// The place above all paths.
const TOP: usize = 0;

impl Places {
    /// The place of a name below another place.
    fn below(&mut self, place: usize, name: &str) -> usize {
        folded(name).split('.').fold(place, |place, word| {
            let next = self.0.len() + 1;
            *self.0.entry((place, word.to_owned())).or_insert(next)
        })
    }
}

/// A path, in the two forms that engines use.
#[derive(Clone, Copy, Default)]
struct Path {
    /// Without list elements: `tags`.
    short: usize,
    /// With list elements: `tags.element`.
    long: usize,
}

#[derive(Default)]
struct Walk {
    places: Places,
    /// The places of the fields that become columns.
    taken: BTreeSet<usize>,
    /// The names from the top down to the current fields.
    above: Vec<String>,
    twins: Vec<Vec<String>>,
}

impl Walk {
    /// The places of the fields below `above` that have no dot. They become columns if `above`
    /// does.
    fn plain(&mut self, fields: &[Column], above: Path) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        for field in fields.iter().filter(|field| !field.name.contains('.')) {
            let (places, inside) = self.enter(field, above);
            found.extend(places);
            found.append(&mut self.plain(fields_of(&field.column_type).0, inside));
        }
        found
    }

    /// Finds the twins among the fields with a dot in their names.
    fn look(&mut self, fields: &[Column], above: Path) {
        for field in fields {
            let (places, inside) = self.enter(field, above);
            let below = fields_of(&field.column_type).0;
            self.above.push(field.name.clone());
            let mut twin = false;
            if field.name.contains('.') {
                let mut own = self.plain(below, inside);
                own.extend(places);
                twin = !own.is_disjoint(&self.taken);
                match twin {
                    true => self.twins.push(self.above.clone()),
                    false => self.taken.append(&mut own),
                }
            }
            if !twin {
                self.look(below, inside);
            }
            self.above.pop();
        }
    }

    /// Takes the places of all these fields, and of those below them.
    fn take_all(&mut self, fields: &[Column], above: Path) {
        for field in fields {
            let (places, inside) = self.enter(field, above);
            self.taken.extend(places);
            self.take_all(fields_of(&field.column_type).0, inside);
        }
    }

    /// Finds the twins among the new fields: first those with a plain name, then with a `dotted`
    /// one.
    fn look_at_new(&mut self, fields: &[Column], given: &[Column], above: Path, dotted: bool) {
        let known: BTreeMap<&str, &ColumnType> =
            given.iter().map(|field| (field.name.as_str(), &field.column_type)).collect();
        for field in fields {
            let (places, inside) = self.enter(field, above);
            let below = fields_of(&field.column_type).0;
            self.above.push(field.name.clone());
            match known.get(field.name.as_str()).filter(|known| ***known != ColumnType::Null) {
                Some(known) => self.look_at_new(below, fields_of(known).0, inside, dotted),
                None if self.twins.contains(&self.above) => {}
                None if field.name.contains('.') != dotted => {
                    if dotted {
                        self.look(below, inside);
                    }
                }
                None => {
                    let mut own = self.plain(below, inside);
                    own.extend(places);
                    if own.is_disjoint(&self.taken) {
                        self.taken.append(&mut own);
                        if dotted {
                            self.look(below, inside);
                        }
                    } else {
                        self.twins.push(self.above.clone());
                    }
                }
            }
            self.above.pop();
        }
    }

    /// The places of a field, and of its elements if it is a list; and the path above its own
    /// fields.
    fn enter(&mut self, field: &Column, above: Path) -> (Vec<usize>, Path) {
        let short = self.places.below(above.short, &field.name);
        let mut long = self.places.below(above.long, &field.name);
        let mut places = vec![short, long];
        let mut column_type = &field.column_type;
        while let ColumnType::List(element) = column_type {
            long = self.places.below(long, "element");
            places.push(long);
            column_type = &element.column_type;
        }
        // The file has no column for a field of nulls.
        if field.column_type == ColumnType::Null {
            places.clear();
        }
        (places, Path { short, long })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Schema;
    use crate::schema::{ID_COLUMN, RESCUED_COLUMN};

    const OWN: [&str; 2] = [ID_COLUMN, RESCUED_COLUMN];

    #[test]
    fn dotted_names_are_found_where_they_read_as_another_path() {
        let list = |fields| ColumnType::list_of(ColumnType::Struct(fields));
        let text = |name: &str| Column::new(name, ColumnType::String);
        let object = |name: &str, fields| Column::new(name, ColumnType::Struct(fields));
        for (columns, wanted) in [
            (vec![text("a.b"), text("a")], &[][..]),
            (vec![text("a.b"), object("a", vec![text("c")])], &[]),
            (vec![text("a.b"), object("a", vec![text("b")])], &[&["a.b"][..]]),
            (vec![object("A", vec![text("B")]), text("a.b")], &[&["a.b"]]),
            (
                vec![object("a.b", vec![text("c")]), object("a", vec![text("b.c")])],
                &[&["a", "b.c"]],
            ),
            (vec![object("a", vec![object("b", vec![text("c")])]), text("a.b.c")], &[&["a.b.c"]]),
            (vec![Column::new("a", list(vec![text("b")])), text("a.b")], &[&["a.b"]]),
            (
                vec![Column::new("a", list(vec![text("b")])), text("a.element.b")],
                &[&["a.element.b"]],
            ),
            (
                vec![Column::new("a", list(vec![text("b.c"), object("b", vec![text("c")])]))],
                &[&["a", "b.c"]],
            ),
            (vec![text("x.y"), Column::new("x", ColumnType::Null)], &[]),
        ] {
            let schema = Schema::new(columns).unwrap();
            assert_eq!(twins(schema.columns(), &OWN), wanted, "{}", schema.to_json());
        }
    }
    #[test]
    fn long_names_above_many_fields_cost_their_own_length_once() {
        let leaves = (0..500).map(|at| Column::new(at.to_string(), ColumnType::String)).collect();
        let deep = (0..50).fold(ColumnType::Struct(leaves), |inner, _| {
            ColumnType::Struct(vec![Column::new("n".repeat(4_000), inner)])
        });
        let columns = [Column::new("a.b", ColumnType::String), Column::new("deep", deep)];
        let mut walk = Walk::default();
        walk.plain(&columns, Path::default());
        let kept: usize = walk.places.0.keys().map(|(_, word)| word.len()).sum();
        assert!(kept < 50 * 4_000 + 500 * 3 + 10, "{kept} bytes");
        assert_eq!(twins(&columns, &OWN), [&[""; 0]; 0]);
    }
}
