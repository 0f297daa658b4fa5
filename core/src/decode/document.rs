//! A document being assembled, and its two forms: JSON text and `serde_json` values.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::damage::corrupt;
use crate::by_name::ByName;
use crate::json::number::{self, Number};
use crate::json::text::write_string;
use crate::json::tokenizer;
use crate::json::{self, Events};
use crate::schema::ColumnType;
use crate::{Result, Settings};

/// A name that many rows share.
pub(super) type Name = Arc<str>;

/// A value of a document.
#[derive(Debug, Clone)]
pub(super) enum Item {
    /// No such field.
    Absent,
    Null,
    Boolean(bool),
    Int(i64),
    /// A finite number.
    Double(f64),
    /// Any value as compact JSON text.
    Text(String),
    String(String),
    /// A string that still lies in its page. It has been checked: it is UTF-8.
    Shared(Bytes),
    Object(Vec<(Name, Item)>),
    Array(Vec<Item>),
}

impl Item {
    pub(super) fn write_json(&self, out: &mut Vec<u8>) {
        // The memory of an empty buffer is used again.
        let buffer = if out.is_empty() { std::mem::take(out) } else { Vec::new() };
        let mut text = String::from_utf8(buffer).unwrap_or_default();
        self.write(&mut text);
        match out.is_empty() {
            true => *out = text.into_bytes(),
            false => out.extend_from_slice(text.as_bytes()),
        }
    }

    pub(super) fn write(&self, out: &mut String) {
        match self {
            Item::Absent | Item::Null => out.push_str("null"),
            Item::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
            Item::Int(value) => out.push_str(itoa::Buffer::new().format(*value)),
            Item::Double(value) => out.push_str(number::format(*value, &mut number::buffer())),
            Item::Text(text) => out.push_str(text),
            Item::String(text) => write_string(out, text),
            Item::Shared(text) => write_string(out, shared(text)),
            Item::Object(fields) => {
                let mut before = '{';
                for (name, item) in fields {
                    if !matches!(item, Item::Absent) {
                        out.push(std::mem::replace(&mut before, ','));
                        write_string(out, name);
                        out.push(':');
                        item.write(out);
                    }
                }
                out.push_str(if before == '{' { "{}" } else { "}" });
            }
            Item::Array(items) => {
                let mut before = '[';
                for item in items {
                    out.push(std::mem::replace(&mut before, ','));
                    item.write(out);
                }
                out.push_str(if before == '[' { "[]" } else { "]" });
            }
        }
    }

    pub(super) fn to_value(&self) -> Result<Value> {
        Ok(match self {
            Item::Absent | Item::Null => Value::Null,
            Item::Boolean(value) => Value::Bool(*value),
            Item::Int(value) => Value::from(*value),
            Item::Double(value) => {
                json::value::read(number::format(*value, &mut number::buffer()))?
            }
            Item::Text(text) => json::value::read(text)?,
            Item::String(text) => Value::String(text.clone()),
            Item::Shared(text) => Value::String(shared(text).to_owned()),
            Item::Object(fields) => {
                let fields = fields.iter().filter(|(_, item)| !matches!(item, Item::Absent));
                let fields = fields.map(|(name, item)| Ok((name.to_string(), item.to_value()?)));
                Value::Object(fields.collect::<Result<Map<String, Value>>>()?)
            }
            Item::Array(items) => {
                Value::Array(items.iter().map(Item::to_value).collect::<Result<_>>()?)
            }
        })
    }

    /// Puts the rescued parts of a value back into it.
    ///
    /// If the column could not hold the value at all, the column has a null, and the rescued value
    /// replaces it. If only parts of an object or array were rescued, each part has the name of its
    /// field or the index of its element.
    pub(super) fn restore(&mut self, column_type: &ColumnType, rescued: Rescued) -> Result<()> {
        match (self, column_type, rescued) {
            (Item::Object(fields), ColumnType::Struct(columns), Rescued::Object(parts)) => {
                // The fields begin with the columns, in their order.
                let by_name: ByName<&str, usize> =
                    columns.iter().enumerate().map(|(at, of)| (of.name.as_str(), at)).collect();
                for (name, part) in parts {
                    let at = by_name.get(&name).copied();
                    match at.and_then(|at| Some((fields.get_mut(at)?, columns.get(at)?))) {
                        Some(((_, item), column)) => item.restore(&column.column_type, part)?,
                        None => fields.push((Arc::from(name), part.into())),
                    }
                }
            }
            (Item::Array(items), ColumnType::List(element), Rescued::Object(parts)) => {
                for (index, part) in parts {
                    let item = index.parse().ok().and_then(|index: usize| items.get_mut(index));
                    item.ok_or_else(|| {
                        corrupt("its _rescued_data has an element past the end of a list")
                    })?
                    .restore(&element.column_type, part)?;
                }
            }
            (item, _, rescued) => *item = rescued.into(),
        }
        Ok(())
    }
}

