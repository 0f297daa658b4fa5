//! The ids of rows: where a document has its id, and whether its own `_id` agrees.

use super::builder::{Builder, END_BYTES, ROOT};
use super::node::{Kind, NodeId};
use crate::Result;
use crate::format::metadata::OwnId;
use crate::schema::ID_COLUMN;

impl Builder {
    /// Whether another field was named for the ids, and a document has an `_id` that is not its id.
    pub(crate) fn own_id_differs(&self) -> bool {
        self.own_id_differs
    }

    /// Where all rows have the id that the caller named; `None` if it is not the same place in all
    /// rows, or if no field was named.
    pub(crate) fn place_of_ids(&self) -> Option<OwnId> {
        match self.ids_found {
            [true, false] => Some(OwnId::NamedField),
            [false, true] => Some(OwnId::NamedPath),
            _ => None,
        }
    }

    /// The id of the open row: the field with the chosen name, or else the end of the path that the
    /// name spells.
    pub(super) fn named_id(&mut self) -> Result<String> {
        let field = self.last_value(std::slice::from_ref(&self.id_field));
        let found = field.or_else(|| self.last_value(&self.id_path));
        let name = &self.id_field;
        let (node, kind) = found.ok_or_else(|| self.row_error(missing_id(name)))?;
        let id = self.id_text(node, kind, name)?;
        self.ids_found[usize::from(field.is_none())] = true;
        Ok(id)
    }

    /// Checks that the open row has this id in the field that the caller named.
    pub(super) fn check_named(&mut self, id: &str) -> Result<()> {
        let found = self.named_id().map_err(|error| error.with_id(id))?;
        if found == id {
            return Ok(());
        }
        let message = format!(
            "the id in field {:?} of the document is {found:?}, but the row has another id; make \
             them equal, or choose no field by the option id",
            self.id_field
        );
        Err(self.row_error(message).with_id(id))
    }

    /// The value at this path of the open row.
    fn last_value(&self, path: &[Box<str>]) -> Option<(NodeId, Kind)> {
        let (mut node, mut instance) = (ROOT, self.rows());
        for name in path {
            let above = &self.nodes[node];
            if above.kind_at(instance) != Kind::Object {
                return None;
            }
            node = above.fields[above.field(name, 0)?].node;
            // The open row's object is the last one there.
            instance = above.count(Kind::Object) - 1;
        }
        let kind = self.nodes[node].kind_at(instance);
        (kind != Kind::Absent).then_some((node, kind))
    }

    pub(super) fn push_id(&mut self, id: &str) -> Result<()> {
        let row = self.rows();
        if let Some(node) = self.id_node {
            let kind = self.nodes[node].kind_at(row);
            let same = match kind {
                // A null is the same as nothing (DESIGN 3).
                Kind::Absent | Kind::Null => true,
                Kind::Int | Kind::Big | Kind::String => self.id_text(node, kind, ID_COLUMN)? == id,
                _ => false,
            };
            if !same && self.id_is_named {
                // `_id` is a field like any other.
                self.own_id_differs = true;
            } else if !same {
                let found = self.describe(node, kind);
                let message = format!(
                    "the field \"_id\" of the document is {found}, but the row has another id; \
                     make them equal, or leave the field out"
                );
                return Err(self.row_error(message).with_id(id));
            }
        }
        self.held_bytes += id.len() + END_BYTES;
        self.nodes_of_rows = self.nodes.len();
        self.ids.push(id);
        Ok(())
    }

    /// The id that the last value put at `node` is.
    pub(super) fn id_text(&self, node: NodeId, kind: Kind, name: &str) -> Result<String> {
        let values = &self.nodes[node];
        match kind {
            Kind::String => Ok(values.strings.text(values.strings.len() - 1).to_owned()),
            Kind::Int | Kind::Big => Ok(self.describe(node, kind)),
            _ => Err(self.row_error(no_id(name, kind, &self.describe(node, kind)))),
        }
    }
}

/// Why a row has no id, if it lacks the field of this name.
pub(super) fn missing_id(name: &str) -> String {
    format!(
        "the row has no field {name:?}, which must hold its id; add the field, or name another one \
         by the option id"
    )
}

/// Why a value of this kind is no id; `found` describes it.
pub(super) fn no_id(name: &str, kind: Kind, found: &str) -> String {
    match kind {
        // 1 and 1.0 are one number for many JSON writers, but would be two ids. And many writers
        // round numbers past 64 bits.
        Kind::Double | Kind::Literal => format!(
            "the id in field {name:?} is the number {found}; a number can be an id only without a \
             point and an exponent, and from -2^63 to 2^64 - 1; write the id as a string, or name \
             another field by the option id"
        ),
        _ => format!(
            "the id in field {name:?} is {found}, but an id must be a string or a whole number; \
             name another field by the option id, or a path into an object, such as _id.$oid"
        ),
    }
}
