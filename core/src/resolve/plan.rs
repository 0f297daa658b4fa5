//! What becomes of each path, and the bound on how many become columns.

use crate::columns::{Kind, Node, NodeId, ROOT};
use crate::format::metadata::OwnId;
use crate::schema::{Column, ColumnType, Element, ID_COLUMN, Schema};

/// What becomes of one path.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) name: String,
    /// The node with its values; `None` for a column of a given schema that no row has.
    pub(super) node: Option<NodeId>,
    pub(super) shape: Shape,
    pub(super) origin: Origin,
    /// That of a given schema.
    pub(super) field_id: Option<i32>,
}

/// Where a plan comes from. Only what the rows say may be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A given schema.
    Given,
    /// A given schema has the name, and no type: it had only nulls so far.
    GivenNull,
    /// The rows.
    Inferred,
}

impl Plan {
    /// A plan for what the rows hold at this node.
    pub(super) fn inferred(name: &str, node: NodeId, shape: Shape) -> Self {
        let (name, node) = (name.to_owned(), Some(node));
        Plan { name, node, shape, origin: Origin::Inferred, field_id: None }
    }

    /// Makes no column of it.
    pub(super) fn refuse(&mut self) {
        self.shape = match self.origin {
            // The schema keeps the name.
            Origin::GivenNull => Shape::Null,
            Origin::Given | Origin::Inferred => Shape::Rescue,
        };
    }
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

/// Puts the column with this name first.
pub(super) fn bring_forward(plans: &mut [Plan], name: Option<&str>) {
    if let Some(at) = plans.iter().position(|plan| Some(plan.name.as_str()) == name) {
        plans[..=at].rotate_right(1);
    }
}

/// Whether the field at this path is a column whose values tell the ids of rows.
pub(super) fn holds_ids(plans: &[Plan], path: &[String]) -> bool {
    let Some((name, below)) = path.split_first() else { return false };
    match plans.iter().find(|plan| plan.name == *name).map(|plan| &plan.shape) {
        Some(Shape::Leaf(column_type)) => below.is_empty() && column_type.tells_ids(),
        Some(Shape::Struct(fields)) => holds_ids(fields, below),
        _ => false,
    }
}

/// The schema that a file of these plans has.
pub(super) fn schema(plans: &[Plan], given: Option<&Schema>) -> Schema {
    Schema::resolved(columns(plans), given)
}

/// The columns of these plans.
pub(super) fn columns(plans: &[Plan]) -> Vec<Column> {
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

/// Makes no column of the field with this path; and none of structs and lists with it alone, which
/// become JSON.
pub(super) fn rescue_field(plans: &mut [Plan], path: &[String]) {
    let Some((name, below)) = path.split_first() else { return };
    let Some(plan) = plans.iter_mut().find(|plan| plan.name == *name) else { return };
    if below.is_empty() {
        plan.refuse();
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

/// How many leaf columns a shape has.
pub(super) fn leaves(shape: &Shape) -> usize {
    match shape {
        Shape::Null | Shape::Id | Shape::Rescue => 0,
        Shape::Leaf(_) => 1,
        Shape::Struct(fields) => fields.iter().map(|field| leaves(&field.shape)).sum(),
        Shape::List(element) => leaves(&element.shape),
    }
}

/// Makes JSON columns of the inferred structs with the most fields until `columns_max` leaves are
/// enough, and then rescues the last inferred fields. Given columns stay.
pub(super) fn bound_columns(plans: &mut [Plan], columns_max: usize) {
    let mut total: usize = plans.iter().map(|plan| leaves(&plan.shape)).sum();
    if total <= columns_max {
        return;
    }
    let mut plans = Vec::from_iter(inferred(plans));
    while total > columns_max {
        let Some(widest) = widest_struct(plans.iter_mut().map(|plan| &mut **plan)) else { break };
        total = total + 1 - leaves(&widest.shape);
        widest.shape = Shape::Leaf(ColumnType::Json);
    }
    for plan in plans.into_iter().rev() {
        if total <= columns_max {
            break;
        }
        total -= leaves(&plan.shape);
        plan.refuse();
    }
}

/// Keeps the names of at most `names_max` fields that had only nulls, and the given ones. Without a
/// bound, a collection's schema would grow with each file.
pub(super) fn bound_nulls(plans: &mut [Plan], names_max: usize) {
    fn nulls(plan: &mut Plan) -> Vec<&mut Plan> {
        match plan.shape {
            Shape::Null => vec![plan],
            _ => below(plan).iter_mut().flat_map(nulls).collect(),
        }
    }
    fn below(plan: &mut Plan) -> &mut [Plan] {
        match &mut plan.shape {
            Shape::Struct(fields) => fields,
            Shape::List(element) => std::slice::from_mut(&mut **element),
            _ => &mut [],
        }
    }
    let nulls = plans.iter_mut().flat_map(nulls).enumerate();
    for (_, plan) in nulls.filter(|(at, plan)| *at >= names_max && plan.origin == Origin::Inferred)
    {
        plan.refuse();
    }
}

/// The highest plans that the rows made, whatever given structs and lists they are in.
fn inferred(plans: &mut [Plan]) -> Box<dyn Iterator<Item = &mut Plan> + '_> {
    Box::new(plans.iter_mut().flat_map(|plan| -> Box<dyn Iterator<Item = &mut Plan>> {
        if plan.origin != Origin::Given {
            return Box::new(std::iter::once(plan));
        }
        match &mut plan.shape {
            Shape::Struct(fields) => inferred(fields),
            Shape::List(element) => inferred(std::slice::from_mut(&mut **element)),
            _ => Box::new(std::iter::empty()),
        }
    }))
}

fn widest_struct<'p>(plans: impl Iterator<Item = &'p mut Plan>) -> Option<&'p mut Plan> {
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
    let mut widest: Option<(usize, &mut Plan)> = None;
    for plan in plans {
        let below = widest_below(plan);
        if below > widest.as_ref().map_or(0, |(most, _)| *most) {
            widest = Some((below, plan));
        }
    }
    let (most, plan) = widest?;
    if width(&plan.shape) == most {
        return Some(plan);
    }
    match &mut plan.shape {
        Shape::Struct(fields) => widest_struct(fields.iter_mut()),
        Shape::List(element) => widest_struct(std::iter::once(&mut **element)),
        _ => None,
    }
}
