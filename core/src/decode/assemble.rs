//! Levels and values back into documents: record assembly as in the Dremel paper (Melnik et al., 2010).

use std::collections::BTreeMap;
use std::ops::Range;

use super::document::{Item, Rescued};
use super::group::{Leaf, Stored};
use super::limits::{no_memory, too_much};
use super::{Name, ParquetFile, Projection, StoredRow, corrupt};
use crate::json::text::write_string;
use crate::resolve::{OwnId, date_text, decimal_text, float_as_double, timestamp_text, uuid_text};
use crate::schema::{Column, ColumnType, Form, ID_COLUMN};
use crate::{Result, json};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Makes rows of what the leaves hold.
pub(super) struct Assembler {
    row_bytes_max: usize,
    projection: Projection,
    own_id: Option<OwnId>,
    columns: Vec<Node>,
    /// Where each column stands in `columns`.
    by_name: BTreeMap<Name, usize>,
    /// The place of `_rescued_data` among the leaves.
    rescued: Option<usize>,
    /// The leaves of the file that are read, in order.
    leaves: Vec<usize>,
}

/// One column or field.
struct Node {
    name: Name,
    column_type: ColumnType,
    shape: Shape,
    /// Its leaves among those that are read.
    leaves: Range<usize>,
}

enum Shape {
    /// Only nulls: the file has no such column.
    Nothing,
    /// A leaf, whose values have this definition.
    Leaf(i16),
    /// An object is there from this definition on.
    Struct(i16, Vec<Node>),
    /// An array is there from this definition on, and an element above it; further elements of one array
    /// have this repetition.
    List(i16, i16, Box<Node>),
}

impl Assembler {
    pub(super) fn new(file: &ParquetFile, projection: &Projection) -> Result<Self> {
        // `_id` is the first leaf of every file.
        let mut leaves = vec![0];
        let mut next_in_file = 1;
        let mut columns = Vec::new();
        for column in file.schema().columns() {
            let count = column.column_type.leaves();
            if projection.takes(&column.name) {
                columns.push(Node::new(column, leaves.len(), 0, 0));
                leaves.extend(next_in_file..next_in_file + count);
            }
            next_in_file += count;
        }
        let rescued = file.has_rescued.then_some(leaves.len());
        if file.has_rescued {
            leaves.push(next_in_file);
        }
        let own_id = projection.takes(ID_COLUMN).then_some(file.own_id);
        let by_name =
            columns.iter().enumerate().map(|(at, column)| (Name::clone(&column.name), at));
        Ok(Assembler {
            row_bytes_max: file.terms.limits.row_bytes_max,
            projection: projection.clone(),
            own_id,
            by_name: by_name.collect(),
            columns,
            rescued,
            leaves,
        })
    }

    pub(super) fn leaves(&self) -> &[usize] {
        &self.leaves
    }

    /// The row at which the leaves stand.
    pub(super) fn row(&self, leaves: &mut [Leaf]) -> Result<StoredRow> {
        let row = &mut Row { leaves, bytes_left: self.row_bytes_max, most: self.row_bytes_max };
        let id = match row.leaves[0].next(0)? {
            Some(Stored::Bytes(bytes)) => bytes.clone(),
            _ => return Err(corrupt("a row has no id")),
        };
        row.takes(id.len())?;
        let id = text(&id)?.to_owned();
        let mut fields = Vec::with_capacity(self.columns.len() + 1);
        match self.own_id {
            Some(OwnId::String) => fields.push((Name::from(ID_COLUMN), Item::String(id.clone()))),
            Some(OwnId::Number) => fields.push((Name::from(ID_COLUMN), json_text(id.clone())?)),
            Some(OwnId::Absent) | None => {}
        }
        let first = fields.len();
        for column in &self.columns {
            fields.push((Name::clone(&column.name), column.read(row)?));
        }
        if let Some(rescued) = self.rescued
            && let Some(Stored::Bytes(bytes)) = row.leaves[rescued].next(1)?
        {
            let bytes = bytes.clone();
            row.takes(bytes.len())?;
            for (name, part) in Rescued::read(text(&bytes)?)? {
                if !self.projection.takes(&name) {
                    continue;
                }
                match self.by_name.get(name.as_str()).copied() {
                    Some(at) => {
                        fields[first + at].1.restore(&self.columns[at].column_type, part)?
                    }
                    None => fields.push((Name::from(name), part.into())),
                }
            }
        }
        Ok(StoredRow { id, document: Item::Object(fields) })
    }
}

