//! Credentials of an S3 store: their values, where they may come from, and providers of the
//! caller's own.

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::future::BoxFuture;

use crate::error::Result;

/// The longest key or secret, in bytes. Those of AWS have at most 128.
const KEY_BYTES_MAX: usize = 1_024;
/// The longest session token, in bytes. Tokens go into headers, and servers refuse longer ones.
const TOKEN_BYTES_MAX: usize = 16 << 10;

/// Credentials of an S3 store. `Debug` shows none of them.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Credentials {
    /// The access key id.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: String,
    /// The session token of temporary credentials, or empty.
    pub session_token: String,
    /// When they expire; `None` if they do not.
    pub expires: Option<SystemTime>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("expires", &self.expires).finish_non_exhaustive()
    }
}

impl Credentials {
    /// What is wrong with them, if anything. They go into HTTP headers.
    pub(crate) fn fault(&self) -> Option<String> {
        let fields = [
            ("access key id", &self.access_key, KEY_BYTES_MAX, true),
            ("secret access key", &self.secret_key, KEY_BYTES_MAX, true),
            ("session token", &self.session_token, TOKEN_BYTES_MAX, false),
        ];
        fields.into_iter().find_map(|(name, value, bytes_max, is_needed)| {
            if is_needed && value.is_empty() {
                return Some(format!("the {name} is missing"));
            }
            if value.len() > bytes_max {
                return Some(format!("the {name} is longer than {bytes_max} bytes"));
            }
            let is_legal = value.bytes().all(|b| b.is_ascii_graphic());
            (!is_legal).then(|| format!("the {name} has a character that no credential has"))
        })
    }
}

/// Where the credentials of an S3 store come from if the configuration holds no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum CredentialSource {
    /// The usual AWS chain: each source below, in this order, until one is set up. If that one
    /// fails, the others are not asked, because they may belong to somebody else.
    #[default]
    Auto,
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`.
    Environment,
    /// A profile of `~/.aws/credentials` and `~/.aws/config`: keys, `credential_process`, or a role.
    Profile,
    /// A token file, such as that of a Kubernetes service account: `AWS_WEB_IDENTITY_TOKEN_FILE` and
    /// `AWS_ROLE_ARN`.
    WebIdentity,
    /// The service of an ECS task or of EKS Pod Identity: `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`
    /// or `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    Container,
    /// The role of an EC2 instance, by version 2 of its metadata service (IMDSv2).
    Instance,
}

impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CredentialSource::Auto => "the usual AWS chain",
            CredentialSource::Environment => "environment",
            CredentialSource::Profile => "profile",
            CredentialSource::WebIdentity => "web identity",
            CredentialSource::Container => "container",
            CredentialSource::Instance => "instance role",
        })
    }
}

/// A caller's own source of credentials.
///
/// It is asked when the store needs credentials and has none, when those that it gave are about to
/// expire, and when the store says that they have expired. It is never asked twice at once.
///
/// ```
/// use coldpress::{ColdStorageConfig, CredentialProvider, Credentials};
///
/// let provider = CredentialProvider::new(|| async {
///     Ok(Credentials {
///         access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
///         secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
///         ..Credentials::default()
///     })
/// });
/// let config =
///     ColdStorageConfig { credential_provider: Some(provider), ..ColdStorageConfig::default() };
/// ```
#[derive(Clone)]
pub struct CredentialProvider(
    Arc<dyn Fn() -> BoxFuture<'static, Result<Credentials>> + Send + Sync>,
);

impl CredentialProvider {
    /// A provider that calls `fetch`. An error of it must hold no secret
    /// ([`Error::new`](crate::Error::new) makes one). A call may take a minute.
    pub fn new<F>(fetch: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Credentials>> + Send + 'static,
    {
        CredentialProvider(Arc::new(move || Box::pin(fetch())))
    }

    pub(crate) async fn fetch(&self) -> Result<Credentials> {
        (self.0)().await
    }
}

impl fmt::Debug for CredentialProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialProvider")
    }
}

/// The environment variables that say where credentials are. Default: those of this process.
///
/// A program can give its own, so that it does not depend on the process that it runs in:
///
/// ```
/// use coldpress::{ColdStorageConfig, Environment};
///
/// let environment = Environment::new(|name| match name {
///     "AWS_SHARED_CREDENTIALS_FILE" => Some("/etc/app/credentials".to_owned()),
///     _ => None,
/// });
/// let config = ColdStorageConfig { environment, ..ColdStorageConfig::default() };
/// ```
#[derive(Clone)]
pub struct Environment(Arc<Lookup>);

/// The value of the variable of this name.
type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    /// The variables that `value` knows; it gets their names.
    pub fn new(value: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Environment(Arc::new(value))
    }

    /// The value of a variable, if it is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// A path, whose `~` at the beginning is the user's home.
    pub(crate) fn path(&self, text: &str) -> PathBuf {
        match (text.strip_prefix("~/"), self.home()) {
            (Some(rest), Some(home)) => Path::new(&home).join(rest),
            _ => PathBuf::from(text),
        }
    }

    pub(crate) fn home(&self) -> Option<String> {
        self.get("HOME").or_else(|| self.get("USERPROFILE"))
    }
}

impl Default for Environment {
    fn default() -> Self {
        Environment::new(|name| std::env::var(name).ok())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Credentials {
        Credentials {
            access_key: "AK-in-the-clear".to_owned(),
            secret_key: "SK-in-the-clear".to_owned(),
            session_token: "ST-in-the-clear".to_owned(),
            expires: None,
        }
    }

    #[test]
    fn what_cannot_go_into_a_header_is_refused_and_not_shown() {
        assert_eq!(good().fault(), None);
        assert_eq!(Credentials { session_token: String::new(), ..good() }.fault(), None);
        let bad = [
            Credentials { access_key: String::new(), ..good() },
            Credentials { secret_key: String::new(), ..good() },
            Credentials { secret_key: "SK-in-the-clear\r\nx: y".to_owned(), ..good() },
            Credentials { access_key: "AK-in-the-clear é".to_owned(), ..good() },
            Credentials { session_token: "x".repeat(TOKEN_BYTES_MAX + 1), ..good() },
        ];
        for credentials in bad {
            let fault = credentials.fault().unwrap();
            assert!(!fault.contains("in-the-clear"), "{fault}");
            assert!(!format!("{credentials:?}").contains("in-the-clear"), "{credentials:?}");
        }
    }
}
