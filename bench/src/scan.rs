//! One query by the library, in a process that is warm: what the peers of `bench/scan.py` measure.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use coldpress::filter::Filter;
use coldpress::{ColdStorage, ColdStorageConfig, Query};
use coldpress_bench::{Result, cpu};

#[derive(Debug, Args)]
pub struct ScanArgs {
    /// The folder of the store.
    #[arg(long)]
    folder: PathBuf,
    /// The collection.
    #[arg(long, default_value = "t")]
    collection: String,
    /// Only rows of which this filter is true.
    #[arg(long = "where")]
    filter: Option<String>,
    /// Only the row with this id.
    #[arg(long)]
    id: Option<String>,
}

pub fn run(args: ScanArgs) -> Result<()> {
    let mut query = Query::default();
    query.filter = args.filter.as_deref().map(Filter::parse).transpose()?;
    query.id = args.id;
    let config = ColdStorageConfig {
        prefix: String::new(),
        local_dir: Some(args.folder),
        ..ColdStorageConfig::default()
    };
    let storage = ColdStorage::new(config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let start = Instant::now();
    let (rows, cpu_s) =
        cpu::timed(|| runtime.block_on(read(&storage, &args.collection, query, &mut io::sink())));
    let wall_s = start.elapsed().as_secs_f64();
    writeln!(io::stderr(), "{} rows", rows?)?;
    writeln!(io::stdout(), "{cpu_s} {wall_s}")?;
    Ok(())
}

/// Writes the rows as JSON lines. Gives their number.
async fn read(
    storage: &ColdStorage,
    collection: &str,
    query: Query,
    out: &mut dyn Write,
) -> Result<usize> {
    let mut scan = storage.scan_json(0, collection, query).await?;
    let mut count = 0;
    while let Some(rows) = scan.next().await? {
        for (_, json) in rows.iter() {
            out.write_all(json.as_bytes())?;
            out.write_all(b"\n")?;
        }
        count += rows.len();
    }
    Ok(count)
}
