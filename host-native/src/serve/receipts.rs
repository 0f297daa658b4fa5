//! `POST /v1/receipts`: whether an object is there and is what its key says. Nothing of it is taken
//! from who asks: size, rows and LSNs are read from the store.

use axum::http::StatusCode;
use axum::response::Response;
use coldpress_core::{Footer, KeyTarget, LsnRange, ObjectKey, Sha256Digest};
use serde::Deserialize;
use serde_json::json;

use super::Inner;
use super::answer::Asked;
use super::refusal::{Reason, Refusal, json_response};
use super::tokens::Bearer;

/// What a client says it has stored.
#[derive(Debug, Deserialize)]
struct Receipt {
    key: String,
    bytes: Option<u64>,
    sha256: Option<String>,
}

/// What the key says of its object.
struct Named {
    tenant_id: u64,
    collection: String,
    lsns: LsnRange,
}

pub(super) async fn confirm(asked: Asked) -> Result<Response, Refusal> {
    let Asked { server, bearer, body } = asked;
    let receipt: Receipt = serde_json::from_slice(&body).map_err(|error| {
        let message =
            format!("the receipt is not JSON with \"key\", \"bytes\" and \"sha256\": {error}");
        Refusal::new(Reason::Malformed, message)
    })?;
    let sha256 = receipt.sha256.as_deref().map(Sha256Digest::from_hex).transpose();
    let sha256 =
        sha256.map_err(|error| Refusal::new(Reason::Malformed, format!("\"sha256\": {error}")))?;
    let named = named(&server, &bearer, &receipt.key)?;
    let Ok(_turn) = server.reads.acquire().await else {
        return Err(Refusal::new(Reason::Unavailable, "the server is about to end; try again"));
    };
    let stored = server.storage.read_footer(&receipt.key).await;
    let (footer, bytes) = stored.map_err(|error| Refusal::of(&error))?;
    if receipt.bytes.is_some_and(|said| said != bytes) {
        return Err(differs(format!(
            "the object has {bytes} bytes, not as many as the receipt says"
        )));
    }
    agree(&named, &footer)?;
    let checked = match sha256 {
        Some(said) => check_content(&server, &receipt.key, bytes, said).await?,
        None => false,
    };
    server.metrics.confirmed();
    let rows = footer.rows_count();
    tracing::info!(key = receipt.key, bytes, rows, token = bearer.name(), "confirmed");
    let answer = json!({
        "key": receipt.key,
        "bytes": bytes,
        "rows": rows,
        // Strings, as in the grant request: JavaScript would round large numbers.
        "min_lsn": footer.lsns().min().to_string(),
        "max_lsn": footer.lsns().max().to_string(),
        "columns": footer.schema().columns().len(),
        "sha256_checked": checked,
    });
    Ok(json_response(StatusCode::OK, answer.to_string()))
}

/// A key of the token's own tenant and collections, and no other.
fn named(server: &Inner, bearer: &Bearer, key: &str) -> Result<Named, Refusal> {
    let parsed = ObjectKey::parse(server.storage.prefix(), key)
        .map_err(|error| Refusal::new(Reason::Key, error.to_string()))?;
    match parsed.target() {
        KeyTarget::Data { tenant_id, collection, lsns }
            if *tenant_id == bearer.tenant_id() && bearer.may_write(collection) =>
        {
            Ok(Named { tenant_id: *tenant_id, collection: collection.clone(), lsns: *lsns })
        }
        _ => {
            let message = "the token has nothing to do with this key";
            Err(Refusal::new(Reason::Forbidden, message))
        }
    }
}

fn agree(named: &Named, footer: &Footer) -> Result<(), Refusal> {
    let there = (footer.tenant_id(), footer.collection(), footer.lsns());
    if there == (named.tenant_id, named.collection.as_str(), named.lsns) {
        return Ok(());
    }
    Err(differs(format!(
        "the file was made for tenant {}, collection {:?}, LSNs {}, and its key says otherwise; encode the rows for the grant's key",
        there.0, there.1, there.2
    )))
}

/// Compares the content's hash; false where the object is too large to be read again and was stored
/// without one.
async fn check_content(
    server: &Inner,
    key: &str,
    bytes: u64,
    said: Sha256Digest,
) -> Result<bool, Refusal> {
    let found = match bytes <= server.settings.hashed_bytes_max {
        true => server.storage.sha256(key).await.map(Some),
        false => server.storage.stored_sha256(key).await,
    };
    match found.map_err(|error| Refusal::of(&error))? {
        Some(found) if found != said => Err(differs(
            "the object has other content: its SHA-256 is not the receipt's".to_owned(),
        )),
        found => Ok(found.is_some() && bytes <= server.settings.hashed_bytes_max),
    }
}

fn differs(message: String) -> Refusal {
    Refusal::new(Reason::Conflict, message)
}
