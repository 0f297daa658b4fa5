//! One path of the documents: every value seen there, by kind, in order.

use std::collections::BTreeMap;

/// What stands at one instance of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Absent,
    Null,
    Boolean,
    Int,
    Big,
    Double,
    Literal,
    String,
    Object,
    Array,
    /// JSON text of a value that nests too deep to be columns.
    Json,
}

/// How many kinds there are.
pub(crate) const KINDS: usize = 11;

/// What a value of each kind takes with its kind: of a text, only where it ends.
const BYTES: [usize; KINDS] = [1, 1, 2, 9, 9, 9, 9, 9, 1, 9, 9];

/// Place of a node in its builder.
pub(crate) type NodeId = usize;

/// Texts one behind the other in one buffer.
#[derive(Debug, Default, Clone)]
pub(crate) struct Texts {
    pub(crate) bytes: String,
    /// Where each ends in `bytes`.
    pub(crate) ends: Vec<usize>,
}

impl Texts {
    #[inline]
    pub(crate) fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
    }

    #[inline]
    pub(crate) fn text(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    fn pop(&mut self) {
        self.ends.pop();
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }
}

/// A field of the objects at a node.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: Box<str>,
    pub(crate) node: NodeId,
}

/// A field past the limit of columns, as JSON text.
#[derive(Debug)]
pub(crate) struct Extra {
    /// The ordinal of the object it belongs to.
    pub(crate) object: usize,
    pub(crate) name: Box<str>,
    pub(crate) text: String,
}

/// Every value seen at one path.
///
/// An *instance* is one place where a value may stand: a row for a field of the document, the ordinal
/// of the object for a field of a struct, the ordinal of the element for the elements of a list.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// The instance that `kinds` begins with; those before it are absent.
    first: usize,
    kinds: Vec<Kind>,
    counts: [usize; KINDS],
    pub(crate) booleans: Vec<bool>,
    pub(crate) ints: Vec<i64>,
    pub(crate) bigs: Vec<u64>,
    pub(crate) doubles: Vec<f64>,
    pub(crate) literals: Texts,
    pub(crate) strings: Texts,
    pub(crate) jsons: Texts,
    /// Fields of the objects, in order of first appearance.
    pub(crate) fields: Vec<Field>,
    by_name: BTreeMap<Box<str>, usize>,
    /// Fields there was no room for, in order of their objects.
    pub(crate) extras: Vec<Extra>,
    extra_by_name: BTreeMap<Box<str>, usize>,
    /// Where the elements of each array end.
    pub(crate) list_ends: Vec<usize>,
    pub(crate) element: Option<NodeId>,
}

/// Whether two names are equal; without a call, which for short ones costs more than the comparison.
#[inline]
fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    match (a.first_chunk::<8>(), b.first_chunk::<8>(), a.last_chunk::<8>(), b.last_chunk::<8>()) {
        (Some(a8), Some(b8), Some(a_end), Some(b_end)) if a.len() <= 16 => {
            a8 == b8 && a_end == b_end
        }
        (None, ..) => a.iter().zip(b).all(|(a, b)| a == b),
        _ => a == b,
    }
}

impl Node {
    /// Notes that `instance` holds a value of this kind; the caller then stores the value. Gives the bytes
    /// this takes, those of a text apart.
    #[inline]
    pub(crate) fn put(&mut self, instance: usize, kind: Kind) -> usize {
        let mut bytes = BYTES[kind as usize];
        if self.kinds.is_empty() {
            self.first = instance;
        } else {
            let end = self.end();
            if end < instance {
                self.kinds.resize(instance - self.first, Kind::Absent);
                bytes += instance - end;
            }
        }
        self.kinds.push(kind);
        self.counts[kind as usize] += 1;
        bytes
    }

    /// The instance after the last one that was put.
    #[inline]
    pub(crate) fn end(&self) -> usize {
        self.first + self.kinds.len()
    }

    #[inline]
    pub(crate) fn kind_at(&self, instance: usize) -> Kind {
        instance
            .checked_sub(self.first)
            .and_then(|at| self.kinds.get(at))
            .copied()
            .unwrap_or(Kind::Absent)
    }

    #[inline]
    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.counts[kind as usize]
    }

    /// Instances that hold a value, nulls apart.
    pub(crate) fn values(&self) -> usize {
        self.counts.iter().sum::<usize>() - self.count(Kind::Null)
    }

    /// Where the elements of array `index` begin and end.
    pub(crate) fn elements(&self, index: usize) -> std::ops::Range<usize> {
        let start = if index == 0 { 0 } else { self.list_ends[index - 1] };
        start..self.list_ends[index]
    }

    /// The place among `fields` of the field named so; `expected` is looked at first.
    #[inline]
    pub(crate) fn field(&self, name: &str, expected: usize) -> Option<usize> {
        match self.fields.get(expected) {
            Some(field) if same(&field.name, name) => Some(expected),
            _ => self.by_name.get(name).copied(),
        }
    }

    pub(crate) fn add_field(&mut self, name: &str, node: NodeId) -> usize {
        let index = self.fields.len();
        self.fields.push(Field { name: name.into(), node });
        self.by_name.insert(name.into(), index);
        index
    }

    /// Keeps a field there is no room for; true where the object had it already.
    pub(crate) fn put_extra(&mut self, object: usize, name: &str, text: String) -> bool {
        if let Some(&at) = self.extra_by_name.get(name)
            && let Some(extra) = self.extras.get_mut(at)
            && extra.object == object
            && *extra.name == *name
        {
            extra.text = text;
            return true;
        }
        self.extra_by_name.insert(name.into(), self.extras.len());
        self.extras.push(Extra { object, name: name.into(), text });
        false
    }

    /// Forgets the last instance's own value; the kind it was, for the nodes below.
    pub(crate) fn pop(&mut self) -> Kind {
        let kind = self.kinds.pop().unwrap_or(Kind::Absent);
        self.counts[kind as usize] = self.counts[kind as usize].saturating_sub(1);
        match kind {
            Kind::Absent | Kind::Null | Kind::Array => {}
            Kind::Boolean => drop(self.booleans.pop()),
            Kind::Int => drop(self.ints.pop()),
            Kind::Big => drop(self.bigs.pop()),
            Kind::Double => drop(self.doubles.pop()),
            Kind::Literal => self.literals.pop(),
            Kind::String => self.strings.pop(),
            Kind::Json => self.jsons.pop(),
            Kind::Object => {
                let object = self.count(Kind::Object);
                while self.extras.last().is_some_and(|extra| extra.object >= object) {
                    self.extras.pop();
                }
            }
        }
        // Those that only led up to it: the next value there brings, and counts, its own.
        while self.kinds.last() == Some(&Kind::Absent) {
            self.kinds.pop();
        }
        kind
    }
}
