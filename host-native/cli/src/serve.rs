//! `coldpress serve`: the grant server; with `--dev` a page and a store beside it.

use std::future::pending;
use std::io;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use coldpress::{ColdStorage, Encodings, GrantLimits, LsnWidth, SealedRule};
use coldpress_serve::{
    Connections, GrantServer, RateLimit, ServeSettings, ServedLog, TokenSource, listen,
};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tracing_subscriber::filter::LevelFilter;

use super::dev::{DevServer, DevSettings};
use super::failure::Failure;
use super::grant::{lifetime, size};
use super::interrupt;
use super::log_lines::LogLines;
use super::store::{StoreArgs, check_credentials, refused};
use super::tasks::Tasks;

/// The folder that the playground's page is built into.
const WWW: &str = "target/www";

/// The time that a drain may take beyond its own limit.
const DRAIN_MARGIN: Duration = Duration::from_secs(5);

/// Run the grant server for devices that hold a token. With --dev, run everything on this machine
///
/// The store must be S3: --store s3://BUCKET/PREFIX. With --dev the store is a local folder: the
/// command serves it through an S3 endpoint of its own, and makes and prints a token.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The address to listen on. Port 0 takes any free port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// The token file, with lines that `coldpress token` prints. It is read again when it changes
    #[arg(long, value_name = "FILE", required_unless_present = "dev", conflicts_with = "dev")]
    tokens: Option<PathBuf>,
    /// The exact origin of a web page that may ask for grants. Can be given several times
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// How long a grant is valid: a number with s, m, h or d, at most 7d
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = lifetime)]
    expires: u64,
    /// The size of a part. A larger file is uploaded in parts
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = size)]
    part_size: u64,
    /// The maximum size of a file
    #[arg(long, value_name = "SIZE", default_value = "5GiB", value_parser = size)]
    max_size: u64,
    /// How the files' values are to be encoded, unless a device chooses otherwise: portable,
    /// compact or legacy
    #[arg(long, value_name = "SET")]
    encodings: Option<Encodings>,
    /// How many requests each token may send per second
    #[arg(long, value_name = "N", default_value_t = 50.0)]
    rate: f64,
    /// How many requests each token may send at once, after a pause
    #[arg(long, value_name = "N", default_value_t = 200)]
    burst: u32,
    /// The maximum time for one request, including the store's answers
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    request_timeout: u32,
    /// How long running requests may take to end after Ctrl-C or SIGTERM
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    drain: u32,
    /// Write LSNs in keys with 20 digits, so that listings are in the order of LSNs
    #[arg(long)]
    padded_lsn: bool,
    /// How much to log to standard error: off, error, warn, info or debug
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log: LevelFilter,
    /// Print the addresses as one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    log_of: WatchedLogArgs,
    #[command(flatten)]
    dev: DevArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Write-ahead log")]
struct WatchedLogArgs {
    /// The folder of this machine's log, which is archived into the store. /metrics then shows what
    /// would be lost if this machine were lost now
    #[arg(long, value_name = "DIR", conflicts_with = "dev")]
    wal: Option<PathBuf>,
    /// The node that writes the log, if the store has the logs of several nodes
    #[arg(long, value_name = "NAME", requires = "wal")]
    wal_node: Option<String>,
    /// Which segments are finished, as for `coldpress wal status`
    #[arg(
        long,
        value_name = "RULE",
        default_value = "last",
        value_parser = super::wal::args::sealed
    )]
    wal_sealed: SealedRule,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Development")]
struct DevArgs {
    /// Serve a web page, grants and an S3 store over the folder --store, for this machine only
    #[arg(long)]
    dev: bool,
    /// The address of the S3 store [default: the next port]
    #[arg(long, value_name = "ADDRESS:PORT", requires = "dev")]
    s3_listen: Option<SocketAddr>,
    /// The folder of the web page [default: target/www, if it exists]
    #[arg(long, value_name = "DIR", requires = "dev")]
    www: Option<PathBuf>,
    /// The tenant of the token
    #[arg(long, value_name = "N", default_value_t = 0, requires = "dev")]
    tenant: u64,
}

