//! Which column each path becomes: the law's table (DESIGN 3), applied to what all rows hold.

use std::collections::{BTreeMap, BTreeSet};

use super::{fit, text_type};
use crate::columns::{Field, Kind, Node, NodeId, ROOT};
use crate::format::metadata::OwnId;
use crate::schema::dots;
use crate::schema::names::{RESERVED_FIELD, folded};
use crate::schema::{Column, ColumnType, Element, ID_COLUMN, RESCUED_COLUMN, Schema};
use crate::{Names, Settings, TextTypes};

/// What becomes of one path.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) name: String,
    /// The node with its values; `None` for a column of a given schema that no row has.
    pub(super) node: Option<NodeId>,
    pub(super) shape: Shape,
    /// That of a given schema.
    field_id: Option<i32>,
}

#[derive(Debug)]
pub(super) enum Shape {
    /// Only nulls, or declared so: no column, and any value is rescued.
    Null,
    /// The `_id` column holds it already: no column of its own.
    Id,
    /// No column: every value is rescued.
    Rescue,
    /// A column of this type, which is a leaf.
    Leaf(ColumnType),
    Struct(Vec<Plan>),
    /// The element's plan has no name.
    List(Box<Plan>),
}

/// The plans for the fields of the documents, whose own `_id` fields are known.
pub(super) fn plan(nodes: &[Node], own_id: OwnId, settings: &Settings) -> Vec<Plan> {
    let mut plans = match &settings.schema {
        Some(schema) => given_fields(nodes, Some(ROOT), schema.columns()),
        None => {
            let Settings { names, text_types, .. } = *settings;
            Inference { nodes, names, text_types }.documents()
        }
    };
    for plan in &mut plans {
        // Our own two names are never a document's columns.
        match plan.name.as_str() {
            ID_COLUMN if own_id != OwnId::Absent => plan.shape = Shape::Id,
            ID_COLUMN | RESCUED_COLUMN => plan.shape = Shape::Rescue,
            _ => {}
        }
    }
    if settings.schema.is_none() {
        bound_columns(&mut plans, settings.columns_max);
    }
    plans
}

/// The schema that a file of these plans has.
pub(super) fn schema(plans: &[Plan], given: Option<&Schema>) -> Schema {
    Schema::resolved(columns(plans), given)
}

fn columns(plans: &[Plan]) -> Vec<Column> {
    let column = |plan: &Plan| {
        let column_type = column_type(&plan.shape)?;
        Some(Column { name: plan.name.clone(), column_type, field_id: plan.field_id })
    };
    plans.iter().filter_map(column).collect()
}

fn column_type(shape: &Shape) -> Option<ColumnType> {
    match shape {
        Shape::Null => Some(ColumnType::Null),
        Shape::Id | Shape::Rescue => None,
        Shape::Leaf(column_type) => Some(column_type.clone()),
        Shape::Struct(fields) => Some(ColumnType::Struct(columns(fields))),
        Shape::List(element) => {
            let column_type = column_type(&element.shape)?;
            Some(ColumnType::List(Box::new(Element { column_type, field_id: element.field_id })))
        }
    }
}

pub(super) fn own_id(nodes: &[Node], rows: usize) -> OwnId {
    let Some(at) = nodes[ROOT].field(ID_COLUMN, 0) else { return OwnId::Absent };
    let node = &nodes[nodes[ROOT].fields[at].node];
    if node.count(Kind::String) == rows {
        OwnId::String
    } else if node.count(Kind::Int) + node.count(Kind::Big) == rows {
        OwnId::Number
    } else {
        OwnId::Absent
    }
}

/// What the types of columns are inferred from.
#[derive(Clone, Copy)]
struct Inference<'n> {
    nodes: &'n [Node],
    names: Names,
    text_types: TextTypes,
}

