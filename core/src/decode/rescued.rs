//! Counts the rescued values of a file.

use std::collections::{BTreeMap, BTreeSet};

use super::assemble::{Apart, Assembler};
use super::document::{Item, Name, Rescued as Part};
use super::file::ParquetFile;
use super::row::Projection;
use crate::format::rescued::{Rescued, RescuedCounts};
use crate::schema::ColumnType;
use crate::{Error, ErrorKind, Result};

/// The most bytes of different paths. Only a file that is made to harm has more.
const PATHS_BYTES_MAX: usize = 64 << 20;

/// If more fields than this have rescued values, all columns are read.
const FIELDS_MAX: usize = 100;

impl ParquetFile {
    /// The rescued values of the file by path, sorted: what
    /// [`Summary::rescued`](crate::Summary::rescued) was when it was written. It reads
    /// `_rescued_data`, and then the columns of the fields that occur there.
    pub fn rescued(&self) -> Result<Vec<Rescued>> {
        if !self.layout.has_rescued {
            return Ok(Vec::new());
        }
        let mut names = BTreeSet::new();
        let no_column = Assembler::new(&self.layout, &Projection::Columns(Vec::new()))?;
        self.each_row(&no_column, |row| {
            names.extend(row.rescued.into_iter().map(|(name, _)| name));
            Ok(())
        })?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let projection = match names.len() {
            0..=FIELDS_MAX => Projection::Columns(names.into_iter().collect()),
            _ => Projection::All,
        };
        let columns = Assembler::new(&self.layout, &projection)?;
        let types: BTreeMap<&str, (usize, &ColumnType)> = by_name(columns.columns());
        let mut counter = Counter::default();
        self.each_row(&columns, |row| counter.fields(&types, &row.columns, &row.rescued))?;
        Ok(counter.counts.into_list())
    }

    fn each_row(
        &self,
        columns: &Assembler,
        mut take: impl FnMut(Apart) -> Result<()>,
    ) -> Result<()> {
        let mut number = 0;
        for group in 0..self.layout.metadata.num_row_groups() {
            let mut rows = self.open_group(group, columns.leaves())?;
            while let Some(leaves) = rows.next_row()? {
                columns.apart(leaves).and_then(&mut take).map_err(|error| error.at_row(number))?;
                number += 1;
            }
        }
        Ok(())
    }
}

/// Names and types by name, with their places.
fn by_name<'t>(
    types: impl Iterator<Item = (&'t str, &'t ColumnType)>,
) -> BTreeMap<&'t str, (usize, &'t ColumnType)> {
    types.enumerate().map(|(at, (name, column_type))| (name, (at, column_type))).collect()
}

#[derive(Default)]
struct Counter {
    counts: RescuedCounts,
    /// The path down to the current value.
    path: String,
    paths_bytes: usize,
}

impl Counter {
    /// Counts the parts of an object, whose `items` have these types.
    fn fields(
        &mut self,
        types: &BTreeMap<&str, (usize, &ColumnType)>,
        items: &[(Name, Item)],
        parts: &[(String, Part)],
    ) -> Result<()> {
        for (name, part) in parts {
            let before = self.path.len();
            if before > 0 {
                self.path.push('.');
            }
            self.path.push_str(name);
            let column = types.get(name.as_str()).copied();
            match column.and_then(|(at, column_type)| Some((column_type, items.get(at)?))) {
                Some((column_type, (_, item))) => self.value(column_type, item, part)?,
                None => self.count(false)?,
            }
            self.path.truncate(before);
        }
        Ok(())
    }

    /// Takes the same steps as [`Item::restore`].
    fn value(&mut self, column_type: &ColumnType, item: &Item, part: &Part) -> Result<()> {
        match (item, column_type, part) {
            (Item::Object(items), ColumnType::Struct(columns), Part::Object(parts)) => {
                let types =
                    columns.iter().map(|column| (column.name.as_str(), &column.column_type));
                self.fields(&by_name(types), items, parts)
            }
            (Item::Array(items), ColumnType::List(element), Part::Object(parts)) => {
                let before = self.path.len();
                self.path.push_str("[]");
                for (index, part) in parts {
                    let item = index.parse().ok().and_then(|index: usize| items.get(index));
                    self.value(&element.column_type, item.unwrap_or(&Item::Absent), part)?;
                }
                self.path.truncate(before);
                Ok(())
            }
            (item, ..) => self.count(!matches!(item, Item::Absent | Item::Null)),
        }
    }

    fn count(&mut self, in_column: bool) -> Result<()> {
        if self.counts.add(&self.path, in_column) {
            self.paths_bytes += self.path.len();
        }
        if self.paths_bytes > PATHS_BYTES_MAX {
            let message = format!(
                "the paths of its rescued values have more than {PATHS_BYTES_MAX} bytes, which \
                 Coldpress never writes; restore the file"
            );
            return Err(Error::new(ErrorKind::Limit, message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Encoder, Schema, Settings, Target};

    #[test]
    fn a_file_counts_what_its_summary_said() {
        let schema = concat!(
            r#"{"columns":[{"name":"ts","type":"timestamp","unit":"ms"},"#,
            r#"{"name":"s","type":"struct","fields":[{"name":"d","type":"date"}]},"#,
            r#"{"name":"l","type":"list","element":{"type":"uuid"}}]}"#,
        );
        let rows = concat!(
            r#"{"ts":"2024-02-29T01:02:03Z"}{"ts":"2024-02-29T01:02:03.0Z"}{"ts":1}{"ts":"no"}"#,
            r#"{"ts":"2024-02-29T01:02:03Z","s":{"d":"no","x":[1]},"y":{"z":1}}"#,
            r#"{"s":7,"l":["00112233-4455-6677-8899-AABBCCDDEEFF","no",1]}"#,
        );
        let schema = Some(Schema::from_json(schema).unwrap());
        let mut encoder = Encoder::new(Settings { schema, ..Settings::default() }).unwrap();
        encoder.push_json(rows.as_bytes()).unwrap();
        let file = encoder.finish(&Target::new(0, "c")).unwrap();
        let shown: Vec<(&str, u64, u64)> = file
            .summary
            .rescued
            .iter()
            .map(|of| (of.path.as_str(), of.count, of.other_form))
            .collect();
        let expected =
            [("l[]", 3, 1), ("s", 1, 0), ("s.d", 1, 0), ("s.x", 1, 0), ("ts", 3, 1), ("y", 1, 0)];
        assert_eq!(shown, expected);
        assert_eq!(ParquetFile::open(file.bytes).unwrap().rescued().unwrap(), file.summary.rescued);
    }
}
