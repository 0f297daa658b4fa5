//! `coldpress verify`: checks that data files are undamaged.

use std::io;
use std::io::{IsTerminal, Write};
use std::pin::pin;

use clap::Args;
use coldpress::{ColdStorage, Error, ErrorKind, ForeignNames, Leftover, VerifiedObject};
use coldpress_core::LsnWidth;
use futures_util::StreamExt;
use serde_json::{Value, json};

use super::choice::Choice;
use super::failure::{Failure, one_line};
use super::ls::date;
use super::overlap::{Overlap, overlaps};
use super::progress::Progress;
use super::repair::RepairArgs;
use super::store::{Store, StoreArgs};
use super::text::{Column, Table, counted, human_bytes, human_count};
use super::{foreign, repair, store};

/// Check that data files are undamaged; finds a single flipped bit
///
/// Reads each file completely: its footer, its rows, and the checksums of its pages and of the
/// whole file. Checks that the file has the tenant, the collection and the LSNs that its key names,
/// and, where no key is named, that no two files of a collection hold the same LSNs. Ends with exit
/// code 1 if a file is damaged or missing, or if two overlap.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Keys of data files [default: all data files]
    #[arg(value_name = "KEY", conflicts_with_all = ["tenant", "collection"])]
    keys: Vec<String>,
    /// Only files of this tenant
    #[arg(long, value_name = "N")]
    tenant: Option<u64>,
    /// Only files of this collection
    #[arg(long, short, value_name = "NAME")]
    collection: Option<String>,
    /// End with exit code 1 if there is no data file to check. Use it in a timer, so that an empty
    /// store is noticed
    #[arg(long)]
    require_some: bool,
    /// Also name what is in the store and is not a Coldpress object
    #[arg(long, short)]
    verbose: bool,
    /// How many files to read at the same time. Each is held in memory
    #[arg(
        long,
        value_name = "N",
        default_value_t = 2,
        value_parser = clap::value_parser!(u8).range(1..)
    )]
    parallel: u8,
    /// Print a JSON object for each file when it is checked, and one with the totals at the end
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    repair: RepairArgs,
}

/// Runs `coldpress verify`.
pub fn run(args: &VerifyArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let choice = Choice::new(args.tenant, args.collection.as_deref())?;
    let store = Store::open(store_args, LsnWidth::default())?;
    if args.repair.is_asked() {
        return repair::run(&args.repair, &args.keys, args.json, &store);
    }
    let mut report = Report { json: args.json, verbose: args.verbose, ..Report::default() };
    let (keys, bytes) = match args.keys.as_slice() {
        [] => {
            let contents = choice.contents(&store)?;
            report.foreign = contents.foreign;
            report.overlaps = overlaps(&contents.objects);
            let objects = contents.objects;
            let bytes = objects.iter().map(|object| object.bytes).sum();
            (objects.into_iter().map(|object| object.key.to_string()).collect(), Some(bytes))
        }
        keys => {
            store.require_folder()?;
            (keys.to_vec(), None)
        }
    };
    let checked = check(&store, keys, args, bytes, &mut report);
    let checked = checked.and_then(|()| {
        // A call that names files reports on these files only.
        if args.keys.is_empty() {
            report.leftovers = store.ask(store.storage().leftovers())?;
            let prefix = store.storage().prefix();
            report.leftovers.retain(|leftover| choice.holds(prefix, &leftover.path));
        }
        Ok(())
    });
    if matches!(checked, Err(Failure::OutputClosed)) {
        return checked;
    }
    // A failure does not hide what was found before it.
    report.broken_off = checked.is_err();
    report.write(&mut io::stdout().lock()).map_err(Failure::output)?;
    checked?;
    if args.require_some && report.checked.is_empty() {
        return Err(Failure::run(format_args!(
            "{} has no data files, and --require-some needs at least one; check --store, and that \
             its disk is mounted",
            store.name()
        )));
    }
    report.verdict()
}

/// Checks the files. A failure means that a file could not be checked.
fn check(
    store: &Store,
    keys: Vec<String>,
    args: &VerifyArgs,
    bytes: Option<u64>,
    report: &mut Report,
) -> Result<(), Failure> {
    let hidden = args.json && io::stdout().is_terminal();
    let mut progress = Progress::new(bytes, hidden).named("checking");
    let storage: &ColdStorage = store.storage();
    let checking = async {
        let mut found = pin!(storage.verify_each(keys, usize::from(args.parallel)));
        while let Some((key, outcome)) = found.next().await {
            let outcome = match outcome {
                Err(error) if !is_verdict(&error) => return Ok(Err(store::failed(&error))),
                outcome => outcome,
            };
            progress.advance(outcome.as_ref().map_or(0, |object| object.bytes));
            if let Err(error) = report.note(key, outcome) {
                return Ok(Err(Failure::output(error)));
            }
        }
        Ok(Ok(()))
    };
    store.ask(checking)?
}

/// Whether the error is about the object, and not about the store or the call.
fn is_verdict(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Limit | ErrorKind::NotFound)
}

/// What was found so far.
#[derive(Debug, Default)]
struct Report {
    json: bool,
    verbose: bool,
    foreign: ForeignNames,
    checked: Vec<(String, Result<VerifiedObject, Error>)>,
    leftovers: Vec<Leftover>,
    overlaps: Vec<Overlap>,
    /// Whether the check stopped before the last file.
    broken_off: bool,
}

