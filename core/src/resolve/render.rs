//! Values back into JSON text, straight from their columns.

use super::fit::Scalar;
use super::{KINDS, Kind, Node, NodeId};
use crate::json::number::Number;
use crate::json::text::{write_number, write_string};

/// Reads each node's values once, in order.
///
/// The objects (or the arrays) of one node are either all rendered or all taken apart into columns,
/// never some of each; so one cursor for each kind is enough.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) nodes: Vec<Node>,
    taken: Vec<[usize; KINDS]>,
    extras_taken: Vec<usize>,
}

impl Reader {
    pub(super) fn new(nodes: Vec<Node>) -> Self {
        let (taken, extras_taken) = (vec![[0; KINDS]; nodes.len()], vec![0; nodes.len()]);
        Reader { nodes, taken, extras_taken }
    }

    /// The place among its kind of the next value of this kind at `node`.
    #[inline]
    pub(super) fn take(&mut self, node: NodeId, kind: Kind) -> usize {
        let index = self.taken[node][kind as usize];
        self.taken[node][kind as usize] += 1;
        index
    }

    #[inline]
    pub(super) fn scalar(&self, node: NodeId, kind: Kind, index: usize) -> Scalar<'_> {
        let node = &self.nodes[node];
        match kind {
            Kind::Boolean => Scalar::Boolean(node.booleans[index]),
            Kind::Int => Scalar::Number(Number::Int(node.ints[index])),
            Kind::Big => Scalar::Number(Number::Big(node.bigs[index])),
            Kind::Double => Scalar::Number(Number::Double(node.doubles[index])),
            Kind::Literal => Scalar::Number(Number::Literal(node.literals.text(index))),
            Kind::String => Scalar::String(node.strings.text(index)),
            _ => Scalar::Nested,
        }
    }

    /// Appends the value, which [`Reader::take`] gave the place of, as compact JSON text.
    pub(super) fn render(&mut self, node: NodeId, kind: Kind, index: usize, out: &mut String) {
        match kind {
            Kind::Absent | Kind::Null => out.push_str("null"),
            Kind::Object => self.render_object(node, index, out),
            Kind::Array => self.render_array(node, index, out),
            Kind::Json => out.push_str(self.nodes[node].jsons.text(index)),
            _ => match self.scalar(node, kind, index) {
                Scalar::Boolean(value) => out.push_str(if value { "true" } else { "false" }),
                Scalar::Number(value) => write_number(out, value),
                Scalar::String(value) => write_string(out, value),
                Scalar::Nested => {}
            },
        }
    }

    /// The fields of object `object` at `node` that there was no room for: their places in `extras`.
    pub(super) fn take_extras(&mut self, node: NodeId, object: usize) -> std::ops::Range<usize> {
        let start = self.extras_taken[node];
        let own =
            self.nodes[node].extras[start..].iter().take_while(|e| e.object == object).count();
        self.extras_taken[node] += own;
        start..start + own
    }

    fn render_object(&mut self, node: NodeId, object: usize, out: &mut String) {
        out.push('{');
        let mut comma = false;
        for at in 0..self.nodes[node].fields.len() {
            let child = self.nodes[node].fields[at].node;
            let kind = self.nodes[child].kind_at(object);
            if kind == Kind::Absent {
                continue;
            }
            write_key(out, &mut comma, &self.nodes[node].fields[at].name);
            let index = self.take(child, kind);
            self.render(child, kind, index, out);
        }
        for extra in self.take_extras(node, object) {
            let extra = &self.nodes[node].extras[extra];
            write_key(out, &mut comma, &extra.name);
            out.push_str(&extra.text);
        }
        out.push('}');
    }

    fn render_array(&mut self, node: NodeId, index: usize, out: &mut String) {
        out.push('[');
        if let Some(element) = self.nodes[node].element {
            let elements = self.nodes[node].elements(index);
            for at in elements.clone() {
                if at > elements.start {
                    out.push(',');
                }
                let kind = self.nodes[element].kind_at(at);
                let index = self.take(element, kind);
                self.render(element, kind, index, out);
            }
        }
        out.push(']');
    }
}

/// Writes a key and its colon, after a comma where it is not the first.
pub(super) fn write_key(out: &mut String, comma: &mut bool, name: &str) {
    if *comma {
        out.push(',');
    }
    *comma = true;
    write_string(out, name);
    out.push(':');
}
