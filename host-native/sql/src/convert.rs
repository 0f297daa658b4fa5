//! Values of a file's column as those of the table's column.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, ListArray, StringBuilder, StructArray, new_null_array,
};
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::arrow::error::ArrowError;

use crate::json::JsonColumn;
use crate::types::{is_nested, is_text};

/// Whether DataFusion's own casts turn `from` into `to` as we want it. If not, [`converted`] does.
///
/// Casts of instants do not suffice: where the reader of a file compares them, DataFusion removes
/// the cast and cuts the constant, as [`crate::exact`] says.
pub(crate) fn casts_suffice(from: &DataType, to: &DataType) -> bool {
    from == to || !is_nested(from) && (!is_text(to) || is_text(from)) && !are_instants(from, to)
}

/// Whether both are types of instants.
pub(crate) fn are_instants(from: &DataType, to: &DataType) -> bool {
    matches!((from, to), (DataType::Timestamp(..), DataType::Timestamp(..)))
}

/// The array in the type `to`: structs field by field, with nulls for those that the file lacks,
/// lists element by element, and what clashes as text.
pub(crate) fn converted(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    match (array.data_type(), to) {
        (from, to) if from == to => Ok(array.clone()),
        (from, to) if is_text(to) && !is_text(from) => cast(&texts(array)?, to),
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let from = array.as_struct();
            let column = |field: &Arc<Field>| match from.column_by_name(field.name()) {
                Some(column) => converted(column, field.data_type()),
                None => Ok(new_null_array(field.data_type(), from.len())),
            };
            let columns = fields.iter().map(column).collect::<Result<Vec<_>, _>>()?;
            let nulls = from.nulls().cloned();
            let array =
                StructArray::try_new_with_length(fields.clone(), columns, nulls, from.len())?;
            Ok(Arc::new(array))
        }
        (DataType::List(_), DataType::List(element)) => {
            let from = array.as_list::<i32>();
            let values = converted(from.values(), element.data_type())?;
            let (offsets, nulls) = (from.offsets().clone(), from.nulls().cloned());
            Ok(Arc::new(ListArray::try_new(element.clone(), offsets, values, nulls)?))
        }
        // A value that does not fit is an error, and not a null.
        _ => cast_with_options(array, to, &CastOptions { safe: false, ..CastOptions::default() }),
    }
}

/// The values as text: JSON, but strings as they are.
fn texts(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let column = JsonColumn::new(array)?;
    let mut texts = StringBuilder::with_capacity(array.len(), 0);
    let mut text = String::new();
    for row in 0..array.len() {
        if column.is_null(row) {
            texts.append_null();
            continue;
        }
        text.clear();
        column.write_text(row, &mut text);
        texts.append_value(&text);
    }
    Ok(Arc::new(texts.finish()))
}
