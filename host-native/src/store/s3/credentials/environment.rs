//! Credentials of the environment variables.

use super::answer::{Found, Miss, failed};
use crate::credentials::{Credentials, Environment};
use crate::error::ErrorKind;

const KEY: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";

pub(super) fn fetch(environment: &Environment) -> Result<Found, Miss> {
    let (access_key, secret_key) = match (environment.get(KEY), environment.get(SECRET)) {
        (Some(access_key), Some(secret_key)) => (access_key, secret_key),
        (None, None) => return Err(Miss::Unset(format!("{KEY} is not set"))),
        (Some(_), None) => return Err(half(SECRET, KEY)),
        (None, Some(_)) => return Err(half(KEY, SECRET)),
    };
    let session_token = environment.get("AWS_SESSION_TOKEN").unwrap_or_default();
    let credentials = Credentials { access_key, secret_key, session_token, expires: None };
    match credentials.fault() {
        Some(fault) => {
            let message = format!("in the environment variables, {fault}; copy it again");
            Err(failed(ErrorKind::Settings, message))
        }
        None => Ok(Found { credentials, origin: "the environment variables".to_owned() }),
    }
}

fn half(missing: &str, given: &str) -> Miss {
    failed(
        ErrorKind::Settings,
        format!("{missing} is not set, but {given} is; set both, or neither"),
    )
}
