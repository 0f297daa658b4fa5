//! An S3 endpoint over a local folder, for development. It has what a browser and our own code ask
//! of a store, with real signatures, real CORS, and the durable create-only files of `coldpress
//! put`.
//!
//! It does not use the crate `s3s`, which is larger than the rest of the server
//! (docs/decisions/0007).

mod auth;
mod beneath;
mod body;
mod delete;
mod error;
mod file;
mod folder;
mod list;
mod multipart;
mod objects;
mod uri;

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use coldpress::{Error, Result};
use coldpress_listen::hex;
use coldpress_listen::percent::decode;
use coldpress_listen::{Peer, Shown};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

pub use auth::Credentials;
pub use file::file_body;

use auth::Payload;
use error::{S3Error, escape, xml};
use folder::{Folder, SafeKey};
use uri::Query;

/// The headers of an answer that a web page may read.
const EXPOSED: [HeaderName; 7] = [
    header::ETAG,
    header::CONTENT_RANGE,
    header::CONTENT_LENGTH,
    header::RETRY_AFTER,
    HeaderName::from_static("x-amz-request-id"),
    HeaderName::from_static("x-amz-checksum-sha256"),
    HeaderName::from_static("x-amz-meta-coldpress-sha256"),
];

struct Endpoint {
    folder: Arc<Folder>,
    bucket: String,
    credentials: Credentials,
}

/// The routes of the endpoint over `root`, an absolute path with its links followed
/// ([`ColdStorage::folder`](coldpress::ColdStorage::folder) gives it). Pages of `origins` may use
/// it.
///
/// An error if `root` has multipart uploads that a killed server left, and they cannot be read.
pub fn router(
    root: &Path,
    bucket: &str,
    credentials: Credentials,
    origins: Vec<HeaderValue>,
) -> Result<Router> {
    let folder = Arc::new(Folder::new(root));
    multipart::recover(&folder)
        .map_err(|error| Error::from_io(&error, "look at unfinished uploads", folder.path()))?;
    let endpoint = Arc::new(Endpoint { folder, bucket: bucket.to_owned(), credentials });
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE])
        // The signature decides which headers count.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
        .max_age(std::time::Duration::from_secs(600));
    Ok(Router::new().fallback(answer).with_state(endpoint).layer(cors))
}

async fn answer(State(endpoint): State<Arc<Endpoint>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut body = Some(body);
    let result = endpoint.handle(&parts, &mut body).await;
    if let Some(body) = body {
        body::drain(body).await;
    }
    let (path, method) = (Shown(parts.uri.path()), Shown(parts.method.as_str()));
    let mut response = match result {
        Ok(response) => {
            tracing::debug!(%method, %path, status = response.status().as_u16(), "s3");
            response
        }
        Err(error) => {
            let (status, message) = (error.status.as_u16(), Shown(&error.message));
            tracing::info!(%method, %path, status, code = error.code, %message, "s3 refused");
            error.into_response()
        }
    };
    if let Some(id) = hex::random::<8>().ok().and_then(|id| HeaderValue::from_str(&id).ok()) {
        response.headers_mut().insert("x-amz-request-id", id);
    }
    response
}

impl Endpoint {
    async fn handle(&self, request: &Parts, body: &mut Option<Body>) -> Result<Response, S3Error> {
        let query = Query::parse(request.uri.query().unwrap_or_default())
            .ok_or_else(|| S3Error::invalid_argument("the query is not percent-encoded UTF-8"))?;
        let payload = auth::verify(request, &query, &self.credentials, SystemTime::now())?;
        if let Some(peer) = request.extensions.get::<Peer>() {
            peer.trust();
        }
        let path = decode(request.uri.path())
            .ok_or_else(|| S3Error::invalid_argument("the path is not percent-encoded UTF-8"))?;
        let path = path.strip_prefix('/').unwrap_or(&path);
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        if bucket.is_empty() {
            return self.buckets(request);
        }
        if bucket != self.bucket {
            let message = format!("this store has only the bucket {:?}", self.bucket);
            return Err(S3Error::new(StatusCode::NOT_FOUND, "NoSuchBucket", message));
        }
        if key.is_empty() {
            return self.bucket(request, &query, payload, body).await;
        }
        let key = SafeKey::new(key)?;
        let folder = Arc::clone(&self.folder);
        let has = |name: &str| query.value(name).is_some();
        match (request.method.as_str(), has("uploadId"), has("uploads")) {
            ("PUT", false, false) => objects::put(folder, key, request, payload, body).await,
            ("GET", false, false) => objects::get(folder, key, request).await,
            ("HEAD", false, false) => objects::head(folder, key, request).await,
            ("DELETE", false, false) => {
                body::blocking(move || folder.delete(&key)).await?;
                Ok(StatusCode::NO_CONTENT.into_response())
            }
            ("POST", false, true) => multipart::create(folder, &self.bucket, key, request).await,
            ("PUT", true, false) => {
                multipart::put_part(folder, key, request, &query, payload, body).await
            }
            ("POST", true, false) => {
                multipart::complete(folder, &self.bucket, key, request, &query, payload, body).await
            }
            ("DELETE", true, false) => multipart::abort(folder, key, &query).await,
            _ => Err(unknown()),
        }
    }

    fn buckets(&self, request: &Parts) -> Result<Response, S3Error> {
        if request.method != Method::GET {
            return Err(unknown());
        }
        let body = format!(
            "<ListAllMyBucketsResult><Buckets><Bucket><Name>{}</Name>\
             <CreationDate>1970-01-01T00:00:00.000Z</CreationDate>\
             </Bucket></Buckets></ListAllMyBucketsResult>",
            escape(&self.bucket)
        );
        Ok(xml(StatusCode::OK, &body))
    }

    async fn bucket(
        &self,
        request: &Parts,
        query: &Query,
        payload: Payload,
        body: &mut Option<Body>,
    ) -> Result<Response, S3Error> {
        let folder = Arc::clone(&self.folder);
        match request.method.as_str() {
            "HEAD" => Ok(StatusCode::OK.into_response()),
            "POST" if query.value("delete").is_some() => {
                delete::delete_objects(folder, request, payload, body).await
            }
            "GET" if query.value("list-type") == Some("2") => {
                let (bucket, query) = (self.bucket.clone(), query.clone());
                body::blocking(move || list::list_objects(&folder, &bucket, &query)).await
            }
            "GET" if query.value("uploads").is_some() => {
                multipart::list_uploads(folder, &self.bucket, query).await
            }
            "GET" if query.value("location").is_some() => {
                let body = format!(
                    "<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{}\
                     </LocationConstraint>",
                    escape(&self.credentials.region)
                );
                Ok(xml(StatusCode::OK, &body))
            }
            _ => Err(unknown()),
        }
    }
}

fn unknown() -> S3Error {
    S3Error::not_implemented(
        "this development store has only PutObject, GetObject, HeadObject, DeleteObject(s), \
         ListObjectsV2 and multipart uploads",
    )
}
