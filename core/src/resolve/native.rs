//! Values that came with their type into a column.

use super::text_type;
use crate::columns::{Blobs, Kind, Native, NativeText, Natives, Node, Typed, Values};
use crate::json::number;
use crate::json::text::{write_number, write_string};
use crate::schema::{ColumnType, Form, TextForm};

/// Appends the value as JSON text. A number is written as one that came as JSON.
pub(super) fn render(value: Native<'_>, out: &mut String) {
    match value.text() {
        NativeText::Text(text) => write_string(out, &text),
        NativeText::Number(literal) => match number::read_whole(&literal) {
            Some(number) => write_number(out, number),
            None => out.push_str(&literal),
        },
    }
}

/// How many native values of a node are numbers and texts in JSON.
pub(super) fn numbers_and_texts(node: &Node) -> (usize, usize) {
    let runs = node.typed.as_ref().map_or(&[][..], Typed::runs);
    let numbers = runs.iter().filter(|natives| natives.are_numbers()).map(Natives::len).sum();
    (numbers, node.count(Kind::Native) - numbers)
}

/// The kind whose values move into a column of this type as they are, if all values of the node are
/// of that kind.
pub(super) fn kind_stored_in(
    column_type: &ColumnType,
    node: &Node,
    for_all_engines: bool,
) -> Option<Kind> {
    let kind = match column_type {
        _ if node.count(Kind::Native) > 0 => Kind::Native,
        ColumnType::Boolean => Kind::Boolean,
        ColumnType::Int64 => Kind::Int,
        ColumnType::Float64 => Kind::Double,
        ColumnType::String => Kind::String,
        _ => return None,
    };
    if node.count(kind) != node.values() {
        return None;
    }
    if kind == Kind::Native {
        let [natives] = node.typed.as_ref()?.runs() else { return None };
        let all_read =
            || (0..node.count(Kind::Native)).all(|at| !for_all_engines || is_read(natives, at));
        return (natives.are_stored_in(column_type) && all_read()).then_some(kind);
    }
    Some(kind)
}

/// The form of a node's native values in a column of this type.
pub(super) fn form(node: &Node, column_type: &ColumnType) -> Option<Form> {
    let mut forms = node.typed.as_ref()?.runs().iter().filter_map(Natives::form);
    match (column_type, forms.next()?) {
        // Seconds have no digits, whatever the unit of the column.
        (ColumnType::Timestamp { unit, .. }, Form::Text(TextForm { digits, .. })) => {
            let most = unit.digits();
            let digits = digits.fixed().map_or(most, |digits| digits.min(most));
            Some(Form::Text(TextForm::fixed(digits)))
        }
        (ColumnType::Decimal { .. }, form @ Form::Number) => Some(form),
        _ => None,
    }
}

/// Takes all values of this kind, as a column stores them.
pub(super) fn take(node: &mut Node, kind: Kind) -> Values {
    match (kind, &mut node.typed) {
        (Kind::Boolean, _) => Values::Boolean(std::mem::take(&mut node.booleans)),
        (Kind::Int, _) => Values::Int64(std::mem::take(&mut node.ints)),
        (Kind::Double, _) => Values::Double(std::mem::take(&mut node.doubles)),
        (Kind::Native, Some(typed)) => match typed.only() {
            Some(natives) => {
                let empty = Values::of(&natives.column_type);
                std::mem::replace(&mut natives.values, empty)
            }
            None => Values::Bytes(Blobs::default()),
        },
        _ => Values::Bytes(std::mem::take(&mut node.strings).into()),
    }
}

/// Whether every engine reads a file with this value.
pub(super) fn is_read(natives: &Natives, at: usize) -> bool {
    match natives.column_type {
        ColumnType::Date | ColumnType::Timestamp { .. } => {
            natives.whole(at).is_none_or(|value| text_type::is_read(&natives.column_type, value))
        }
        _ => true,
    }
}

/// Appends the value at `at` of `from` to `to`, which has the same kind.
pub(super) fn copy(from: &Values, at: usize, to: &mut Values) {
    match (from, to) {
        (Values::Boolean(from), Values::Boolean(to)) => to.push(from[at]),
        (Values::Int32(from), Values::Int32(to)) => to.push(from[at]),
        (Values::Int64(from), Values::Int64(to)) => to.push(from[at]),
        (Values::Float(from), Values::Float(to)) => to.push(from[at]),
        (Values::Double(from), Values::Double(to)) => to.push(from[at]),
        (Values::Bytes(from), Values::Bytes(to)) => to.push(from.blob(at)),
        (Values::Fixed(from, width), Values::Fixed(to, _)) => {
            to.extend_from_slice(&from[at * *width..(at + 1) * *width]);
        }
        // The types are the same, so the kinds are too.
        _ => {}
    }
}
