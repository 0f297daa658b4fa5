//! `POST /v1/scans`: grants to read the files of a collection.

use axum::http::StatusCode;
use axum::response::Response;
use coldpress::ErrorKind;
use coldpress_core::ReadGrantRequest;

use super::answer::Asked;
use super::refusal::{Reason, Refusal, json_response};
use super::waiting::turn;

/// Makes one page of the read grants that the body asks for. The tenant is the token's.
pub(super) async fn scan(asked: Asked) -> Result<Response, Refusal> {
    let Asked { server, bearer, body } = asked;
    let text = std::str::from_utf8(&body)
        .map_err(|_| Refusal::new(Reason::Malformed, "the body is not UTF-8; send JSON"))?;
    let request = ReadGrantRequest::from_json(text).map_err(|error| {
        let key = error.kind() == coldpress_core::ErrorKind::Key;
        Refusal::new(if key { Reason::Key } else { Reason::Malformed }, error.to_string())
    })?;
    drop(body);
    if !bearer.may_read(&request.collection) {
        let message = format!(
            "the token may not read the collection {:?}; ask the operator for one that may read \
             this one (`coldpress token --may read`)",
            request.collection
        );
        return Err(Refusal::new(Reason::Forbidden, message));
    }
    let page = {
        let _turn = turn(&server.listings, &bearer).await?;
        let limits = &server.settings.limits;
        server.storage.grant_scan(bearer.tenant_id(), &request, limits).await
    };
    let page = page.map_err(|error| match error.kind() {
        // The bucket is missing. A client can do nothing about that.
        ErrorKind::NotFound => Refusal::of(&coldpress::Error::settings(error.to_string())),
        _ => Refusal::of(&error),
    })?;
    server.metrics.scanned(page.files().len());
    Ok(json_response(StatusCode::OK, page.to_json()))
}