/// Runs `coldpress serve`.
pub fn run(args: &ServeArgs, store: &StoreArgs) -> Result<(), Failure> {
    tracing_subscriber::fmt()
        .with_max_level(args.log)
        .with_writer(LogLines)
        .with_ansi(false)
        .with_target(false)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::run(format_args!("cannot start: {error}")))?;
    let runtime = Tasks::new(runtime);
    // The drain ends by itself and says what it cut off. This limit is for a drain that blocks.
    interrupt::give(Duration::from_secs(u64::from(args.drain)) + DRAIN_MARGIN);
    match args.dev.dev {
        true => serve_dev(args, store, &runtime),
        false => serve_grants(args, store, &runtime),
    }
}

fn serve_grants(args: &ServeArgs, store: &StoreArgs, runtime: &Runtime) -> Result<(), Failure> {
    let width = if args.padded_lsn { LsnWidth::Padded } else { LsnWidth::Unpadded };
    if store.folder().is_some() {
        return Err(Failure::usage(
            "grants need an S3 store, because devices cannot reach a folder; give --store \
             s3://BUCKET/PREFIX, or try it with --dev",
        ));
    }
    let storage = ColdStorage::new(store.config(width)?).map_err(|error| refused(&error))?;
    check_credentials(runtime.block_on(storage.require_credentials()))?;
    let Some(file) = &args.tokens else {
        return Err(Failure::usage("give --tokens FILE: only devices with a token get grants"));
    };
    let tokens = TokenSource::file(file).map_err(|error| refused(&error))?;
    let tokens = Arc::new(tokens);
    let server = GrantServer::new(Arc::new(storage), Arc::clone(&tokens), args.settings())
        .map_err(|error| refused(&error))?;
    let listener = runtime.block_on(TcpListener::bind(args.listen)).map_err(|error| {
        Failure::run(format_args!(
            "cannot listen on {}: {error}; choose another --listen",
            args.listen
        ))
    })?;
    let address = listener.local_addr().map_err(Failure::run)?;
    let url = format!("http://{address}");
    let text = match args.json {
        true => json!({ "url": url }).to_string(),
        false => format!(
            "Serving grants\n\n  grants     {url}/v1/grants\n  scans      {url}/v1/scans\n  \
             metrics    {url}/metrics\n  tokens     {} in {}\n\nPress Ctrl-C to stop.",
            tokens.tokens().count(),
            file.display()
        ),
    };
    runtime.spawn(Arc::clone(&tokens).follow());
    #[cfg(unix)]
    runtime.spawn(reload_on_hangup(tokens));
    until_interrupted(runtime, &text, async {
        listen(listener, server.router(), &args.connections(), interrupted()).await
    })
}

fn serve_dev(args: &ServeArgs, store: &StoreArgs, runtime: &Runtime) -> Result<(), Failure> {
    let Some(folder) = store.folder() else {
        return Err(Failure::usage("--dev serves a folder as an S3 store; give --store DIR"));
    };
    // Checks the options of the folder too.
    store.config(LsnWidth::default())?;
    if args.padded_lsn {
        return Err(Failure::usage("--dev does not take --padded-lsn; leave it out"));
    }
    let next = SocketAddr::new(
        args.listen.ip(),
        match args.listen.port() {
            0 => 0,
            port => port.checked_add(1).unwrap_or(0),
        },
    );
    let www = match &args.dev.www {
        Some(www) if !www.is_dir() => {
            return Err(Failure::usage(format_args!(
                "{} is not a folder; give the folder of a web page with --www",
                www.display()
            )));
        }
        Some(www) => Some(www.clone()),
        None => Some(PathBuf::from(WWW)).filter(|www| www.is_dir()),
    };
    let settings = DevSettings {
        listen: args.listen,
        s3_listen: args.dev.s3_listen.unwrap_or(next),
        folder: folder.to_owned(),
        www: www.clone(),
        tenant_id: args.dev.tenant,
        serve: args.settings(),
    };
    let server = runtime.block_on(DevServer::bind(settings)).map_err(|error| refused(&error))?;
    let text = match args.json {
        true => machine_readable(&server, folder, args.dev.tenant),
        false => readable(&server, folder, args.dev.tenant, www.as_deref()),
    };
    until_interrupted(runtime, &text, async {
        server.run(&args.connections(), interrupted()).await
    })
}