impl Report {
    fn note(&mut self, key: String, outcome: Result<VerifiedObject, Error>) -> io::Result<()> {
        if self.json {
            let line = match &outcome {
                Ok(object) => json!({
                    "key": key,
                    "state": "ok",
                    "bytes": object.bytes,
                    "rows": object.rows,
                    "pages": object.pages,
                    "whole_file_checksum": object.whole,
                }),
                Err(error) => {
                    json!({ "key": key, "state": state(&outcome), "error": error.to_string() })
                }
            };
            writeln!(io::stdout(), "{line}")?;
        }
        self.checked.push((key, outcome));
        Ok(())
    }

    fn count(&self, wanted: &str) -> usize {
        self.checked.iter().filter(|(_, outcome)| state(outcome) == wanted).count()
    }

    fn sum(&self, of: impl Fn(&VerifiedObject) -> u64) -> u64 {
        self.checked.iter().filter_map(|(_, outcome)| outcome.as_ref().ok()).map(of).sum()
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.json {
            return self.write_json(out);
        }
        let mut table = Table::new([
            Column::words("state"),
            Column::words("key"),
            Column::numbers("rows"),
            Column::numbers("size"),
        ]);
        for (key, outcome) in &self.checked {
            let (rows, size) = match outcome {
                Ok(object) => (human_count(object.rows), human_bytes(object.bytes)),
                Err(_) => Default::default(),
            };
            table.push([state(outcome).to_owned(), key.clone(), rows, size]);
        }
        if !self.checked.is_empty() {
            // Users copy keys, so no key is cut.
            table.write(out, "", usize::MAX)?;
        }
        for (_, outcome) in &self.checked {
            if let Err(error) = outcome {
                writeln!(out, "{}", one_line(&error.to_string()))?;
            }
        }
        let old = self.checked.iter().filter(|(_, o)| o.as_ref().is_ok_and(|o| !o.whole)).count();
        if old > 0 {
            writeln!(
                out,
                "{} written before coldpress 1.1.0, without a checksum of the whole file: a \
                 flipped bit outside the pages can stay undetected",
                counted(old as u64, "file")
            )?;
        }
        for [one, other] in &self.overlaps {
            let line = format!("overlap: {one} and {other} hold the same LSNs");
            writeln!(out, "{}", one_line(&line))?;
        }
        for leftover in &self.leftovers {
            writeln!(
                out,
                "leftover staged file of a put that was killed or is still running: {} ({}, {})",
                one_line(&leftover.path),
                human_bytes(leftover.bytes),
                date(leftover.modified).format("%Y-%m-%d %H:%M:%S UTC")
            )?;
        }
        foreign::write_text(&self.foreign, self.verbose, out)?;
        writeln!(
            out,
            "{}, {}, {}: {}",
            counted(self.checked.len() as u64, "file"),
            counted(self.sum(|object| object.rows), "row"),
            human_bytes(self.sum(|object| object.bytes)),
            self.summary()
        )
    }

    fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        for keys in &self.overlaps {
            writeln!(out, "{}", json!({ "state": "overlap", "keys": keys }))?;
        }
        for leftover in &self.leftovers {
            let modified =
                date(leftover.modified).to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
            let line: Value = json!({
                "path": leftover.path,
                "state": "leftover",
                "bytes": leftover.bytes,
                "modified": modified,
            });
            writeln!(out, "{line}")?;
        }
        if self.verbose {
            for line in foreign::to_json(&self.foreign) {
                writeln!(out, "{line}")?;
            }
        }
        let line = json!({ "total": {
            "files": self.checked.len(),
            "ok": self.count("ok"),
            "damaged": self.count("damaged"),
            "missing": self.count("missing"),
            "overlaps": self.overlaps.len(),
            "leftovers": self.leftovers.len(),
            "foreign_names": self.foreign.count,
            "broken_off": self.broken_off,
            "rows": self.sum(|object| object.rows),
            "bytes": self.sum(|object| object.bytes),
        } });
        writeln!(out, "{line}")
    }

    fn summary(&self) -> String {
        let states = ["damaged", "missing"].map(|state| (self.count(state), state));
        let found: Vec<String> = states
            .into_iter()
            .chain([(self.overlaps.len(), "overlapping")])
            .filter(|(count, _)| *count > 0)
            .map(|(count, state)| format!("{} {state}", human_count(count as u64)))
            .collect();
        match (found.is_empty(), self.broken_off) {
            (true, false) if self.checked.is_empty() => "there are no data files".to_owned(),
            (true, false) => "all undamaged".to_owned(),
            (true, true) => "undamaged so far; the other files were not checked".to_owned(),
            (false, _) => found.join(", "),
        }
    }

    fn verdict(&self) -> Result<(), Failure> {
        let is_ok = self.count("ok") == self.checked.len();
        if is_ok && self.overlaps.is_empty() {
            return Ok(());
        }
        let files = counted(self.checked.len() as u64, "file");
        let advice = match self.count("damaged") {
            0 if is_ok => {
                "rows of files that hold the same LSNs are read twice: look at both files with \
                 `coldpress inspect`, and delete by `coldpress rm` the one that is a copy"
            }
            0 => "`coldpress ls` lists the objects",
            _ => {
                "save each damaged file with `coldpress get` to find the cause, then repair it \
                 with `coldpress verify KEY --repair-from FILE`"
            }
        };
        Err(Failure::run(format_args!("of {files}, {}; {advice}", self.summary())))
    }
}

fn state(outcome: &Result<VerifiedObject, Error>) -> &'static str {
    match outcome {
        Ok(_) => "ok",
        Err(error) if error.kind() == ErrorKind::NotFound => "missing",
        Err(_) => "damaged",
    }
}