impl Node {
    fn new(column: &Column, first: usize, definition: i16, repetition: i16) -> Self {
        let leaves = first..first + column.column_type.leaves();
        let shape = match &column.column_type {
            ColumnType::Null => Shape::Nothing,
            ColumnType::Struct(fields) => {
                let mut next = first;
                let mut nodes = Vec::with_capacity(fields.len());
                for field in fields {
                    nodes.push(Node::new(field, next, definition + 1, repetition));
                    next += field.column_type.leaves();
                }
                Shape::Struct(definition + 1, nodes)
            }
            ColumnType::List(element) => {
                let element = Column::new("", element.column_type.clone());
                let element = Node::new(&element, first, definition + 2, repetition + 1);
                Shape::List(definition + 1, repetition + 1, Box::new(element))
            }
            _ => Shape::Leaf(definition + 1),
        };
        let name = Name::from(column.name.as_str());
        Node { name, column_type: column.column_type.clone(), shape, leaves }
    }

    fn read(&self, row: &mut Row<'_>) -> Result<Item> {
        match &self.shape {
            Shape::Nothing => Ok(Item::Absent),
            Shape::Leaf(definition) => {
                let Row { leaves, bytes_left, most } = row;
                match leaves[self.leaves.start].next(*definition)? {
                    Some(stored) => {
                        let bytes =
                            if let Stored::Bytes(bytes) = &stored { bytes.len() } else { 1 };
                        takes(bytes_left, bytes, *most)?;
                        value(&self.column_type, stored)
                    }
                    None => Ok(Item::Absent),
                }
            }
            Shape::Struct(definition, fields) => {
                if self.definition(row)? < *definition {
                    return self.skip(row, Item::Absent);
                }
                let fields =
                    fields.iter().map(|field| Ok((Name::clone(&field.name), field.read(row)?)));
                Ok(Item::Object(fields.collect::<Result<_>>()?))
            }
            Shape::List(definition, repetition, element) => {
                let found = self.definition(row)?;
                if found < *definition {
                    return self.skip(row, Item::Absent);
                }
                if found == *definition {
                    return self.skip(row, Item::Array(Vec::new()));
                }
                let mut items = vec![element.read(row)?];
                let first = self.leaves.start;
                while row.leaves[first].peek().is_some_and(|(_, next)| next >= *repetition) {
                    if items.len() == items.capacity() {
                        let reserved = items.try_reserve(items.len());
                        reserved.map_err(|_| no_memory("the elements of one row"))?;
                    }
                    items.push(element.read(row)?);
                }
                Ok(Item::Array(items))
            }
        }
    }

    fn definition(&self, row: &Row<'_>) -> Result<i16> {
        let peeked = row.leaves[self.leaves.start].peek();
        peeked
            .map(|(definition, _)| definition)
            .ok_or_else(|| corrupt("a column ends within a row"))
    }

    fn skip(&self, row: &mut Row<'_>, item: Item) -> Result<Item> {
        for leaf in &mut row.leaves[self.leaves.clone()] {
            leaf.skip()?;
        }
        Ok(item)
    }
}

/// A row being put together.
struct Row<'l> {
    leaves: &'l mut [Leaf],
    /// Bytes that its values and texts may still take, and those they may take at first.
    bytes_left: usize,
    most: usize,
}

impl Row<'_> {
    fn takes(&mut self, bytes: usize) -> Result<()> {
        takes(&mut self.bytes_left, bytes, self.most)
    }
}