/// A value of a JSON column, of its text. It is checked, so a damaged file never gives a row that
/// is not JSON.
pub(super) fn json_text(text: String) -> Result<Item> {
    match json::validate(text.as_bytes()) {
        Ok(()) => Ok(Item::Text(text)),
        Err(_) => {
            let mut shown = String::new();
            write_string(&mut shown, &text.chars().take(40).collect::<String>());
            Err(corrupt(format!("the text {shown} in a json column is not JSON")))
        }
    }
}
/// The text of [`Item::Shared`].
pub(super) fn shared(text: &Bytes) -> &str {
    std::str::from_utf8(text).unwrap_or_default()
}

/// The most nested objects that are read as objects; deeper ones stay text. Columns nest less deep
/// than this, so a deeper object is always put back whole. Dropping and writing objects recurses,
/// and the stack is limited.
const APART_MAX: usize = 2 * Settings::DEPTH_LIMIT;

/// A value in `_rescued_data`: objects as objects, everything else as JSON text.
#[derive(Debug)]
pub(super) enum Rescued {
    Object(Vec<(String, Rescued)>),
    Text(String),
}

impl Rescued {
    /// Reads the text of one row's `_rescued_data`.
    pub(super) fn read(text: &str) -> Result<Vec<(String, Rescued)>> {
        let mut builder = RescuedBuilder::default();
        let end = tokenizer::tell(text, &mut builder);
        match (end, builder.done) {
            (Ok(end), Some(Rescued::Object(fields))) if end == text.len() => Ok(fields),
            _ => Err(corrupt("its _rescued_data is not a JSON object")),
        }
    }
}

impl From<Rescued> for Item {
    fn from(rescued: Rescued) -> Self {
        match rescued {
            Rescued::Text(text) => Item::Text(text),
            Rescued::Object(fields) => Item::Object(
                fields.into_iter().map(|(name, part)| (Arc::from(name), part.into())).collect(),
            ),
        }
    }
}

#[derive(Debug, Default)]
struct RescuedBuilder {
    open: Vec<(Vec<(String, Rescued)>, String)>,
    key: String,
    /// The array, or the deeply nested object, that is copied as text: its text so far, and the
    /// current depth inside it.
    text: Option<(json::text::JsonText, usize)>,
    done: Option<Rescued>,
}

impl RescuedBuilder {
    fn put(&mut self, value: Rescued) {
        match self.open.last_mut() {
            Some((fields, _)) => fields.push((std::mem::take(&mut self.key), value)),
            None => self.done = Some(value),
        }
    }

    fn scalar(&mut self, write: impl FnOnce(&mut json::text::JsonText)) {
        self.event(0, write);
    }

    fn event(&mut self, nesting: isize, write: impl FnOnce(&mut json::text::JsonText)) {
        let (mut text, depth) = self.text.take().unwrap_or_default();
        write(&mut text);
        let depth = depth.saturating_add_signed(nesting);
        if depth == 0 {
            self.put(Rescued::Text(text.take()));
        } else {
            self.text = Some((text, depth));
        }
    }
}

impl Events for RescuedBuilder {
    fn key(&mut self, name: &str) {
        match &mut self.text {
            Some((text, _)) => text.key(name),
            None => name.clone_into(&mut self.key),
        }
    }

    fn null(&mut self) {
        self.scalar(Events::null);
    }

    fn boolean(&mut self, value: bool) {
        self.scalar(|text| text.boolean(value));
    }

    fn number(&mut self, value: Number<'_>) {
        self.scalar(|text| text.number(value));
    }

    fn string(&mut self, value: &str) {
        self.scalar(|text| text.string(value));
    }

    fn open_object(&mut self) {
        if self.text.is_some() || self.open.len() >= APART_MAX {
            return self.event(1, Events::open_object);
        }
        let key = std::mem::take(&mut self.key);
        self.open.push((Vec::new(), key));
    }

    fn close_object(&mut self) {
        if self.text.is_some() {
            return self.event(-1, Events::close_object);
        }
        if let Some((fields, key)) = self.open.pop() {
            self.key = key;
            self.put(Rescued::Object(fields));
        }
    }

    fn open_array(&mut self) {
        self.event(1, Events::open_array);
    }

    fn close_array(&mut self) {
        self.event(-1, Events::close_array);
    }
}
