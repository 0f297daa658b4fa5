//! Values back into JSON text, straight from their columns.

use std::collections::BTreeMap;

use super::fit::Scalar;
use super::native;
use crate::columns::{Cursor, KINDS, Kind, Node, NodeId};
use crate::json::number::Number;
use crate::json::text::{write_number, write_string};
use crate::work;

/// Reads each node's values once, in order.
///
/// The objects (or the arrays) of one node are either all rendered, or all split into columns. So
/// one cursor for each kind is enough.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) nodes: Vec<Node>,
    taken: Vec<[usize; KINDS]>,
    extras_taken: Vec<usize>,
    /// Of the nodes whose objects are rendered.
    fields: BTreeMap<NodeId, FieldsByObject>,
}

/// Finds the fields of one object without a look at all those that others have.
#[derive(Debug)]
struct FieldsByObject {
    /// Fields that many objects have, in order.
    frequent: Vec<usize>,
    /// Objects and their other fields, in order.
    rare: Vec<(usize, usize)>,
    /// How many of these are of objects rendered before.
    taken: usize,
}

/// A field is rare if fewer than one object in this many has it.
const RARE: usize = 16;

impl Reader {
    pub(super) fn new(nodes: Vec<Node>) -> Self {
        let (taken, extras_taken) = (vec![[0; KINDS]; nodes.len()], vec![0; nodes.len()]);
        Reader { nodes, taken, extras_taken, fields: BTreeMap::new() }
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
            Kind::Native => match &node.typed {
                Some(typed) => typed.native(index).map_or(Scalar::Nested, Scalar::Native),
                None => Scalar::Nested,
            },
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
                Scalar::Native(value) => native::render(value, out),
                Scalar::Nested => {}
            },
        }
    }

    /// The fields of object `object` at `node` that there was no room for: their places in
    /// `extras`.
    pub(super) fn take_extras(&mut self, node: NodeId, object: usize) -> std::ops::Range<usize> {
        let start = self.extras_taken[node];
        let own =
            self.nodes[node].extras[start..].iter().take_while(|e| e.object == object).count();
        self.extras_taken[node] += own;
        start..start + own
    }

    /// The next object at `node` that has fields past the limit of columns which are not rendered
    /// yet.
    pub(super) fn next_extra(&self, node: NodeId) -> Option<usize> {
        self.nodes[node].extras.get(self.extras_taken[node]).map(|extra| extra.object)
    }

    /// The fields that object `object` at `node` may have, in order.
    fn fields(&mut self, node: NodeId, object: usize) -> Vec<usize> {
        let nodes = &self.nodes;
        let fields = self.fields.entry(node).or_insert_with(|| FieldsByObject::of(nodes, node));
        let rest = &fields.rare[fields.taken..];
        let before = rest.iter().take_while(|(other, _)| *other < object).count();
        let own = rest[before..].iter().take_while(|(other, _)| *other == object).count();
        let own = fields.taken + before..fields.taken + before + own;
        fields.taken = own.end;
        work::count(before + own.len() + fields.frequent.len());
        let mut all = fields.frequent.clone();
        if !own.is_empty() {
            all.extend(fields.rare[own].iter().map(|(_, at)| *at));
            all.sort_unstable();
        }
        all
    }

    fn render_object(&mut self, node: NodeId, object: usize, out: &mut String) {
        out.push('{');
        let mut comma = false;
        for at in self.fields(node, object) {
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

impl FieldsByObject {
    fn of(nodes: &[Node], node: NodeId) -> Self {
        let objects = nodes[node].count(Kind::Object);
        let (mut frequent, mut rare) = (Vec::new(), Vec::new());
        for (at, field) in nodes[node].fields.iter().enumerate() {
            let field = &nodes[field.node];
            if field.noted() >= objects / RARE {
                frequent.push(at);
                continue;
            }
            let mut cursor = Cursor::default();
            while let Some((object, _)) = field.next(&mut cursor) {
                rare.push((object, at));
            }
        }
        rare.sort_unstable();
        FieldsByObject { frequent, rare, taken: 0 }
    }
}

/// Writes a key and its colon, and before them a comma unless the key is the first.
pub(super) fn write_key(out: &mut String, comma: &mut bool, name: &str) {
    if *comma {
        out.push(',');
    }
    *comma = true;
    write_string(out, name);
    out.push(':');
}
