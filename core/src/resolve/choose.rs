//! Which column each path becomes.

use super::given;
use super::infer::Inference;
use super::plan::{Plan, Shape, bound_columns, bound_nulls};
use crate::columns::Node;
use crate::format::metadata::OwnId;
use crate::schema::{ID_COLUMN, RESCUED_COLUMN};
use crate::{NewFields, Settings};

/// The plans for the fields of the documents, whose ids are known: they are at `id_path`, if they
/// are a field of the documents.
pub(super) fn plan(
    nodes: &[Node],
    own_id: OwnId,
    id_path: &[String],
    settings: &Settings,
) -> Vec<Plan> {
    let first = id_path.first().filter(|_| own_id.is_named()).map(String::as_str);
    let mut plans = match &settings.schema {
        Some(schema) => given::documents(nodes, schema, first, settings),
        None => Inference::new(nodes, first, settings).documents(),
    };
    for plan in &mut plans {
        // The names of our own columns are never a document's columns.
        match plan.name.as_str() {
            ID_COLUMN if own_id.is_named() => {}
            ID_COLUMN if own_id != OwnId::Absent => plan.shape = Shape::Id,
            ID_COLUMN | RESCUED_COLUMN => plan.shape = Shape::Rescue,
            _ => {}
        }
    }
    if settings.schema.is_none() || settings.new_fields == NewFields::Column {
        bound_columns(&mut plans, settings.columns_max);
    }
    if settings.schema.is_some() {
        bound_nulls(&mut plans, settings.columns_max);
    }
    plans
}
