//! Requests of object_store whose credentials the store called expired: signed once more, with new
//! ones. object_store signs above our layer, and never twice.

use std::sync::Arc;

use http::header::{AUTHORIZATION, HOST};
use object_store::aws::AwsAuthorizer;
use object_store::client::HttpRequest;

use crate::error::Result;
use crate::store::s3::credentials::provider::{Provider, for_object_store};

const TOKEN: &str = "x-amz-security-token";

/// Signs requests anew.
#[derive(Debug, Clone)]
pub(crate) struct Renewal {
    pub(crate) credentials: Arc<Provider>,
    pub(crate) region: String,
}

impl Renewal {
    /// The same request, signed with other credentials; `None` if there are no others.
    pub(super) async fn signed_anew(&self, request: &HttpRequest) -> Result<Option<HttpRequest>> {
        let header = |name: &str| {
            request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
        };
        let Some((_, credential)) = header(AUTHORIZATION.as_str()).split_once("Credential=") else {
            return Ok(None);
        };
        let access_key = credential.split('/').next().unwrap_or_default();
        let Some(others) = self.credentials.instead_of(access_key, header(TOKEN)).await? else {
            return Ok(None);
        };
        let mut anew = request.clone();
        for name in [AUTHORIZATION.as_str(), HOST.as_str(), TOKEN] {
            anew.headers_mut().remove(name);
        }
        let credential = for_object_store(&others);
        AwsAuthorizer::new(&credential, "s3", &self.region).authorize(&mut anew, None);
        Ok(Some(anew))
    }
}
