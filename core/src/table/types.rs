//! Our types and those of Delta, and the text of a table's columns.
//!
//! The text is that of [Schema Serialization Format][format] in the protocol. Every field of ours
//! is nullable there, because engines read a field that a file lacks as nulls.
//!
//! [format]: https://github.com/delta-io/delta/blob/master/PROTOCOL.md#schema-serialization-format

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::json::value;
use crate::schema::names::folded;
use crate::{Column, ColumnType, Error, ErrorKind, Result, TimeUnit};

/// The longest text of columns that we read, in bytes.
const TEXT_BYTES_MAX: usize = 16 << 20;
/// The deepest nesting of types that we read.
const DEPTH_MAX: usize = 64;

/// The columns of a text, as far as we have types for them.
#[derive(Debug, Default)]
pub(super) struct DeltaColumns {
    pub(super) columns: Vec<Column>,
    /// The paths of the columns whose type we do not have, such as a map.
    pub(super) opaque: Vec<Vec<String>>,
}

/// Checks that these columns of a file can be columns of a table; an error of kind `Settings` names
/// the first one that cannot.
pub(super) fn check(columns: &[Column]) -> Result<()> {
    check_fields(columns, &mut Vec::new())
}

/// The type that Delta's text says for a type of ours, as one of ours again: what is left of the
/// type where only that text is known.
pub(super) fn in_delta(column_type: &ColumnType) -> ColumnType {
    match column_type {
        ColumnType::Uint8 => ColumnType::Int16,
        ColumnType::Uint16 => ColumnType::Int32,
        ColumnType::Uint32 => ColumnType::Int64,
        ColumnType::Json => ColumnType::String,
        ColumnType::Timestamp { .. } => {
            ColumnType::Timestamp { unit: TimeUnit::Micros, form: None }
        }
        ColumnType::Decimal { precision, scale, .. } => {
            ColumnType::Decimal { precision: *precision, scale: *scale, form: None }
        }
        other => other.clone(),
    }
}

/// The text of these columns, put behind those of `before`, which [`read`] took. Whatever `before`
/// says of its columns stays as it is; `None`: there is no text yet. Columns with only nulls are
/// left out.
pub(super) fn write(before: Option<&str>, columns: &[Column]) -> String {
    let before = before.and_then(|text| read_text(text).ok());
    let mut root = before.unwrap_or_else(|| json!({ "type": "struct", "fields": [] }));
    if let Some(fields) = root.get_mut("fields").and_then(Value::as_array_mut) {
        extend(fields, columns);
    }
    root.to_string()
}

/// Reads the text of a table's columns. An error of kind `Corrupt` if it is not such a text, and of
/// kind `Limit` if it is too long or nests too deep.
pub(super) fn read(text: &str) -> Result<DeltaColumns> {
    let root = read_text(text)?;
    let mut found = DeltaColumns::default();
    found.columns = read_fields(&root, &mut Vec::new(), 1, &mut found.opaque)?;
    Ok(found)
}

fn check_fields(fields: &[Column], path: &mut Vec<String>) -> Result<()> {
    let mut seen = BTreeMap::new();
    for field in fields.iter().filter(|field| field.column_type != ColumnType::Null) {
        path.push(field.name.clone());
        if field.name.is_empty() {
            return Err(refused(path, "has no name", "give it one, or leave it out"));
        }
        if let Some(other) = seen.insert(folded(&field.name), &field.name) {
            let what = format!("differs from {other:?} only in case, which is one name in a table");
            return Err(refused(path, &what, "leave one of the two out"));
        }
        check_type(&field.column_type, path)?;
        path.pop();
    }
    Ok(())
}

fn check_type(column_type: &ColumnType, path: &mut Vec<String>) -> Result<()> {
    match column_type {
        ColumnType::Struct(fields) => check_fields(fields, path),
        ColumnType::List(element) => check_type(&element.column_type, path),
        ColumnType::Uuid => Err(refused(
            path,
            "is a uuid, which Delta does not have",
            "put the rows with --schema, and give the column the type string there",
        )),
        ColumnType::Timestamp { unit: TimeUnit::Nanos, .. } => Err(refused(
            path,
            "is a timestamp of nanoseconds, which engines cut to microseconds",
            "put the rows with --schema, and give the column the unit us or the type string there",
        )),
        _ => Ok(()),
    }
}

fn refused(path: &[String], what: &str, hint: &str) -> Error {
    Error::settings(format!("it {what}, so it cannot be in a table; {hint}"))
        .in_column(path.join("."))
}

/// Adds the columns that are not there yet, and the fields of structs that are not.
fn extend(fields: &mut Vec<Value>, columns: &[Column]) {
    let names = fields.iter().enumerate();
    let places: BTreeMap<String, usize> = names
        .filter_map(|(at, field)| Some((field.get("name")?.as_str()?.to_owned(), at)))
        .collect();
    for column in columns.iter().filter(|column| column.column_type != ColumnType::Null) {
        let there = places.get(&column.name).and_then(|at| fields.get_mut(*at));
        match there {
            Some(field) => extend_type(field.get_mut("type"), &column.column_type),
            None => fields.push(field(column)),
        }
    }
}

fn extend_type(there: Option<&mut Value>, column_type: &ColumnType) {
    let Some(Value::Object(there)) = there else { return };
    match column_type {
        ColumnType::Struct(columns) => {
            if let Some(Value::Array(fields)) = there.get_mut("fields") {
                extend(fields, columns);
            }
        }
        ColumnType::List(element) => {
            extend_type(there.get_mut("elementType"), &element.column_type);
        }
        _ => {}
    }
}

