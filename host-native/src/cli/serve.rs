//! `coldpress serve`: the grant server; with `--dev` a page and a store beside it.

use std::future::pending;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use coldpress::serve::{
    Connections, DevServer, DevSettings, GrantServer, RateLimit, ServeSettings, ServedLog,
    TokenSource, listen,
};
use coldpress::{ColdStorage, Encodings, ErrorKind, GrantLimits, LsnWidth, SealedRule};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tracing_subscriber::filter::LevelFilter;

use super::failure::Failure;
use super::grant::{lifetime, size};
use super::interrupt;
use super::log_lines::LogLines;
use super::store::{StoreArgs, failed};
use super::tasks::Tasks;

/// Where the page of the playground is built.
const WWW: &str = "target/www";

/// What a drain may take beyond its own time.
const DRAIN_MARGIN: Duration = Duration::from_secs(5);

/// Serve grants to devices that hold a token; with --dev, the whole loop on this machine
///
/// The store must be an S3 one: --store s3://BUCKET/PREFIX. With --dev it is a local folder, to which an S3 endpoint of
/// its own is opened, and a token is made and printed.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The address to listen on; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// Who may ask: a file of lines that `coldpress token` prints; read again when it changes
    #[arg(long, value_name = "FILE", required_unless_present = "dev", conflicts_with = "dev")]
    tokens: Option<PathBuf>,
    /// A page that may ask, as its exact origin; may be given again
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// How long a grant holds: a number with s, m, h or d, up to 7d
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = lifetime)]
    expires: u64,
    /// The size of a part, and above which a file goes up in parts
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = size)]
    part_size: u64,
    /// The largest file
    #[arg(long, value_name = "SIZE", default_value = "5GiB", value_parser = size)]
    max_size: u64,
    /// The encodings that files are to have, unless a device says otherwise: portable, compact or
    /// legacy
    #[arg(long, value_name = "SET")]
    encodings: Option<Encodings>,
    /// Requests a second that each token has
    #[arg(long, value_name = "N", default_value_t = 50.0)]
    rate: f64,
    /// Requests at once that each token has, after a pause
    #[arg(long, value_name = "N", default_value_t = 200)]
    burst: u32,
    /// The most time for one request, the store's answers included
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    request_timeout: u32,
    /// The time for requests under way to end after Ctrl-C or SIGTERM
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    drain: u32,
    /// Write LSNs in keys with 20 digits, so that a listing is in order
    #[arg(long)]
    padded_lsn: bool,
    /// What is logged to standard error: off, error, warn, info or debug
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log: LevelFilter,
    /// Print where things are as one line of JSON
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
    /// The folder of this machine's log, archived into the store: /metrics then shows what would be lost now
    #[arg(long, value_name = "DIR", conflicts_with = "dev")]
    wal: Option<PathBuf>,
    /// The node whose log it is, where the store has the logs of several
    #[arg(long, value_name = "NAME", requires = "wal")]
    wal_node: Option<String>,
    /// Which of its segments are finished, as for `coldpress wal status`
    #[arg(long, value_name = "RULE", default_value = "last", value_parser = super::wal::sealed)]
    wal_sealed: SealedRule,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Development")]
struct DevArgs {
    /// Serve a page, grants and an S3 store over the folder --store, on this machine alone
    #[arg(long)]
    dev: bool,
    /// The address of the S3 store [default: the next port]
    #[arg(long, value_name = "ADDRESS:PORT", requires = "dev")]
    s3_listen: Option<SocketAddr>,
    /// The folder of the page [default: target/www, where it is there]
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
    // The drain ends by itself, and says what it cut off, unless something blocks even that.
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
            "a folder has no grants: devices could not reach it; give --store s3://BUCKET/PREFIX, or try it out with --dev",
        ));
    }
    let storage = ColdStorage::new(store.config(width)?).map_err(|error| refused(&error))?;
    let Some(file) = &args.tokens else {
        return Err(Failure::usage("give --tokens FILE, so that only who holds a token is served"));
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
            "Serving grants\n\n  grants     {url}/v1/grants\n  metrics    {url}/metrics\n  tokens     {} in {}\n\nCtrl-C ends it.",
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
    // Said of the folder's options too, which are checked here.
    store.config(LsnWidth::default())?;
    if args.padded_lsn {
        return Err(Failure::usage(
            "--padded-lsn is for a store that stays; leave it out with --dev",
        ));
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
                "{} is no folder; give --www the folder of a page",
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
                lifetime_ms: self.expires,
                bytes_max: self.max_size,
                part_bytes: self.part_size,
                encodings: self.encodings,
                ..GrantLimits::default()
            },
            allow_origins: self.allow_origin.clone(),
            rate: RateLimit { per_second: self.rate, burst: self.burst },
            timeout_ms: u64::from(self.request_timeout) * 1_000,
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
        Connections { drain_ms: u64::from(self.drain) * 1_000, ..Connections::default() }
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
        None => "none: `cargo xtask www` builds it, or give --www DIR".to_owned(),
    };
    let token = server.token().reveal();
    let folder = folder.display();
    format!(
        "Coldpress on this machine alone, for development

  page       {page}
  grants     {url}/v1/grants
  token      {token}  (tenant {tenant})
  S3 store   {s3}  (bucket {bucket}, region {region})
             AWS_ACCESS_KEY_ID={access_key} AWS_SECRET_ACCESS_KEY={secret_key}
  objects    {folder}

`coldpress ls --store {folder}` shows what has arrived. Ctrl-C ends it."
    )
}

fn say(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush()).map_err(Failure::output)
}

/// Ctrl-C and SIGTERM are how a server ends, and no failure; a second one ends it at once. Whoever
/// reads `text` may send the first: so it is said when a signal is no failure any more.
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
            "requests were still under way and have been cut off; give them longer with --drain",
        )),
    }
}

async fn interrupted() {
    // Only an interrupt ends this.
    let _ = interrupt::unless_interrupted(pending::<()>()).await;
}

#[cfg(unix)]
async fn reload_on_hangup(tokens: Arc<TokenSource>) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    while hangup.recv().await.is_some() {
        let tokens = Arc::clone(&tokens);
        // Its outcome is in the log.
        let _ = tokio::task::spawn_blocking(move || tokens.reload()).await;
    }
}

/// What was asked for is wrong (exit code 2), or it could not be done (1).
fn refused(error: &coldpress::Error) -> Failure {
    match error.kind() {
        ErrorKind::Settings | ErrorKind::Key => Failure::usage(error),
        _ => failed(error),
    }
}
