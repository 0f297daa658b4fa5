//! `coldpress wal archive`: what is sealed in a folder, once or as it comes.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use coldpress::{SealedRule, WalArchiver, WalEvent, WalSettings, WalSummary};
use coldpress_core::LsnWidth;
use serde_json::json;

use super::{LogArgs, NamesArgs, SealedArgs, duration, metrics};
use crate::cli::failure::{Failure, one_line};
use crate::cli::interrupt;
use crate::cli::store::{Store, StoreArgs, failed};
use crate::cli::text::{counted, human_bytes};

/// Archive the finished segments of a folder, in order
///
/// Segments are sent side by side, and become visible in the store one behind the other: the first
/// failure stops all behind it, and leaves no hole. All state is what folder and store hold: it may
/// be killed at any point.
#[derive(Debug, Args)]
pub struct ArchiveArgs {
    /// The folder of the log
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    sealed: SealedArgs,
    #[command(flatten)]
    names: NamesArgs,
    /// Go on as segments come, until SIGTERM or Ctrl-C; a store that does not answer is tried for
    /// ever
    #[arg(long)]
    watch: bool,
    /// How often to look for new segments
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration, requires = "watch")]
    poll: Duration,
    /// The most segments that are worked on at a time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    parallel: u16,
    /// Delete a segment here once it was read back from the store, and all before it are archived
    #[arg(long)]
    delete_after_verify: bool,
    /// Go on past segments that are neither here nor archived
    #[arg(long)]
    past_gap: bool,
    /// Serve /metrics (Prometheus) and /healthz there while watching; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS:PORT", requires = "watch")]
    metrics: Option<SocketAddr>,
    /// The time for what is under way to end after SIGTERM or Ctrl-C
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration, requires = "watch")]
    drain: Duration,
    #[command(flatten)]
    log: LogArgs,
}

/// Runs `coldpress wal archive`.
pub fn run(args: &ArchiveArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    if args.delete_after_verify && args.sealed.sealed == SealedRule::Ready {
        return Err(Failure::usage(
            "with --sealed ready the database itself takes away what is marked .done; leave out --delete-after-verify",
        ));
    }
    args.log.check()?;
    let store = Store::open_parallel(store_args, LsnWidth::default())?;
    let archiver = WalArchiver::new(Arc::clone(store.shared()), args.log.node.as_deref())
        .map_err(Failure::usage)?
        .named(args.names.names);
    let output = Output { json: args.log.json, failure: Mutex::default() };
    let told = |event: WalEvent<'_>| output.tell(&event);
    let settings = args.settings();
    let summary = match args.watch {
        false => store.ask(archiver.archive(&args.dir, &settings, told))?,
        true => watch(args, &store, &archiver, &settings, told)?,
    };
    output.finish(&summary)
}

impl ArchiveArgs {
    fn settings(&self) -> WalSettings {
        WalSettings {
            sealed: self.sealed.sealed,
            parallel: usize::from(self.parallel),
            delete: self.delete_after_verify,
            past_gap: self.past_gap,
            poll_ms: u64::try_from(self.poll.as_millis()).ok(),
            ..WalSettings::default()
        }
    }
}

fn watch(
    args: &ArchiveArgs,
    store: &Store,
    archiver: &WalArchiver,
    settings: &WalSettings,
    told: impl Fn(WalEvent<'_>) + Send + Sync,
) -> Result<WalSummary, Failure> {
    let url = args.metrics.map(|address| metrics::serve(store.runtime(), address)).transpose()?;
    let watching = archiver.watch(&args.dir, settings, told, interrupt::interrupted(), args.drain);
    // The drain ends by itself, unless something blocks even that.
    interrupt::give(args.drain + Duration::from_secs(5));
    let ended = interrupt::uncut(|| {
        // Whoever reads it may send a signal at once. Where nobody can be told, it is served all
        // the same.
        if let Some(url) = url {
            let _ = writeln!(io::stderr(), "metrics at {url}/metrics");
        }
        let ended = store.runtime().block_on(watching);
        // SIGTERM is how it ends: in order, or with an error that says what did not.
        interrupt::settled();
        ended
    })?;
    ended.map_err(|error| failed(&error))
}

/// A line for each thing that happens. Archiving goes on where nobody reads them.
struct Output {
    json: bool,
    failure: Mutex<Option<io::Error>>,
}

impl Output {
    fn tell(&self, event: &WalEvent<'_>) {
        let line = match event {
            _ if self.json => report(event).to_string(),
            WalEvent::Archived(segment) => {
                let how = if segment.created { "archived" } else { "already archived" };
                format!("{how} {} {}", one_line(&segment.name), human_bytes(segment.checksum.bytes))
            }
            other => {
                let _ = writeln!(io::stderr(), "warning: {}", one_line(&other.to_string()));
                return;
            }
        };
        if let Err(error) = writeln!(io::stdout(), "{line}") {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert(error);
        }
    }

    fn finish(self, summary: &WalSummary) -> Result<(), Failure> {
        let line = match self.json {
            true => json!({
                "event": "done",
                "segments": summary.segments,
                "bytes": summary.bytes,
                "created": summary.created,
                "verified": summary.verified,
                "settled": summary.settled,
            })
            .to_string(),
            false => {
                let mut line = format!(
                    "{} archived, {}, {} of them new",
                    counted(summary.segments, "segment"),
                    human_bytes(summary.bytes),
                    summary.created
                );
                if summary.settled > 0 {
                    line.push_str(&format!(", {} read back and settled here", summary.settled));
                }
                line
            }
        };
        let failure = self.failure.into_inner().unwrap_or_else(PoisonError::into_inner);
        match failure {
            Some(error) => Err(Failure::output_after(error, line)),
            None => {
                writeln!(io::stdout(), "{line}").map_err(|error| Failure::output_after(error, line))
            }
        }
    }
}

fn report(event: &WalEvent<'_>) -> serde_json::Value {
    match event {
        WalEvent::Archived(segment) => json!({
            "event": "archived",
            "segment": segment.name,
            "bytes": segment.checksum.bytes,
            "crc32c": format!("{:08x}", segment.checksum.crc32c),
            "created": segment.created,
            "verified": segment.verified,
        }),
        WalEvent::Gap(gap) => json!({
            "event": "gap",
            "first": gap.first,
            "segments": gap.segments,
            "after": gap.after,
            "before": gap.before,
        }),
        WalEvent::HeldUp(held) => json!({
            "event": "held_up",
            "by": held.by,
            "why": held.why.to_string(),
            "first": held.first,
            "segments": held.segments,
            "bytes": held.bytes,
        }),
        WalEvent::Trouble(error) => json!({ "event": "trouble", "error": error.to_string() }),
        other => json!({ "event": other.to_string() }),
    }
}
