//! The sources of credentials, one after the other; and what to say if none has any.

use super::answer::{Found, Miss};
use super::sts::Sts;
use super::{container, environment, instance, profile, web_identity};
use crate::config::ColdStorageConfig;
use crate::credentials::{CredentialSource, Environment};
use crate::error::{Error, ErrorKind, Result};
use crate::store::secrets::Secrets;

/// The order of the usual AWS chain.
const ORDER: [CredentialSource; 5] = [
    CredentialSource::Environment,
    CredentialSource::Profile,
    CredentialSource::WebIdentity,
    CredentialSource::Container,
    CredentialSource::Instance,
];

/// What to do without credentials.
const NEXT: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (access_key and secret_key of \
    the configuration), or export the credentials of a profile, also of one that signs in by SSO: \
    eval \"$(aws configure export-credentials --format env)\"";

/// What to do if only a profile is asked, so that keys of the environment would change nothing.
const NEXT_OF_PROFILE: &str = "correct the profile, or choose another profile or \
    credential_source (for the command: --profile, --credentials)";

/// The same for any other source that is asked alone.
const NEXT_OF_SOURCE: &str = "set this source up, or choose another credential_source (for the \
    command: --credentials)";

/// What else to do where a profile that was named wants its credentials exported.
const EXPORTED: &str = "; exported keys count only if no profile is named (for the command: leave \
    out --profile and --credentials)";

/// The sources of one store.
#[derive(Debug)]
pub(super) struct Chain {
    environment: Environment,
    secrets: Secrets,
    source: CredentialSource,
    profile: String,
    region: String,
}

impl Chain {
    pub(super) fn new(config: &ColdStorageConfig, secrets: &Secrets) -> Self {
        // Who names a profile means it.
        let source = match (config.credential_source, config.profile.as_str()) {
            (CredentialSource::Auto, "") => CredentialSource::Auto,
            (CredentialSource::Auto, _) => CredentialSource::Profile,
            (source, _) => source,
        };
        Chain {
            environment: config.environment.clone(),
            secrets: secrets.clone(),
            source,
            profile: config.profile.clone(),
            region: config.region.clone(),
        }
    }

    /// The credentials of the first source that is set up.
    pub(super) async fn fetch(&self) -> Result<Found> {
        let sources = match &self.source {
            CredentialSource::Auto => &ORDER[..],
            pinned => std::slice::from_ref(pinned),
        };
        let mut tried = Vec::new();
        for source in sources {
            match self.ask(*source).await {
                Ok(found) => return Ok(found),
                Err(Miss::Unset(why)) => tried.push(format!("{source} ({why})")),
                Err(Miss::Failed(why)) => return Err(self.broken(*source, &why, &tried)),
            }
        }
        let tried = tried.join(", ");
        let next = self.next();
        let message = format!("there are no credentials for the store; tried: {tried}; {next}");
        Err(Error::settings(message))
    }

    async fn ask(&self, source: CredentialSource) -> std::result::Result<Found, Miss> {
        let sts =
            Sts { environment: &self.environment, secrets: &self.secrets, region: &self.region };
        match source {
            CredentialSource::Environment => environment::fetch(&self.environment),
            CredentialSource::Profile => profile::fetch(&sts, &self.profile).await,
            CredentialSource::WebIdentity => web_identity::fetch(&sts).await,
            CredentialSource::Container => container::fetch(&self.environment, &self.secrets).await,
            CredentialSource::Instance => {
                let is_certain = self.source == CredentialSource::Instance;
                instance::fetch(&self.environment, &self.secrets, is_certain).await
            }
            CredentialSource::Auto => Err(Miss::Unset(String::new())),
        }
    }

    /// What to do: only what the asked sources would see.
    fn next(&self) -> &'static str {
        match self.source {
            CredentialSource::Auto | CredentialSource::Environment => NEXT,
            CredentialSource::Profile => NEXT_OF_PROFILE,
            _ => NEXT_OF_SOURCE,
        }
    }

    /// The error of a source that is set up and failed.
    fn broken(&self, source: CredentialSource, why: &Error, tried: &[String]) -> Error {
        let before = match tried.is_empty() {
            true => String::new(),
            false => format!(", tried before: {}", tried.join(", ")),
        };
        let next = match why.kind() {
            ErrorKind::Unavailable => "; try again".to_owned(),
            // It says already what to do.
            _ if why.message().contains("export-credentials") => match self.source {
                CredentialSource::Profile => EXPORTED.to_owned(),
                _ => String::new(),
            },
            _ => format!("; {}", self.next()),
        };
        let why_not = why.message();
        let message = format!("no credentials from the source {source}: {why_not}{before}{next}");
        Error::new(why.kind(), message)
    }
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
