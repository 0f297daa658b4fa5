//! The JSON form of one signed request in a grant.

use std::collections::BTreeMap;

use serde::Serialize;

use super::fields::Fields;
use super::request::{Method, SignedRequest};
use crate::{Error, Result};

/// Reads a request. The grant itself checks that it has the right method.
pub(super) fn read_request(fields: &Fields<'_>) -> Result<SignedRequest> {
    let method = match fields.text("method")? {
        "PUT" => Method::Put,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "DELETE" => Method::Delete,
        "GET" => Method::Get,
        other => {
            return Err(fields.error(format_args!(
                "has the \"method\" {:?}; grants use GET, PUT, HEAD, POST and DELETE",
                other.chars().take(20).collect::<String>()
            )));
        }
    };
    let (url, headers) = (fields.text("url")?, fields.texts("headers")?);
    SignedRequest::new(method, url, headers)
        .map_err(|error| Error::settings(format!("{} {error}", fields.place())))
}

/// A request as it is written.
#[derive(Serialize)]
pub(super) struct WrittenRequest<'a> {
    method: &'static str,
    url: &'a str,
    headers: BTreeMap<&'a str, &'a str>,
}

pub(super) fn written(request: &SignedRequest) -> WrittenRequest<'_> {
    WrittenRequest {
        method: request.method().as_str(),
        url: request.url(),
        headers: request.headers().iter().map(|(n, v)| (n.as_str(), v.as_str())).collect(),
    }
}
