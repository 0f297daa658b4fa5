//! Credentials of a container: the service of an ECS task, or of EKS Pod Identity.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use coldpress_core::Method;
use url::{Host, Url};

use super::answer::{Found, Miss, Question, ask, failed, is_success, kind_of, read_file, shown};
use super::document;
use crate::credentials::Environment;
use crate::error::ErrorKind;
use crate::store::secrets::Secrets;
use crate::transport::Transport;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(3);

const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// The service of ECS.
const ECS: &str = "http://169.254.170.2";
/// Those that may be asked without encryption: ECS, and EKS Pod Identity.
const LINK_LOCAL: [IpAddr; 3] = [
    IpAddr::V4(std::net::Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(std::net::Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
];

pub(super) async fn fetch(environment: &Environment, secrets: &Secrets) -> Result<Found, Miss> {
    fetch_from(environment, secrets, ECS).await
}

async fn fetch_from(
    environment: &Environment,
    secrets: &Secrets,
    ecs: &str,
) -> Result<Found, Miss> {
    let (relative, full) = (environment.get(RELATIVE), environment.get(FULL));
    let url = match (relative, full) {
        (Some(path), _) if path.starts_with('/') => format!("{ecs}{path}"),
        (Some(_), _) => {
            let message = format!("{RELATIVE} does not begin with a slash; correct it");
            return Err(failed(ErrorKind::Settings, message));
        }
        (None, Some(url)) => allowed(&url)?,
        (None, None) => {
            return Err(Miss::Unset(format!("neither {RELATIVE} nor {FULL} is set")));
        }
    };
    let headers = match token(environment).await? {
        None => Vec::new(),
        Some(token) => {
            secrets.add(&token);
            vec![("authorization".to_owned(), token)]
        }
    };
    let transport =
        Transport::for_credentials(CONNECT_TIMEOUT, TIMEOUT, false).map_err(Miss::Failed)?;
    let question = Question {
        method: Method::Get,
        url: &url,
        headers: &headers,
        body: String::new(),
        patience: PATIENCE,
    };
    let answer = ask(&transport, &question).await.map_err(|why| {
        let message = format!("no answer from {} ({})", host_of(&url), shown(&why));
        failed(ErrorKind::Unavailable, message)
    })?;
    if !is_success(&answer) {
        let message = format!("{} answered with status {}", host_of(&url), answer.status);
        return Err(failed(kind_of(&answer), message));
    }
    let credentials = document::read(&answer.body, "Token")
        .map_err(|why| failed(ErrorKind::Unavailable, format!("{}: {why}", host_of(&url))))?;
    Ok(Found { credentials, origin: format!("the container ({})", host_of(&url)) })
}

/// The URL, if credentials may come from it: with encryption from any host, without it only from
/// this machine.
fn allowed(text: &str) -> Result<String, Miss> {
    let refused = |why: &str| failed(ErrorKind::Settings, format!("{FULL} {why}; correct it"));
    let url = Url::parse(text).map_err(|_| refused("is not a URL"))?;
    let address = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        _ => None,
    };
    let is_local = url.host_str() == Some("localhost")
        || address.is_some_and(|ip| ip.is_loopback() || LINK_LOCAL.contains(&ip));
    match url.scheme() {
        "https" => Ok(url.into()),
        "http" if is_local => Ok(url.into()),
        "http" => Err(refused("is not encrypted, and names another machine than this one")),
        _ => Err(refused("is neither an http nor an https URL")),
    }
}

/// Scheme, host and port; the path may be a secret.
fn host_of(url: &str) -> String {
    Url::parse(url).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

async fn token(environment: &Environment) -> Result<Option<String>, Miss> {
    let token = match environment.get(TOKEN_FILE) {
        // The file is read each time, because its token is replaced while this program runs.
        Some(path) => match read_file(&environment.path(&path)).await {
            Ok(Some(text)) => text.trim_end().to_owned(),
            Ok(None) => {
                let message = format!("{path}, which {TOKEN_FILE} names, does not exist");
                return Err(failed(ErrorKind::Settings, message));
            }
            Err(why) => return Err(failed(ErrorKind::Settings, why)),
        },
        None => match environment.get(TOKEN) {
            Some(token) => token,
            None => return Ok(None),
        },
    };
    match token.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        true => Ok(Some(token)),
        false => {
            let message = "the authorization token of the container has a character that no token \
                has";
            Err(failed(ErrorKind::Settings, message))
        }
    }
}

#[cfg(test)]
#[path = "container_tests.rs"]
mod tests;
