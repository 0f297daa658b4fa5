//! The store of a run, from its arguments and the usual environment variables.

use std::env;
use std::ffi::OsString;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use coldpress::{ColdStorage, ColdStorageConfig, ErrorKind};
use coldpress_core::LsnWidth;
use tokio::runtime::Runtime;

use super::failure::Failure;
use super::option_names::in_our_words;
use super::place::Place;
use super::tasks::Tasks;
use super::{interrupt, place};

/// Where objects are stored. The same for every subcommand.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Store")]
pub struct StoreArgs {
    /// Where objects are stored: a folder, or s3://BUCKET/PREFIX. For S3 the credentials come from
    /// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN
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
    /// else Amazon S3]
    #[arg(long, global = true, value_name = "URL")]
    endpoint: Option<String>,
    /// The region of the bucket [default: AWS_REGION, else AWS_DEFAULT_REGION, else us-east-1]
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
        self.allow_http || first_variable(&["AWS_ALLOW_HTTP"]).is_some_and(yes)
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
        for (option, given) in unused {
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

    /// The same, with a runtime of several threads.
    pub fn open_parallel(args: &StoreArgs, lsn_width: LsnWidth) -> Result<Self, Failure> {
        let runtime = || {
            tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
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

/// The library's error as the failure of a run.
pub fn failed(error: &coldpress::Error) -> Failure {
    Failure::Run(in_our_words(error))
}

fn first_variable(names: &[&str]) -> Option<String> {
    names.iter().filter_map(|name| env::var(name).ok()).find(|value| !value.is_empty())
}

fn secret(name: &str) -> Result<String, Failure> {
    first_variable(&[name]).ok_or_else(|| {
        Failure::usage(format_args!(
            "{name} is not set; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to use an s3:// \
             store"
        ))
    })
}
