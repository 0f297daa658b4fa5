//! What the user's AWS configuration says of region and endpoint.

use super::profile;
use crate::config::ColdStorageConfig;
use crate::error::{Error, Result};

/// What the environment and the profile say, as every tool of AWS reads them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsDefaults {
    /// `AWS_REGION`, else `AWS_DEFAULT_REGION`, else `region` of the profile.
    pub region: Option<String>,
    /// `AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL`, else `endpoint_url` of the profile.
    pub endpoint: Option<String>,
}

impl ColdStorageConfig {
    /// The region and the endpoint that this configuration's `environment` and `profile` name. The
    /// configuration itself does not use them; a program may.
    ///
    /// Reads the two files of AWS on this thread, unless both variables are set. A file that cannot
    /// be read is an error of kind `Settings`.
    pub fn aws_defaults(&self) -> Result<AwsDefaults> {
        let first =
            |names: [&str; 2]| names.into_iter().find_map(|name| self.environment.get(name));
        let region = first(["AWS_REGION", "AWS_DEFAULT_REGION"]);
        let endpoint = first(["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]);
        if region.is_some() && endpoint.is_some() {
            return Ok(AwsDefaults { region, endpoint });
        }
        let profiles = profile::load(&self.environment)
            .map_err(|why| Error::settings(format!("{why}; correct the file")))?;
        let (name, _) = profile::chosen(&self.environment, &self.profile);
        let of_profile = |setting: &str| {
            let value = profiles.get(&name)?.get(setting)?;
            Some(value.clone()).filter(|value| !value.is_empty())
        };
        Ok(AwsDefaults {
            region: region.or_else(|| of_profile("region")),
            endpoint: endpoint.or_else(|| of_profile("endpoint_url")),
        })
    }
}
