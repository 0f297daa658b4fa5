//! `POST /v1/grants`.

use axum::http::StatusCode;
use axum::response::Response;
use coldpress_core::{GrantRequest, GrantedWrite};

use super::answer::Asked;
use super::refusal::{Reason, Refusal, json_response};
use crate::ErrorKind;

/// Gives the grant that the body asks for. The tenant is the token's, and the key is computed here.
pub(super) async fn grant(asked: Asked) -> Result<Response, Refusal> {
    let Asked { server, bearer, body } = asked;
    let text = std::str::from_utf8(&body)
        .map_err(|_| Refusal::new(Reason::Malformed, "the body is not UTF-8; send JSON"))?;
    let request = GrantRequest::from_json(text).map_err(|error| {
        let key = error.kind() == coldpress_core::ErrorKind::Key;
        Refusal::new(if key { Reason::Key } else { Reason::Malformed }, error.to_string())
    })?;
    if !bearer.may_write(&request.collection) {
        let message =
            format!("the token does not let write into the collection {:?}", request.collection);
        return Err(Refusal::new(Reason::Forbidden, message));
    }
    if request.bytes == Some(0) {
        let message = "no Parquet file has 0 \"bytes\"; give the file's size, or leave it out";
        return Err(Refusal::new(Reason::Malformed, message));
    }
    let tenant_id = bearer.tenant_id();
    let limits = &server.settings.limits;
    let granted = server.storage.grant(tenant_id, &request, limits).await;
    let grant = granted.map_err(|error| match (error.kind(), &request.upload_id) {
        (ErrorKind::NotFound, Some(_)) => {
            let message =
                "there is no such upload any more; ask without \"upload_id\" and begin anew";
            Refusal::new(Reason::NotFound, message)
        }
        // The bucket itself: nothing a client could mend.
        (ErrorKind::NotFound, None) => Refusal::of(&crate::Error::settings(error.to_string())),
        _ => Refusal::of(&error),
    })?;
    server.metrics.granted(matches!(grant.write(), GrantedWrite::Multipart(_)));
    Ok(json_response(StatusCode::OK, grant.to_json()))
}
