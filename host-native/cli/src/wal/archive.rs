//! `coldpress wal archive`: archives a folder's finished segments, once or continuously.

use std::io;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use coldpress::{SealedRule, WalArchiver, WalEvent, WalSettings, WalSummary};
use coldpress_core::LsnWidth;
use serde_json::json;

use super::args::{LogArgs, NamesArgs, SealedArgs, duration};
use super::metrics;
use crate::failure::{Failure, one_line};
use crate::interrupt;
use crate::store::{Store, StoreArgs, failed};
use crate::text::{counted, human_bytes};

/// Archive the finished segments of a folder, in order
///
/// Sends several segments at the same time, and publishes them one after the other, in order. The
/// first failure stops all segments after it, so the archive gets no gap. All state is in the
/// folder and in the store: you may kill this command at any time.
#[derive(Debug, Args)]
pub struct ArchiveArgs {
    /// The folder of the log
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    sealed: SealedArgs,
    #[command(flatten)]
    names: NamesArgs,
    /// Continue with new segments until SIGTERM or Ctrl-C. If the store does not answer, retry
    /// without end
    #[arg(long)]
    watch: bool,
    /// How often to look for new segments
    #[arg(
        long,
        value_name = "TIME",
        default_value = "1s",
        value_parser = duration,
        requires = "watch"
    )]
    poll: Duration,
    /// The maximum number of segments to send at the same time
    #[arg(
        long,
        value_name = "N",
        default_value_t = 4,
        value_parser = clap::value_parser!(u16).range(1..=64)
    )]
    parallel: u16,
    /// Delete a segment from the folder when it has been read back from the store, and all segments
    /// before it are archived
    #[arg(long)]
    delete_after_verify: bool,
    /// Continue past segments that are neither in the folder nor in the archive
    #[arg(long)]
    past_gap: bool,
    /// Serve /metrics (Prometheus) and /healthz at this address. Port 0 takes any free port
    #[arg(long, value_name = "ADDRESS:PORT", requires = "watch")]
    metrics: Option<SocketAddr>,
    /// How long running requests may take to end after SIGTERM or Ctrl-C
    #[arg(
        long,
        value_name = "TIME",
        default_value = "10s",
        value_parser = duration,
        requires = "watch"
    )]
    drain: Duration,
    #[command(flatten)]
    log: LogArgs,
}

/// Runs `coldpress wal archive`.
pub fn run(args: &ArchiveArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    if args.delete_after_verify && args.sealed.sealed == SealedRule::Ready {
        return Err(Failure::usage(
            "with --sealed ready the database itself deletes what is marked .done; leave out \
             --delete-after-verify",
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
            poll: Some(self.poll),
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
    // The drain ends by itself. This limit is for a drain that blocks.
    interrupt::give(args.drain + Duration::from_secs(5));
    let ended = interrupt::uncut(|| {
        // Printed only now, because its reader may send a signal at once. If standard error is
        // closed, the metrics are served all the same.
        if let Some(url) = url {
            let _ = writeln!(io::stderr(), "metrics at {url}/metrics");
        }
        let ended = store.runtime().block_on(watching);
        // SIGTERM is the normal way to stop it, and no failure by itself.
        interrupt::settled();
        ended
    })?;
    ended.map_err(|error| failed(&error))
}

/// Prints a line for each event. Archiving continues if nobody can read them.
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
                    line.push_str(&format!(
                        ", {} read back and deleted or marked in the folder",
                        summary.settled
                    ));
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
