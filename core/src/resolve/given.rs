//! The columns of a given schema, and those that its new fields become.

use std::collections::BTreeSet;

use super::fit;
use super::infer::Inference;
use super::plan::{Origin, Plan, Shape, bring_forward, columns, rescue_field};
use crate::columns::{Node, NodeId, ROOT};
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
        let known: BTreeSet<NodeId> = plans.iter().filter_map(|plan| plan.node).collect();
        for field in parent.map_or(&[][..], |parent| &self.nodes[parent].fields) {
            if !known.contains(&field.node)
                && let Some(shape) = self.new_field(field.node)
            {
                plans.push(Plan::inferred(&field.name, field.node, shape));
            }
        }
        if let Some(inference) = self.inference {
            inference.rescue_names(&mut plans, top);
        }
        plans
    }

    /// What becomes of a field that the schema does not have; `None`: it has no values.
    fn new_field(self, node: NodeId) -> Option<Shape> {
        self.inference.map_or(Some(Shape::Rescue), |inference| inference.shape(node, false))
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
