//! The store of a run, from its arguments and the usual environment variables.

use std::env;
use std::ffi::OsString;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use coldpress::{AwsDefaults, ColdStorage, ColdStorageConfig, ErrorKind};
use coldpress_core::LsnWidth;
use tokio::runtime::Runtime;

use super::credentials::CredentialArgs;
use super::failure::Failure;
use super::option_names::in_our_words;
use super::place::Place;
use super::tasks::Tasks;
use super::{interrupt, place};

/// The stack of each thread that plans and runs statements: DataFusion calls itself for each part
/// of a condition. Pages of it that are not used take no memory.
pub const STACK_BYTES: usize = 64 << 20;

/// Where objects are stored. The same for every subcommand.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Store")]
pub struct StoreArgs {
    /// Where objects are stored: a folder, or s3://BUCKET/PREFIX. S3 credentials come from
    /// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or as --credentials says
    #[arg(
        long,
        global = true,
        env = "COLDPRESS_STORE",
        hide_env_values = true,
        default_value = "./coldpress-data",
        value_name = "DIR|s3://…"
    )]
    store: OsString,
    /// The URL of an S3-compatible server [default: AWS_ENDPOINT_URL_S3, else AWS_ENDPOINT_URL,
    /// else endpoint_url of the profile, else Amazon S3]
    #[arg(long, global = true, value_name = "URL")]
    endpoint: Option<String>,
    /// The region of the bucket [default: AWS_REGION, else AWS_DEFAULT_REGION, else region of the
    /// profile, else us-east-1]
    #[arg(long, global = true)]
    region: Option<String>,
    /// Allow an endpoint without encryption (http://), like AWS_ALLOW_HTTP=true
    #[arg(long, global = true)]
    allow_http: bool,
    /// The maximum time for one request to the server, including its body [default: 60]
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    timeout: Option<u32>,
    /// Put even if the server ignores If-None-Match. Then two writers at the same time can
    /// overwrite each other's objects
    #[arg(long, global = true)]
    allow_unconditional_put: bool,
    #[command(flatten)]
    credentials: CredentialArgs,
}

impl StoreArgs {
    /// The store's folder, or none if the store is a bucket.
    #[cfg(feature = "serve")]
    pub fn folder(&self) -> Option<&Path> {
        let is_folder = matches!(place::parse(&self.store), Ok(Place::Folder));
        is_folder.then(|| Path::new(&self.store))
    }

    /// Whether http:// is allowed.
    pub fn allows_http(&self) -> bool {
        let yes = |value: String| value == "1" || value.eq_ignore_ascii_case("true");
        self.allow_http || env::var("AWS_ALLOW_HTTP").is_ok_and(yes)
    }

    /// The maximum time for one request, if it was given.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout.map(|seconds| Duration::from_secs(u64::from(seconds)))
    }

    /// The library's configuration, or the error in the arguments.
    pub fn config(&self, lsn_width: LsnWidth) -> Result<ColdStorageConfig, Failure> {
        let config = ColdStorageConfig {
            prefix: String::new(),
            lsn_width,
            allow_unconditional_put: self.allow_unconditional_put,
            ..ColdStorageConfig::default()
        };
        let (bucket, prefix) = match place::parse(&self.store)? {
            Place::Bucket { bucket, prefix } => (bucket, prefix),
            Place::Folder => return self.local(config),
        };
        let config = self.credentials.apply(config)?;
        let defaults = match (&self.region, &self.endpoint) {
            (Some(_), Some(_)) => AwsDefaults::default(),
            _ => config.aws_defaults().map_err(|error| Failure::Usage(in_our_words(&error)))?,
        };
        let region = self.region.clone().or(defaults.region).unwrap_or(config.region);
        let endpoint = self
            .endpoint
            .clone()
            .or(defaults.endpoint)
            .unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        Ok(ColdStorageConfig {
            endpoint,
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            region,
            timeout: self.timeout().unwrap_or(config.timeout),
            allow_http: self.allows_http(),
            ..config
        })
    }

    fn local(&self, config: ColdStorageConfig) -> Result<ColdStorageConfig, Failure> {
        // Variables may be set for other programs. An option is for us, so it must have a use.
        let unused = [
            ("--endpoint", self.endpoint.is_some()),
            ("--region", self.region.is_some()),
            ("--allow-http", self.allow_http),
            ("--timeout", self.timeout.is_some()),
            ("--allow-unconditional-put", self.allow_unconditional_put),
        ];
        for (option, given) in unused.into_iter().chain(self.credentials.given()) {
            if given {
                return Err(Failure::usage(format_args!(
                    "{option} is only for S3, and the store is the folder {}; leave it out, or \
                     give --store s3://BUCKET/PREFIX",
                    Path::new(&self.store).display()
                )));
            }
        }
        Ok(ColdStorageConfig { local_dir: Some(PathBuf::from(&self.store)), ..config })
    }
}

