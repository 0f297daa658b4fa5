//! Credentials of an EC2 instance's role, by its metadata service. Only version 2 is asked: version
//! 1 lends credentials to any program that can be tricked into a GET.

use std::time::Duration;

use coldpress_core::Method;

use super::answer::{Found, Miss, Question, ask, failed, is_absent, is_success, kind_of, shown};
use super::document;
use crate::credentials::Environment;
use crate::error::ErrorKind;
use crate::store::secrets::Secrets;
use crate::transport::Transport;

/// Most machines are no instances, and there the address may swallow all packets.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(2);
/// How long a service that answers is asked again.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the token of the service is valid.
const TOKEN_SECONDS: &str = "300";

const ROLES: &str = "latest/meta-data/iam/security-credentials";

/// `is_certain`: whether this is known to be an instance, so that a service that does not answer is
/// asked again.
pub(super) async fn fetch(
    environment: &Environment,
    secrets: &Secrets,
    is_certain: bool,
) -> Result<Found, Miss> {
    let disabled = environment.get("AWS_EC2_METADATA_DISABLED");
    if disabled.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Err(Miss::Unset("AWS_EC2_METADATA_DISABLED is true".to_owned()));
    }
    let endpoint = endpoint(environment);
    let transport =
        Transport::for_credentials(CONNECT_TIMEOUT, TIMEOUT, false).map_err(Miss::Failed)?;
    let patience = if is_certain { PATIENCE } else { Duration::ZERO };
    let token = token(&transport, &endpoint, patience).await?;
    secrets.add(&token);
    let header = [("x-aws-ec2-metadata-token".to_owned(), token)];
    let role = get(&transport, &format!("{endpoint}/{ROLES}/"), &header).await?;
    let role = role.lines().next().unwrap_or_default().trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    if role.is_empty() || role.len() > 128 || !role.chars().all(is_name) {
        let message = format!("{endpoint} names no role: {:?}", shown(role));
        return Err(failed(ErrorKind::Unavailable, message));
    }
    let document = get(&transport, &format!("{endpoint}/{ROLES}/{role}"), &header).await?;
    let credentials = document::read(&document, "Token").map_err(|why| {
        failed(ErrorKind::Unavailable, format!("{endpoint}, for the role {role}: {why}"))
    })?;
    Ok(Found { credentials, origin: format!("the instance role {role}") })
}

fn endpoint(environment: &Environment) -> String {
    let given = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    let endpoint = given.unwrap_or_else(|| {
        let mode = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
        match mode.is_some_and(|mode| mode.eq_ignore_ascii_case("ipv6")) {
            true => "http://[fd00:ec2::254]".to_owned(),
            false => "http://169.254.169.254".to_owned(),
        }
    });
    endpoint.trim_end_matches('/').to_owned()
}

async fn token(transport: &Transport, endpoint: &str, patience: Duration) -> Result<String, Miss> {
    let url = format!("{endpoint}/latest/api/token");
    let ttl = [("x-aws-ec2-metadata-token-ttl-seconds".to_owned(), TOKEN_SECONDS.to_owned())];
    let question =
        Question { method: Method::Put, url: &url, headers: &ttl, body: String::new(), patience };
    let answer = ask(transport, &question)
        .await
        .map_err(|why| Miss::Unset(format!("no answer from {endpoint} ({})", shown(&why))))?;
    if !is_success(&answer) {
        let status = answer.status;
        return Err(Miss::Unset(format!("{endpoint} gives no token for IMDSv2 (status {status})")));
    }
    let token = answer.body.trim();
    match !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()) {
        true => Ok(token.to_owned()),
        false => Err(Miss::Unset(format!("what {endpoint} gives is no token for IMDSv2"))),
    }
}

async fn get(
    transport: &Transport,
    url: &str,
    headers: &[(String, String)],
) -> Result<String, Miss> {
    let question =
        Question { method: Method::Get, url, headers, body: String::new(), patience: PATIENCE };
    let answer = ask(transport, &question).await.map_err(|why| {
        failed(ErrorKind::Unavailable, format!("no answer from {url} ({})", shown(&why)))
    })?;
    if is_success(&answer) {
        return Ok(answer.body);
    }
    if is_absent(&answer) {
        return Err(Miss::Unset("this instance has no role".to_owned()));
    }
    let status = answer.status;
    Err(failed(kind_of(&answer), format!("{url} answered with status {status}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_the_variables_or_the_usual_one() {
        let of = |variables: &'static [(&str, &str)]| {
            endpoint(&Environment::new(move |name| {
                let found = variables.iter().find(|(n, _)| *n == name);
                found.map(|(_, value)| (*value).to_owned())
            }))
        };
        assert_eq!(of(&[]), "http://169.254.169.254");
        let mode = &[("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6")];
        assert_eq!(of(mode), "http://[fd00:ec2::254]");
        assert_eq!(of(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://h:1/")]), "http://h:1");
    }
}