fn takes(left: &mut usize, bytes: usize, most: usize) -> Result<()> {
    let rest = left.checked_sub(bytes.max(1));
    *left = rest.ok_or_else(|| too_much("one row has more bytes", "row_bytes_max", most))?;
    Ok(())
}

/// A stored value as it stood in the JSON.
fn value(column_type: &ColumnType, stored: Stored<'_>) -> Result<Item> {
    match (column_type, stored) {
        (ColumnType::Boolean, Stored::Boolean(value)) => Ok(Item::Boolean(value)),
        (ColumnType::Float64, Stored::Double(value)) => double(value),
        (ColumnType::Float32, Stored::Float(value)) => double(float_as_double(finite(value)?)),
        (ColumnType::String, Stored::Bytes(bytes)) => {
            text(bytes)?;
            Ok(Item::Shared(bytes.clone()))
        }
        (ColumnType::Json, Stored::Bytes(bytes)) => json_text(text(bytes)?.to_owned()),
        (ColumnType::Binary, Stored::Bytes(bytes)) => Ok(Item::String(STANDARD.encode(bytes))),
        (ColumnType::Uuid, Stored::Bytes(bytes)) => Ok(Item::String(uuid_text(bytes))),
        (ColumnType::Uint32, Stored::Int32(value)) => {
            Ok(Item::Int(i64::from(value.cast_unsigned())))
        }
        (_, Stored::Int32(value)) => whole(column_type, i128::from(value)),
        (_, Stored::Int64(value)) => whole(column_type, i128::from(value)),
        (ColumnType::Decimal { .. }, Stored::Bytes(bytes)) if bytes.len() <= 16 => {
            let sign = if bytes.first().is_some_and(|byte| *byte > 127) { 0xFF } else { 0 };
            let mut wide = [sign; 16];
            wide[16 - bytes.len()..].copy_from_slice(bytes);
            whole(column_type, i128::from_be_bytes(wide))
        }
        _ => Err(corrupt("a value is not of its column's type")),
    }
}

fn whole(column_type: &ColumnType, value: i128) -> Result<Item> {
    let item = match column_type {
        ColumnType::Decimal { scale, form, .. } => {
            let text = decimal_text(value, *scale);
            if matches!(form, Some(Form::Text(_))) { Item::String(text) } else { Item::Text(text) }
        }
        ColumnType::Date => {
            let text = i64::try_from(value).ok().and_then(date_text);
            Item::String(text.ok_or_else(|| corrupt("a date is past the year 9999"))?)
        }
        ColumnType::Timestamp { unit, form: Some(Form::Text(digits)) } => {
            let value = i64::try_from(value).map_err(corrupt)?;
            // A value in another form than its column's is rescued too, and that text replaces this one.
            let text = timestamp_text(value, unit.digits(), *digits)
                .or_else(|| timestamp_text(value, unit.digits(), unit.digits()));
            text.map_or(Item::Int(value), Item::String)
        }
        _ => i64::try_from(value).map_or_else(|_| Item::Text(value.to_string()), Item::Int),
    };
    Ok(item)
}

fn double(value: f64) -> Result<Item> {
    if !value.is_finite() {
        return Err(corrupt("a number is not finite"));
    }
    Ok(Item::Text(json::number::format(value, &mut json::number::buffer()).to_owned()))
}

fn finite(value: f32) -> Result<f32> {
    if value.is_finite() { Ok(value) } else { Err(corrupt("a number is not finite")) }
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| corrupt("a text is not UTF-8"))
}

/// Text of a JSON column; checked, so that damage never comes out as a row that is no JSON.
fn json_text(text: String) -> Result<Item> {
    match json::validate(text.as_bytes()) {
        Ok(()) => Ok(Item::Text(text)),
        Err(_) => {
            let mut shown = String::new();
            write_string(&mut shown, &text.chars().take(40).collect::<String>());
            Err(corrupt(format!("{shown} is no JSON")))
        }
    }
}
