//! The configuration: where the store is, and how to reach it.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use coldpress_core::{Codec as ParquetCompression, KeyPrefix, LsnWidth, Settings};
use url::Url;

use crate::credentials::{CredentialProvider, CredentialSource, Environment};
use crate::error::{Error, Result};
use crate::time::{TimeOfDay, whole_ms};

/// The configuration of a [`ColdStorage`](crate::ColdStorage): plain data, checked by
/// [`ColdStorage::new`](crate::ColdStorage::new).
///
/// With an empty `endpoint`, the store is the local folder `local_dir`. Any other endpoint is a
/// store that speaks S3; Amazon's own is `https://s3.REGION.amazonaws.com`.
///
/// `Debug` shows whether credentials are set, never what they are.
#[derive(Clone)]
pub struct ColdStorageConfig {
    /// The URL of an S3-compatible store, or empty for the local filesystem.
    pub endpoint: String,
    /// The bucket. Default: `coldpress`.
    pub bucket: String,
    /// The folder that all keys share. Default: `data/`.
    pub prefix: String,
    /// The access key id. With it and `secret_key`, no other source of credentials is asked. Empty
    /// means the usual AWS chain, or the one source that `credential_source` names.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: String,
    /// The session token of temporary credentials, or empty.
    pub session_token: String,
    /// Where credentials come from if `access_key` is empty. They are fetched with the first request,
    /// and again before they expire. Default: the usual AWS chain.
    pub credential_source: CredentialSource,
    /// The profile of the AWS configuration files. If it is given, `CredentialSource::Auto` means
    /// this profile alone. Default: empty, which means `AWS_PROFILE`, else `default`.
    pub profile: String,
    /// The caller's own source of credentials, instead of all others. Default: none.
    pub credential_provider: Option<CredentialProvider>,
    /// The variables that the sources of credentials read. Default: those of this process.
    pub environment: Environment,
    /// The region requests are signed for. Default: `us-east-1`.
    pub region: String,
    /// The local folder, created by the first put. Default: `$XDG_DATA_HOME/coldpress`, or else
    /// `$HOME/.local/share/coldpress`; never a temporary folder.
    pub local_dir: Option<PathBuf>,
    /// How `encode_and_upload` makes a file of rows. Its [`Settings::id`] has no effect, because
    /// these rows bring their ids. See also [`compression`](Self::compression) and
    /// [`row_group_size`](Self::row_group_size).
    pub settings: Settings,
    /// How LSNs are written in keys. Default: unpadded.
    pub lsn_width: LsnWidth,
    /// Whether the endpoint may be `http://`. Anyone on the network path can then read all rows.
    /// Default: no.
    pub allow_http: bool,
    /// Whether to use a store that ignores `If-None-Match`. Each put then looks first whether the
    /// key is free, and two writers at the same moment can overwrite each other. Default: no, such
    /// a store is refused.
    pub allow_unconditional_put: bool,
    /// The longest time to connect. Default: 5 s.
    pub connect_timeout: Duration,
    /// The longest time for one request, its body included. Raise it for large files over a slow
    /// network. Default: 60 s.
    pub timeout: Duration,
    /// How long failed requests of one operation are retried; zero means never. No get, put or page
    /// of a listing takes longer than this plus twice `timeout`. Default: 30 s.
    pub retry_timeout: Duration,
    /// How many bytes of memory keep the ends of data files (footers, indexes, bloom filters) for
    /// the next scan. Default: 64 MiB.
    pub tails_bytes_max: u64,
    /// A folder that keeps them too, for the next process. It is made when it is needed, and two
    /// stores can share it. Default: none.
    pub tails_dir: Option<PathBuf>,
    /// How many bytes that folder may have; then the oldest files go. Default: 1 GiB.
    pub tails_dir_bytes_max: u64,
    /// The clock for the expiry of grants and of credentials, and for the age of claims, probes and
    /// records of segments. This store's own requests are signed by the system's clock. Default: the system's
    /// clock.
    pub clock: TimeOfDay,
}

