//! Makes documents of levels and values: record assembly, as in the Dremel paper (Melnik et al.,
//! 2010).

use std::ops::Range;
use std::slice::Iter;

use super::batch::{LeafBatch, StoredValue};
use super::cut::Fields;
use super::damage::corrupt;
use super::document::{Item, Name, Rescued};
use super::form::{text, value};
use super::id::IdPlace;
use super::layout::Layout;
use super::limits::{no_memory, too_much};
use super::narrow::Narrowed;
use super::row::{Projection, StoredRow};
use crate::Result;
use crate::by_name::ByName;
use crate::schema::facts::{Facts, Groups};
use crate::schema::{Column, ColumnType, ID_COLUMN};

/// Makes rows of the levels and values of the leaves.
pub(crate) struct Assembler {
    pub(super) row_bytes_max: usize,
    projection: Projection,
    pub(super) id: IdPlace,
    /// The ids of the rows are read.
    pub(super) takes_ids: bool,
    /// The documents' own `_id` is asked for.
    pub(super) takes_own: bool,
    /// The first field is read for its id alone, and not asked for.
    hides_first: bool,
    pub(super) columns: Vec<Node>,
    /// The place of each column in `columns`.
    by_name: ByName<Name, usize>,
    /// The place of `_rescued_data` among the leaves.
    pub(super) rescued: Option<usize>,
    /// The leaves of the file to read, in order.
    leaves: Vec<usize>,
}

/// A row whose rescued values are not put back.
pub(super) struct Apart {
    /// `None` if it is one of the fields.
    id: Option<String>,
    pub(super) columns: Vec<(Name, Item)>,
    pub(super) rescued: Vec<(String, Rescued)>,
}

/// One column or field.
pub(super) struct Node {
    pub(super) name: Name,
    pub(super) column_type: ColumnType,
    facts: Facts,
    /// In the current row group, a null is an explicit null.
    pub(super) nulls: bool,
    /// In the current row group, whole numbers of a floating-point column have no fraction.
    pub(super) integers: bool,
    pub(super) shape: Shape,
    /// Its leaves, as places among the leaves that are read.
    pub(super) leaves: Range<usize>,
}

pub(super) enum Shape {
    /// Only nulls: the file has no such column.
    Nothing,
    /// A leaf. Its values have this definition level.
    Leaf(i16),
    /// A struct. An entry with at least this definition level has an object.
    Struct(i16, Vec<Node>),
    /// A list: its definition level, its repetition level, and its element. An entry with exactly
    /// this definition level is an empty array, and one with a higher level has an element. Further
    /// elements of the same array have at least this repetition level.
    List(i16, i16, Box<Node>),
}

impl Assembler {
    pub(crate) fn new(file: &Layout, projection: &Projection) -> Result<Self> {
        Self::narrow(file, projection, None, true)
    }

    /// Of the columns of the projection, it may leave out what lies beside these fields. Without
    /// `takes_ids`, rows have an empty id, unless the ids have to be read anyway.
    pub(crate) fn narrow(
        file: &Layout,
        projection: &Projection,
        fields: Option<&Fields>,
        takes_ids: bool,
    ) -> Result<Self> {
        let takes_own = projection.takes(ID_COLUMN);
        let takes_ids = takes_ids || takes_own;
        // The leaf of `_id` is the first one, if there is one.
        let mut next_in_file = file.id.own_leaves();
        let mut leaves: Vec<usize> = (0..next_in_file).filter(|_| takes_ids).collect();
        let mut columns = Vec::new();
        let mut facts = &file.facts[..];
        for column in file.footer.schema.columns() {
            let count = column.column_type.leaves();
            let (own, behind) = facts.split_at(column.column_type.columns_in_all());
            let has_id = takes_ids && file.id.is_in(&column.name);
            if projection.takes(&column.name) || has_id {
                let fields = fields.filter(|_| !has_id);
                let column = Narrowed::new(column, own, fields);
                columns.push(Node::new(
                    &column.column,
                    &mut column.facts.iter(),
                    leaves.len(),
                    0,
                    0,
                ));
                leaves.extend(column.leaves.iter().map(|leaf| next_in_file + leaf));
            }
            next_in_file += count;
            facts = behind;
        }
        let rescued = file.has_rescued.then_some(leaves.len());
        if file.has_rescued {
            leaves.push(next_in_file);
        }
        if leaves.is_empty() && !takes_ids {
            // Something has to say how many rows there are.
            return Self::narrow(file, projection, fields, true);
        }
        let hides_first = takes_ids
            && file.id.is_field()
            && columns.first().is_some_and(|column| !projection.takes(&column.name));
        let by_name =
            columns.iter().enumerate().map(|(at, column)| (Name::clone(&column.name), at));
        Ok(Assembler {
            row_bytes_max: file.terms.limits.row_bytes_max,
            projection: projection.clone(),
            id: file.id.clone(),
            takes_ids,
            takes_own,
            hides_first,
            by_name: by_name.collect(),
            columns,
            rescued,
            leaves,
        })
    }

