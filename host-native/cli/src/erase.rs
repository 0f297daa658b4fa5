//! `coldpress erase`: rows go for good, with a proof.

use std::collections::BTreeSet;
use std::io;
use std::io::Write;

use clap::{ArgGroup, Args};
use coldpress::filter::Filter;
use coldpress::{EraseOptions, EraseProof, EraseRows, Erased, ErasedFile, ObjectKey};
use coldpress_core::LsnWidth;
use serde_json::{Value, json};

use super::choice::Choice;
use super::failure::Failure;
use super::store::{Store, StoreArgs};
use super::text::counted;

/// Erase rows of a table: rewrite the files that hold them without these rows. Without --yes, only
/// say which files these are
///
/// Old versions of the table still hold the rows, until `coldpress table vacuum` deletes their
/// files. With --purge, every object that holds such a row is deleted at once. At the end every row
/// that is left is read, to prove that none of them is there; exit code 1 says that one is.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("rows").required(true).args(["ids", "filter"]))]
pub struct EraseArgs {
    /// The collection
    #[arg(long, short, value_name = "NAME")]
    collection: String,
    /// The tenant of the collection
    #[arg(long, value_name = "N", default_value_t = 0)]
    tenant: u64,
    /// Erase the rows with this id; repeat it for more ids
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<String>,
    /// Erase the rows that this filter takes, as in `coldpress cat --where`
    #[arg(long = "where", value_name = "FILTER")]
    filter: Option<String>,
    /// Also delete every object beside the table that holds such rows
    #[arg(long)]
    purge: bool,
    /// Erase the rows
    #[arg(long)]
    yes: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs `coldpress erase`.
pub fn run(args: &EraseArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    Choice::new(Some(args.tenant), Some(&args.collection))?;
    let rows = match &args.filter {
        Some(text) => EraseRows::Where(Filter::parse(text).map_err(Failure::usage)?),
        None => EraseRows::Ids(args.ids.iter().cloned().collect::<BTreeSet<String>>()),
    };
    let store = Store::open(store_args, LsnWidth::default())?;
    let storage = store.storage();
    store.ask(storage.require())?;
    let options = EraseOptions { rows, purge: args.purge, dry_run: !args.yes };
    let erased = store.ask(storage.erase_rows(args.tenant, &args.collection, &options))?;
    let mut out = io::stdout().lock();
    let written = match args.json {
        true => writeln!(out, "{}", to_json(args, &erased)),
        false => tell(args, &erased, &mut out),
    };
    written.map_err(|error| Failure::output_after(error, last_line(args, &erased)))?;
    match &erased.proof {
        Some(proof) if !proof.holds() => Err(not_proved(proof)),
        _ => Ok(()),
    }
}

fn rows_of(erased: &Erased) -> u64 {
    erased.files.iter().map(|file| file.rows).sum()
}

fn tell(args: &EraseArgs, erased: &Erased, out: &mut dyn Write) -> io::Result<()> {
    for ErasedFile { key, rows, new, .. } in &erased.files {
        let rows = counted(*rows, "row");
        match (new, args.yes) {
            (_, false) => writeln!(out, "{key}: {rows} to erase")?,
            (Some(new), true) => writeln!(out, "{key}: {rows} erased; the others are in {new}")?,
            (None, true) => writeln!(out, "{key}: {rows} erased, and no row is left")?,
        }
    }
    for key in &erased.deleted {
        writeln!(out, "deleted {key}")?;
    }
    if let Some(proof) = &erased.proof {
        let old = match args.purge {
            true => format!(" and {}", counted(proof.old_files_searched, "other object")),
            false => String::new(),
        };
        let found = proof.rows_found + proof.rows_put_meanwhile;
        writeln!(
            out,
            "read every row of {} of the table{old}: {found} such rows",
            counted(proof.files_searched, "file"),
        )?;
    }
    writeln!(out, "{}", last_line(args, erased))
}

fn last_line(args: &EraseArgs, erased: &Erased) -> String {
    let what = format!(
        "{} in {}",
        counted(rows_of(erased), "row"),
        counted(erased.files.len() as u64, "file")
    );
    match (args.yes, args.purge) {
        (false, _) => format!("{what}; nothing was erased; add --yes to erase"),
        (true, true) => format!("{what}: erased"),
        (true, false) => format!(
            "{what}: erased; old versions of the table still hold them until `coldpress table \
             vacuum`, or erase with --purge"
        ),
    }
}

fn not_proved(proof: &EraseProof) -> Failure {
    let named = |keys: &[ObjectKey]| keys.first().map(ToString::to_string).unwrap_or_default();
    match (proof.rows_found, proof.rows_put_meanwhile, proof.unreadable.len()) {
        (0, 0, unreadable) => Failure::run(format_args!(
            "{} could not be read, so nobody knows whether such rows are there: {}; delete it, and \
             erase again",
            counted(unreadable as u64, "object"),
            named(&proof.unreadable)
        )),
        (0, put, _) => Failure::run(format_args!(
            "{} were put meanwhile, in {}; erase again",
            counted(put, "such row"),
            named(&proof.found_in)
        )),
        (found, ..) => Failure::run(format_args!(
            "{} are still there, in {}; erase again",
            counted(found, "such row"),
            named(&proof.found_in)
        )),
    }
}

fn to_json(args: &EraseArgs, erased: &Erased) -> Value {
    let keys =
        |keys: &[ObjectKey]| -> Vec<String> { keys.iter().map(ToString::to_string).collect() };
    let file = |file: &ErasedFile| {
        json!({
            "key": file.key.as_str(),
            "rows": file.rows,
            "new": file.new.as_ref().map(|key| key.as_str()),
        })
    };
    let proof = erased.proof.as_ref().map(|proof| {
        json!({
            "holds": proof.holds(),
            "version": proof.version,
            "files_searched": proof.files_searched,
            "old_files_searched": proof.old_files_searched,
            "rows_found": proof.rows_found,
            "rows_put_meanwhile": proof.rows_put_meanwhile,
            "found_in": keys(&proof.found_in),
            "unreadable": keys(&proof.unreadable),
        })
    });
    json!({
        "tenant_id": args.tenant,
        "collection": args.collection,
        "dry_run": !args.yes,
        "version": erased.version,
        "erased_rows": if args.yes { rows_of(erased) } else { 0 },
        "rows": rows_of(erased),
        "files_rewritten": erased.files.iter().filter(|file| file.new.is_some()).count(),
        "files_removed": match args.yes {
            true => erased.files.iter().filter(|file| file.new.is_none()).count(),
            false => 0,
        },
        "files": erased.files.iter().map(file).collect::<Vec<_>>(),
        "objects_deleted": erased.deleted.len(),
        "deleted": keys(&erased.deleted),
        "proof": proof,
    })
}
