//! Plans into leaves: their levels and their values.
//!
//! The levels are those of the Dremel paper (Melnik et al., "Dremel: Interactive Analysis of
//! Web-Scale Datasets", VLDB 2010, section 4), as Parquet has them ("Nested Encoding" in the README
//! of parquet-format). A leaf has one *entry* for each value, and one for each place where a value
//! could be but is not. The *definition* of an entry says how far down its path something exists.
//! Its *repetition* says which list continues with it; 0 means that a row begins.
//!
//! The work goes column by column, from the document down. Each node below gets its parent's
//! levels. An entry at the parent's full definition is *live*: it has the next instance of the
//! node. At every other entry something above the node is absent, so its definition stays as it is.

use std::rc::Rc;
use std::sync::Arc;

use super::facts;
use super::fit::{self, Fit};
use super::leaf::Leaf;
use super::levels::{Levels, Overlay, Parent, Place, Places, takes_runs};
use super::native;
use super::plan::{Plan, Shape};
use super::render::Reader;
use super::rescue::{self, NO_COLUMN, Rescues, Step};
use crate::columns::{Cursor, Kind, Node, NodeId, ROOT, Values};
use crate::schema::ColumnType;
use crate::schema::facts::{Found, Said};
use crate::{Error, ErrorKind};

/// The most bytes of levels below lists that are stored one by one. A list of many elements with
/// many columns would take the product of both numbers. The limit is lower in tests, to reach it
/// soon.
const LIST_LEVELS_BYTES_MAX: usize = if cfg!(test) { 1 << 26 } else { 1 << 30 };

pub(super) struct Emitter {
    reader: Reader,
    /// An explicit null differs from an absent field.
    keeps_nulls: bool,
    /// Only values that all engines read get into columns.
    for_all_engines: bool,
    /// The explicit nulls of the current node are rescued.
    rescues_nulls: bool,
    /// What the rows say of each column, in the order of the schema.
    pub(super) found: Vec<Found>,
    /// The names down to the current node, with the elements of lists.
    path: Vec<Step>,
    /// The same without elements and with Parquet's own names: what the leaf is called in the file.
    names: Vec<String>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) rescues: Rescues,
    /// Bytes of levels below lists so far.
    list_levels_bytes: usize,
    /// Why there can be no file.
    pub(super) problem: Option<Error>,
}

impl Emitter {
    pub(super) fn new(nodes: Vec<Node>, keeps_nulls: bool, for_all_engines: bool) -> Self {
        Emitter {
            reader: Reader::new(nodes),
            keeps_nulls,
            for_all_engines,
            rescues_nulls: false,
            found: Vec::new(),
            path: Vec::new(),
            names: Vec::new(),
            leaves: Vec::new(),
            rescues: Rescues::default(),
            list_levels_bytes: 0,
            problem: None,
        }
    }

    /// Emits the documents themselves.
    pub(super) fn document(&mut self, plans: &[Plan], rows: usize) {
        while let Some(row) = self.reader.next_extra(ROOT) {
            self.rescue_extras(ROOT, row, &Place { row, indexes: Vec::new() });
        }
        self.fields(plans, &Parent::of_rows(rows));
    }

    fn fields(&mut self, plans: &[Plan], parent: &Parent) {
        for plan in plans {
            self.path.push(Step::Field(Rc::from(plan.name.as_str())));
            self.names.push(plan.name.clone());
            self.node(plan, parent);
            self.names.pop();
            self.path.pop();
        }
    }

