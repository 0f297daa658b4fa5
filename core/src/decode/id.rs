//! Where the ids of the rows of a file are.

use serde_json::Value;

use super::damage::corrupt;
use super::document::{Item, Name, json_text};
use crate::format::metadata::OwnId;
use crate::schema::ID_COLUMN;
use crate::{Result, Schema, json};

/// Where the ids of the rows are.
#[derive(Debug, Clone)]
pub(super) enum IdPlace {
    /// In the column `_id`. Says how the documents get back their own fields of this name.
    Own(OwnId),
    /// In the field at the end of this path of names; the first one is the first column.
    Field(Vec<String>),
}

impl IdPlace {
    /// The place that the metadata names as JSON, in a file of these columns.
    pub(super) fn of_field(text: &str, schema: &Schema) -> Result<Self> {
        let wrong = || corrupt("its metadata names no field for the ids of its rows");
        let names = json::value::read(text).map_err(|_| wrong())?;
        let names = names.as_array().ok_or_else(wrong)?.iter();
        let names = names.map(|name| name.as_str().map(str::to_owned).ok_or_else(wrong));
        let path = names.collect::<Result<Vec<String>>>()?;
        let first = schema.columns().first().map(|column| &column.name);
        match schema.type_at(&path) {
            Some(found) if found.tells_ids() && path.first() == first => Ok(IdPlace::Field(path)),
            _ => Err(wrong()),
        }
    }

    /// The number of leaves that hold nothing but the ids.
    pub(super) fn own_leaves(&self) -> usize {
        match self {
            IdPlace::Own(_) => 1,
            IdPlace::Field(_) => 0,
        }
    }

    /// Whether the ids are a field of the documents.
    pub(super) fn is_field(&self) -> bool {
        self.path().is_some()
    }

    /// The names down to that field.
    pub(super) fn path(&self) -> Option<&[String]> {
        match self {
            IdPlace::Own(_) => None,
            IdPlace::Field(path) => Some(path),
        }
    }

    /// How the documents have their own `_id`; `None` where the ids are a field of another name.
    pub(super) fn own(&self) -> Option<OwnId> {
        match self {
            IdPlace::Own(own) => Some(*own),
            IdPlace::Field(_) => None,
        }
    }

    /// Whether the ids are in the column with this name, or below it.
    pub(super) fn is_in(&self, column: &str) -> bool {
        matches!(self, IdPlace::Field(path) if path.first().is_some_and(|name| name == column))
    }

    /// The field `_id` of a document with this id, if it has one.
    pub(super) fn own_field(&self, id: &str) -> Result<Option<(Name, Item)>> {
        let item = match self {
            IdPlace::Own(OwnId::String) => Item::String(id.to_owned()),
            IdPlace::Own(OwnId::Number) => json_text(id.to_owned())?,
            _ => return Ok(None),
        };
        Ok(Some((Name::from(ID_COLUMN), item)))
    }

    /// The id in the fields of a row.
    pub(super) fn id_in(&self, fields: &[(Name, Item)]) -> Result<String> {
        let IdPlace::Field(path) = self else { return Err(no_id()) };
        let (mut fields, mut found) = (fields, None);
        for name in path {
            found = fields.iter().find(|(field, _)| **field == **name).map(|(_, item)| item);
            fields = match found {
                Some(Item::Object(below)) => below,
                _ => &[],
            };
        }
        match found {
            Some(Item::String(text)) => Ok(text.clone()),
            Some(Item::Shared(bytes)) => String::from_utf8(bytes.to_vec()).map_err(corrupt),
            Some(Item::Int(number)) => Ok(number.to_string()),
            Some(Item::Text(text)) => id_of_json(text),
            _ => Err(no_id()),
        }
    }
}

/// The id that a JSON value is: a string, or a whole number as it is written.
fn id_of_json(text: &str) -> Result<String> {
    if text.starts_with('"') {
        return match json::value::read(text) {
            Ok(Value::String(id)) => Ok(id),
            _ => Err(no_id()),
        };
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    match !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(text.to_owned()),
        false => Err(no_id()),
    }
}

fn no_id() -> crate::Error {
    corrupt("a row has no id")
}
