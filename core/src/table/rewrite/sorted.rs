//! The rows of a file in another order.

use std::cmp::Ordering;
use std::collections::VecDeque;

use super::settings::{RewriteOrder, RewriteSettings};
use crate::filter::{
    ColumnPath, FilterRow, InstantLiteral, Literal, NumberLiteral, PickedRow, Seen,
};
use crate::json::{self, write_number};
use crate::schema::ColumnType;
use crate::sort::sort_by;
use crate::{Error, ErrorKind, Result};

/// What a row takes beside its texts: three values on the heap, and what describes them.
const ROW_BYTES: u64 = 100;

/// All rows of a file, until they are sorted and taken out.
#[derive(Debug)]
pub(super) struct SortedRows {
    by: By,
    rows: VecDeque<Row>,
    bytes: u64,
    bytes_max: u64,
}

/// What the rows are sorted by.
#[derive(Debug)]
enum By {
    Id,
    Field {
        path: ColumnPath,
        picked: PickedRow,
        /// The texts of the field are instants.
        are_instants: bool,
    },
}

#[derive(Debug)]
struct Row {
    /// `None` comes last.
    place: Option<Literal>,
    id: Box<str>,
    text: Box<str>,
}

impl SortedRows {
    /// `None` if the rows stay in their order. `id_field`: where all files have their ids, if a
    /// field holds them.
    pub(super) fn new(
        settings: &RewriteSettings,
        id_field: Option<&[String]>,
    ) -> Result<Option<Self>> {
        let path = match (&settings.order, id_field) {
            (RewriteOrder::AsStored, _) => return Ok(None),
            (RewriteOrder::ById, None) => None,
            (RewriteOrder::ById, Some(names)) => Some(ColumnPath::new(names)?),
            (RewriteOrder::By(path), _) => Some(path.clone()),
        };
        let schema = settings.encode.schema.as_ref();
        let by = path.map_or(By::Id, |path| By::Field {
            picked: PickedRow::new(std::slice::from_ref(&path)),
            are_instants: schema
                .and_then(|schema| schema.type_at(path.names()))
                .is_some_and(|found| matches!(found, ColumnType::Timestamp { .. })),
            path,
        });
        let (rows, bytes_max) = (VecDeque::new(), settings.sort_bytes_max);
        Ok(Some(SortedRows { by, rows, bytes: 0, bytes_max }))
    }

    /// Takes a row: its id, and its document as JSON text.
    pub(super) fn push(&mut self, id: String, text: &str) -> Result<()> {
        let place = self.place(&id, text)?;
        let bytes_of_place = match &place {
            Some(Literal::String(text)) => text.len(),
            _ => 0,
        };
        let bytes = id.len() + text.len() + bytes_of_place;
        self.bytes = self.bytes.saturating_add(ROW_BYTES + bytes as u64);
        if self.bytes > self.bytes_max {
            return Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "{} rows take more than {} bytes to sort; raise sort_bytes_max, or rewrite \
                     fewer files at once",
                    self.rows.len() + 1,
                    self.bytes_max
                ),
            ));
        }
        self.rows.push_back(Row { place, id: id.into(), text: text.into() });
        Ok(())
    }

    /// Sorts the rows; equal ones stay in their order.
    pub(super) fn sort(&mut self) {
        sort_by(self.rows.make_contiguous(), |one, other| match (&one.place, &other.place) {
            (Some(one), Some(other)) => order(one, other),
            (one, other) => other.is_some().cmp(&one.is_some()),
        });
    }

    /// Takes the first row.
    pub(super) fn next_row(&mut self) -> Option<(Box<str>, Box<str>)> {
        self.rows.pop_front().map(|row| (row.id, row.text))
    }

    fn place(&mut self, id: &str, text: &str) -> Result<Option<Literal>> {
        let By::Field { path, picked, are_instants } = &mut self.by else {
            return Ok(Some(Literal::String(id.to_owned())));
        };
        picked.clear();
        json::read(text.as_bytes(), picked)?;
        let number = |text: &str| NumberLiteral::read(text).ok().map(Literal::Number);
        Ok(match picked.seen(path) {
            Seen::Nothing | Seen::Nested => None,
            Seen::Boolean(value) => Some(Literal::Boolean(value)),
            Seen::Number(value) => {
                let mut text = String::new();
                write_number(&mut text, value);
                number(&text)
            }
            Seen::Literal(text) => number(&text),
            Seen::String(text) => {
                let instant = are_instants.then(|| InstantLiteral::read(text)).flatten();
                Some(match instant {
                    Some(instant) => Literal::Instant(instant),
                    None => Literal::String(text.to_owned()),
                })
            }
        })
    }
}

fn order(one: &Literal, other: &Literal) -> Ordering {
    one.kind().cmp(&other.kind()).then(one.compare(other).unwrap_or(Ordering::Equal))
}
