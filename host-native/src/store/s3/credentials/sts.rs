//! Roles, by AWS's Security Token Service.

use std::time::Duration;

use coldpress_core::Method;
use http::Request;
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{HttpRequest, HttpRequestBody};
use url::{Host, Url, form_urlencoded};

use super::answer::{Miss, Question, ask, failed, is_success, kind_of, shown};
use super::document::instant;
use crate::credentials::{Credentials, Environment};
use crate::error::ErrorKind;
use crate::store::s3::xml::{element, unescaped};
use crate::store::secrets::Secrets;
use crate::transport::{HttpAnswer, Transport};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const TIMEOUT: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(5);

const ENDPOINT: &str = "AWS_ENDPOINT_URL_STS";
/// The form of the requests and answers.
const VERSION: &str = "2011-06-15";

/// A role to assume.
#[derive(Debug, Clone, Default)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) session_name: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) duration_seconds: Option<String>,
}

/// The service, as one store asks it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sts<'c> {
    pub(super) environment: &'c Environment,
    pub(super) secrets: &'c Secrets,
    /// The region of the store.
    pub(super) region: &'c str,
}

impl Sts<'_> {
    /// The role's credentials for a token of another service. Nothing signs the request.
    pub(super) async fn assume_with_token(
        &self,
        role: &Role,
        token: &str,
    ) -> Result<Credentials, Miss> {
        let form = form("AssumeRoleWithWebIdentity", role, &[("WebIdentityToken", token)]);
        self.ask(role, form, None).await
    }

    /// The role's credentials for other credentials.
    pub(super) async fn assume(
        &self,
        role: &Role,
        signed_by: &Credentials,
    ) -> Result<Credentials, Miss> {
        let external: Vec<(&str, &str)> =
            role.external_id.iter().map(|id| ("ExternalId", id.as_str())).collect();
        self.ask(role, form("AssumeRole", role, &external), Some(signed_by)).await
    }

    async fn ask(
        &self,
        role: &Role,
        form: String,
        signed_by: Option<&Credentials>,
    ) -> Result<Credentials, Miss> {
        let endpoint = self.endpoint()?;
        // In the body: a query would be written into the logs of proxies.
        let mut headers =
            vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
        if let Some(credentials) = signed_by {
            headers = signed(&endpoint, self.region(), &form, &headers, credentials)?;
        }
        let transport =
            Transport::for_credentials(CONNECT_TIMEOUT, TIMEOUT, true).map_err(Miss::Failed)?;
        let question = Question {
            method: Method::Post,
            url: endpoint.as_str(),
            headers: &headers,
            body: form,
            patience: PATIENCE,
        };
        let (host, arn) = (endpoint.origin().ascii_serialization(), &role.arn);
        let answer = ask(&transport, &question).await.map_err(|why| {
            let message = format!("no answer from {host} for the role {arn} ({})", shown(&why));
            failed(ErrorKind::Unavailable, message)
        })?;
        if !is_success(&answer) {
            let message = format!("{host} refused the role {arn}: {}", said(&answer));
            return Err(failed(kind_of(&answer), message));
        }
        read(&answer.body).map_err(|why| {
            failed(ErrorKind::Unavailable, format!("{host}, for the role {arn}: {why}"))
        })
    }

    fn endpoint(&self) -> Result<Url, Miss> {
        let given = self.environment.get(ENDPOINT);
        let text = given.unwrap_or_else(|| {
            let region = self.region();
            let china = if region.starts_with("cn-") { ".cn" } else { "" };
            format!("https://sts.{region}.amazonaws.com{china}")
        });
        let refused = |why: &str| failed(ErrorKind::Settings, format!("{ENDPOINT} {why}"));
        let url = Url::parse(&text).map_err(|_| refused("is not a URL; correct it"))?;
        let is_here = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => return Err(refused("has no host; correct it")),
        };
        match url.scheme() {
            "https" => Ok(url),
            "http" if is_here => Ok(url),
            _ => Err(refused("is not encrypted; use https://")),
        }
    }

    /// A region of AWS: stores of others have names such as `auto`.
    fn region(&self) -> &str {
        match self.region.contains('-') {
            true => self.region,
            false => "us-east-1",
        }
    }
}

fn form(action: &str, role: &Role, more: &[(&str, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action).append_pair("Version", VERSION);
    form.append_pair("RoleArn", &role.arn);
    form.append_pair("RoleSessionName", role.session_name.as_deref().unwrap_or("coldpress"));
    if let Some(seconds) = &role.duration_seconds {
        form.append_pair("DurationSeconds", seconds);
    }
    for (name, value) in more {
        form.append_pair(name, value);
    }
    form.finish()
}

/// The headers with those of a signature.
fn signed(
    endpoint: &Url,
    region: &str,
    form: &str,
    headers: &[(String, String)],
    credentials: &Credentials,
) -> Result<Vec<(String, String)>, Miss> {
    let mut request = Request::builder().method("POST").uri(endpoint.as_str());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut request: HttpRequest =
        request.body(HttpRequestBody::from(form.to_owned())).map_err(|error| {
            failed(ErrorKind::Settings, format!("{ENDPOINT} cannot be used: {error}"))
        })?;
    let token = Some(credentials.session_token.clone()).filter(|token| !token.is_empty());
    let credential = AwsCredential {
        key_id: credentials.access_key.clone(),
        secret_key: credentials.secret_key.clone(),
        token,
    };
    AwsAuthorizer::new(&credential, "sts", region).authorize(&mut request, None);
    let headers = request.headers().iter().filter(|(name, _)| name.as_str() != "host");
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Ok(headers.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect())
}

/// The credentials in an answer.
fn read(body: &str) -> Result<Credentials, String> {
    let found = element(body, "Credentials").is_some();
    let text = |name| element(body, name).map(unescaped).unwrap_or_default().trim().to_owned();
    if !found {
        return Err("the answer holds no credentials".to_owned());
    }
    let expires = instant(&text("Expiration")).ok_or("Expiration is not an RFC 3339 time")?;
    let credentials = Credentials {
        access_key: text("AccessKeyId"),
        secret_key: text("SecretAccessKey"),
        session_token: text("SessionToken"),
        expires: Some(expires),
    };
    match credentials.fault() {
        Some(fault) => Err(fault),
        None => Ok(credentials),
    }
}

/// What an answer that is no success says.
fn said(answer: &HttpAnswer) -> String {
    let text = |name| element(&answer.body, name).map(unescaped).unwrap_or_default();
    shown(&format!("status {} {} {}", answer.status, text("Code"), text("Message")))
}
