//! `POST /v1/receipts`: checks that an object is stored and is what its key says. Size, rows and
//! LSNs are read from the store, never taken from the client.

use axum::http::StatusCode;
use axum::response::Response;
use coldpress_core::{Footer, KeyTarget, LsnRange, ObjectKey, ReadLimits, Sha256Digest};
use coldpress_listen::Shown;
use serde::Deserialize;
use serde_json::json;

use super::answer::Asked;
use super::refusal::{Reason, Refusal, json_response};
use super::server::Server;
use super::tokens::Bearer;
use super::waiting::turn;

/// The longest footer of a reported file. A device's file has a footer of some kilobytes, and 8
/// footers are read at a time.
const FOOTER_BYTES_MAX: u64 = 8 << 20;

/// What the client says it has stored.
#[derive(Debug, Deserialize)]
struct Receipt {
    key: String,
    bytes: Option<u64>,
    sha256: Option<String>,
}

/// What the key says about its object.
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
    drop(body);
    let (footer, bytes) = {
        let _turn = turn(&server.footers, &bearer).await?;
        let mut limits = ReadLimits::default();
        limits.footer_bytes_max = FOOTER_BYTES_MAX;
        let stored = server.storage.read_footer_within(&receipt.key, &limits).await;
        stored.map_err(|error| Refusal::of(&error))?
    };
    if receipt.bytes.is_some_and(|said| said != bytes) {
        return Err(differs(format!(
            "the stored object has {bytes} bytes, and the receipt says another size"
        )));
    }
    agree(&named, &footer)?;
    let checked = match sha256 {
        Some(said) => check_content(&server, &bearer, &receipt.key, bytes, said).await?,
        None => false,
    };
    server.metrics.confirmed();
    let rows = footer.rows_count();
    tracing::info!(key = %Shown(&receipt.key), bytes, rows, token = bearer.name(), "confirmed");
    let answer = json!({
        "key": receipt.key,
        "bytes": bytes,
        "rows": rows,
        // Strings, as in the grant request, because JavaScript would round large numbers.
        "min_lsn": footer.lsns().min().to_string(),
        "max_lsn": footer.lsns().max().to_string(),
        "columns": footer.columns_count(),
        "sha256_checked": checked,
    });
    Ok(json_response(StatusCode::OK, answer.to_string()))
}

/// Parses a key, which must be of the token's tenant and of one of its collections.
fn named(server: &Server, bearer: &Bearer, key: &str) -> Result<Named, Refusal> {
    let parsed = ObjectKey::parse(server.storage.prefix(), key)
        .map_err(|error| Refusal::new(Reason::Key, error.to_string()))?;
    match parsed.target() {
        KeyTarget::Data { tenant_id, collection, lsns }
            if *tenant_id == bearer.tenant_id() && bearer.may_write(collection) =>
        {
            Ok(Named { tenant_id: *tenant_id, collection: collection.clone(), lsns: *lsns })
        }
        _ => {
            let message = "the token may not confirm this key";
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
        "the file was made for tenant {}, collection {:?}, LSNs {}, and its key says otherwise; \
         encode the rows for the key of the grant",
        there.0, there.1, there.2
    )))
}

/// Compares the hash of the content. Returns false if the object is too large to be read again and
/// was stored without a hash.
async fn check_content(
    server: &Server,
    bearer: &Bearer,
    key: &str,
    bytes: u64,
    said: Sha256Digest,
) -> Result<bool, Refusal> {
    let refuse = |error| Refusal::of(&error);
    let (content, stored) = server.storage.content_at(key).await.map_err(refuse)?;
    if content.bytes != bytes {
        let message = "the object was replaced during the check; send the receipt again";
        return Err(differs(message.to_owned()));
    }
    let readable = bytes <= server.settings.hashed_bytes_max;
    let found = match readable {
        true => {
            let read = || async {
                let _turn = turn(&server.contents, bearer).await?;
                server.storage.sha256_of(&content).await.map_err(refuse)
            };
            Some(server.hashes.get(&content, read).await?)
        }
        false => stored,
    };
    match found {
        Some(found) if found != said => Err(differs(
            "the stored object has other content: its SHA-256 is not the receipt's".to_owned(),
        )),
        found => Ok(readable && found.is_some()),
    }
}

fn differs(message: String) -> Refusal {
    Refusal::new(Reason::Conflict, message)
}
