//! `coldpress ls`: lists the objects of the store.

use std::io;
use std::io::{BufWriter, Write};
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use coldpress::{Contents, StoredObject};
use coldpress_core::{KeyTarget, LsnRange, LsnWidth};
use serde_json::json;

use super::choice::Choice;
use super::failure::{Failure, one_line};
use super::store::{Store, StoreArgs};
use super::text::{Column, Table, human_bytes};
use super::{foreign, lsn};

/// List the objects of the store
#[derive(Debug, Args)]
pub struct LsArgs {
    /// Only objects of this tenant
    #[arg(long, value_name = "N")]
    tenant: Option<u64>,
    /// Only objects of this collection
    #[arg(long, short, value_name = "NAME")]
    collection: Option<String>,
    /// Only objects that hold any of these log sequence numbers (LSNs), both ends included
    #[arg(long, value_name = "MIN..MAX", value_parser = lsn::parse)]
    lsn: Option<LsnRange>,
    /// Also name what is in the store and is not a Coldpress object
    #[arg(long, short)]
    verbose: bool,
    /// Print one JSON array instead of a table
    #[arg(long)]
    json: bool,
}

/// Runs `coldpress ls`.
pub fn run(args: &LsArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let store = Store::open(store_args, LsnWidth::default())?;
    let named = args.tenant.is_some() || args.collection.is_some();
    let mut contents = match named {
        true => Choice::new(args.tenant, args.collection.as_deref())?.contents(&store)?,
        false => store.ask(store.storage().contents(None, None))?,
    };
    if contents.objects.is_empty() {
        // An empty store is no error. A folder that does not exist is one.
        store.ask(store.storage().require())?;
    }
    let is_empty = contents.objects.is_empty();
    contents.objects.retain(|object| args.wants(object.key.target()));
    let mut out = BufWriter::new(io::stdout().lock());
    let written = if args.json {
        write_json(&contents, args.verbose, &mut out)
    } else {
        let shown = write_text(&contents.objects, &mut out);
        shown
            .and_then(|()| foreign::write_text(&contents.foreign, args.verbose, &mut out))
            .and_then(|()| match is_empty {
                true => writeln!(out, "the store {} is empty", one_line(store.name())),
                false => Ok(()),
            })
    };
    written.and_then(|()| out.flush()).map_err(Failure::output)
}

impl LsArgs {
    fn wants(&self, target: &KeyTarget) -> bool {
        match target {
            KeyTarget::Data { tenant_id, collection, lsns } => {
                self.tenant.is_none_or(|tenant| tenant == *tenant_id)
                    && self.collection.as_ref().is_none_or(|wanted| wanted == collection)
                    && self.lsn.is_none_or(|wanted| wanted.overlaps(*lsns))
            }
            KeyTarget::Wal { .. } => {
                self.tenant.is_none() && self.collection.is_none() && self.lsn.is_none()
            }
        }
    }
}

fn write_text(objects: &[StoredObject], out: &mut dyn Write) -> io::Result<()> {
    let mut table =
        Table::new([Column::words("key"), Column::numbers("size"), Column::words("modified")]);
    for object in objects {
        table.push([
            object.key.to_string(),
            human_bytes(object.bytes),
            date(object.modified).format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        ]);
    }
    if objects.is_empty() {
        return Ok(());
    }
    // Users copy keys, so no key is cut, even on a narrow terminal.
    table.write(out, "", usize::MAX)
}

/// The last element counts the foreign names, if there are any. With `verbose`, an element before
/// it names each of them.
fn write_json(contents: &Contents, verbose: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut objects: Vec<serde_json::Value> = contents
        .objects
        .iter()
        .map(|object| {
            let mut report = json!({
                "key": object.key.as_str(),
                "bytes": object.bytes,
                "modified": date(object.modified).to_rfc3339_opts(SecondsFormat::Millis, true),
            });
            match object.key.target() {
                &KeyTarget::Data { tenant_id, ref collection, lsns } => {
                    report["tenant_id"] = json!(tenant_id);
                    report["collection"] = json!(collection);
                    report["min_lsn"] = json!(lsns.min());
                    report["max_lsn"] = json!(lsns.max());
                }
                KeyTarget::Wal { node, segment } => {
                    report["node"] = json!(node);
                    report["segment"] = json!(segment);
                }
            }
            report
        })
        .collect();
    if verbose {
        objects.extend(foreign::to_json(&contents.foreign));
    }
    if contents.foreign.count > 0 {
        objects.push(json!({ "foreign_names": contents.foreign.count }));
    }
    writeln!(out, "{}", serde_json::Value::from(objects))
}

/// A time in UTC, to be printed.
pub fn date(time: SystemTime) -> DateTime<Utc> {
    DateTime::from(time)
}
