//! What rows say of the form of their values, by counts alone: no pass over the values.

use super::plan::Shape;
use crate::columns::{Kind, Natives, Node, Typed};
use crate::json::number;
use crate::schema::ColumnType;
use crate::schema::facts::Said;

/// Whether a null of a field's column is an explicit null, and whether the explicit nulls must be
/// rescued because other objects do not have the field. `instances`: how many objects there are.
pub(super) fn nulls(node: Option<&Node>, instances: usize) -> (Said, bool) {
    let count = |count: fn(&Node) -> usize| node.map_or(0, count);
    let (nulls, values) = (count(|node| node.count(Kind::Null)), count(Node::values));
    match (nulls > 0, nulls + values < instances) {
        (false, false) => (Said::Nothing, false),
        (true, false) => (Said::Yes, false),
        (false, true) => (Said::No, false),
        (true, true) => (Said::No, true),
    }
}

/// Whether the whole numbers of a floating-point column had no fraction.
///
/// It looks at the doubles only if there are integers among them. Such a column is never the
/// common one whose values move into the file as they are.
pub(super) fn integers(node: Option<&Node>, shape: &Shape) -> Said {
    let is_float = matches!(shape, Shape::Leaf(ColumnType::Float32 | ColumnType::Float64));
    let Some(node) = node.filter(|_| is_float) else { return Said::Nothing };
    let natives = node.typed.as_ref().map_or(&[][..], Typed::runs);
    let native_integers: usize =
        natives.iter().filter(|natives| natives.are_integers()).map(Natives::len).sum();
    let natives_with_fractions = || natives.iter().any(Natives::have_needless_fraction);
    match node.count(Kind::Int) + node.count(Kind::Big) + native_integers {
        0 if node.count(Kind::Double) + node.count(Kind::Native) == 0 => Said::Nothing,
        0 => Said::No,
        _ if node.doubles.iter().any(|double| number::has_needless_fraction(*double))
            || natives_with_fractions() =>
        {
            Said::No
        }
        _ => Said::Yes,
    }
}