    fn node(&mut self, plan: &Plan, parent: &Parent) {
        let noted = plan.node.map_or(0, |node| self.reader.nodes[node].noted());
        let has_levels = !matches!(plan.shape, Shape::Id | Shape::Null | Shape::Rescue);
        if self.problem.is_some() || (has_levels && !self.has_room(noted, parent)) {
            return;
        }
        self.note_facts(plan, parent);
        match &plan.shape {
            Shape::Id => {}
            Shape::Null => self.rescue_all(plan.node, parent, "only nulls"),
            Shape::Rescue => self.rescue_all(plan.node, parent, NO_COLUMN),
            Shape::Leaf(column_type) => {
                let leaf = match plan.node.and_then(|node| self.whole(node, column_type, parent)) {
                    Some(leaf) => leaf,
                    None => self.leaf(plan.node, column_type, parent),
                };
                self.leaves.push(leaf);
            }
            Shape::Struct(fields) => {
                let below = self.structs(plan.node, parent);
                self.fields(fields, &below);
            }
            Shape::List(element) => {
                let below = self.lists(plan.node, parent);
                // The three-level form of `LogicalTypes.md`. Readers take the two-level forms for
                // lists too, but each by rules of its own.
                self.names.extend(["list".to_owned(), "element".to_owned()]);
                self.path.push(Step::Element(0));
                self.node(element, &below);
                self.path.pop();
                self.names.truncate(self.names.len() - 2);
            }
        }
    }

    /// Notes what the rows say of the column, and decides whether its nulls are rescued.
    fn note_facts(&mut self, plan: &Plan, parent: &Parent) {
        let node = plan.node.map(|node| &self.reader.nodes[node]);
        // Nulls in arrays are elements and need no rescue.
        let is_field = matches!(self.path.last(), Some(Step::Field(_)));
        let (nulls, rescues_nulls) = match &plan.shape {
            _ if !self.keeps_nulls || !is_field => (Said::No, false),
            Shape::Rescue => (Said::No, true),
            _ => facts::nulls(node, parent.instances),
        };
        self.rescues_nulls = rescues_nulls;
        if !matches!(plan.shape, Shape::Id | Shape::Rescue) {
            let integers = facts::integers(node, &plan.shape);
            self.found.push(Found { nulls, integers });
        }
    }

    /// The leaf of a node all of whose values are of the kind that its column stores. They move
    /// into the leaf as they are: most columns of most files are like this, so this path decides
    /// how fast encoding is.
    fn whole(&mut self, id: NodeId, column_type: &ColumnType, parent: &Parent) -> Option<Leaf> {
        let node = &self.reader.nodes[id];
        let kind = native::kind_stored_in(column_type, node, self.for_all_engines)?;
        if self.rescues_nulls && node.count(Kind::Null) > 0 {
            return None;
        }
        let values = node.values();
        let mut definitions = Levels::default();
        if values < parent.entries {
            let mut overlay = self.overlay(Some(id), parent);
            let mut cursor = Cursor::default();
            while let Some((instance, found)) = self.reader.nodes[id].next(&mut cursor) {
                overlay.reach(instance);
                overlay.put(parent.live + i16::from(found == kind));
            }
            definitions = overlay.end();
        }
        let values = native::take(&mut self.reader.nodes[id], kind);
        Some(self.leaf_of(parent, definitions, values))
    }

