//! `coldpress rm`: deletes data files, after a dry run.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::io::{IsTerminal, Write};

use clap::{ArgGroup, Args};
use coldpress::StoredObject;
use coldpress_core::{KeyTarget, LsnRange, LsnWidth, ObjectKey};
use serde_json::json;

use super::choice::Choice;
use super::failure::{Failure, one_line};
use super::ls::date;
use super::progress::Progress;
use super::store::{Store, StoreArgs};
use super::text::{Column, Table, counted, human_bytes};

/// Delete data files for good: a tenant's files, or the named ones. Without --yes, only list them
///
/// Touches only data files below the prefix of --store: no segments of logs, and no other files.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["keys", "tenant"]))]
pub struct RmArgs {
    /// Keys of data files, damaged or not
    #[arg(value_name = "KEY", conflicts_with_all = ["tenant", "collection", "before"])]
    keys: Vec<String>,
    /// Delete the files of this tenant
    #[arg(long, value_name = "N")]
    tenant: Option<u64>,
    /// Only files of this collection
    #[arg(long, short, value_name = "NAME")]
    collection: Option<String>,
    /// Only files whose log sequence numbers (LSNs) are all below this one
    #[arg(long, value_name = "LSN")]
    before: Option<u64>,
    /// Delete the files
    #[arg(long)]
    yes: bool,
    /// Print a JSON object for each file, and one with the totals at the end
    #[arg(long)]
    json: bool,
}

/// Runs `coldpress rm`.
pub fn run(args: &RmArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let choice = Choice::new(args.tenant, args.collection.as_deref())?;
    let store = Store::open(store_args, LsnWidth::default())?;
    let (mut objects, missing) = match args.keys.as_slice() {
        [] => (choice.contents(&store)?.objects, Vec::new()),
        keys => find(&store, keys)?,
    };
    let mut kept = 0;
    if let Some(before) = args.before {
        let in_part = |lsns: LsnRange| lsns.min() < before && lsns.max() >= before;
        kept = objects.iter().filter(|object| object.key.lsns().is_some_and(in_part)).count();
        objects.retain(|object| object.key.lsns().is_some_and(|lsns| lsns.max() < before));
    }
    let (gone, outcome) = match args.yes {
        true => delete(args, &store, &objects),
        false => (HashSet::new(), Ok(())),
    };
    let report = Report { args, objects: &objects, missing: &missing, gone, kept };
    // A failure does not hide which files are deleted.
    let last_line = report.last_line();
    report
        .write(&mut io::stdout().lock())
        .map_err(|error| Failure::output_after(error, last_line))?;
    outcome?;
    match missing.len() {
        0 => Ok(()),
        count => Err(Failure::run(format_args!(
            "of {}, {count} {} no object: {}; `coldpress ls` lists the objects",
            counted(args.keys.len() as u64, "key"),
            if count == 1 { "has" } else { "have" },
            missing[0]
        ))),
    }
}

/// The objects of these keys, each once, and the keys without an object.
fn find(store: &Store, keys: &[String]) -> Result<(Vec<StoredObject>, Vec<String>), Failure> {
    let storage = store.storage();
    let mut wanted: BTreeMap<(u64, String), Vec<ObjectKey>> = BTreeMap::new();
    for key in keys {
        let parsed = ObjectKey::parse(storage.prefix(), key).map_err(Failure::run)?;
        let KeyTarget::Data { tenant_id, collection, .. } = parsed.target() else {
            return Err(Failure::run(format_args!(
                "{key} is a segment of a log, and `coldpress rm` deletes only data files; use \
                 `coldpress wal rm`"
            )));
        };
        wanted.entry((*tenant_id, collection.clone())).or_default().push(parsed);
    }
    store.ask(storage.require())?;
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for ((tenant, collection), mut keys) in wanted {
        let mut there: HashMap<String, StoredObject> = HashMap::new();
        for object in store.ask(storage.list(tenant, &collection, None))? {
            there.insert(object.key.to_string(), object);
        }
        keys.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        keys.dedup();
        for key in keys {
            match there.remove(key.as_str()) {
                Some(object) => found.push(object),
                None => missing.push(key.to_string()),
            }
        }
    }
    Ok((found, missing))
}

