//! One path of the documents: every value seen there, by kind, in order.

use std::collections::BTreeMap;

use super::natives::Typed;
use super::values::Texts;
use crate::work;

/// The kind of value at one instance of a path.
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
    /// A value that came with a type which JSON has no kind for.
    Native,
}

/// How many kinds there are.
pub(crate) const KINDS: usize = 12;

/// The bytes that a value of each kind takes, with its kind. For a text they hold only where it
/// ends.
pub(super) const BYTES: [usize; KINDS] = [1, 1, 2, 9, 9, 9, 9, 9, 1, 9, 9, 9];

/// Place of a node in its builder.
pub(crate) type NodeId = usize;

/// Instances in a row whose kinds are stored one by one.
#[derive(Debug, Default, Clone, Copy)]
struct Stretch {
    /// The first of them.
    instance: usize,
    /// Its place in the kinds.
    at: usize,
}

/// The longest gap that is filled with absent instances. A longer gap costs more than a new
/// stretch.
const FILLED_MAX: usize = size_of::<u64>() * 2;

/// A place among the instances of a node that hold something.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Cursor {
    at: usize,
    /// The stretch that it is in.
    stretch: usize,
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
/// An *instance* is one place where a value can be. It is the row for a field of the document, the
/// number of the object for a field of a struct, and the number of the element for the elements of
/// a list.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// The kind at each instance. Instances between the stretches below are absent, and have no
    /// entry.
    kinds: Vec<Kind>,
    /// The last stretch of instances that `kinds` tells of.
    last: Stretch,
    /// The stretches before it. A long gap ends a stretch, because noting it costs less than
    /// filling it.
    earlier: Vec<Stretch>,
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
    /// What came with a type.
    pub(crate) typed: Option<Typed>,
}

/// Whether two names are equal; without a call, which for short ones costs more than the
/// comparison.
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
    /// Notes that `instance` holds a value of this kind; the caller then stores the value. Gives
    /// how many absent instances came to lie before it.
    #[inline]
    pub(crate) fn put(&mut self, instance: usize, kind: Kind) -> usize {
        let end = self.end();
        let mut gap = 0;
        if self.kinds.is_empty() {
            self.last = Stretch { instance, at: 0 };
        } else if end < instance {
            gap = instance - end;
            self.skip(gap, instance);
        }
        self.kinds.push(kind);
        self.counts[kind as usize] += 1;
        gap
    }

    /// Notes that `count` instances from `first` on hold values of this kind.
    #[cfg(feature = "arrow")]
    pub(super) fn put_all(&mut self, first: usize, count: usize, kind: Kind) {
        if count > 0 {
            self.put(first, kind);
            self.kinds.resize(self.kinds.len() + count - 1, kind);
            self.counts[kind as usize] += count - 1;
        }
    }

    /// Reserves room for a text of this kind; false if there is not enough memory.
    pub(crate) fn reserve(&mut self, kind: Kind, bytes: usize) -> bool {
        let texts = match kind {
            Kind::Literal => &mut self.literals,
            Kind::Json => &mut self.jsons,
            _ => &mut self.strings,
        };
        texts.bytes.try_reserve(bytes).is_ok()
    }

    fn skip(&mut self, gap: usize, instance: usize) {
        if gap <= FILLED_MAX {
            work::count(gap);
            self.kinds.resize(self.kinds.len() + gap, Kind::Absent);
        } else {
            let next = Stretch { instance, at: self.kinds.len() };
            self.earlier.push(std::mem::replace(&mut self.last, next));
        }
    }

    /// The instance after the last one that was put.
    #[inline]
    pub(crate) fn end(&self) -> usize {
        self.last.instance + (self.kinds.len() - self.last.at)
    }

    /// The kind at one instance. For many instances in order, [`Node::next`] is faster.
    #[inline]
    pub(crate) fn kind_at(&self, instance: usize) -> Kind {
        let place = match instance.checked_sub(self.last.instance) {
            Some(behind) => Some(self.last.at + behind),
            None => self.earlier_place(instance),
        };
        place.and_then(|at| self.kinds.get(at)).copied().unwrap_or(Kind::Absent)
    }

    fn earlier_place(&self, instance: usize) -> Option<usize> {
        let behind = self.earlier.partition_point(|stretch| stretch.instance <= instance);
        let stretch = self.earlier.get(behind.checked_sub(1)?)?;
        let next = self.earlier.get(behind).unwrap_or(&self.last);
        let at = stretch.at + (instance - stretch.instance);
        (at < next.at).then_some(at)
    }

    /// The next instance that is not absent, and its kind.
    #[inline]
    pub(crate) fn next(&self, cursor: &mut Cursor) -> Option<(usize, Kind)> {
        loop {
            work::count(1);
            let at = cursor.at;
            let kind = *self.kinds.get(at)?;
            cursor.at += 1;
            if kind == Kind::Absent {
                continue;
            }
            while self.stretch(cursor.stretch + 1).is_some_and(|next| next.at <= at) {
                cursor.stretch += 1;
            }
            let stretch = self.stretch(cursor.stretch).unwrap_or_default();
            return Some((stretch.instance + (at - stretch.at), kind));
        }
    }

    #[inline]
    fn stretch(&self, index: usize) -> Option<Stretch> {
        match index.cmp(&self.earlier.len()) {
            std::cmp::Ordering::Less => self.earlier.get(index).copied(),
            std::cmp::Ordering::Equal => Some(self.last),
            std::cmp::Ordering::Greater => None,
        }
    }

    /// How many instances [`Node::next`] looks at in all.
    pub(crate) fn noted(&self) -> usize {
        self.kinds.len()
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

    /// Keeps a field past the limit of columns; true if the object had that field already.
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

    /// Takes back the values from `instance` on, but not those of the nodes below. Gives how many
    /// they were.
    pub(crate) fn take_back(&mut self, instance: usize) -> usize {
        let before = self.kinds.len();
        while self.end() > instance
            && let Some(kind) = self.kinds.pop()
        {
            let count = &mut self.counts[kind as usize];
            *count = count.saturating_sub(1);
            self.leave_gaps();
        }
        let counts = self.counts;
        let count = |kind: Kind| counts[kind as usize];
        self.booleans.truncate(count(Kind::Boolean));
        self.ints.truncate(count(Kind::Int));
        self.bigs.truncate(count(Kind::Big));
        self.doubles.truncate(count(Kind::Double));
        self.literals.truncate(count(Kind::Literal));
        self.strings.truncate(count(Kind::String));
        self.jsons.truncate(count(Kind::Json));
        // An array that is still open has no end yet.
        self.list_ends.truncate(count(Kind::Array));
        while self.extras.last().is_some_and(|extra| extra.object >= count(Kind::Object)) {
            self.extras.pop();
        }
        before - self.kinds.len()
    }

    /// Forgets the absent instances at the end, which only led up to a value: the next one there
    /// brings, and counts, its own.
    fn leave_gaps(&mut self) {
        loop {
            if self.kinds.len() == self.last.at
                && let Some(earlier) = self.earlier.pop()
            {
                self.last = earlier;
            } else if self.kinds.last() == Some(&Kind::Absent) {
                self.kinds.pop();
            } else {
                break;
            }
        }
        if self.kinds.is_empty() {
            self.last = Stretch::default();
        }
    }
}
