//! Columns that engines in wide use cannot read.

use super::Schema;
use super::column::{Column, ColumnType, TimeUnit};

/// The most columns that a warning names, to keep it short.
const NAMED_MAX: usize = 5;

impl Schema {
    /// What a reader in wide use cannot do with a file of this schema: a sentence for each kind of
    /// problem, with the paths of its columns. None for a schema that was inferred.
    pub fn warnings(&self) -> Vec<String> {
        let mut found = Found::default();
        found.fields(self.columns(), "");
        [
            found.nanos.warning(
                "timestamp(ns)",
                "Spark 3.5 refuses the whole file; if Spark reads it, choose the unit us",
            ),
            found.uuids.warning(
                "uuid",
                "Spark 3.5 refuses the whole file, and Polars shows bytes; if one of them reads \
                 it, choose string",
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// The columns of each kind.
#[derive(Default)]
struct Found {
    nanos: Paths,
    uuids: Paths,
}

/// The first paths, and the number of all.
#[derive(Default)]
struct Paths {
    first: Vec<String>,
    all: usize,
}

impl Found {
    fn fields(&mut self, fields: &[Column], before: &str) {
        for field in fields {
            let dot = if before.is_empty() { "" } else { "." };
            self.column(&field.column_type, &format!("{before}{dot}{}", field.name));
        }
    }

    fn column(&mut self, column_type: &ColumnType, path: &str) {
        match column_type {
            ColumnType::Timestamp { unit: TimeUnit::Nanos, .. } => self.nanos.add(path),
            ColumnType::Uuid => self.uuids.add(path),
            ColumnType::Struct(fields) => self.fields(fields, path),
            ColumnType::List(element) => self.column(&element.column_type, &format!("{path}[]")),
            _ => {}
        }
    }
}

impl Paths {
    fn add(&mut self, path: &str) {
        self.all += 1;
        if self.first.len() < NAMED_MAX {
            self.first.push(path.to_owned());
        }
    }

    fn warning(&self, type_name: &str, what: &str) -> Option<String> {
        let more = match self.all - self.first.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let paths = self.first.join(", ");
        (self.all > 0).then(|| format!("{paths}{more}: the type is {type_name}. {what}"))
    }
}

#[cfg(test)]
mod tests {
    use crate::Schema;

    #[test]
    fn types_that_spark_or_polars_cannot_read_are_warned_of() {
        let warnings = |text: &str| Schema::from_json(text).unwrap().warnings();
        let none = r#"{"columns":[{"name":"a","type":"timestamp","unit":"us"}]}"#;
        assert!(warnings(none).is_empty());
        let nested = concat!(
            r#"{"columns":[{"name":"s","type":"struct","fields":[{"name":"id","type":"uuid"}]},"#,
            r#"{"name":"l","type":"list","element":{"type":"timestamp","unit":"ns"}}]}"#,
        );
        let found = warnings(nested);
        assert!(found[0].starts_with("l[]: the type is timestamp(ns). Spark 3.5 "), "{found:?}");
        assert!(found[1].starts_with("s.id: the type is uuid. Spark 3.5 "), "{found:?}");
        assert_eq!(found.len(), 2);
        let uuid = |at: usize| format!(r#"{{"name":"c{at}","type":"uuid"}}"#);
        let many: Vec<String> = (0..7).map(uuid).collect();
        let found = warnings(&format!(r#"{{"columns":[{}]}}"#, many.join(",")));
        assert!(found[0].starts_with("c0, c1, c2, c3, c4 and 2 more: the type"), "{found:?}");
    }
}
