//! `coldpress table compact`: small files become large ones.

use std::io;
use std::io::Write;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use coldpress::filter::ColumnPath;
use coldpress::{CompactOptions, Compacted, CompactedFile, NotCompacted, RewriteOrder};
use serde_json::{Value, json};

use super::Named;
use crate::failure::{Failure, one_line};
use crate::grant::size;
use crate::interrupt;
use crate::store::{Store, StoreArgs, failed};
use crate::text::{counted, human_bytes};
use crate::wal::args::duration;

/// Rewrite the small files of the table into larger ones. Reads and writes go on meanwhile
///
/// The old objects stay for readers of older versions; `coldpress table vacuum` deletes them. A
/// compaction that was interrupted leaves the table whole: run it again.
#[derive(Debug, Args)]
pub struct CompactArgs {
    #[command(flatten)]
    named: Named,
    /// The most bytes of the files that become one file. Files of half of it and more stay
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = size)]
    target_size: u64,
    /// Sort the rows of each new file by this column, or by _id. Takes memory for all its rows
    #[arg(long, value_name = "COLUMN")]
    sort_by: Option<String>,
    /// Go on until a signal comes
    #[arg(long)]
    watch: bool,
    /// How long to wait between two compactions
    #[arg(
        long,
        value_name = "TIME",
        default_value = "60s",
        value_parser = duration,
        requires = "watch"
    )]
    every: Duration,
    /// Print a JSON object for each compaction
    #[arg(long)]
    json: bool,
}

/// Runs `coldpress table compact`.
pub fn run(args: &CompactArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let options = args.options()?;
    let store = args.named.open(store_args)?;
    store.ask(store.storage().require())?;
    store.drive(async {
        loop {
            let compacted = compact(args, &store, &options).await?;
            args.tell(&compacted)?;
            if !args.watch {
                return Ok(());
            }
            let pause = interrupt::unless_interrupted(tokio::time::sleep(args.every));
            if compacted.is_stopped || pause.await.is_err() {
                // A signal is the normal end of a watch.
                interrupt::settled();
                return Ok(());
            }
        }
    })?
}

async fn compact(
    args: &CompactArgs,
    store: &Store,
    options: &CompactOptions,
) -> Result<Compacted, Failure> {
    let Named { tenant, collection } = &args.named;
    let storage = store.storage();
    let stop = interrupt::interrupted();
    let compacting = storage.compact_table_until(*tenant, collection, options, stop);
    compacting.await.map_err(|error| failed(&error))
}

impl CompactArgs {
    fn options(&self) -> Result<CompactOptions, Failure> {
        let order = match self.sort_by.as_deref() {
            None => RewriteOrder::AsStored,
            Some("_id") => RewriteOrder::ById,
            Some(column) => RewriteOrder::By(ColumnPath::from_str(column).map_err(Failure::usage)?),
        };
        Ok(CompactOptions { target_bytes: self.target_size, order })
    }

    fn tell(&self, compacted: &Compacted) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let written = match self.json {
            true => writeln!(out, "{}", to_json(compacted)),
            false => tell(compacted, &mut out),
        };
        written.and_then(|()| out.flush()).map_err(Failure::output)
    }
}

fn tell(compacted: &Compacted, out: &mut dyn Write) -> io::Result<()> {
    for CompactedFile { key, bytes, replaced, replaced_bytes, .. } in &compacted.files {
        writeln!(
            out,
            "{key}: {} instead of {} in {}",
            human_bytes(*bytes),
            human_bytes(*replaced_bytes),
            counted(replaced.len() as u64, "file")
        )?;
    }
    for NotCompacted { key, why, .. } in &compacted.passed_over {
        writeln!(out, "passed over {key}: {}", one_line(why))?;
    }
    if compacted.foreign > 0 {
        let files = counted(compacted.foreign, "file");
        writeln!(out, "passed over {files} that another engine wrote")?;
    }
    let replaced: usize = compacted.files.iter().map(|file| file.replaced.len()).sum();
    let end = if compacted.is_stopped { "; interrupted, run it again to continue" } else { "" };
    match compacted.files.len() as u64 {
        0 => writeln!(out, "nothing was compacted{end}"),
        files => writeln!(
            out,
            "{} became {}{end}",
            counted(replaced as u64, "file"),
            counted(files, "file")
        ),
    }
}

fn to_json(compacted: &Compacted) -> Value {
    let file = |file: &CompactedFile| {
        json!({
            "key": file.key.as_str(),
            "bytes": file.bytes,
            "rows": file.rows,
            "replaced": file.replaced.iter().map(|key| key.as_str()).collect::<Vec<_>>(),
            "replaced_bytes": file.replaced_bytes,
        })
    };
    let not = |not: &NotCompacted| json!({ "key": not.key.as_str(), "why": not.why });
    json!({
        "version": compacted.version,
        "files_before": compacted.files_before,
        "files": compacted.files.iter().map(file).collect::<Vec<_>>(),
        "passed_over": compacted.passed_over.iter().map(not).collect::<Vec<_>>(),
        "foreign": compacted.foreign,
        "interrupted": compacted.is_stopped,
    })
}
