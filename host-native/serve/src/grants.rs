//! `POST /v1/grants`.

use axum::http::StatusCode;
use axum::response::Response;
use coldpress::ErrorKind;
use coldpress_core::{GrantRequest, GrantedWrite};

use super::answer::Asked;
use super::refusal::{Reason, Refusal, json_response};

/// Makes the grant that the body asks for. The tenant is the token's. The key is computed here.
pub(super) async fn grant(asked: Asked) -> Result<Response, Refusal> {
    let Asked { server, bearer, body } = asked;
    let text = std::str::from_utf8(&body)
        .map_err(|_| Refusal::new(Reason::Malformed, "the body is not UTF-8; send JSON"))?;
    let request = GrantRequest::from_json(text).map_err(|error| {
        let key = error.kind() == coldpress_core::ErrorKind::Key;
        Refusal::new(if key { Reason::Key } else { Reason::Malformed }, error.to_string())
    })?;
    if !bearer.may_write(&request.collection) {
        let message = format!(
            "the token may not write to the collection {:?}; ask the operator for one that may",
            request.collection
        );
        return Err(Refusal::new(Reason::Forbidden, message));
    }
    if request.bytes == Some(0) {
        let message =
            "no Parquet file has 0 bytes; give the file's size as \"bytes\", or leave it out";
        return Err(Refusal::new(Reason::Malformed, message));
    }
    let tenant_id = bearer.tenant_id();
    let limits = &server.settings.limits;
    let granted = server.storage.grant(tenant_id, &request, limits).await;
    let grant = granted.map_err(|error| match (error.kind(), &request.upload_id) {
        (ErrorKind::NotFound, Some(_)) => {
            let message =
                "the upload does not exist any more; ask again without \"upload_id\" for a new one";
            Refusal::new(Reason::NotFound, message)
        }
        // The bucket is missing. A client can do nothing about that.
        (ErrorKind::NotFound, None) => Refusal::of(&coldpress::Error::settings(error.to_string())),
        _ => Refusal::of(&error),
    })?;
    server.metrics.granted(matches!(grant.write(), GrantedWrite::Multipart(_)));
    Ok(json_response(StatusCode::OK, grant.to_json()))
}