/// An open store, and the runtime of its requests.
#[derive(Debug)]
pub struct Store {
    storage: Arc<ColdStorage>,
    runtime: Tasks,
    name: String,
    is_folder: bool,
}

impl Store {
    /// Opens the store of the arguments. A put into it writes LSNs in this width.
    pub fn open(args: &StoreArgs, lsn_width: LsnWidth) -> Result<Self, Failure> {
        Self::open_on(runtime, args, lsn_width)
    }

    /// The same, for commands that read much. A folder needs one thread of the runtime, because
    /// other threads read and decode its files. Encrypted answers are work for several threads.
    pub fn open_to_read(args: &StoreArgs, lsn_width: LsnWidth) -> Result<Self, Failure> {
        match place::parse(&args.store) {
            Ok(Place::Folder) => Self::open(args, lsn_width),
            _ => Self::open_parallel(args, lsn_width),
        }
    }

    /// The same, with a runtime of several threads.
    pub fn open_parallel(args: &StoreArgs, lsn_width: LsnWidth) -> Result<Self, Failure> {
        let runtime = || {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.enable_all().thread_stack_size(STACK_BYTES).build().map_err(|error| {
                Failure::run(format_args!("cannot start the async runtime: {error}"))
            })
        };
        Self::open_on(runtime, args, lsn_width)
    }

    fn open_on(
        runtime: impl FnOnce() -> Result<Runtime, Failure>,
        args: &StoreArgs,
        lsn_width: LsnWidth,
    ) -> Result<Self, Failure> {
        let config = args.config(lsn_width)?;
        let runtime = Tasks::new(runtime()?);
        let storage = ColdStorage::new(config).map_err(|error| refused(&error))?;
        let name = Path::new(&args.store).display().to_string();
        let is_folder = matches!(place::parse(&args.store), Ok(Place::Folder));
        let store = Store { storage: Arc::new(storage), runtime, name, is_folder };
        check_credentials(store.run(store.storage.require_credentials())?)?;
        Ok(store)
    }

    /// The library's handle.
    pub fn storage(&self) -> &ColdStorage {
        &self.storage
    }

    /// The same, to share.
    pub fn shared(&self) -> &Arc<ColdStorage> {
        &self.storage
    }

    /// The runtime of its requests.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The store as the arguments name it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A failure if the store is a folder that does not exist. A bucket is not asked: a user who
    /// may get one object may be forbidden to list, and a request to a missing bucket fails by
    /// itself.
    pub fn require_folder(&self) -> Result<(), Failure> {
        match self.is_folder {
            true => self.ask(self.storage.require()),
            false => Ok(()),
        }
    }

    /// Waits for a request, or for Ctrl-C.
    pub fn run<T>(
        &self,
        request: impl Future<Output = coldpress::Result<T>>,
    ) -> Result<coldpress::Result<T>, Failure> {
        interrupt::uncut(|| self.runtime.block_on(interrupt::unless_interrupted(request)))?
    }

    /// Runs work that writes, and that reacts to Ctrl-C itself.
    pub fn drive<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<Result<T, Failure>, Failure> {
        interrupt::uncut(|| self.runtime.block_on(work))
    }

    /// Waits for a request. Every error of it ends the run.
    pub fn ask<T>(
        &self,
        request: impl Future<Output = coldpress::Result<T>>,
    ) -> Result<T, Failure> {
        self.run(request)?.map_err(|error| failed(&error))
    }
}

/// A runtime for requests.
pub fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::run(format_args!("cannot start the async runtime: {error}")))
}

/// A failure if there are no credentials, before any work is done. A source that does not answer is
/// asked again by the first request.
pub fn check_credentials(found: coldpress::Result<()>) -> Result<(), Failure> {
    match found {
        Err(error) if error.kind() != ErrorKind::Unavailable => Err(refused(&error)),
        _ => Ok(()),
    }
}

/// The failure of a store that cannot be opened: most often a wrong call.
pub fn refused(error: &coldpress::Error) -> Failure {
    match error.kind() {
        ErrorKind::Settings | ErrorKind::Key => Failure::Usage(in_our_words(error)),
        _ => failed(error),
    }
}

/// The library's error as the failure of a run.
pub fn failed(error: &coldpress::Error) -> Failure {
    Failure::Run(in_our_words(error))
}
