//! The law's table (DESIGN 3), applied to what all rows hold.

use std::collections::BTreeSet;

use super::native;
use super::plan::{Origin, Plan, Shape, bring_forward, columns, leaves, rescue_field};
use super::text_type;
use crate::columns::{Field, Kind, Natives, Node, NodeId, ROOT, TypedAs};
use crate::json::number;
use crate::schema::dots;
use crate::schema::names::{RESERVED_FIELD, folded};
use crate::schema::{ColumnType, own_columns};
use crate::{Names, Numbers, Settings, TextTypes};

/// The values and the settings from which the types of columns are inferred.
#[derive(Clone, Copy)]
pub(super) struct Inference<'n> {
    pub(super) nodes: &'n [Node],
    pub(super) names: Names,
    pub(super) text_types: TextTypes,
    pub(super) numbers: Numbers,
    /// The column that holds the ids, if they are a field of the documents.
    pub(super) first: Option<&'n str>,
}

impl<'n> Inference<'n> {
    pub(super) fn new(nodes: &'n [Node], first: Option<&'n str>, settings: &Settings) -> Self {
        let Settings { names, text_types, numbers, .. } = *settings;
        Inference { nodes, names, text_types, numbers, first }
    }

    /// The fields of the documents.
    pub(super) fn documents(self) -> Vec<Plan> {
        let mut plans = self.fields(ROOT);
        if self.names == Names::Portable {
            for path in dots::twins(&columns(&plans), own_columns(self.first.is_some())) {
                rescue_field(&mut plans, &path);
            }
        }
        plans
    }

    fn fields(self, node: NodeId) -> Vec<Plan> {
        let plan = |field: &Field| {
            let shape = self.shape(field.node, false)?;
            Some(Plan::inferred(&field.name, field.node, shape))
        };
        let mut plans: Vec<Plan> = self.nodes[node].fields.iter().filter_map(plan).collect();
        if node == ROOT {
            bring_forward(&mut plans, self.first);
        }
        self.rescue_names(&mut plans, node == ROOT);
        plans
    }

    /// Makes no columns of the names that engines cannot read beside those before them, and beside
    /// given ones.
    pub(super) fn rescue_names(self, plans: &mut [Plan], top: bool) {
        let own = if top { own_columns(self.first.is_some()) } else { &[] };
        let mut taken: BTreeSet<String> = own.iter().map(|name| (*name).to_owned()).collect();
        let has_leaves = |plan: &Plan| leaves(&plan.shape) > 0;
        let given = plans.iter().filter(|plan| plan.origin == Origin::Given && has_leaves(plan));
        taken.extend(given.map(|plan| folded(&plan.name).into_owned()));
        let inferred = |plan: &&mut Plan| plan.origin != Origin::Given && has_leaves(plan);
        for plan in plans.iter_mut().filter(inferred) {
            // Our own names are dealt with by the caller, whatever the setting.
            let is_own = own.contains(&plan.name.as_str());
            let collides = self.names == Names::Portable
                && !is_own
                && !taken.insert(folded(&plan.name).into_owned());
            let reserved = self.names == Names::Portable && !top && plan.name == RESERVED_FIELD;
            if collides || reserved || plan.name.is_empty() {
                plan.refuse();
            }
        }
    }

    /// The shape of a node's values; `None` if it has no values, not even a null.
    pub(super) fn shape(self, id: NodeId, element: bool) -> Option<Shape> {
        let node = &self.nodes[id];
        let count = |kinds: &[Kind]| kinds.iter().map(|kind| node.count(*kind)).sum::<usize>();
        let numbers = [Kind::Int, Kind::Big, Kind::Double, Kind::Literal];
        let (native_numbers, native_texts) = native::numbers_and_texts(node);
        // The rows of the law's table, in its order; what nests too deep comes after them all.
        let groups = [
            count(&[Kind::Boolean]),
            count(&numbers) + native_numbers,
            count(&[Kind::String]),
            count(&[Kind::Object]),
            count(&[Kind::Array]),
            count(&[Kind::Json]),
            native_texts,
        ];
        let most = groups.iter().copied().max().unwrap_or(0);
        if most == 0 {
            return self.without_values(id);
        }
        let shared = groups.iter().filter(|group| **group > 0).count() == 1;
        if element && !shared {
            return Some(Shape::Leaf(ColumnType::Json));
        }
        Some(match groups.iter().position(|group| *group == most) {
            Some(0) => Shape::Leaf(ColumnType::Boolean),
            Some(1) => Shape::Leaf(self.number_type(node)),
            Some(2) => Shape::Leaf(self.text_type(node)),
            Some(3) => self.of_objects(id),
            Some(4) => self.of_arrays(id),
            Some(6) => Shape::Leaf(text_of_natives(node)?),
            _ => Shape::Leaf(ColumnType::Json),
        })
    }

    /// The shape of a node by its type alone, if it came with one.
    fn without_values(self, id: NodeId) -> Option<Shape> {
        let node = &self.nodes[id];
        match node.typed.as_ref().map(|typed| &typed.typed_as) {
            Some(TypedAs::Leaf(column_type)) => Some(Shape::Leaf(column_type.clone())),
            Some(TypedAs::Struct) => Some(self.of_objects(id)),
            Some(TypedAs::List) => Some(self.of_arrays(id)),
            None => (node.count(Kind::Null) > 0).then_some(Shape::Null),
        }
    }

