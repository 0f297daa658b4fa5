//! The JSON form of credentials: that of metadata services and of `credential_process`.

use std::time::{Duration, UNIX_EPOCH};

use coldpress_core::rfc3339_ms;
use serde_json::Value;

use super::answer::shown;
use crate::credentials::Credentials;

/// The credentials in this text; an error in words, without them, if it is another text. `token` is
/// the name of the session token: services and programs name it differently.
pub(super) fn read(text: &str, token: &str) -> Result<Credentials, String> {
    let document: Value =
        serde_json::from_str(text).map_err(|_| "the answer is not JSON".to_owned())?;
    let field = |name: &str| match document.get(name) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(value)) => Ok(value.clone()),
        Some(_) => Err(format!("{name} is not a text")),
    };
    // A service that has no credentials can say so with a code and a success.
    let code = field("Code")?;
    if !code.is_empty() && code != "Success" {
        return Err(format!("the answer says {:?}: {}", shown(&code), shown(&field("Message")?)));
    }
    let expires = match field("Expiration")? {
        text if text.is_empty() => None,
        text => Some(instant(&text).ok_or("Expiration is not an RFC 3339 time")?),
    };
    let credentials = Credentials {
        access_key: field("AccessKeyId")?,
        secret_key: field("SecretAccessKey")?,
        session_token: field(token)?,
        expires,
    };
    match credentials.fault() {
        Some(fault) => Err(fault),
        None => Ok(credentials),
    }
}

/// An RFC 3339 text as an instant.
pub(super) fn instant(text: &str) -> Option<std::time::SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(rfc3339_ms(text)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_services_and_of_programs_are_read() {
        let service = r#"{"Code":"Success","AccessKeyId":"AK","SecretAccessKey":"SK",
            "Token":"ST","Expiration":"1970-01-02T00:00:01Z"}"#;
        let found = read(service, "Token").unwrap();
        assert_eq!((found.access_key.as_str(), found.session_token.as_str()), ("AK", "ST"));
        let at = |seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        assert_eq!(found.expires, at(86_401));
        let program = r#"{"Version":1,"AccessKeyId":"AK","SecretAccessKey":"SK",
            "SessionToken":null,"Expiration":"1970-01-02T01:00:01.999999+01:00"}"#;
        let found = read(program, "SessionToken").unwrap();
        assert_eq!((found.session_token.as_str(), found.expires), ("", at(86_401)));
    }

    #[test]
    fn anything_else_is_refused_without_showing_a_secret() {
        for (text, part) in [
            ("SK-in-the-clear", "not JSON"),
            ("[]", "access key id is missing"),
            (r#"{"AccessKeyId":"AK"}"#, "secret access key is missing"),
            (r#"{"AccessKeyId":["SK-in-the-clear"]}"#, "not a text"),
            (r#"{"AccessKeyId":"AK","SecretAccessKey":"SK-in-the-clear\r\nx: y"}"#, "character"),
            (r#"{"AccessKeyId":"AK","SecretAccessKey":"SK","Expiration":"soon"}"#, "RFC 3339"),
            (r#"{"Code":"Fail\u001b","Message":"no\nrole"}"#, "no role"),
        ] {
            let error = read(text, "Token").unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
            assert!(!error.contains("in-the-clear") && !error.contains('\u{1b}'), "{error}");
        }
    }
}
