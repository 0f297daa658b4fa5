//! `coldpress ls`: what lies in the store.

use std::io::{self, BufWriter, Write};
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use coldpress::StoredObject;
use coldpress_core::{KeyPrefix, KeyTarget, LsnRange, LsnWidth, ObjectKey};
use serde_json::json;

use super::failure::Failure;
use super::lsn;
use super::store::{Store, StoreArgs};
use super::text::{Column, Table, human_bytes};

/// List the objects of the store
#[derive(Debug, Args)]
pub struct LsArgs {
    /// Only this tenant's
    #[arg(long, value_name = "N")]
    tenant: Option<u64>,
    /// Only this collection's
    #[arg(long, short, value_name = "NAME")]
    collection: Option<String>,
    /// Only those that hold any of these log sequence numbers, both ends included
    #[arg(long, value_name = "MIN..MAX", value_parser = lsn::parse)]
    lsn: Option<LsnRange>,
    /// Print one JSON array instead of a table
    #[arg(long)]
    json: bool,
}

/// Runs `coldpress ls`.
pub fn run(args: &LsArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    if let Some(collection) = &args.collection {
        ObjectKey::collection_folder(&KeyPrefix::default(), 0, collection)
            .map_err(Failure::usage)?;
    }
    let store = Store::open(store_args, LsnWidth::default())?;
    let mut objects = match (args.tenant, &args.collection) {
        (Some(tenant), Some(collection)) => {
            store.ask(store.storage().list(tenant, collection, args.lsn))?
        }
        (tenant, _) => store.ask(store.storage().list_all(tenant))?,
    };
    objects.retain(|object| args.wants(object.key.target()));
    objects.sort_by(|a, b| order(&a.key).cmp(&order(&b.key)));
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json { write_json(&objects, &mut out) } else { write_text(&objects, &mut out) }
        .and_then(|()| out.flush())
        .map_err(Failure::output)
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

/// By tenant, collection and LSN, as numbers; segments of logs last.
fn order(key: &ObjectKey) -> (bool, Option<(u64, &str, LsnRange)>, &str) {
    let data = match key.target() {
        KeyTarget::Data { tenant_id, collection, lsns } => {
            Some((*tenant_id, collection.as_str(), *lsns))
        }
        KeyTarget::Wal { .. } => None,
    };
    (data.is_none(), data, key.as_str())
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
    // Keys are there to be copied, so nothing is cut, however narrow the terminal.
    table.write(out, "", usize::MAX)
}

fn write_json(objects: &[StoredObject], out: &mut dyn Write) -> io::Result<()> {
    let objects: Vec<serde_json::Value> = objects
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
    writeln!(out, "{}", serde_json::Value::from(objects))
}

/// A time as people and scripts are shown it.
pub fn date(time: SystemTime) -> DateTime<Utc> {
    DateTime::from(time)
}
