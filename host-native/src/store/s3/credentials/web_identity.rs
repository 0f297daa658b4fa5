//! Credentials for a role, in return for a token of another service, such as a Kubernetes service
//! account's.

use super::answer::{Found, Miss, failed, read_file};
use super::sts::{Role, Sts};
use crate::error::ErrorKind;

const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const ROLE: &str = "AWS_ROLE_ARN";

pub(super) async fn fetch(sts: &Sts<'_>) -> Result<Found, Miss> {
    let environment = sts.environment;
    let Some(file) = environment.get(TOKEN_FILE) else {
        return Err(Miss::Unset(format!("{TOKEN_FILE} is not set")));
    };
    let Some(arn) = environment.get(ROLE) else {
        let message = format!("{TOKEN_FILE} is set, but {ROLE} is not; set both");
        return Err(failed(ErrorKind::Settings, message));
    };
    let role =
        Role { arn, session_name: environment.get("AWS_ROLE_SESSION_NAME"), ..Role::default() };
    assume(sts, &role, &file).await
}

/// The credentials of the role for the token in this file. The file is read each time, because its
/// token is replaced while this program runs.
pub(super) async fn assume(sts: &Sts<'_>, role: &Role, file: &str) -> Result<Found, Miss> {
    let path = sts.environment.path(file);
    let token = match read_file(&path).await {
        Ok(Some(token)) => token.trim().to_owned(),
        Ok(None) => {
            let message = format!("the token file {} does not exist", path.display());
            return Err(failed(ErrorKind::Settings, message));
        }
        Err(why) => return Err(failed(ErrorKind::Settings, why)),
    };
    sts.secrets.add(&token);
    let credentials = sts.assume_with_token(role, &token).await?;
    Ok(Found { credentials, origin: format!("the role {} (web identity)", role.arn) })
}