impl Default for ColdStorageConfig {
    fn default() -> Self {
        ColdStorageConfig {
            endpoint: String::new(),
            bucket: "coldpress".to_owned(),
            prefix: "data/".to_owned(),
            access_key: String::new(),
            secret_key: String::new(),
            session_token: String::new(),
            credential_source: CredentialSource::default(),
            profile: String::new(),
            credential_provider: None,
            environment: Environment::default(),
            region: "us-east-1".to_owned(),
            local_dir: None,
            settings: Settings::default(),
            lsn_width: LsnWidth::default(),
            allow_http: false,
            allow_unconditional_put: false,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(60),
            retry_timeout: Duration::from_secs(30),
            tails_bytes_max: 64 << 20,
            tails_dir: None,
            tails_dir_bytes_max: 1 << 30,
            clock: TimeOfDay::default(),
        }
    }
}

impl fmt::Debug for ColdStorageConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `new` refuses an endpoint with `user:password@`, and no output shows it.
        let endpoint = match self.endpoint.contains(['@', '?', '#']) {
            true => "(hidden: it may hold credentials)",
            false => self.endpoint.as_str(),
        };
        f.debug_struct("ColdStorageConfig")
            .field("endpoint", &endpoint)
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("access_key", &Hidden(&self.access_key))
            .field("secret_key", &Hidden(&self.secret_key))
            .field("session_token", &Hidden(&self.session_token))
            .field("credential_source", &self.credential_source)
            .field("profile", &self.profile)
            .field("credential_provider", &self.credential_provider)
            .field("environment", &self.environment)
            .field("region", &self.region)
            .field("local_dir", &self.local_dir)
            .field("settings", &self.settings)
            .field("lsn_width", &self.lsn_width)
            .field("allow_http", &self.allow_http)
            .field("allow_unconditional_put", &self.allow_unconditional_put)
            .field("connect_timeout", &self.connect_timeout)
            .field("timeout", &self.timeout)
            .field("retry_timeout", &self.retry_timeout)
            .field("tails_bytes_max", &self.tails_bytes_max)
            .field("tails_dir", &self.tails_dir)
            .field("tails_dir_bytes_max", &self.tails_dir_bytes_max)
            .field("clock", &self.clock)
            .finish()
    }
}

/// Where a checked configuration points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Local(PathBuf),
    S3 { endpoint: String },
}

impl ColdStorageConfig {
    /// The same with this compression of files: it sets [`Settings::codec`].
    #[must_use]
    pub fn compression(mut self, compression: ParquetCompression) -> Self {
        self.settings.codec = compression;
        self
    }

    /// The same with at most this many rows in a row group: it sets
    /// [`Settings::row_group_rows_max`].
    #[must_use]
    pub fn row_group_size(mut self, rows: usize) -> Self {
        self.settings.row_group_rows_max = rows;
        self
    }

    /// An upper bound on one operation, whatever the store does.
    pub(crate) fn operation_limit_ms(&self) -> u64 {
        whole_ms(self.retry_timeout.saturating_add(self.timeout.saturating_mul(2)))
    }

    /// The place and the prefix, or what is wrong with the configuration.
    pub(crate) fn check(&self) -> Result<(Place, KeyPrefix)> {
        let prefix = KeyPrefix::new(&self.prefix)?;
        if self.endpoint.is_empty() {
            let folder = match &self.local_dir {
                Some(folder) => folder.clone(),
                None => data_folder(|name| std::env::var_os(name))?,
            };
            if folder.as_os_str().is_empty() {
                return Err(Error::settings("local_dir is empty; give a folder"));
            }
            return Ok((Place::Local(folder), prefix));
        }
        let endpoint = self.check_endpoint()?;
        self.check_names()?;
        self.check_credentials()?;
        self.check_times()?;
        Ok((Place::S3 { endpoint }, prefix))
    }

    /// Whether the configuration itself holds credentials, or a part of them.
    pub(crate) fn has_keys(&self) -> bool {
        [&self.access_key, &self.secret_key, &self.session_token].iter().any(|v| !v.is_empty())
    }

