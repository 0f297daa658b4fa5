//! Puts the id of a row into its document.

use std::collections::HashMap;

use coldpress_core::ID_COLUMN;
use memchr::memmem;
use serde::de::IgnoredAny;

/// Begins the document, which is JSON text, with the id of its row.
pub(super) fn put_id_first(id: &str, document: &mut Vec<u8>) {
    let text = serde_json::Value::from(id).to_string();
    let mut value = text.as_str();
    if has_own_id(document) {
        // The own `_id` is either the first field, or the last one: as a string or an integer.
        let at_end = [text.as_str(), id].into_iter().find_map(|value| {
            let field = format!(",\"{ID_COLUMN}\":{value}}}");
            document.ends_with(field.as_bytes()).then_some((value, field.len()))
        });
        let Some((own, length)) = at_end else { return };
        document.truncate(document.len() - length);
        document.push(b'}');
        value = own;
    }
    let comma = if document == b"{}" { "" } else { "," };
    document.splice(..1, format!("{{\"{ID_COLUMN}\":{value}{comma}").into_bytes());
}

/// Whether the document itself has an `_id`, which is then the row's id.
fn has_own_id(document: &[u8]) -> bool {
    // Most have none. A search for the letters is enough to know that.
    memmem::find(document, b"\"_id\":").is_some()
        && serde_json::from_slice::<HashMap<String, IgnoredAny>>(document)
            .is_ok_and(|fields| fields.contains_key(ID_COLUMN))
}
