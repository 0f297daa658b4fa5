//! The columns of a collection's files.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;
use std::pin::pin;

use coldpress::{Clash, FileSchemas, TableSchema};
use coldpress_core::LsnWidth;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use super::args::SchemaArgs;
use super::differences::{Difference, SameSchema, differences};
use super::pretty::pretty;
use crate::choice::Choice;
use crate::failure::{Failure, one_line};
use crate::progress::Progress;
use crate::store::{Store, StoreArgs};
use crate::text::{counted, human_count};

/// The most differences that are told in words, and the most keys of each.
const TOLD_MAX: usize = 20;
const KEYS_TOLD_MAX: usize = 3;

/// Reads the footers of the collection's files.
pub fn run(args: &SchemaArgs, collection: &str, store_args: &StoreArgs) -> Result<(), Failure> {
    let choice = Choice::new(Some(args.tenant), Some(collection))?;
    let store = Store::open(store_args, LsnWidth::default())?;
    let mut objects = choice.contents(&store)?.objects;
    objects.sort_by_key(|object| object.key.lsns().map(|lsns| lsns.max()));
    let keys: Vec<String> = objects.into_iter().map(|object| object.key.to_string()).collect();
    let (schemas, table) = read(&store, &keys, usize::from(args.parallel))?;
    let Some(last) = schemas.iter().find(|same| same.files.contains(&(keys.len() - 1))) else {
        return Err(Failure::run(
            "the last file was read and gave no schema; this is a bug of coldpress, please report \
             it",
        ));
    };
    let found = differences(&schemas);
    if args.json {
        // The text of the schema keeps the order of its keys.
        let schema = last.schema.to_json();
        let report = to_json(&found, &table.clashes, &keys);
        return writeln!(io::stdout(), "{{\"schema\":{schema},{}", &report.to_string()[1..])
            .map_err(Failure::output);
    }
    writeln!(io::stdout(), "{}", pretty(&last.schema)).map_err(Failure::output)?;
    // If standard error is closed, the schema is there nevertheless.
    let _ = tell(&found, &keys, &mut io::stderr().lock())
        .and_then(|()| tell_clashes(&table.clashes, &mut io::stderr().lock()));
    Ok(())
}

/// The schemas of the files, and that of all of them as one table. Memory grows with the schemas
/// that differ, and little with the files.
fn read(
    store: &Store,
    keys: &[String],
    parallel: usize,
) -> Result<(Vec<SameSchema>, TableSchema), Failure> {
    let mut by_json: BTreeMap<String, SameSchema> = BTreeMap::new();
    let mut together = FileSchemas::default();
    let progress = Progress::new(None, false).named("reading");
    let storage = store.storage();
    store.ask(async {
        let footers = stream::iter(keys.iter().enumerate())
            .map(async |(at, key)| {
                let (footer, _) = storage.read_footer(key.as_str()).await?;
                Ok::<_, coldpress::Error>((at, footer))
            })
            .buffered(parallel);
        let mut footers = pin!(footers);
        while let Some((at, footer)) = footers.try_next().await? {
            together.add(&footer);
            let schema = footer.schema().clone();
            by_json
                .entry(schema.to_json())
                .or_insert_with(|| SameSchema { schema, files: Vec::new() })
                .files
                .push(at);
        }
        Ok(())
    })?;
    drop(progress);
    Ok((by_json.into_values().collect(), together.table()))
}

fn to_json(found: &[Difference], clashes: &[Clash], keys: &[String]) -> Value {
    let differences = found.iter().map(|difference| {
        let types = difference.types.iter().map(|(name, files)| {
            let keys: Vec<&str> = files.iter().map(|at| keys[*at].as_str()).collect();
            json!({ "type": name, "keys": keys })
        });
        json!({ "column": difference.path, "types": types.collect::<Vec<_>>() })
    });
    let clashes = clashes.iter().map(|clash| json!({ "column": clash.path, "types": clash.types }));
    json!({
        "key": keys.last(),
        "files": keys.len(),
        "differences": differences.collect::<Vec<_>>(),
        "clashes": clashes.collect::<Vec<_>>(),
    })
}

fn tell(found: &[Difference], keys: &[String], out: &mut dyn Write) -> io::Result<()> {
    if found.is_empty() {
        return Ok(());
    }
    let files = counted(keys.len() as u64, "file");
    writeln!(out, "note: the {files} of the collection differ; the last one's schema is printed")?;
    for difference in found.iter().take(TOLD_MAX) {
        let types = difference.types.iter().map(|(name, files)| {
            let shown: Vec<&str> =
                files.iter().take(KEYS_TOLD_MAX).map(|at| keys[*at].as_str()).collect();
            let more = files.len().saturating_sub(KEYS_TOLD_MAX);
            let more = match more {
                0 => String::new(),
                more => format!(" and {} more", human_count(more as u64)),
            };
            let name = name.as_deref().unwrap_or("no column");
            format!("{name} in {}{more}", shown.join(", "))
        });
        let line = format!("{}: {}", difference.path, types.collect::<Vec<_>>().join("; "));
        writeln!(out, "  {}", one_line(&line))?;
    }
    match found.len().saturating_sub(TOLD_MAX) {
        0 => Ok(()),
        more => {
            let more = counted(more as u64, "more column");
            writeln!(out, "  and {more}; --json lists all")
        }
    }
}

/// Names the columns that no one type can hold.
fn tell_clashes(clashes: &[Clash], out: &mut dyn Write) -> io::Result<()> {
    if clashes.is_empty() {
        return Ok(());
    }
    writeln!(out, "note: SQL reads these columns as text, because no one type holds their values")?;
    for clash in clashes.iter().take(TOLD_MAX) {
        writeln!(out, "  {}", one_line(&format!("{}: {}", clash.path, clash.types.join(", "))))?;
    }
    match clashes.len().saturating_sub(TOLD_MAX) {
        0 => Ok(()),
        more => writeln!(out, "  and {}; --json lists all", counted(more as u64, "more column")),
    }
}