    pub(crate) fn leaves(&self) -> &[usize] {
        &self.leaves
    }

    /// Turns to the rows of this row group.
    pub(crate) fn begin_group(&mut self, group: usize) {
        self.columns.iter_mut().for_each(|column| column.begin_group(group));
    }

    /// The row that begins at the next entry of each leaf.
    pub(crate) fn row(&self, leaves: &mut [LeafBatch]) -> Result<StoredRow> {
        let Apart { id, columns, rescued } = self.apart(leaves)?;
        let mut fields = Vec::with_capacity(columns.len() + 1);
        if let Some(id) = id.as_ref().filter(|_| self.takes_own) {
            fields.extend(self.id.own_field(id)?);
        }
        let first = fields.len();
        fields.extend(columns);
        for (name, part) in rescued {
            if !self.projection.takes(&name) && !self.id.is_in(&name) {
                continue;
            }
            match self.by_name.get(&name).copied() {
                Some(at) => fields[first + at].1.restore(&self.columns[at].column_type, part)?,
                None => fields.push((Name::from(name), part.into())),
            }
        }
        let id = match id {
            Some(id) => id,
            None if self.takes_ids => self.id.id_in(&fields)?,
            None => String::new(),
        };
        if self.hides_first {
            fields.remove(0);
        }
        Ok(StoredRow { id, document: Item::Object(fields) })
    }

    /// The row that begins at the next entry of each leaf, with its rescued values apart.
    pub(super) fn apart(&self, leaves: &mut [LeafBatch]) -> Result<Apart> {
        let row = &mut Row { leaves, bytes_left: self.row_bytes_max, most: self.row_bytes_max };
        let id = match self.id {
            IdPlace::Own(_) if self.takes_ids => Some(own_id(row)?),
            IdPlace::Own(_) => Some(String::new()),
            IdPlace::Field(_) => None,
        };
        let read = |column: &Node| Ok((Name::clone(&column.name), column.read(row)?));
        let columns = self.columns.iter().map(read).collect::<Result<_>>()?;
        let mut apart = Apart { id, columns, rescued: Vec::new() };
        if let Some(leaf) = self.rescued
            && let Some(StoredValue::Bytes(bytes)) = row.leaves[leaf].next(1)?
        {
            takes(&mut row.bytes_left, bytes.len(), row.most)?;
            apart.rescued = Rescued::read(text(bytes)?)?;
        }
        Ok(apart)
    }

    /// The names and types of the columns that are read, in order.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&str, &ColumnType)> {
        self.columns.iter().map(|column| (&*column.name, &column.column_type))
    }
}

