//! Plans into leaves: definition and repetition levels (Dremel's, as Parquet has them) and values.
//!
//! Works a column at a time, from the document down. Each node below gets its parent's levels; an
//! entry at the parent's full definition is *live*, which means that the next instance of the node
//! stands there.

use std::rc::Rc;
use std::sync::Arc;

use super::fit::{self, Fit};
use super::plan::{Plan, Shape};
use super::render::Reader;
use super::rescue::{Rescues, Step};
use super::{Kind, Leaf, Node, NodeId, Values};
use crate::schema::ColumnType;

pub(super) struct Emitter {
    reader: Reader,
    /// Explicit nulls are rescued.
    preserve_nulls: bool,
    /// The names down to the node at hand, elements of lists among them.
    path: Vec<Step>,
    /// The same without elements and with Parquet's own names: what the leaf is called in the file.
    names: Vec<String>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) rescues: Rescues,
}

/// The levels of one node's parent.
#[derive(Debug, Clone)]
struct Levels {
    entries: usize,
    /// Empty where every entry is live.
    definitions: Vec<i16>,
    /// Empty where every entry is a row of its own.
    repetitions: Arc<Vec<i16>>,
    /// The definition of a live entry.
    live: i16,
    /// How many lists there are above.
    lists: i16,
}

impl Emitter {
    pub(super) fn new(nodes: Vec<Node>, preserve_nulls: bool) -> Self {
        Emitter {
            reader: Reader::new(nodes),
            preserve_nulls,
            path: Vec::new(),
            names: Vec::new(),
            leaves: Vec::new(),
            rescues: Rescues::default(),
        }
    }

    /// Emits the documents themselves.
    pub(super) fn document(&mut self, plans: &[Plan], rows: usize) {
        let levels = Levels {
            entries: rows,
            definitions: Vec::new(),
            repetitions: Arc::default(),
            live: 0,
            lists: 0,
        };
        for row in 0..rows {
            if self.reader.nodes[crate::build::ROOT].extras.is_empty() {
                break;
            }
            self.rescue_extras(crate::build::ROOT, row, &Place::of_row(row));
        }
        self.fields(plans, &levels);
    }

    fn fields(&mut self, plans: &[Plan], levels: &Levels) {
        for plan in plans {
            self.path.push(Step::Field(Rc::from(plan.name.as_str())));
            self.names.push(plan.name.clone());
            self.node(plan, levels);
            self.names.pop();
            self.path.pop();
        }
    }

    fn node(&mut self, plan: &Plan, levels: &Levels) {
        match &plan.shape {
            Shape::Id => {}
            Shape::Null | Shape::Rescue => self.rescue_all(plan.node, levels),
            Shape::Leaf(column_type) => {
                let leaf = match plan.node.and_then(|node| self.whole(node, column_type, levels)) {
                    Some(leaf) => leaf,
                    None => self.leaf(plan.node, column_type, levels),
                };
                self.leaves.push(leaf);
            }
            Shape::Struct(fields) => {
                let below = self.structs(plan.node, levels);
                self.fields(fields, &below);
            }
            Shape::List(element) => {
                let below = self.lists(plan.node, levels);
                self.names.extend(["list".to_owned(), "element".to_owned()]);
                self.path.push(Step::Element(0));
                self.node(element, &below);
                self.path.pop();
                self.names.truncate(self.names.len() - 2);
            }
        }
    }

    /// The leaf of a node all of whose values are of the kind its column stores: nothing is looked at twice.
    fn whole(&mut self, id: NodeId, column_type: &ColumnType, levels: &Levels) -> Option<Leaf> {
        let kind = match column_type {
            ColumnType::Boolean => Kind::Boolean,
            ColumnType::Int64 => Kind::Int,
            ColumnType::Float64 => Kind::Double,
            ColumnType::String => Kind::String,
            _ => return None,
        };
        let rescues_nulls = self.rescues_nulls();
        let node = &mut self.reader.nodes[id];
        let values = node.count(kind);
        if values != node.values() || (rescues_nulls && node.count(Kind::Null) > 0) {
            return None;
        }
        let definition_max = levels.live + 1;
        let definitions = if values == levels.entries {
            Vec::new()
        } else {
            let mut instance = 0;
            let level = |at| {
                let parent = levels.definition(at);
                if parent < levels.live {
                    return parent;
                }
                instance += 1;
                if node.kind_at(instance - 1) == kind { definition_max } else { levels.live }
            };
            (0..levels.entries).map(level).collect()
        };
        let values = match kind {
            Kind::Boolean => Values::Boolean(std::mem::take(&mut node.booleans)),
            Kind::Int => Values::Int64(std::mem::take(&mut node.ints)),
            Kind::Double => Values::Double(std::mem::take(&mut node.doubles)),
            _ => Values::Bytes(std::mem::take(&mut node.strings).into()),
        };
        Some(self.leaf_of(levels, definitions, values))
    }

