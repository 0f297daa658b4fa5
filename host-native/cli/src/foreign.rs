//! Names in the store that are not Coldpress objects: their number, and a list if asked for.

use std::io;
use std::io::Write;

use coldpress::ForeignNames;
use serde_json::{Value, json};

use super::failure::one_line;
use super::text::counted;

/// Writes one line with their number, or with `verbose` a line for each.
pub fn write_text(names: &ForeignNames, verbose: bool, out: &mut dyn Write) -> io::Result<()> {
    if names.count == 0 {
        return Ok(());
    }
    let (count, are, objects, them) = match names.count {
        1 => ("1 name".to_owned(), "is", "a Coldpress object", "it"),
        count => (counted(count, "name"), "are", "Coldpress objects", "them"),
    };
    if !verbose {
        return writeln!(out, "ignored {count} that {are} not {objects}; -v lists {them}");
    }
    for name in &names.names {
        let what = name.what.map(|what| format!(" ({what})")).unwrap_or_default();
        writeln!(out, "not a Coldpress object: {}{what}", one_line(&name.name))?;
    }
    let more = names.count - names.names.len() as u64;
    if more > 0 {
        writeln!(out, "not Coldpress objects: {} more", counted(more, "name"))?;
    }
    writeln!(out, "ignored {count} that {are} not {objects}")
}

/// A JSON object for each.
pub fn to_json(names: &ForeignNames) -> impl Iterator<Item = Value> {
    names.names.iter().map(|name| json!({ "foreign": name.name, "what": name.what }))
}