impl Node {
    /// `facts`: those of the column, and behind them those of the columns below it.
    fn new(
        column: &Column,
        facts: &mut Iter<'_, Facts>,
        first: usize,
        definition: i16,
        repetition: i16,
    ) -> Self {
        let own_facts = facts.next().cloned().unwrap_or_default();
        let leaves = first..first + column.column_type.leaves();
        let shape = match &column.column_type {
            ColumnType::Null => Shape::Nothing,
            ColumnType::Struct(fields) => {
                let mut next = first;
                let mut nodes = Vec::with_capacity(fields.len());
                for field in fields {
                    nodes.push(Node::new(field, facts, next, definition + 1, repetition));
                    next += field.column_type.leaves();
                }
                Shape::Struct(definition + 1, nodes)
            }
            ColumnType::List(element) => {
                let element = Column::new("", element.column_type.clone());
                let mut element = Node::new(&element, facts, first, definition + 2, repetition + 1);
                // An element is always there.
                element.facts.nulls = Groups::All;
                Shape::List(definition + 1, repetition + 1, Box::new(element))
            }
            _ => Shape::Leaf(definition + 1),
        };
        let name = Name::from(column.name.as_str());
        let column_type = column.column_type.clone();
        Node { name, column_type, facts: own_facts, nulls: false, integers: false, shape, leaves }
    }

    fn begin_group(&mut self, group: usize) {
        self.nulls = self.facts.nulls.has(group);
        self.integers = self.facts.integers.has(group);
        match &mut self.shape {
            Shape::Nothing | Shape::Leaf(_) => {}
            Shape::Struct(_, fields) => {
                fields.iter_mut().for_each(|field| field.begin_group(group))
            }
            Shape::List(_, _, element) => element.begin_group(group),
        }
    }

    /// What a null of the column is.
    fn null(&self) -> Item {
        if self.nulls { Item::Null } else { Item::Absent }
    }

    fn read(&self, row: &mut Row<'_>) -> Result<Item> {
        match &self.shape {
            Shape::Nothing => Ok(self.null()),
            Shape::Leaf(definition) => {
                let Row { leaves, bytes_left, most } = row;
                match leaves[self.leaves.start].next(*definition)? {
                    Some(stored) => {
                        let bytes =
                            if let StoredValue::Bytes(bytes) = &stored { bytes.len() } else { 1 };
                        takes(bytes_left, bytes, *most)?;
                        value(&self.column_type, self.integers, stored)
                    }
                    None => Ok(self.null()),
                }
            }
            Shape::Struct(definition, fields) => {
                if self.definition(row)? < *definition {
                    return self.skip(row, self.null());
                }
                let fields =
                    fields.iter().map(|field| Ok((Name::clone(&field.name), field.read(row)?)));
                Ok(Item::Object(fields.collect::<Result<_>>()?))
            }
            Shape::List(definition, repetition, element) => {
                let found = self.definition(row)?;
                if found < *definition {
                    return self.skip(row, self.null());
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

    pub(super) fn definition(&self, row: &Row<'_>) -> Result<i16> {
        let peeked = row.leaves[self.leaves.start].peek();
        peeked
            .map(|(definition, _)| definition)
            .ok_or_else(|| corrupt("a column ends within a row"))
    }

    fn skip(&self, row: &mut Row<'_>, item: Item) -> Result<Item> {
        self.skip_leaves(row)?;
        Ok(item)
    }

    /// Goes past the next entry of each leaf, which has no value.
    pub(super) fn skip_leaves(&self, row: &mut Row<'_>) -> Result<()> {
        row.leaves[self.leaves.clone()].iter_mut().try_for_each(LeafBatch::skip)
    }
}

/// A row being assembled.
pub(super) struct Row<'l> {
    pub(super) leaves: &'l mut [LeafBatch],
    /// The bytes that the rest of its values may take.
    pub(super) bytes_left: usize,
    /// The bytes that all of its values may take.
    pub(super) most: usize,
}

/// The next id in the column `_id`, which is the first leaf.
pub(super) fn own_id(row: &mut Row<'_>) -> Result<String> {
    let Some(StoredValue::Bytes(id)) = row.leaves[0].next(0)? else {
        return Err(corrupt("a row has no id"));
    };
    takes(&mut row.bytes_left, id.len(), row.most)?;
    Ok(text(id)?.to_owned())
}

pub(super) fn takes(left: &mut usize, bytes: usize, most: usize) -> Result<()> {
    let rest = left.checked_sub(bytes.max(1));
    *left = rest.ok_or_else(|| too_much("one row has too many bytes", "row_bytes_max", most))?;
    Ok(())
}