    /// The leaf of a node whose values must be looked at one by one.
    fn leaf(&mut self, node: Option<NodeId>, column_type: &ColumnType, levels: &Levels) -> Leaf {
        let mut values = Values::of(column_type);
        let mut definitions = Vec::with_capacity(levels.entries);
        let rescues_nulls = self.rescues_nulls();
        let expected = expected(column_type);
        let mut text = String::new();
        let mut walk = Walk::new(levels);
        while let Some((at, place)) = walk.next() {
            let Some(instance) = at else {
                definitions.push(levels.definition(place.entry));
                continue;
            };
            let (node, kind) = self.kind(node, instance);
            if matches!(kind, Kind::Absent | Kind::Null) {
                definitions.push(levels.live);
                if kind == Kind::Null && rescues_nulls {
                    self.rescue(place, "null".to_owned(), &expected);
                }
                continue;
            }
            let index = self.reader.take(node, kind);
            let fit = if let (ColumnType::Json, Values::Bytes(blobs)) = (column_type, &mut values) {
                text.clear();
                self.reader.render(node, kind, index, &mut text);
                blobs.push(text.as_bytes());
                Fit::Exact
            } else {
                fit::push(&mut values, column_type, self.reader.scalar(node, kind, index))
            };
            if fit != Fit::Exact {
                let mut text = String::new();
                self.reader.render(node, kind, index, &mut text);
                self.rescue(place, text, &expected);
            }
            definitions.push(levels.live + i16::from(fit != Fit::Misfit));
        }
        self.leaf_of(levels, definitions, values)
    }

    /// The levels of the fields of a node's objects; values that are no objects are rescued.
    fn structs(&mut self, node: Option<NodeId>, levels: &Levels) -> Levels {
        let mut below = Levels { live: levels.live + 1, ..levels.clone() };
        let all_objects = node.is_some_and(|node| {
            let node = &self.reader.nodes[node];
            node.count(Kind::Object) == levels.entries && node.extras.is_empty()
        });
        if all_objects {
            below.definitions.clear();
            return below;
        }
        let mut definitions = Vec::with_capacity(levels.entries);
        let mut walk = Walk::new(levels);
        while let Some((at, place)) = walk.next() {
            let Some(instance) = at else {
                definitions.push(levels.definition(place.entry));
                continue;
            };
            let (node, kind) = self.kind(node, instance);
            if kind == Kind::Object {
                definitions.push(below.live);
                let object = self.reader.take(node, kind);
                self.rescue_extras(node, object, place);
            } else {
                definitions.push(levels.live);
                self.rescue_misfit(node, kind, place, "a struct");
            }
        }
        below.definitions = definitions;
        below
    }

    /// The levels of the elements of a node's arrays; values that are no arrays are rescued.
    fn lists(&mut self, node: Option<NodeId>, levels: &Levels) -> Levels {
        let lists = levels.lists + 1;
        let live = levels.live + 2;
        let (mut definitions, mut repetitions) = (Vec::new(), Vec::new());
        let mut walk = Walk::new(levels);
        while let Some((at, place)) = walk.next() {
            let repetition = levels.repetition(place.entry);
            let Some(instance) = at else {
                definitions.push(levels.definition(place.entry));
                repetitions.push(repetition);
                continue;
            };
            let (node, kind) = self.kind(node, instance);
            if kind != Kind::Array {
                definitions.push(levels.live);
                repetitions.push(repetition);
                self.rescue_misfit(node, kind, place, "a list");
                continue;
            }
            let index = self.reader.take(node, kind);
            let elements = self.reader.nodes[node].elements(index).len();
            definitions.push(if elements == 0 { levels.live + 1 } else { live });
            repetitions.push(repetition);
            for _ in 1..elements {
                definitions.push(live);
                repetitions.push(lists);
            }
        }
        let entries = definitions.len();
        Levels { entries, definitions, repetitions: Arc::new(repetitions), live, lists }
    }

