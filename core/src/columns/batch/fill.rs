//! The arrays of a batch into nodes, one after the other.

use std::collections::BTreeSet;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, StructArray};
use arrow_schema::{Field, Fields};

use super::class::{ArrowType, Class};
use super::slots::{Slots, elements, elements_of};
use super::values::{self, KindOf};
use crate::columns::builder::{Builder, NAME_BYTES_MAX, ROOT};
use crate::columns::natives::{Typed, TypedAs};
use crate::columns::node::{Kind, Node, NodeId};
use crate::schema::{ColumnType, ID_COLUMN};
use crate::{Error, ErrorKind, Result};

impl Builder {
    /// Makes the nodes for the fields of a batch, and tells them their types.
    ///
    /// An error of kind `Settings` or `Limit` if there are fields that a batch cannot have. Types
    /// and their nesting were looked at before.
    pub(super) fn declare_fields(&mut self, fields: &Fields, parent: NodeId) -> Result<()> {
        let mut names = BTreeSet::new();
        for (at, field) in fields.iter().enumerate() {
            if !names.insert(field.name()) {
                return Err(refused(field, "the name stands twice; rename one of the columns"));
            }
            if field.name().len() > NAME_BYTES_MAX {
                return Err(refused(field, "the name is longer than 4096 bytes; shorten it"));
            }
            let node = match self.nodes[parent].field(field.name(), at) {
                Some(found) => self.nodes[parent].fields[found].node,
                None => self.add_field(parent, field.name()),
            };
            self.declare_node(field, self.field_type(parent, field), node)?;
        }
        let most = self.nodes_max.max(self.nodes_of_rows);
        if self.nodes.len() > most {
            let message = format!(
                "the batch has more than {most} fields in all (16 for each of columns_max); leave \
                 columns out, or raise columns_max"
            );
            return Err(Error::new(ErrorKind::Limit, message));
        }
        Ok(())
    }

    /// The type of a field's values. An `_id` that may be the row's id is kept as JSON has it,
    /// because ids are texts or whole numbers.
    pub(super) fn field_type<'t>(&self, parent: NodeId, field: &'t Field) -> ArrowType<'t> {
        let arrow = ArrowType::of(field);
        let is_id = parent == ROOT && field.name() == ID_COLUMN && !self.id_is_named;
        if is_id { arrow.plain() } else { arrow }
    }

    fn declare_node(&mut self, field: &Field, arrow: ArrowType<'_>, node: NodeId) -> Result<()> {
        let leaf = match arrow.class().map_err(|reason| refused(field, reason))? {
            Class::Null | Class::Plain(_) => return Ok(()),
            Class::Elsewhere(data_type) => {
                return self.declare_node(field, arrow.elsewhere(data_type), node);
            }
            Class::Struct(fields) => {
                self.type_node(node, TypedAs::Struct);
                return self.declare_fields(fields, node);
            }
            Class::List(element) => {
                self.type_node(node, TypedAs::List);
                let below = self.element(node);
                return self.declare_node(element, ArrowType::of(element), below);
            }
            Class::Boolean => ColumnType::Boolean,
            Class::Int => ColumnType::Int64,
            Class::Double => ColumnType::Float64,
            Class::Text | Class::Clock => ColumnType::String,
            Class::Native(column_type) => column_type,
        };
        self.type_node(node, TypedAs::Leaf(leaf));
        Ok(())
    }

    fn type_node(&mut self, node: NodeId, typed_as: TypedAs) {
        self.nodes[node].typed.get_or_insert_with(|| Typed::new(typed_as));
    }

    /// Puts the values of an array at these places, as the instances of `node` from `first` on.
    pub(super) fn fill(
        &mut self,
        node: NodeId,
        array: &ArrayRef,
        arrow: ArrowType<'_>,
        (slots, first): (Slots, usize),
    ) {
        // Types were checked when they were declared.
        let Ok(class) = arrow.class() else { return };
        let (valid, slots) = match slots.with_values(array) {
            Some((valid, with_values)) if class != Class::Null => (Some(valid), with_values),
            _ => (None, slots),
        };
        self.fill_values(node, array, arrow, class, (valid, slots, first));
    }

    fn fill_values(
        &mut self,
        node: NodeId,
        array: &ArrayRef,
        arrow: ArrowType<'_>,
        class: Class<'_>,
        (valid, slots, first): (Option<Vec<bool>>, Slots, usize),
    ) {
        match class {
            Class::Elsewhere(data_type) => {
                let (values, slots) = slots.elsewhere(array);
                let arrow = arrow.elsewhere(data_type);
                if let Ok(class) = arrow.class() {
                    self.fill_values(node, values, arrow, class, (valid, slots, first));
                }
            }
            Class::Struct(_) => {
                let values = &mut self.nodes[node];
                let objects = values.count(Kind::Object);
                put(values, first, &slots, valid.as_deref(), &KindOf::All(Kind::Object));
                self.fill_fields(node, array.as_struct(), &slots, objects);
            }
            Class::List(element) => {
                let node = &mut self.nodes[node];
                put(node, first, &slots, valid.as_deref(), &KindOf::All(Kind::Array));
                let start = node.list_ends.last().copied().unwrap_or(0);
                let mut end = start;
                node.list_ends.extend(slots.places().map(|place| {
                    end += elements_of(array, place).len();
                    end
                }));
                let Some(below) = node.element else { return };
                let slots = slots.elements(array);
                self.fill(below, &elements(array), ArrowType::of(element), (slots, start));
            }
            Class::Null => {
                let nulls = valid.unwrap_or_else(|| vec![false; slots.len()]);
                put(&mut self.nodes[node], first, &slots, Some(&nulls), &KindOf::All(Kind::Null));
            }
            leaf => {
                let node = &mut self.nodes[node];
                let kinds = values::append(node, array, &leaf, &slots);
                put(node, first, &slots, valid.as_deref(), &kinds);
            }
        }
    }

    /// Puts the fields of the objects at these places, whose instances begin at `first`.
    pub(super) fn fill_fields(
        &mut self,
        node: NodeId,
        objects: &StructArray,
        slots: &Slots,
        first: usize,
    ) {
        for (at, (field, column)) in objects.fields().iter().zip(objects.columns()).enumerate() {
            let Some(found) = self.nodes[node].field(field.name(), at) else { continue };
            let below = self.nodes[node].fields[found].node;
            let arrow = self.field_type(node, field);
            self.fill(below, column, arrow, (slots.clone(), first));
        }
    }
}

/// Notes the kinds of the instances from `first` on. `valid`: which of them have a value.
fn put(node: &mut Node, first: usize, slots: &Slots, valid: Option<&[bool]>, kinds: &KindOf) {
    let valid = match (valid, kinds) {
        (Some(valid), _) => valid,
        (None, KindOf::All(kind)) => return node.put_all(first, slots.len(), *kind),
        (None, KindOf::Each(kinds)) => {
            for (at, kind) in kinds.iter().enumerate() {
                node.put(first + at, *kind);
            }
            return;
        }
    };
    let mut value = 0;
    for (at, is_valid) in valid.iter().enumerate() {
        let kind = if *is_valid { kinds.at(value) } else { Kind::Null };
        value += usize::from(*is_valid);
        node.put(first + at, kind);
    }
}

fn refused(field: &Field, reason: &str) -> Error {
    let message = format!("the Arrow type {} cannot become a column: {reason}", field.data_type());
    Error::settings(message).in_column(field.name().clone())
}
