//! The JSON form of a schema: `{"columns":[{"name":"ts","type":"timestamp","unit":"ms"}, …]}`.
//!
//! The reader is written by hand, not derived: so an error names the column, and a misspelt key is
//! an error.

use std::slice::Iter;

use serde_json::{Map, Value};

use super::column::{Column, ColumnType, Element, OwnFieldIds, SIMPLE, TimeUnit};
use super::facts::{Facts, Groups};
use super::form::Form;
use crate::json::value;
use crate::{Error, Result};

/// The word of a field whose nulls are explicit nulls.
const EXPLICIT: &str = "explicit";
/// The word of a floating-point column whose whole numbers had no fraction.
const INTEGER: &str = "integer";

/// What the JSON of a schema says, apart from the facts of a file.
pub(super) struct Parts<C> {
    pub(super) columns: C,
    pub(super) own_ids: OwnFieldIds,
    pub(super) inferred: bool,
}

/// Reads a schema, and what a file says of each column.
pub(super) fn read(text: &str) -> Result<(Parts<Vec<Column>>, Vec<Facts>)> {
    // Not with serde_json's reader: it refuses more than 128 levels, and the JSON of a schema with
    // 64 nested structs has more.
    let value = value::read(text)
        .map_err(|error| Error::settings(format!("the schema is not JSON: {error}")))?;
    let mut object = Object::new(&value, "the schema")?;
    let columns = object.take("columns")?;
    let mut facts = Vec::new();
    let columns = read_fields(columns, "\"columns\"", &mut facts)?;
    let id = object.field_id("id_field_id")?;
    let rescued = object.field_id("rescued_field_id")?;
    let inferred = object.is_true("inferred")?;
    object.end()?;
    Ok((Parts { columns, own_ids: OwnFieldIds { id, rescued }, inferred }, facts))
}

fn read_fields(value: &Value, place: &str, facts: &mut Vec<Facts>) -> Result<Vec<Column>> {
    let items = value
        .as_array()
        .ok_or_else(|| Error::settings(format!("{place} in the schema is not an array")))?;
    let items = items.iter().enumerate();
    items.map(|(i, item)| read_column(item, &format!("{place}[{i}]"), facts)).collect()
}

fn read_column(value: &Value, place: &str, facts: &mut Vec<Facts>) -> Result<Column> {
    let mut object = Object::new(value, place)?;
    let name = object.text("name")?.to_owned();
    object.place = format!("column {name:?} of the schema");
    let nulls = object.groups("nulls", EXPLICIT)?;
    let column_type = read_type(&mut object, nulls, facts)?;
    let field_id = object.field_id("field_id")?;
    object.end()?;
    Ok(Column { name, column_type, field_id })
}

/// Reads the type of a column, a field or an element, and adds its facts before those below it.
fn read_type(object: &mut Object<'_>, nulls: Groups, facts: &mut Vec<Facts>) -> Result<ColumnType> {
    let name = object.text("type")?;
    let integers = match name {
        "float32" | "float64" => object.groups("whole", INTEGER)?,
        _ => Groups::None,
    };
    facts.push(Facts { nulls, integers });
    if let Some((_, simple)) = SIMPLE.iter().find(|(n, _)| *n == name) {
        return Ok(simple.clone());
    }
    match name {
        "decimal" => Ok(ColumnType::Decimal {
            precision: object.number("precision")?,
            scale: object.number("scale")?,
            form: object.form()?,
        }),
        "timestamp" => {
            let unit = match object.text("unit")? {
                "ms" => TimeUnit::Millis,
                "us" => TimeUnit::Micros,
                "ns" => TimeUnit::Nanos,
                other => {
                    return Err(
                        object.error(format!("has the unit {other:?}; choose ms, us or ns"))
                    );
                }
            };
            Ok(ColumnType::Timestamp { unit, form: object.form()? })
        }
        "struct" => {
            let fields = object.take("fields")?;
            let place = format!("\"fields\" of {}", object.place);
            Ok(ColumnType::Struct(read_fields(fields, &place, facts)?))
        }
        "list" => {
            let element = object.take("element")?;
            let mut element = Object::new(element, &format!("\"element\" of {}", object.place))?;
            let column_type = read_type(&mut element, Groups::None, facts)?;
            let field_id = element.field_id("field_id")?;
            element.end()?;
            Ok(ColumnType::List(Box::new(Element { column_type, field_id })))
        }
        other => {
            let names: Vec<&str> = SIMPLE.iter().map(|(name, _)| *name).collect();
            Err(object.error(format!(
                "has the type {other:?}; choose {}, decimal, timestamp, struct or list",
                names.join(", ")
            )))
        }
    }
}

