//! The columns of a given schema, and those that its new fields become.

use std::collections::{BTreeMap, BTreeSet};

use super::fit;
use super::infer::Inference;
use super::plan::{Origin, Plan, Shape, bring_forward, columns, rescue_field};
use crate::columns::{Field, Node, NodeId, ROOT};
use crate::schema::dots;
use crate::schema::{Column, ColumnType, own_columns};
use crate::{Names, NewFields, Schema, Settings};

/// The plans for the documents' fields with this schema. `first`: the column that holds the ids, if
/// they are a field of the documents.
pub(super) fn documents(
    nodes: &[Node],
    schema: &Schema,
    first: Option<&str>,
    settings: &Settings,
) -> Vec<Plan> {
    let inference = match settings.new_fields {
        NewFields::Rescue => None,
        NewFields::Column => Some(Inference::new(nodes, first, settings)),
    };
    let mut plans = Given { nodes, inference }.fields(Some(ROOT), schema.columns(), true);
    bring_forward(&mut plans, first);
    if inference.is_some() && settings.names == Names::Portable {
        let own = own_columns(first.is_some());
        for path in dots::new_twins(&columns(&plans), schema.columns(), own) {
            rescue_field(&mut plans, &path);
        }
    }
    plans
}

#[derive(Clone, Copy)]
struct Given<'n> {
    nodes: &'n [Node],
    /// What makes columns of new fields; `None`: they are rescued.
    inference: Option<Inference<'n>>,
}

impl Given<'_> {
    fn fields(self, parent: Option<NodeId>, columns: &[Column], top: bool) -> Vec<Plan> {
        let field = |name: &str| {
            let parent = &self.nodes[parent?];
            parent.field(name, 0).map(|at| parent.fields[at].node)
        };
        let given = columns.iter().map(|column| {
            let node = field(&column.name);
            let shape = self.shape(node, &column.column_type);
            let origin = match column.column_type {
                ColumnType::Null => Origin::GivenNull,
                _ => Origin::Given,
            };
            Plan { name: column.name.clone(), node, shape, origin, field_id: column.field_id }
        });
        let mut plans: Vec<Plan> = given.collect();
        let fields = parent.map_or(&[][..], |parent| &self.nodes[parent].fields);
        let Some(inference) = self.inference else { return with_unknown(plans, fields) };
        let known: BTreeSet<NodeId> = plans.iter().filter_map(|plan| plan.node).collect();
        for field in fields.iter().filter(|field| !known.contains(&field.node)) {
            // `None`: it has no values.
            if let Some(shape) = inference.shape(field.node, false) {
                plans.push(Plan::inferred(&field.name, field.node, shape));
            }
        }
        inference.rescue_names(&mut plans, top);
        plans
    }

    fn shape(self, node: Option<NodeId>, column_type: &ColumnType) -> Shape {
        match column_type {
            ColumnType::Null => {
                let inferred = self.inference.zip(node);
                let shape = inferred.and_then(|(inference, node)| inference.shape(node, false));
                shape.unwrap_or(Shape::Null)
            }
            ColumnType::Struct(fields) => Shape::Struct(self.fields(node, fields, false)),
            ColumnType::List(element) => {
                let node = node.and_then(|node| self.nodes[node].element);
                let shape = self.shape(node, &element.column_type);
                let (origin, field_id) = (Origin::Given, element.field_id);
                let name = String::new();
                Shape::List(Box::new(Plan { name, node, shape, origin, field_id }))
            }
            leaf => Shape::Leaf(fit::with_form(leaf, node.map(|node| &self.nodes[node]))),
        }
    }
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
            let plan = Plan::inferred(&field.name, field.node, Shape::Rescue);
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
