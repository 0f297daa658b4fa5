//! Nodes into columns: which types the values take, their levels, and what is rescued.

mod choose;
mod emit;
mod facts;
mod fit;
mod given;
mod infer;
mod leaf;
mod levels;
mod native;
mod plan;
mod render;
mod rescue;
mod text_type;

use std::sync::Arc;

use crate::columns::{Builder, Texts, Values};
use crate::format::metadata::OwnId;
use crate::format::rescued::RescuedCounts;
use crate::schema::facts::Found;
use crate::schema::{ID_COLUMN, Schema};
use crate::{IdSource, NewFields, Nulls, Policy, Result, Settings};
use plan::Plan;

pub(crate) use leaf::Leaf;
pub(crate) use levels::{LevelSlice, Levels};

/// All columns of a file, before they are written.
#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) schema: Schema,
    /// What the rows say of each column of `schema`, each field and each element, in order.
    pub(crate) found: Vec<Found>,
    pub(crate) own_id: OwnId,
    /// The names down to the leaf that holds the ids.
    pub(crate) id_path: Vec<String>,
    pub(crate) rows: usize,
    /// `_id` if the ids are no field of the documents, then the leaves of `schema` in order, then
    /// `_rescued_data` if there is one.
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) has_rescued: bool,
    pub(crate) rescued: RescuedCounts,
    pub(crate) duplicate_keys: u64,
}

/// The state of the file into which these columns go.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Opened {
    /// How its documents' own `_id` fields are kept; `None` if it has no row yet.
    pub(crate) own_id: Option<OwnId>,
    /// It has room for rescued values, whether these rows want it or not.
    pub(crate) keeps_rescued: bool,
}

/// How the own `_id` fields of all rows of `builder` are kept beside a column `_id`.
pub(crate) fn own_id(builder: &Builder) -> OwnId {
    match builder.own_id_differs() {
        true => OwnId::Absent,
        false => plan::own_id(&builder.nodes, builder.rows()),
    }
}

/// Where the ids of all rows of `builder` are, and what becomes of the fields.
fn place_of_ids(builder: &Builder, settings: &Settings, opened: Opened) -> (OwnId, Vec<Plan>) {
    let plan = |own_id| choose::plan(&builder.nodes, own_id, &id_path(settings, own_id), settings);
    if let Some(own_id) = opened.own_id {
        return (own_id, plan(own_id));
    }
    if let Some(named) = builder.place_of_ids() {
        let plan = plan(named);
        if plan::holds_ids(&plan, &id_path(settings, named)) {
            return (named, plan);
        }
    }
    let own_id = own_id(builder);
    (own_id, plan(own_id))
}

/// The names down to the column of the ids.
fn id_path(settings: &Settings, own_id: OwnId) -> Vec<String> {
    match (&settings.id, own_id) {
        (IdSource::Field(name), OwnId::NamedField) => vec![name.clone()],
        (IdSource::Field(name), OwnId::NamedPath) => name.split('.').map(str::to_owned).collect(),
        _ => vec![ID_COLUMN.to_owned()],
    }
}

/// Chooses the columns for all rows of `builder` and fills them.
pub(crate) fn resolve(
    mut builder: Builder,
    settings: &Settings,
    opened: Opened,
) -> Result<Columns> {
    let rows = builder.rows();
    let (own_id, plan) = place_of_ids(&builder, settings, opened);
    let ids = id_leaf(std::mem::take(&mut builder.ids));
    let duplicate_keys = builder.duplicate_keys;
    let rows_before = builder.rows_before();
    let schema = plan::schema(&plan, settings.schema.as_ref());

    let mut emitter =
        emit::Emitter::new(builder.nodes, settings.nulls == Nulls::Explicit, schema.is_inferred());
    emitter.document(&plan, rows);
    let emit::Emitter { mut leaves, found, mut rescues, problem, .. } = emitter;
    if let Some(problem) = problem {
        return Err(problem);
    }

    if settings.policy == Policy::Strict
        && let Some(error) = rescues.first_as_error(&ids, rows_before)
    {
        return Err(error);
    }
    if !own_id.is_named() {
        leaves.insert(0, ids);
    }
    let is_fixed = !schema.is_inferred() && settings.new_fields == NewFields::Rescue;
    let has_rescued = settings.policy == Policy::Rescue
        && (is_fixed || opened.keeps_rescued || !rescues.is_empty());
    let rescued = rescues.take_counts();
    if has_rescued {
        leaves.push(rescues.into_leaf(rows));
    }
    let id_path = id_path(settings, own_id);
    Ok(Columns {
        schema,
        found,
        own_id,
        id_path,
        rows,
        leaves,
        has_rescued,
        rescued,
        duplicate_keys,
    })
}

fn id_leaf(ids: Texts) -> Leaf {
    Leaf {
        path: vec![ID_COLUMN.to_owned()],
        definitions: Levels::default(),
        definition_max: 0,
        repetitions: Arc::default(),
        values: Values::Bytes(ids.into()),
    }
}

#[cfg(test)]
mod work_tests;

#[cfg(test)]
mod new_fields_tests;
