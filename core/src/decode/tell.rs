//! A row as the events of its JSON, without the text.

use super::cut::Fields;
use super::damage::corrupt;
use super::document::{Item, shared};
use super::row::StoredRow;
use crate::Result;
use crate::json::Events;
use crate::json::number::Number;
use crate::json::tokenizer;

impl StoredRow {
    /// Passes these fields of the document on as events, each with all that is in it.
    pub(crate) fn tell(&self, fields: &Fields, events: &mut dyn Events) -> Result<()> {
        let Item::Object(all) = &self.document else { return self.document.tell(events) };
        events.open_object();
        for (name, item) in all {
            if fields.has(name) && !matches!(item, Item::Absent) {
                events.key(name);
                item.tell(events)?;
            }
        }
        events.close_object();
        Ok(())
    }
}

impl Item {
    /// It calls itself as deep as columns nest, and as rescued objects are read.
    fn tell(&self, events: &mut dyn Events) -> Result<()> {
        match self {
            Item::Absent | Item::Null => events.null(),
            Item::Boolean(value) => events.boolean(*value),
            Item::Int(value) => events.number(Number::Int(*value)),
            Item::Double(value) => events.number(Number::Double(*value)),
            Item::Text(text) => {
                let end = tokenizer::tell(text, events);
                end.map_err(|_| corrupt("a value is not JSON"))?;
            }
            Item::String(text) => events.string(text),
            Item::Shared(text) => events.string(shared(text)),
            Item::Object(fields) => {
                events.open_object();
                for (name, item) in fields {
                    if !matches!(item, Item::Absent) {
                        events.key(name);
                        item.tell(events)?;
                    }
                }
                events.close_object();
            }
            Item::Array(items) => {
                events.open_array();
                items.iter().try_for_each(|item| item.tell(events))?;
                events.close_array();
            }
        }
        Ok(())
    }
}