fn field(column: &Column) -> Value {
    json!({
        "name": column.name,
        "type": type_value(&column.column_type),
        "nullable": true,
        "metadata": {},
    })
}

fn type_value(column_type: &ColumnType) -> Value {
    let name = match column_type {
        ColumnType::Struct(columns) => {
            let mut fields = Vec::new();
            extend(&mut fields, columns);
            return json!({ "type": "struct", "fields": fields });
        }
        ColumnType::List(element) => {
            let element = type_value(&element.column_type);
            return json!({ "type": "array", "elementType": element, "containsNull": true });
        }
        ColumnType::Decimal { precision, scale, .. } => {
            return Value::String(format!("decimal({precision},{scale})"));
        }
        ColumnType::Null => "void",
        ColumnType::Boolean => "boolean",
        ColumnType::Int8 => "byte",
        ColumnType::Int16 | ColumnType::Uint8 => "short",
        ColumnType::Int32 | ColumnType::Uint16 => "integer",
        ColumnType::Int64 | ColumnType::Uint32 => "long",
        ColumnType::Float32 => "float",
        ColumnType::Float64 => "double",
        ColumnType::Binary | ColumnType::Uuid => "binary",
        ColumnType::Date => "date",
        ColumnType::Timestamp { .. } => "timestamp",
        ColumnType::String | ColumnType::Json => "string",
    };
    Value::String(name.to_owned())
}

fn read_text(text: &str) -> Result<Value> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Error::new(
            ErrorKind::Limit,
            format!(
                "the columns of the table are a text of {} bytes (limit: {TEXT_BYTES_MAX}); remove \
                 columns with the engine that wrote them",
                text.len()
            ),
        ));
    }
    // Not with serde_json's reader, which refuses more than 128 levels.
    value::read(text).map_err(|error| match error.kind() {
        ErrorKind::Limit => error,
        _ => damaged(&format!("is not JSON: {error}")),
    })
}

fn read_fields(
    of: &Value,
    path: &mut Vec<String>,
    depth: usize,
    opaque: &mut Vec<Vec<String>>,
) -> Result<Vec<Column>> {
    if depth > DEPTH_MAX {
        return Err(Error::new(
            ErrorKind::Limit,
            format!(
                "the columns of the table nest deeper than {DEPTH_MAX} levels; make it flatter"
            ),
        ));
    }
    let fields = of.get("fields").and_then(Value::as_array);
    let mut columns = Vec::new();
    for field in fields.ok_or_else(|| damaged("has a struct without fields"))? {
        let Some(name) = field.get("name").and_then(Value::as_str) else {
            return Err(damaged("has a field without a name"));
        };
        path.push(name.to_owned());
        let column_type = field.get("type").ok_or_else(|| damaged("has a field without a type"))?;
        match read_type(column_type, path, depth, opaque)? {
            Some(column_type) => columns.push(Column::new(name, column_type)),
            None => opaque.push(path.clone()),
        }
        path.pop();
    }
    Ok(columns)
}

/// `None` if we do not have the type.
fn read_type(
    of: &Value,
    path: &mut Vec<String>,
    depth: usize,
    opaque: &mut Vec<Vec<String>>,
) -> Result<Option<ColumnType>> {
    match of {
        Value::String(name) => Ok(simple(name)),
        Value::Object(nested) => read_nested(of, nested, path, depth, opaque),
        _ => Err(damaged("has a type that is neither a name nor an object")),
    }
}

fn read_nested(
    of: &Value,
    nested: &Map<String, Value>,
    path: &mut Vec<String>,
    depth: usize,
    opaque: &mut Vec<Vec<String>>,
) -> Result<Option<ColumnType>> {
    match nested.get("type").and_then(Value::as_str) {
        Some("struct") => {
            let known = opaque.len();
            let fields = read_fields(of, path, depth + 1, opaque)?;
            if fields.is_empty() {
                // Nothing is left of it, so it is opaque itself.
                opaque.truncate(known);
                return Ok(None);
            }
            Ok(Some(ColumnType::Struct(fields)))
        }
        Some("array") => {
            let element = nested.get("elementType");
            let element = element.ok_or_else(|| damaged("has an array without elements"))?;
            if depth >= DEPTH_MAX {
                return Ok(None);
            }
            Ok(read_type(element, path, depth + 1, opaque)?.map(ColumnType::list_of))
        }
        Some(_) => Ok(None),
        None => Err(damaged("has an object as a type that does not say which")),
    }
}

fn simple(name: &str) -> Option<ColumnType> {
    Some(match name {
        "boolean" => ColumnType::Boolean,
        "byte" => ColumnType::Int8,
        "short" => ColumnType::Int16,
        "integer" => ColumnType::Int32,
        "long" => ColumnType::Int64,
        "float" => ColumnType::Float32,
        "double" => ColumnType::Float64,
        "string" => ColumnType::String,
        "binary" => ColumnType::Binary,
        "date" => ColumnType::Date,
        "timestamp" => ColumnType::Timestamp { unit: TimeUnit::Micros, form: None },
        _ => {
            let digits = name.strip_prefix("decimal(")?.strip_suffix(')')?;
            let (precision, scale) = digits.split_once(',')?;
            let (precision, scale) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
            let fits = (1..=38).contains(&precision) && scale <= precision;
            fits.then_some(ColumnType::Decimal { precision, scale, form: None })?
        }
    })
}

fn damaged(what: &str) -> Error {
    Error::corrupt(format!(
        "the log is damaged: the text of the table's columns {what}; restore the log, or write the \
         columns again with the engine that wrote them"
    ))
}