impl Inference<'_> {
    /// The fields of the documents.
    fn documents(self) -> Vec<Plan> {
        let mut plans = self.fields(ROOT);
        if self.names == Names::Portable {
            for path in dots::twins(&columns(&plans)) {
                rescue_field(&mut plans, &path);
            }
        }
        plans
    }

    fn fields(self, node: NodeId) -> Vec<Plan> {
        let plan = |field: &Field| {
            let shape = self.shape(field.node, false)?;
            Some(Plan {
                name: field.name.to_string(),
                node: Some(field.node),
                shape,
                field_id: None,
            })
        };
        let mut plans: Vec<Plan> = self.nodes[node].fields.iter().filter_map(plan).collect();
        self.rescue_names(&mut plans, node == ROOT);
        plans
    }

    /// Makes no columns of the names that engines cannot read beside those before them.
    fn rescue_names(self, plans: &mut [Plan], top: bool) {
        let own = if top { &[ID_COLUMN, RESCUED_COLUMN][..] } else { &[] };
        let mut taken: BTreeSet<String> = own.iter().map(|name| (*name).to_owned()).collect();
        for plan in plans.iter_mut().filter(|plan| leaves(&plan.shape) > 0) {
            // Our own two names are dealt with by the caller, whatever the setting.
            let is_own = own.contains(&plan.name.as_str());
            let collides = self.names == Names::Portable
                && !is_own
                && !taken.insert(folded(&plan.name).into_owned());
            let reserved = self.names == Names::Portable && !top && plan.name == RESERVED_FIELD;
            if collides || reserved || plan.name.is_empty() {
                plan.shape = Shape::Rescue;
            }
        }
    }

    /// The shape of a node's values; `None` if it has no values, not even a null.
    fn shape(self, id: NodeId, element: bool) -> Option<Shape> {
        let node = &self.nodes[id];
        let count = |kinds: &[Kind]| kinds.iter().map(|kind| node.count(*kind)).sum::<usize>();
        let numbers = [Kind::Int, Kind::Big, Kind::Double, Kind::Literal];
        // The rows of the law's table, in its order; what nests too deep comes after them all.
        let groups = [
            count(&[Kind::Boolean]),
            count(&numbers),
            count(&[Kind::String]),
            count(&[Kind::Object]),
            count(&[Kind::Array]),
            count(&[Kind::Json]),
        ];
        let most = groups.iter().copied().max().unwrap_or(0);
        if most == 0 {
            return (node.count(Kind::Null) > 0).then_some(Shape::Null);
        }
        let shared = groups.iter().filter(|group| **group > 0).count() == 1;
        if element && !shared {
            return Some(Shape::Leaf(ColumnType::Json));
        }
        Some(match groups.iter().position(|group| *group == most) {
            Some(0) => Shape::Leaf(ColumnType::Boolean),
            Some(1) => Shape::Leaf(number_type(node)),
            Some(2) => Shape::Leaf(self.text_type(node)),
            Some(3) => self.of_objects(id),
            Some(4) => self.of_arrays(id),
            _ => Shape::Leaf(ColumnType::Json),
        })
    }

    fn text_type(self, node: &Node) -> ColumnType {
        match self.text_types {
            TextTypes::Infer => text_type::of_texts(&node.strings),
            TextTypes::String => ColumnType::String,
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
            Some(shape) => {
                let node = Some(element);
                let plan = Plan { name: String::new(), node, shape, field_id: None };
                Shape::List(Box::new(plan))
            }
        }
    }
}

/// Makes no column of the field with this path; and none of structs and lists with it alone, which
/// become JSON.
fn rescue_field(plans: &mut [Plan], path: &[String]) {
    let Some((name, below)) = path.split_first() else { return };
    let Some(plan) = plans.iter_mut().find(|plan| plan.name == *name) else { return };
    if below.is_empty() {
        plan.shape = Shape::Rescue;
        return;
    }
    let mut inner = &mut plan.shape;
    while let Shape::List(element) = inner {
        inner = &mut element.shape;
    }
    if let Shape::Struct(fields) = inner {
        rescue_field(fields, below);
    }
    if leaves(&plan.shape) == 0 {
        plan.shape = Shape::Leaf(ColumnType::Json);
    }
}

fn number_type(node: &Node) -> ColumnType {
    let seen = |kind| node.count(kind) > 0;
    match (seen(Kind::Int), seen(Kind::Big), seen(Kind::Double)) {
        (_, true, false) => ColumnType::UINT64,
        (true, false, false) => ColumnType::Int64,
        // Doubles, or only literals that no number type holds, which are all rescued.
        _ => ColumnType::Float64,
    }
}

fn mixed(node: &Node) -> bool {
    let numbers = node.count(Kind::Int)
        + node.count(Kind::Big)
        + node.count(Kind::Double)
        + node.count(Kind::Literal);
    let others = [Kind::Boolean, Kind::String, Kind::Object, Kind::Array, Kind::Json];
    let kinds = others.iter().filter(|kind| node.count(**kind) > 0).count();
    kinds + usize::from(numbers > 0) > 1
}

