//! The store that a run works on, from its arguments and the usual environment variables.

use std::env;
use std::ffi::OsString;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use coldpress::{ColdStorage, ColdStorageConfig, ErrorKind};
use coldpress_core::LsnWidth;
use tokio::runtime::Runtime;

use super::failure::Failure;
use super::interrupt;
use super::place::{self, Place};
use super::tasks::Tasks;

/// Where objects lie. The same for every subcommand.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Store")]
pub struct StoreArgs {
    /// Where objects lie: a folder, or s3://BUCKET/PREFIX with credentials from AWS_ACCESS_KEY_ID,
    /// AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN
    #[arg(
        long,
        global = true,
        env = "COLDPRESS_STORE",
        hide_env_values = true,
        default_value = "./coldpress-data",
        value_name = "DIR|s3://…"
    )]
    store: OsString,
    /// The URL of an S3-compatible server; default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, or else
    /// Amazon's own
    #[arg(long, global = true, value_name = "URL")]
    endpoint: Option<String>,
    /// The region of the bucket; default: AWS_REGION, AWS_DEFAULT_REGION, or else us-east-1
    #[arg(long, global = true)]
    region: Option<String>,
    /// Allow an endpoint without encryption (http://), as AWS_ALLOW_HTTP=true does
    #[arg(long, global = true)]
    allow_http: bool,
    /// The most time for one request to the server, its body included [default: 60]
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    timeout: Option<u32>,
    /// Put even where the server ignores If-None-Match; two writers at once can then overwrite one
    /// another
    #[arg(long, global = true)]
    allow_unconditional_put: bool,
}

impl StoreArgs {
    /// The folder it is, where it is one.
    #[cfg(feature = "serve")]
    pub fn folder(&self) -> Option<&Path> {
        let is_folder = matches!(place::parse(&self.store), Ok(Place::Folder));
        is_folder.then(|| Path::new(&self.store))
    }

    /// Whether a store may be spoken to without encryption.
    pub fn allows_http(&self) -> bool {
        let yes = |value: String| value == "1" || value.eq_ignore_ascii_case("true");
        self.allow_http || first_variable(&["AWS_ALLOW_HTTP"]).is_some_and(yes)
    }

    /// The most time for one request, where it was given.
    pub fn timeout_ms(&self) -> Option<u64> {
        self.timeout.map(|seconds| u64::from(seconds) * 1_000)
    }

    /// The library's configuration, or what is wrong with the arguments.
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
        let region = self
            .region
            .clone()
            .or_else(|| first_variable(&["AWS_REGION", "AWS_DEFAULT_REGION"]))
            .unwrap_or(config.region);
        let endpoint = self
            .endpoint
            .clone()
            .or_else(|| first_variable(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]))
            .unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        Ok(ColdStorageConfig {
            endpoint,
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            access_key: secret("AWS_ACCESS_KEY_ID")?,
            secret_key: secret("AWS_SECRET_ACCESS_KEY")?,
            session_token: first_variable(&["AWS_SESSION_TOKEN"]).unwrap_or_default(),
            region,
            timeout_ms: self.timeout_ms().unwrap_or(config.timeout_ms),
            allow_http: self.allows_http(),
            ..config
        })
    }

    fn local(&self, config: ColdStorageConfig) -> Result<ColdStorageConfig, Failure> {
        // The variables may be set for other programs; what is said to us must be of use.
        let unused = [
            ("--endpoint", self.endpoint.is_some()),
            ("--region", self.region.is_some()),
            ("--allow-http", self.allow_http),
            ("--timeout", self.timeout.is_some()),
            ("--allow-unconditional-put", self.allow_unconditional_put),
        ];
        for (option, given) in unused {
            if given {
                return Err(Failure::usage(format_args!(
                    "{option} is for S3, but the store is the folder {}; add --store s3://BUCKET/PREFIX",
                    Path::new(&self.store).display()
                )));
            }
        }
        Ok(ColdStorageConfig { local_dir: Some(PathBuf::from(&self.store)), ..config })
    }
}

/// A store that is open, and what runs its requests.
#[derive(Debug)]
pub struct Store {
    storage: Arc<ColdStorage>,
    runtime: Tasks,
    name: String,
    is_folder: bool,
}

impl Store {
    /// The store of the arguments; a put into it writes LSNs in this width.
    pub fn open(args: &StoreArgs, lsn_width: LsnWidth) -> Result<Self, Failure> {
        Self::open_on(runtime, args, lsn_width)
    }

    /// The same, for work that is worth more than one thread.
    pub fn open_parallel(args: &StoreArgs, lsn_width: LsnWidth) -> Result<Self, Failure> {
        let runtime = || {
            tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .map_err(|error| Failure::run(format_args!("cannot start: {error}")))
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
        let storage = ColdStorage::new(config).map_err(|error| match error.kind() {
            ErrorKind::Settings | ErrorKind::Key => Failure::Usage(in_our_words(&error)),
            _ => Failure::Run(in_our_words(&error)),
        })?;
        let name = Path::new(&args.store).display().to_string();
        let is_folder = matches!(place::parse(&args.store), Ok(Place::Folder));
        Ok(Store { storage: Arc::new(storage), runtime, name, is_folder })
    }

    /// The library's handle.
    pub fn storage(&self) -> &ColdStorage {
        &self.storage
    }

    /// The same, to share.
    pub fn shared(&self) -> &Arc<ColdStorage> {
        &self.storage
    }

    /// What runs its requests.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The store as the arguments name it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A failure where the store is a folder that is not there. A bucket is not asked: who may get
    /// one object need not be allowed to list all, and a bucket that is not there says so itself.
    pub fn require_folder(&self) -> Result<(), Failure> {
        match self.is_folder {
            true => self.ask(self.storage.require()),
            false => Ok(()),
        }
    }

    /// Waits for a request, or for the user to break it off.
    pub fn run<T>(
        &self,
        request: impl Future<Output = coldpress::Result<T>>,
    ) -> Result<coldpress::Result<T>, Failure> {
        interrupt::uncut(|| self.runtime.block_on(interrupt::unless_interrupted(request)))?
    }

    /// Does a work that writes, and that looks for Ctrl-C itself.
    pub fn drive<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<Result<T, Failure>, Failure> {
        interrupt::uncut(|| self.runtime.block_on(work))
    }

    /// Waits for a request whose every error ends the run.
    pub fn ask<T>(
        &self,
        request: impl Future<Output = coldpress::Result<T>>,
    ) -> Result<T, Failure> {
        self.run(request)?.map_err(|error| failed(&error))
    }
}

/// What runs requests.
pub fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::run(format_args!("cannot start: {error}")))
}

/// The failure of a run that the library's error is.
pub fn failed(error: &coldpress::Error) -> Failure {
    Failure::Run(in_our_words(error))
}

/// The library's messages name the fields of its configuration; here they are options.
pub fn in_our_words(error: &coldpress::Error) -> String {
    [
        ("allow_http", "--allow-http"),
        ("timeout_ms", "--timeout"),
        ("allow_unconditional_put", "--allow-unconditional-put"),
        ("local_dir", "--store"),
    ]
    .iter()
    .fold(error.to_string(), |message, (field, option)| message.replace(field, option))
}

fn first_variable(names: &[&str]) -> Option<String> {
    names.iter().filter_map(|name| env::var(name).ok()).find(|value| !value.is_empty())
}

fn secret(name: &str) -> Result<String, Failure> {
    first_variable(&[name]).ok_or_else(|| {
        Failure::usage(format_args!(
            "{name} is not set; an s3:// store takes its credentials from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ))
    })
}