/// An object being read. A key that was not asked for by its end is misspelt.
struct Object<'v> {
    map: &'v Map<String, Value>,
    /// The keys that were asked for.
    taken: Vec<&'static str>,
    /// What the object is, for errors.
    place: String,
}

impl<'v> Object<'v> {
    fn new(value: &'v Value, place: &str) -> Result<Self> {
        let map = value
            .as_object()
            .ok_or_else(|| Error::settings(format!("{place} is not a JSON object")))?;
        Ok(Object { map, taken: Vec::new(), place: place.to_owned() })
    }

    fn error(&self, what: String) -> Error {
        Error::settings(format!("{} {what}", self.place))
    }

    fn take(&mut self, key: &'static str) -> Result<&'v Value> {
        self.taken.push(key);
        self.map.get(key).ok_or_else(|| self.error(format!("has no {key:?}")))
    }

    fn text(&mut self, key: &'static str) -> Result<&'v str> {
        let value = self.take(key)?;
        value.as_str().ok_or_else(|| self.error(format!("has a {key:?} that is not a string")))
    }

    fn number(&mut self, key: &'static str) -> Result<u8> {
        let value = self.take(key)?.as_u64().and_then(|n| u8::try_from(n).ok());
        value.ok_or_else(|| {
            self.error(format!("has a {key:?} that is not a whole number up to 255"))
        })
    }

    fn field_id(&mut self, key: &'static str) -> Result<Option<i32>> {
        if !self.map.contains_key(key) {
            return Ok(None);
        }
        let id = self.take(key)?.as_i64().and_then(|id| i32::try_from(id).ok());
        id.map(Some).ok_or_else(|| {
            self.error(format!("has a {key:?} that is not a whole number from 1 to 2147483647"))
        })
    }

    fn is_true(&mut self, key: &'static str) -> Result<bool> {
        if !self.map.contains_key(key) {
            return Ok(false);
        }
        let value = self.take(key)?.as_bool();
        value.ok_or_else(|| self.error(format!("has an {key:?} that is neither true nor false")))
    }

    /// The row groups for which a word holds: `word` for all of them, or an array of their numbers.
    fn groups(&mut self, key: &'static str, word: &str) -> Result<Groups> {
        if !self.map.contains_key(key) {
            return Ok(Groups::None);
        }
        let value = self.take(key)?;
        if value.as_str() == Some(word) {
            return Ok(Groups::All);
        }
        let numbers = value.as_array().and_then(|items| {
            let number = |item: &Value| item.as_u64().and_then(|n| usize::try_from(n).ok());
            items.iter().map(number).collect::<Option<Vec<usize>>>()
        });
        match numbers.filter(|numbers| numbers.is_sorted_by(|a, b| a < b)) {
            Some(numbers) => Ok(Groups::These(numbers)),
            None => Err(self.error(format!(
                "has a {key:?} that is neither {word:?} nor an array of row groups in ascending \
                 order; correct or remove it"
            ))),
        }
    }

    fn form(&mut self) -> Result<Option<Form>> {
        if !self.map.contains_key("form") {
            return Ok(None);
        }
        let text = self.text("form")?;
        let form = text
            .parse()
            .map_err(|error: Error| self.error(format!("has a wrong \"form\": {error}")))?;
        Ok(Some(form))
    }

    fn end(self) -> Result<()> {
        match self.map.keys().find(|key| !self.taken.contains(&key.as_str())) {
            Some(key) => {
                Err(self.error(format!("has the unknown key {key:?}; correct or remove it")))
            }
            None => Ok(()),
        }
    }
}

/// The JSON of a schema, with what a file says of its columns. `facts`: none, or one for each
/// column, field and element in order.
pub(super) fn write(parts: &Parts<&[Column]>, facts: &[Facts]) -> String {
    let Parts { columns, own_ids, inferred } = parts;
    let mut out = String::from("{\"columns\":");
    write_fields(columns, &mut facts.iter(), &mut out);
    write_field_id("id_field_id", own_ids.id, &mut out);
    write_field_id("rescued_field_id", own_ids.rescued, &mut out);
    if *inferred {
        out.push_str(",\"inferred\":true");
    }
    out.push('}');
    out
}

fn write_field_id(key: &str, field_id: Option<i32>, out: &mut String) {
    if let Some(field_id) = field_id {
        out.push_str(&format!(",\"{key}\":{field_id}"));
    }
}

fn write_fields(fields: &[Column], facts: &mut Iter<'_, Facts>, out: &mut String) {
    out.push('[');
    for (i, field) in fields.iter().enumerate() {
        out.push_str(if i == 0 { "{\"name\":" } else { ",{\"name\":" });
        out.push_str(&Value::from(field.name.as_str()).to_string());
        out.push(',');
        write_type(&field.column_type, facts, out);
        write_field_id("field_id", field.field_id, out);
        out.push('}');
    }
    out.push(']');
}

fn write_type(column_type: &ColumnType, facts: &mut Iter<'_, Facts>, out: &mut String) {
    out.push_str("\"type\":\"");
    out.push_str(column_type.name());
    out.push('"');
    if let Some(facts) = facts.next() {
        write_groups("nulls", EXPLICIT, &facts.nulls, out);
        write_groups("whole", INTEGER, &facts.integers, out);
    }
    let form = match column_type {
        ColumnType::Decimal { precision, scale, form } => {
            out.push_str(&format!(",\"precision\":{precision},\"scale\":{scale}"));
            form
        }
        ColumnType::Timestamp { unit, form } => {
            out.push_str(&format!(",\"unit\":\"{}\"", unit.name()));
            form
        }
        ColumnType::Struct(fields) => {
            out.push_str(",\"fields\":");
            write_fields(fields, facts, out);
            &None
        }
        ColumnType::List(element) => {
            out.push_str(",\"element\":{");
            write_type(&element.column_type, facts, out);
            write_field_id("field_id", element.field_id, out);
            out.push('}');
            &None
        }
        _ => &None,
    };
    if let Some(form) = form {
        out.push_str(&format!(",\"form\":\"{form}\""));
    }
}

fn write_groups(key: &str, word: &str, groups: &Groups, out: &mut String) {
    match groups {
        Groups::None => {}
        Groups::All => out.push_str(&format!(",\"{key}\":\"{word}\"")),
        Groups::These(groups) => {
            out.push_str(&format!(",\"{key}\":{}", Value::from(groups.as_slice())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Schema, TextForm};

    #[test]
    fn every_type_reads_what_it_writes() {
        let mut columns: Vec<Column> = SIMPLE
            .iter()
            .map(|(name, column_type)| Column::new(*name, column_type.clone()))
            .collect();
        let text = Some(Form::Text(TextForm::fixed(2)));
        for (i, form) in [None, Some(Form::Number), text].into_iter().enumerate() {
            let decimal = ColumnType::Decimal { precision: 9, scale: 2, form };
            columns.push(Column::new(format!("decimal \"{i}\" é."), decimal));
            let time = ColumnType::Timestamp { unit: TimeUnit::Micros, form };
            columns.push(Column::new(format!("time{i}"), time));
        }
        let nested = ColumnType::list_of(ColumnType::Struct(columns.clone()));
        columns.push(Column::new("", nested));
        let element = Element { column_type: ColumnType::String, field_id: Some(7) };
        let list = ColumnType::List(Box::new(element));
        columns.push(Column { field_id: Some(6), ..Column::new("ids", list) });
        let own_ids = OwnFieldIds { id: Some(1), rescued: Some(i32::MAX) };
        let schema = Schema::new(columns).unwrap().with_own_field_ids(own_ids).unwrap();
        for schema in [schema.clone().with_inferred(true), schema] {
            assert_eq!(Schema::from_json(&schema.to_json()).unwrap(), schema);
        }
    }

    #[test]
    fn the_words_of_a_file_are_read_and_are_no_part_of_the_schema() {
        let text = concat!(
            r#"{"columns":[{"name":"a","type":"struct","nulls":"explicit","fields":["#,
            r#"{"name":"b","type":"float64","nulls":[0,7],"whole":"integer"}]},"#,
            r#"{"name":"c","type":"list","element":{"type":"float32","whole":[1]}},"#,
            r#"{"name":"d","type":"null","nulls":"explicit"}]}"#,
        );
        let (schema, facts) = Schema::from_file_json(text).unwrap();
        let nulls = [Groups::All, Groups::These(vec![0, 7]), Groups::None, Groups::None];
        assert!(facts.iter().map(|facts| &facts.nulls).eq(nulls.iter().chain([&Groups::All])));
        assert_eq!(
            (&facts[1].integers, &facts[3].integers),
            (&Groups::All, &Groups::These(vec![1]))
        );
        assert_eq!(schema.to_file_json(&facts), text);
        assert_eq!(Schema::from_json(text).unwrap(), schema);
        assert_eq!(Schema::from_json(&schema.to_json()).unwrap(), schema);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, part) in [
            ("[]", "not a JSON object"),
            ("{", "not JSON"),
            ("{}", "no \"columns\""),
            (r#"{"columns":[],"inferred":1}"#, "neither true nor false"),
            (r#"{"columns":[{"name":"a"}]}"#, "no \"type\""),
            (r#"{"columns":[{"name":"a","type":"text"}]}"#, "\"text\"; choose"),
            (
                r#"{"columns":[{"name":"a","type":"int64","unit":"ms"}]}"#,
                "has the unknown key \"unit\"",
            ),
            (r#"{"columns":[{"name":"a","type":"timestamp","unit":"s"}]}"#, "unit \"s\""),
            (
                r#"{"columns":[{"name":"a","type":"timestamp","unit":"ms","form":"text"}]}"#,
                "column \"a\" of the schema has a wrong \"form\": \"text\" is not a form; choose",
            ),
            (
                r#"{"columns":[{"name":"a","type":"timestamp","unit":"ms","form":"text:4"}]}"#,
                "cannot hold 4 digits",
            ),
            (
                r#"{"columns":[{"name":"a","type":"decimal","precision":9,"scale":2,
                    "form":"text:trimmed"}]}"#,
                "must be \"number\" or \"text:2\"",
            ),
            (r#"{"columns":[{"name":"a","type":"int64"},{"name":"a","type":"int64"}]}"#, "twice"),
            (r#"{"columns":[{"name":"_rescued_data","type":"json"}]}"#, "which Coldpress adds"),
            (r#"{"columns":[{"name":"a","type":"decimal","precision":39,"scale":0}]}"#, "1 to 38"),
            (
                r#"{"columns":[{"name":"a","type":"struct","fields":[]}]}"#,
                "without any value column",
            ),
            (r#"{"columns":[{"name":"a","type":"int64","field_id":0}]}"#, "at least 1"),
            (r#"{"columns":[{"name":"a","type":"int64","field_id":1.5}]}"#, "not a whole number"),
            (
                r#"{"columns":[{"name":"a","type":"int64","nulls":"absent"}]}"#,
                "neither \"explicit\"",
            ),
            (r#"{"columns":[{"name":"a","type":"int64","nulls":[1,1]}]}"#, "in ascending order"),
            (r#"{"columns":[{"name":"a","type":"int64","whole":"integer"}]}"#, "unknown key"),
            (
                r#"{"columns":[{"name":"a","type":"int64","field_id":3}],"id_field_id":3}"#,
                "\"_id\" and \"a\" of the schema have the same field id, 3",
            ),
        ] {
            let error = Schema::from_json(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
