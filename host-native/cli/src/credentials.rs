//! Where the credentials of an S3 store come from, from the arguments and the environment.

use std::env;

use clap::Args;
use clap::builder::PossibleValue;
use coldpress::{ColdStorageConfig, CredentialSource};

use super::failure::Failure;

const KEY: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";

/// Options of the credentials. The same for every subcommand.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Store")]
pub struct CredentialArgs {
    /// Where S3 credentials come from. `auto` asks these sources in this order, and takes the first
    /// that is set up [default: auto]
    #[arg(long = "credentials", global = true, value_name = "SOURCE")]
    source: Option<Source>,
    /// The profile of the AWS configuration files that gives credentials, region and endpoint
    /// [default: AWS_PROFILE, else default]
    #[arg(long, global = true, value_name = "NAME")]
    profile: Option<String>,
}

/// A source, by its name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Source(CredentialSource);

impl clap::ValueEnum for Source {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Source(CredentialSource::Auto),
            Source(CredentialSource::Environment),
            Source(CredentialSource::Profile),
            Source(CredentialSource::WebIdentity),
            Source(CredentialSource::Container),
            Source(CredentialSource::Instance),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self.0 {
            CredentialSource::Auto => "auto",
            CredentialSource::Environment => "env",
            CredentialSource::Profile => "profile",
            CredentialSource::WebIdentity => "web-identity",
            CredentialSource::Container => "container",
            CredentialSource::Instance => "instance",
            _ => return None,
        }))
    }
}

impl CredentialArgs {
    /// The options that were given.
    pub fn given(&self) -> [(&'static str, bool); 2] {
        [("--credentials", self.source.is_some()), ("--profile", self.profile.is_some())]
    }

    /// The configuration with the source of credentials. Keys in the environment are taken at once,
    /// so that a faulty one is a wrong call.
    pub fn apply(&self, config: ColdStorageConfig) -> Result<ColdStorageConfig, Failure> {
        let source = self.source.map_or_else(CredentialSource::default, |source| source.0);
        let profile = self.profile.clone().unwrap_or_default();
        if self.profile.as_ref().is_some_and(String::is_empty) {
            return Err(Failure::usage("--profile is empty; give a name, or leave it out"));
        }
        let may_have_profile = matches!(source, CredentialSource::Auto | CredentialSource::Profile);
        if !profile.is_empty() && !may_have_profile {
            return Err(Failure::usage(
                "--profile names a source of credentials, and --credentials another one; give one \
                 of them",
            ));
        }
        let config = ColdStorageConfig { credential_source: source, profile, ..config };
        let asks_environment = config.profile.is_empty()
            && matches!(source, CredentialSource::Auto | CredentialSource::Environment);
        if !asks_environment {
            return Ok(config);
        }
        let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
        match (variable(KEY), variable(SECRET)) {
            (Some(access_key), Some(secret_key)) => Ok(ColdStorageConfig {
                access_key,
                secret_key,
                session_token: variable("AWS_SESSION_TOKEN").unwrap_or_default(),
                ..config
            }),
            (None, None) if source == CredentialSource::Auto => Ok(config),
            (given, _) => {
                let missing = if given.is_some() { SECRET } else { KEY };
                Err(Failure::usage(format_args!(
                    "{missing} is not set; set {KEY} and {SECRET} to use an s3:// store"
                )))
            }
        }
    }
}