    /// The endpoint in the one form that every layer below can read: some panic on other forms.
    fn check_endpoint(&self) -> Result<String> {
        if self.endpoint.contains(['@', '?', '#']) {
            // Not shown: the part before the `@` is most likely a password.
            return Err(Error::settings(
                "the endpoint holds a user, a query or a fragment; give only scheme, host and \
                port, and give the credentials as access_key and secret_key",
            ));
        }
        let endpoint = &self.endpoint;
        let url = Url::parse(endpoint).ok().filter(Url::has_host);
        let Some(url) = url.filter(|url| matches!(url.scheme(), "https" | "http")) else {
            return Err(Error::settings(format!(
                "the endpoint {endpoint:?} is not the URL of a host; write https://host or \
                https://host:port (or http://… and allow_http)"
            )));
        };
        if url.scheme() == "http" && !self.allow_http {
            return Err(Error::settings(format!(
                "the endpoint {endpoint} is not encrypted; use https://, or set allow_http if the \
                network is your own (such as a test server on this machine)"
            )));
        }
        Ok(url.as_str().trim_end_matches('/').to_owned())
    }

    fn check_names(&self) -> Result<()> {
        let bucket = &self.bucket;
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if !bucket.bytes().all(legal) || bucket.trim_matches('.').is_empty() {
            // Not shown if it may hold a password.
            let shown = match bucket.contains(['@', ':', '?']) {
                true => "the given bucket".to_owned(),
                false => format!("{bucket:?}"),
            };
            return Err(Error::settings(format!(
                "{shown} is not the name of a bucket; use letters, digits, `-` and `.`"
            )));
        }
        if self.region.is_empty() || !self.region.bytes().all(legal) {
            return Err(Error::settings(format!(
                "{:?} is not a region; give one such as \"us-east-1\"",
                self.region
            )));
        }
        Ok(())
    }

    fn check_credentials(&self) -> Result<()> {
        let fields = [
            ("access_key", "AWS_ACCESS_KEY_ID", &self.access_key, true),
            ("secret_key", "AWS_SECRET_ACCESS_KEY", &self.secret_key, true),
            ("session_token", "AWS_SESSION_TOKEN", &self.session_token, false),
        ];
        if !self.has_keys() {
            return Ok(());
        }
        if self.credential_provider.is_some() {
            return Err(Error::settings(
                "access_key and credential_provider are both given; give one of them",
            ));
        }
        for (field, variable, value, needed) in fields {
            if needed && value.is_empty() {
                return Err(Error::settings(format!(
                    "{field} (for the command: {variable}) is empty, and other credentials are \
                    given; give both keys, or neither to use the usual AWS sources"
                )));
            }
            // They go into HTTP headers, and a line break at the end is a common mistake.
            if !value.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(Error::settings(format!(
                    "{field} (for the command: {variable}) holds a space, a line break or another \
                    character that no credential has; copy it again"
                )));
            }
        }
        Ok(())
    }

    fn check_times(&self) -> Result<()> {
        for (name, value) in [("connect_timeout", self.connect_timeout), ("timeout", self.timeout)]
        {
            if value.is_zero() {
                return Err(Error::settings(format!("{name} is 0; give a longer time")));
            }
        }
        Ok(())
    }
}

/// Shows whether a secret is set, and nothing more.
struct Hidden<'a>(&'a str);

impl fmt::Debug for Hidden<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(not set)" } else { "(hidden)" })
    }
}

/// The user's own data folder by the XDG rules, which ignore a relative `XDG_DATA_HOME`.
fn data_folder(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(data) = absolute("XDG_DATA_HOME") {
        return Ok(data.join("coldpress"));
    }
    if let Some(home) = absolute("HOME") {
        return Ok(home.join(".local/share/coldpress"));
    }
    Err(Error::settings(
        "neither XDG_DATA_HOME nor HOME names an absolute folder to keep data in; set local_dir",
    ))
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