    fn rescue_all(&mut self, node: Option<NodeId>, levels: &Levels) {
        let Some(node) = node else { return };
        let values = &self.reader.nodes[node];
        if values.values() == 0 && !(self.preserve_nulls && values.count(Kind::Null) > 0) {
            return;
        }
        let mut walk = Walk::new(levels);
        while let Some((at, place)) = walk.next() {
            if let Some(instance) = at {
                let (node, kind) = self.kind(Some(node), instance);
                self.rescue_misfit(node, kind, place, "no such column");
            }
        }
    }

    fn rescue_misfit(&mut self, node: NodeId, kind: Kind, place: &Place, expected: &str) {
        if kind == Kind::Absent || (kind == Kind::Null && !self.rescues_nulls()) {
            return;
        }
        let index = self.reader.take(node, kind);
        let mut text = String::new();
        self.reader.render(node, kind, index, &mut text);
        self.rescue(place, text, expected);
    }

    /// Rescues the fields that object `object` has no room for.
    fn rescue_extras(&mut self, node: NodeId, object: usize, place: &Place) {
        for extra in self.reader.take_extras(node, object) {
            let extra = &mut self.reader.nodes[node].extras[extra];
            let text = std::mem::take(&mut extra.text);
            self.path.push(Step::Field(Rc::from(&*extra.name)));
            self.rescue(place, text, "no such column");
            self.path.pop();
        }
    }

    fn rescue(&mut self, place: &Place, text: String, expected: &str) {
        let mut path = self.path.clone();
        let lists = path.iter_mut().filter_map(|step| match step {
            Step::Element(index) => Some(index),
            Step::Field(_) => None,
        });
        for (index, found) in lists.zip(&place.indexes) {
            *index = *found;
        }
        self.rescues.push(place.row, path, text, expected);
    }

    /// Nulls in arrays are elements and need no rescue.
    fn rescues_nulls(&self) -> bool {
        self.preserve_nulls && !matches!(self.path.last(), Some(Step::Element(_)))
    }

    #[inline]
    fn kind(&self, node: Option<NodeId>, instance: usize) -> (NodeId, Kind) {
        match node {
            Some(node) => (node, self.reader.nodes[node].kind_at(instance)),
            None => (usize::MAX, Kind::Absent),
        }
    }

    fn leaf_of(&self, levels: &Levels, definitions: Vec<i16>, values: Values) -> Leaf {
        Leaf {
            path: self.names.clone(),
            definitions,
            definition_max: levels.live + 1,
            repetitions: Arc::clone(&levels.repetitions),
            values,
        }
    }
}

/// What a column holds, for whoever wrote something else.
fn expected(column_type: &ColumnType) -> String {
    match column_type {
        ColumnType::Timestamp { form: Some(form), .. }
        | ColumnType::Decimal { form: Some(form), .. } => {
            format!("{column_type} in the form {form}")
        }
        _ => column_type.to_string(),
    }
}

impl Levels {
    #[inline]
    fn definition(&self, entry: usize) -> i16 {
        self.definitions.get(entry).copied().unwrap_or(self.live)
    }

    #[inline]
    fn repetition(&self, entry: usize) -> i16 {
        self.repetitions.get(entry).copied().unwrap_or(0)
    }
}

/// Where an entry stands among the rows and in the lists of its row.
#[derive(Debug)]
struct Place {
    entry: usize,
    row: usize,
    indexes: Vec<usize>,
}

impl Place {
    fn of_row(row: usize) -> Self {
        Place { entry: row, row, indexes: Vec::new() }
    }
}

/// Goes over entries in order; gives the instance of each that is live.
struct Walk<'l> {
    levels: &'l Levels,
    next: usize,
    instances: usize,
    place: Place,
}

impl<'l> Walk<'l> {
    fn new(levels: &'l Levels) -> Self {
        let indexes = vec![0; usize::try_from(levels.lists).unwrap_or(0)];
        Walk { levels, next: 0, instances: 0, place: Place { entry: 0, row: 0, indexes } }
    }

    #[inline]
    fn next(&mut self) -> Option<(Option<usize>, &Place)> {
        let entry = self.next;
        if entry == self.levels.entries {
            return None;
        }
        self.next += 1;
        self.place.entry = entry;
        let repetition = usize::try_from(self.levels.repetition(entry)).unwrap_or(0);
        if repetition == 0 {
            self.place.row += usize::from(entry > 0);
            self.place.indexes.fill(0);
        } else {
            self.place.indexes[repetition - 1] += 1;
            self.place.indexes[repetition..].fill(0);
        }
        let live = self.levels.definition(entry) == self.levels.live;
        self.instances += usize::from(live);
        Some((live.then(|| self.instances - 1), &self.place))
    }
}
