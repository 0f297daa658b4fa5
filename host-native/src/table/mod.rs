//! The columns by which all files of a collection read as one table.

mod clash;
mod join;
mod numbers;

use std::collections::BTreeMap;

use coldpress_core::{Column, ColumnType, Footer, ID_COLUMN, IntegerBounds, RESCUED_COLUMN};

pub use clash::Clash;
use join::{Node, joined_fields};

/// The schemas of the files of a collection. Memory grows with the schemas that differ, and not
/// with the files.
///
/// ```
/// # async fn example(storage: &coldpress::ColdStorage) -> coldpress::Result<()> {
/// let mut schemas = coldpress::FileSchemas::default();
/// for object in storage.list(7, "events", None).await? {
///     let (footer, _) = storage.read_footer(&object.key).await?;
///     schemas.add(&footer);
/// }
/// for clash in schemas.table().clashes {
///     println!("{} is text, because files have {}", clash.path, clash.types.join(" and "));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct FileSchemas {
    /// By the text of the schema.
    known: BTreeMap<String, usize>,
    kinds: Vec<FileKind>,
}

/// Files of one schema.
#[derive(Debug, Clone)]
struct FileKind {
    columns: Vec<Column>,
    /// Of each leaf, depth first.
    bounds: Vec<IntegerBounds>,
}

/// The columns by which all files of a collection read as one table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TableSchema {
    /// The columns of the table, `_id` and `_rescued_data` among them. A file that lacks one has
    /// nulls there. A column that [clashes](TableSchema::clashes) has the type
    /// [`ColumnType::Json`]: it is text.
    pub columns: Vec<Column>,
    /// The columns that no one type can hold, by their paths.
    pub clashes: Vec<Clash>,
}

impl FileSchemas {
    /// Takes one more file. Files come in the order of their LSNs, which decides the order of the
    /// columns.
    pub fn add(&mut self, footer: &Footer) {
        let mut columns = Vec::new();
        let mut bounds = Vec::new();
        if footer.id_field().is_none() {
            columns.push(Column::new(ID_COLUMN, ColumnType::String));
            bounds.push(IntegerBounds::Unknown);
        }
        let fields = footer.schema().columns().iter();
        columns.extend(fields.filter(|field| field.column_type != ColumnType::Null).cloned());
        bounds.extend_from_slice(footer.integer_bounds());
        if footer.columns_count() > columns.len() {
            columns.push(Column::new(RESCUED_COLUMN, ColumnType::Json));
            bounds.push(IntegerBounds::Unknown);
        }
        self.add_kind(FileKind { columns, bounds });
    }

    fn add_kind(&mut self, kind: FileKind) {
        let text = format!("{:?}", kind.columns);
        match self.known.get(&text) {
            Some(at) => {
                let known = &mut self.kinds[*at].bounds;
                known.iter_mut().zip(kind.bounds).for_each(|(a, b)| *a = a.with(b));
            }
            None => {
                self.known.insert(text, self.kinds.len());
                self.kinds.push(kind);
            }
        }
    }

    /// The columns of all of them together.
    ///
    /// A column has one of the types that it has in the files, or the smallest one that holds each
    /// value of all of them exactly: a wider integer, decimal or timestamp, or a double. An `int64`
    /// beside a `float64` is a double if the statistics of the files prove that each integer is
    /// exact as one. The fields of structs and the elements of lists follow the same rule. What
    /// has no such type is a [clash](TableSchema::clashes).
    pub fn table(&self) -> TableSchema {
        let files: Vec<Vec<(&str, Node<'_>)>> = self
            .kinds
            .iter()
            .map(|kind| Node::fields(&kind.columns, &mut kind.bounds.iter().copied()))
            .collect();
        let mut clashes = Vec::new();
        let files: Vec<&[(&str, Node<'_>)]> = files.iter().map(Vec::as_slice).collect();
        let mut columns = joined_fields(&files, "", &mut clashes);
        // Both of our own keep their places, whichever file came first.
        for (own, at_end) in [(ID_COLUMN, false), (RESCUED_COLUMN, true)] {
            if let Some(at) = columns.iter().position(|column| column.name == own) {
                let column = columns.remove(at);
                columns.insert(if at_end { columns.len() } else { 0 }, column);
            }
        }
        TableSchema { columns, clashes }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