fn leaves(shape: &Shape) -> usize {
    match shape {
        Shape::Null | Shape::Id | Shape::Rescue => 0,
        Shape::Leaf(_) => 1,
        Shape::Struct(fields) => fields.iter().map(|field| leaves(&field.shape)).sum(),
        Shape::List(element) => leaves(&element.shape),
    }
}

/// Makes JSON columns of the structs with the most fields until `columns_max` leaves are enough,
/// and then rescues the last fields of the documents.
fn bound_columns(plans: &mut [Plan], columns_max: usize) {
    let mut total: usize = plans.iter().map(|plan| leaves(&plan.shape)).sum();
    while total > columns_max {
        let Some(widest) = widest_struct(plans) else { break };
        total = total + 1 - leaves(&widest.shape);
        widest.shape = Shape::Leaf(ColumnType::Json);
    }
    for plan in plans.iter_mut().rev() {
        if total <= columns_max {
            break;
        }
        total -= leaves(&plan.shape);
        plan.shape = Shape::Rescue;
    }
}

fn widest_struct(plans: &mut [Plan]) -> Option<&mut Plan> {
    fn width(shape: &Shape) -> usize {
        match shape {
            Shape::Struct(fields) => fields.len(),
            _ => 0,
        }
    }
    fn widest_below(plan: &Plan) -> usize {
        match &plan.shape {
            Shape::Struct(fields) => {
                fields.iter().map(widest_below).max().unwrap_or(0).max(width(&plan.shape))
            }
            Shape::List(element) => widest_below(element),
            _ => 0,
        }
    }
    let most = plans.iter().map(widest_below).max().filter(|most| *most > 0)?;
    let plan = plans.iter_mut().find(|plan| widest_below(plan) == most)?;
    if width(&plan.shape) == most {
        return Some(plan);
    }
    match &mut plan.shape {
        Shape::Struct(fields) => widest_struct(fields),
        Shape::List(element) => widest_struct(std::slice::from_mut(&mut **element)),
        _ => None,
    }
}

fn given_fields(nodes: &[Node], parent: Option<NodeId>, columns: &[Column]) -> Vec<Plan> {
    let field = |name: &str| {
        let parent = &nodes[parent?];
        parent.field(name, 0).map(|at| parent.fields[at].node)
    };
    let given = columns.iter().map(|column| {
        let node = field(&column.name);
        let shape = given(nodes, node, &column.column_type);
        Plan { name: column.name.clone(), node, shape, field_id: column.field_id }
    });
    with_unknown(given.collect(), parent.map_or(&[], |parent| &nodes[parent].fields))
}

/// The plans with those for the other `fields`, whose values are rescued. Each comes where its
/// field stands among the known ones: `_rescued_data` keeps that order, as it does where columns
/// are inferred.
fn with_unknown(known: Vec<Plan>, fields: &[Field]) -> Vec<Plan> {
    let nodes: BTreeSet<NodeId> = known.iter().filter_map(|plan| plan.node).collect();
    let mut behind: BTreeMap<Option<NodeId>, Vec<Plan>> = BTreeMap::new();
    let mut last_known = None;
    for field in fields {
        if nodes.contains(&field.node) {
            last_known = Some(field.node);
        } else {
            let (name, node) = (field.name.to_string(), Some(field.node));
            let plan = Plan { name, node, shape: Shape::Rescue, field_id: None };
            behind.entry(last_known).or_default().push(plan);
        }
    }
    let mut plans = behind.remove(&None).unwrap_or_default();
    for plan in known {
        let node = plan.node;
        plans.push(plan);
        if node.is_some() {
            plans.extend(behind.remove(&node).unwrap_or_default());
        }
    }
    plans
}

fn given(nodes: &[Node], node: Option<NodeId>, column_type: &ColumnType) -> Shape {
    match column_type {
        ColumnType::Null => Shape::Null,
        ColumnType::Struct(fields) => Shape::Struct(given_fields(nodes, node, fields)),
        ColumnType::List(element) => {
            let child = node.and_then(|node| nodes[node].element);
            let shape = given(nodes, child, &element.column_type);
            let field_id = element.field_id;
            Shape::List(Box::new(Plan { name: String::new(), node: child, shape, field_id }))
        }
        leaf => Shape::Leaf(fit::with_form(leaf, node.map(|node| &nodes[node]))),
    }
}