    fn text_type(self, node: &Node) -> ColumnType {
        match self.text_types {
            TextTypes::Infer => text_type::of_texts(&node.strings),
            TextTypes::String => ColumnType::String,
        }
    }

    fn number_type(self, node: &Node) -> ColumnType {
        let seen = |kind| node.count(kind) > 0;
        if let Some(natives) = number_of_natives(node) {
            return natives;
        }
        match (seen(Kind::Int), seen(Kind::Big), seen(Kind::Double)) {
            (_, _, false) if self.numbers == Numbers::Float64 && exact_as_doubles(node) => {
                ColumnType::Float64
            }
            (_, true, false) => ColumnType::UINT64,
            (true, false, false) => ColumnType::Int64,
            // Doubles, or only literals that no number type holds, which are all rescued.
            _ => ColumnType::Float64,
        }
    }

    fn of_objects(self, id: NodeId) -> Shape {
        let fields = self.fields(id);
        if fields.iter().any(|field| leaves(&field.shape) > 0) && self.nodes[id].extras.is_empty() {
            Shape::Struct(fields)
        } else {
            Shape::Leaf(ColumnType::Json)
        }
    }

    fn of_arrays(self, id: NodeId) -> Shape {
        let json = Shape::Leaf(ColumnType::Json);
        let Some(element) = self.nodes[id].element else { return json };
        match self.shape(element, true) {
            None | Some(Shape::Null) => json,
            // Elements of several kinds share no type, and so the whole array is one JSON value.
            Some(Shape::Leaf(ColumnType::Json)) if mixed(&self.nodes[element]) => json,
            Some(shape) => Shape::List(Box::new(Plan::inferred("", element, shape))),
        }
    }
}

/// The type of a column of numbers, if some of them are native.
fn number_of_natives(node: &Node) -> Option<ColumnType> {
    let runs = node.typed.as_ref()?.runs();
    let mut types: Vec<&ColumnType> =
        runs.iter().filter(|run| run.are_numbers()).map(|run| &run.column_type).collect();
    types.dedup();
    let seen = |kind| node.count(kind) > 0;
    match &types[..] {
        [] => return None,
        [only] if !seen(Kind::Int) && !seen(Kind::Big) && !seen(Kind::Double) => {
            return Some((*only).clone());
        }
        _ => {}
    }
    let of_integers = |of: &&ColumnType| **of == ColumnType::UINT64 || of.integer_bits().is_some();
    Some(if seen(Kind::Double) || !types.iter().all(of_integers) {
        ColumnType::Float64
    } else if seen(Kind::Big) || types.contains(&&ColumnType::UINT64) {
        ColumnType::UINT64
    } else if seen(Kind::Int) {
        ColumnType::Int64
    } else {
        widest(&types)
    })
}

/// The narrowest type of integers that holds those of all these types.
fn widest(types: &[&ColumnType]) -> ColumnType {
    let bits = |signed: bool| {
        let bits = types.iter().filter_map(|of| of.integer_bits());
        bits.filter(|of| of.1 == signed).map(|of| of.0).max().unwrap_or(0)
    };
    // A type without a sign fits into one with a sign of twice its bits.
    match (bits(true), bits(false)) {
        (0, 8) => ColumnType::Uint8,
        (0, 16) => ColumnType::Uint16,
        (0, _) => ColumnType::Uint32,
        (signed, unsigned) => match signed.max(unsigned * 2) {
            8 => ColumnType::Int8,
            16 => ColumnType::Int16,
            32 => ColumnType::Int32,
            _ => ColumnType::Int64,
        },
    }
}

/// The type of a column of native values that are texts in JSON: that of the most values. Of
/// instants it is the finest one, which holds them all.
fn text_of_natives(node: &Node) -> Option<ColumnType> {
    let runs = node.typed.as_ref()?.runs().iter().filter(|run| !run.are_numbers());
    let runs: Vec<&Natives> = runs.collect();
    let digits = |run: &Natives| match run.column_type {
        ColumnType::Timestamp { unit, .. } => Some(unit.digits()),
        _ => None,
    };
    if let Some(finest) = runs.iter().max_by_key(|run| digits(run))
        && runs.iter().all(|run| digits(run).is_some())
    {
        return Some(finest.column_type.clone());
    }
    let values = |of: &ColumnType| -> usize {
        runs.iter().filter(|run| run.column_type == *of).map(|run| run.len()).sum()
    };
    // The first of those that have as many.
    let most = runs.iter().rev().max_by_key(|run| values(&run.column_type))?;
    Some(most.column_type.clone())
}

fn exact_as_doubles(node: &Node) -> bool {
    node.ints.iter().all(|int| number::int_as_double(*int).is_some())
        && node.bigs.iter().all(|big| number::big_as_double(*big).is_some())
}

fn mixed(node: &Node) -> bool {
    let numbers = node.count(Kind::Int)
        + node.count(Kind::Big)
        + node.count(Kind::Double)
        + node.count(Kind::Literal);
    let others = [Kind::Boolean, Kind::String, Kind::Object, Kind::Array, Kind::Json, Kind::Native];
    let kinds = others.iter().filter(|kind| node.count(**kind) > 0).count();
    kinds + usize::from(numbers > 0) > 1
}