impl ServeArgs {
    fn settings(&self) -> ServeSettings {
        ServeSettings {
            limits: GrantLimits {
                lifetime: Duration::from_millis(self.expires),
                bytes_max: self.max_size,
                part_bytes: self.part_size,
                encodings: self.encodings,
                ..GrantLimits::default()
            },
            allow_origins: self.allow_origin.clone(),
            rate: RateLimit { per_second: self.rate, burst: self.burst },
            timeout: Duration::from_secs(u64::from(self.request_timeout)),
            log: self.log_of.wal.clone().map(|folder| ServedLog {
                folder,
                node: self.log_of.wal_node.clone(),
                sealed: self.log_of.wal_sealed,
                names: None,
            }),
            ..ServeSettings::default()
        }
    }

    fn connections(&self) -> Connections {
        Connections { drain: Duration::from_secs(u64::from(self.drain)), ..Connections::default() }
    }
}

fn machine_readable(server: &DevServer, folder: &Path, tenant: u64) -> String {
    let (access_key, secret_key, region) = server.credentials();
    json!({
        "url": server.url(),
        "token": server.token().reveal(),
        "tenant": tenant,
        "s3": {
            "endpoint": server.s3_url(),
            "bucket": server.bucket(),
            "region": region,
            "access_key": access_key,
            "secret_key": secret_key,
        },
        "folder": folder.display().to_string(),
    })
    .to_string()
}

fn readable(server: &DevServer, folder: &Path, tenant: u64, www: Option<&Path>) -> String {
    let (access_key, secret_key, region) = server.credentials();
    let (url, s3, bucket) = (server.url(), server.s3_url(), server.bucket());
    let page = match www {
        Some(www) => format!("{url}/  (from {})", www.display()),
        None => "none (`cargo xtask www` builds it; or give --www DIR)".to_owned(),
    };
    let token = server.token().reveal();
    let folder = folder.display();
    format!(
        "Coldpress on this machine only, for development

  page       {page}
  grants     {url}/v1/grants
  scans      {url}/v1/scans
  token      {token}  (tenant {tenant})
  S3 store   {s3}  (bucket {bucket}, region {region})
             AWS_ACCESS_KEY_ID={access_key} AWS_SECRET_ACCESS_KEY={secret_key}
  objects    {folder}

`coldpress ls --store {folder}` shows what has arrived. Press Ctrl-C to stop."
    )
}

fn say(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush()).map_err(Failure::output)
}

/// Serves until Ctrl-C or SIGTERM. Both are the normal way to stop a server, and no failure. A
/// second signal ends the process at once. Whoever reads `text` may send the first signal, so
/// `text` is printed only when a signal is no failure any more.
fn until_interrupted(
    runtime: &Runtime,
    text: &str,
    serving: impl Future<Output = bool>,
) -> Result<(), Failure> {
    let whole = interrupt::uncut(|| {
        say(text)?;
        let whole = runtime.block_on(serving);
        interrupt::settled();
        Ok(whole)
    })??;
    match whole {
        true => Ok(()),
        false => Err(Failure::run(
            "some requests did not end in time and were cut off; give them more time with --drain",
        )),
    }
}

async fn interrupted() {
    // Only a signal ends this.
    let _ = interrupt::unless_interrupted(pending::<()>()).await;
}

#[cfg(unix)]
async fn reload_on_hangup(tokens: Arc<TokenSource>) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    while hangup.recv().await.is_some() {
        let tokens = Arc::clone(&tokens);
        // The log has the outcome.
        let _ = tokio::task::spawn_blocking(move || tokens.reload()).await;
    }
}