    /// The leaf of a node whose values must be looked at one by one.
    fn leaf(&mut self, node: Option<NodeId>, column_type: &ColumnType, parent: &Parent) -> Leaf {
        let mut values = Values::of(column_type);
        let expected = rescue::expected(column_type);
        let mut text = String::new();
        let mut overlay = self.overlay(node, parent);
        let (mut places, mut cursor) = (Places::new(parent), Cursor::default());
        while let Some((node, instance, kind)) = self.next(node, &mut cursor) {
            let entry = overlay.reach(instance);
            if kind == Kind::Null {
                overlay.put(parent.live);
                if self.rescues_nulls {
                    self.rescue(places.of(entry), "null".to_owned(), &expected, false);
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
                let value = self.reader.scalar(node, kind, index);
                fit::push(&mut values, column_type, value, self.for_all_engines)
            };
            if fit != Fit::Exact {
                self.reader.render(node, kind, index, &mut text);
                let (place, text) = (places.of(entry), std::mem::take(&mut text));
                self.rescue(place, text, &expected, fit == Fit::Reformed);
            }
            overlay.put(parent.live + i16::from(fit != Fit::Misfit));
        }
        // As in `whole`: equal rows give equal bytes, whichever way their values went.
        let definitions =
            if values.len() == parent.entries { Levels::default() } else { overlay.end() };
        self.leaf_of(parent, definitions, values)
    }

    /// The levels of the fields of a node's objects; values that are no objects are rescued.
    fn structs(&mut self, node: Option<NodeId>, parent: &Parent) -> Parent {
        let instances = node.map_or(0, |node| self.reader.nodes[node].count(Kind::Object));
        let below = |definitions| Parent {
            entries: parent.entries,
            instances,
            definitions,
            repetitions: Arc::clone(&parent.repetitions),
            live: parent.live + 1,
            lists: parent.lists,
        };
        let all_objects = instances == parent.entries
            && node.is_some_and(|node| self.reader.nodes[node].extras.is_empty());
        if all_objects {
            // As many objects as entries: every entry is live for the fields, which empty levels
            // say.
            return below(Levels::default());
        }
        let mut overlay = self.overlay(node, parent);
        let (mut places, mut cursor) = (Places::new(parent), Cursor::default());
        while let Some((node, instance, kind)) = self.next(node, &mut cursor) {
            let entry = overlay.reach(instance);
            if kind == Kind::Object {
                overlay.put(parent.live + 1);
                let object = self.reader.take(node, kind);
                if self.reader.next_extra(node) == Some(object) {
                    self.rescue_extras(node, object, places.of(entry));
                }
            } else {
                overlay.put(parent.live);
                self.rescue_misfit(node, kind, entry, &mut places, "a struct");
            }
        }
        below(overlay.end())
    }

    /// The levels of the elements of a node's arrays; values that are no arrays are rescued.
    fn lists(&mut self, node: Option<NodeId>, parent: &Parent) -> Parent {
        // A list adds two to the definition, because its group is optional and the group of its
        // elements is repeated: no array, an empty array, and an element are three cases.
        let (lists, live) = (parent.lists + 1, parent.live + 2);
        let (noted, elements) = node.map_or((0, 0), |node| {
            let node = &self.reader.nodes[node];
            (node.noted(), node.list_ends.last().copied().unwrap_or(0))
        });
        let runs = takes_runs(parent, noted, parent.entries + elements)
            && !parent.repetitions.are_told_one_by_one();
        let mut overlay = Overlay::new(parent, runs);
        let mut repetitions = if runs { Levels::Runs(Vec::new()) } else { Levels::default() };
        // Entries of the parent whose repetitions are passed on.
        let mut passed_on = 0;
        let mut pass_on = |repetitions: &mut Levels, end: usize| {
            if parent.repetitions.is_empty() {
                repetitions.push(0, end - passed_on);
            } else {
                let slice = parent.repetitions.slice(passed_on..end);
                slice.runs().for_each(|(level, count)| repetitions.push(level, count));
            }
            passed_on = end;
        };
        let (mut places, mut cursor) = (Places::new(parent), Cursor::default());
        while let Some((node, instance, kind)) = self.next(node, &mut cursor) {
            let entry = overlay.reach(instance);
            pass_on(&mut repetitions, entry + 1);
            if kind != Kind::Array {
                overlay.put(parent.live);
                self.rescue_misfit(node, kind, entry, &mut places, "a list");
                continue;
            }
            let index = self.reader.take(node, kind);
            let elements = self.reader.nodes[node].elements(index).len();
            overlay.put(if elements == 0 { parent.live + 1 } else { live });
            // The first element uses the entry of the array, and has its repetition. Each further
            // element is one more entry, which continues this list.
            if elements > 1 {
                overlay.definitions.push(live, elements - 1);
                repetitions.push(lists, elements - 1);
            }
        }
        pass_on(&mut repetitions, parent.entries);
        let definitions = overlay.end();
        let entries = definitions.len();
        let repetitions = Arc::new(repetitions);
        Parent { entries, instances: elements, definitions, repetitions, live, lists }
    }

    fn rescue_all(&mut self, node: Option<NodeId>, parent: &Parent, expected: &str) {
        let Some(id) = node else { return };
        let values = &self.reader.nodes[id];
        if values.values() == 0 && !(self.rescues_nulls && values.count(Kind::Null) > 0) {
            return;
        }
        // Only to find the entries: nobody asks for the levels.
        let mut overlay = Overlay::new(parent, true);
        let (mut places, mut cursor) = (Places::new(parent), Cursor::default());
        while let Some((node, instance, kind)) = self.next(node, &mut cursor) {
            let entry = overlay.reach(instance);
            self.rescue_misfit(node, kind, entry, &mut places, expected);
        }
    }

    /// The overlay of a node's values over its parent's levels.
    fn overlay<'p>(&self, node: Option<NodeId>, parent: &'p Parent) -> Overlay<'p> {
        let noted = node.map_or(0, |node| self.reader.nodes[node].noted());
        Overlay::new(parent, takes_runs(parent, noted, parent.entries))
    }

    /// Whether the levels of a node fit in memory. If not, it keeps the problem for the end.
    ///
    /// Only levels below lists are counted: each column there has an entry for each element of the
    /// list, used or not. Above lists, the rows themselves bound the entries.
    fn has_room(&mut self, noted: usize, parent: &Parent) -> bool {
        let told_elsewhere = noted >= parent.entries || takes_runs(parent, noted, parent.entries);
        if parent.lists == 0 || told_elsewhere {
            return true;
        }
        self.list_levels_bytes += parent.entries * size_of::<i16>();
        let fits = self.list_levels_bytes <= LIST_LEVELS_BYTES_MAX;
        if !fits {
            let message = "the lists of these rows have so many elements and columns that their \
                           levels do not fit in memory; put fewer rows at once, or give a schema \
                           in which the list is of type json";
            let column = rescue::show(&self.path);
            self.problem = Some(Error::new(ErrorKind::Limit, message).in_column(column));
        }
        fits
    }

    fn rescue_misfit(
        &mut self,
        node: NodeId,
        kind: Kind,
        entry: usize,
        places: &mut Places<'_>,
        expected: &str,
    ) {
        if kind == Kind::Null && !self.rescues_nulls {
            return;
        }
        let index = self.reader.take(node, kind);
        let mut text = String::new();
        self.reader.render(node, kind, index, &mut text);
        self.rescue(places.of(entry), text, expected, false);
    }

    /// Rescues the fields that object `object` has no room for.
    fn rescue_extras(&mut self, node: NodeId, object: usize, place: &Place) {
        for extra in self.reader.take_extras(node, object) {
            let extra = &mut self.reader.nodes[node].extras[extra];
            let text = std::mem::take(&mut extra.text);
            self.path.push(Step::Field(Rc::from(&*extra.name)));
            self.rescue(place, text, NO_COLUMN, false);
            self.path.pop();
        }
    }

    fn rescue(&mut self, place: &Place, text: String, expected: &str, in_column: bool) {
        let mut path = self.path.clone();
        let lists = path.iter_mut().filter_map(|step| match step {
            Step::Element(index) => Some(index),
            Step::Field(_) => None,
        });
        for (index, found) in lists.zip(&place.indexes) {
            *index = *found;
        }
        self.rescues.push(place.row, path, text, expected, in_column);
    }

    /// The next instance of the node that holds something, and what.
    #[inline]
    fn next(&self, id: Option<NodeId>, cursor: &mut Cursor) -> Option<(NodeId, usize, Kind)> {
        let (instance, kind) = self.reader.nodes[id?].next(cursor)?;
        Some((id?, instance, kind))
    }

    fn leaf_of(&self, parent: &Parent, definitions: Levels, values: Values) -> Leaf {
        Leaf {
            path: self.names.clone(),
            definitions,
            definition_max: parent.live + 1,
            repetitions: Arc::clone(&parent.repetitions),
            values,
        }
    }
}