/// Deletes the files in order. Returns which are deleted, and how it ended.
fn delete<'o>(
    args: &RmArgs,
    store: &Store,
    objects: &'o [StoredObject],
) -> (HashSet<&'o str>, Result<(), Failure>) {
    let keys: Vec<ObjectKey> = objects.iter().map(|object| object.key.clone()).collect();
    let sizes: HashMap<&str, (&'o str, u64)> = objects
        .iter()
        .map(|object| (object.key.as_str(), (object.key.as_str(), object.bytes)))
        .collect();
    let hidden = args.json && io::stdout().is_terminal();
    let total = objects.iter().map(|object| object.bytes).sum();
    let mut progress = Progress::new(Some(total), hidden).named("deleting");
    let mut gone = HashSet::new();
    let outcome = store.ask(store.storage().delete_all(&keys, |key| {
        if let Some((key, bytes)) = sizes.get(key.as_str()) {
            progress.advance(*bytes);
            gone.insert(*key);
        }
    }));
    drop(progress);
    (gone, outcome)
}

struct Report<'a> {
    args: &'a RmArgs,
    objects: &'a [StoredObject],
    /// Named keys without an object.
    missing: &'a [String],
    gone: HashSet<&'a str>,
    /// Files with LSNs on both sides of `--before`.
    kept: usize,
}

impl Report<'_> {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.args.json {
            return self.write_json(out);
        }
        let shown: Vec<&StoredObject> = match self.args.yes {
            true => self.objects.iter().filter(|object| self.is_gone(object)).collect(),
            false => self.objects.iter().collect(),
        };
        let mut table =
            Table::new([Column::words("key"), Column::numbers("size"), Column::words("modified")]);
        for object in &shown {
            table.push([
                object.key.to_string(),
                human_bytes(object.bytes),
                date(object.modified).format("%Y-%m-%d %H:%M:%S UTC").to_string(),
            ]);
        }
        if !shown.is_empty() {
            // Users copy keys, so no key is cut.
            table.write(out, "", usize::MAX)?;
        }
        if let (Some(before), 1..) = (self.args.before, self.kept) {
            let stay = if self.kept == 1 {
                "has LSNs on both sides of"
            } else {
                "have LSNs on both sides of"
            };
            let files = counted(self.kept as u64, "file");
            writeln!(out, "{files} {stay} {before} and will be kept")?;
        }
        for key in self.missing {
            writeln!(out, "no object: {}", one_line(key))?;
        }
        writeln!(out, "{}", self.last_line())
    }

    fn last_line(&self) -> String {
        let of = |objects: &mut dyn Iterator<Item = &StoredObject>| {
            let sizes: Vec<u64> = objects.map(|object| object.bytes).collect();
            format!("{}, {}", counted(sizes.len() as u64, "file"), human_bytes(sizes.iter().sum()))
        };
        let all = of(&mut self.objects.iter());
        match (self.objects.is_empty(), self.args.yes) {
            (true, _) => "no such files; nothing was deleted".to_owned(),
            (false, false) => format!("{all}; nothing was deleted; add --yes to delete"),
            (false, true) if self.gone.len() == self.objects.len() => format!("{all}: deleted"),
            (false, true) => {
                let gone = of(&mut self.objects.iter().filter(|object| self.is_gone(object)));
                format!("{gone}: deleted, of {all}; run the same command again to continue")
            }
        }
    }

    fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        for object in self.objects {
            let mut line = json!({
                "key": object.key.as_str(),
                "bytes": object.bytes,
                "deleted": self.is_gone(object),
            });
            if let &KeyTarget::Data { tenant_id, ref collection, lsns } = object.key.target() {
                line["tenant_id"] = json!(tenant_id);
                line["collection"] = json!(collection);
                line["min_lsn"] = json!(lsns.min());
                line["max_lsn"] = json!(lsns.max());
            }
            writeln!(out, "{line}")?;
        }
        for key in self.missing {
            writeln!(out, "{}", json!({ "key": key, "deleted": false, "missing": true }))?;
        }
        let gone = || self.objects.iter().filter(|object| self.is_gone(object));
        let line = json!({ "total": {
            "dry_run": !self.args.yes,
            "files": self.objects.len(),
            "bytes": self.objects.iter().map(|object| object.bytes).sum::<u64>(),
            "deleted_files": gone().count(),
            "deleted_bytes": gone().map(|object| object.bytes).sum::<u64>(),
            "files_on_both_sides": self.kept,
            "missing": self.missing.len(),
        } });
        writeln!(out, "{line}")
    }

    fn is_gone(&self, object: &StoredObject) -> bool {
        self.gone.contains(object.key.as_str())
    }
}
