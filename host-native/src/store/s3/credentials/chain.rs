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
                Err(Miss::Failed(why)) => return Err(broken(*source, &why, &tried)),
            }
        }
        let tried = tried.join(", ");
        let message = format!("there are no credentials for the store; tried: {tried}; {NEXT}");
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
}

/// The error of a source that is set up and failed.
fn broken(source: CredentialSource, why: &Error, tried: &[String]) -> Error {
    let before = match tried.is_empty() {
        true => String::new(),
        false => format!(", tried before: {}", tried.join(", ")),
    };
    let next = match why.kind() {
        ErrorKind::Unavailable => "try again",
        _ if why.message().contains("export-credentials") => {
            return Error::new(
                why.kind(),
                format!("no credentials from the source {source}: {}{before}", why.message()),
            );
        }
        _ => NEXT,
    };
    let message =
        format!("no credentials from the source {source}: {}{before}; {next}", why.message());
    Error::new(why.kind(), message)
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
