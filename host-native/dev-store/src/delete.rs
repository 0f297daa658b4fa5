//! DeleteObjects: deletes many objects. object_store uses it even for one.

use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::auth::Payload;
use super::body::blocking;
use super::error::{S3Error, escape, xml};
use super::folder::{Folder, SafeKey};
use super::objects::Demands;

/// Enough for S3's own limit: a thousand keys of a thousand bytes, and the XML around them.
const LIST_BYTES_MAX: usize = 2 << 20;

#[derive(Debug, Deserialize)]
struct KeyList {
    #[serde(rename = "Object", default)]
    objects: Vec<ListedKey>,
}

#[derive(Debug, Deserialize)]
struct ListedKey {
    #[serde(rename = "Key")]
    key: String,
}

pub(super) async fn delete_objects(
    folder: Arc<Folder>,
    request: &Parts,
    payload: Payload,
    body: &mut Option<Body>,
) -> Result<Response, S3Error> {
    let demands = Demands::of(&request.headers, payload)?;
    let wrong = |message| S3Error::new(StatusCode::BAD_REQUEST, "MalformedXML", message);
    let bytes = axum::body::to_bytes(body.take().unwrap_or_default(), LIST_BYTES_MAX)
        .await
        .map_err(|_| wrong("the list of keys is too long or incomplete".to_owned()))?;
    demands.check(&Sha256::digest(&bytes).into())?;
    let listed: KeyList = quick_xml::de::from_reader(&bytes[..]).map_err(|error| {
        wrong(format!("the list of keys is not valid XML of DeleteObjects: {error}"))
    })?;
    let deleting = blocking(move || {
        let delete = |ListedKey { key }| {
            let deleted = SafeKey::new(&key).and_then(|key| folder.delete(&key));
            match deleted {
                Ok(()) => format!("<Deleted><Key>{}</Key></Deleted>", escape(&key)),
                Err(error) => format!(
                    "<Error><Key>{}</Key><Code>{}</Code><Message>{}</Message></Error>",
                    escape(&key),
                    error.code,
                    escape(&error.message)
                ),
            }
        };
        Ok(listed.objects.into_iter().map(delete).collect::<String>())
    });
    let body = format!(
        "<DeleteResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{}</DeleteResult>",
        deleting.await?
    );
    Ok(xml(StatusCode::OK, &body))
}
