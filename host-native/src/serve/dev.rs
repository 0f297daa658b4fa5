//! The whole loop on one machine: a page, the grant server, and an S3 store over a local folder.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;

use super::refusal::json_response;
use super::s3::{self, Credentials};
use super::tokens::random_hex;
use super::www::Www;
use super::{Connections, GrantServer, ServeSettings, Token, TokenSource, Tokens, listen};
use crate::answer::io_error;
use crate::local::LocalFolder;
use crate::{ColdStorage, ColdStorageConfig, Error, ErrorKind, Result};

/// The one bucket of the development store.
const BUCKET: &str = "coldpress";
const REGION: &str = "us-east-1";
const ACCESS_KEY: &str = "coldpress-dev";

/// What a development server may be told.
#[derive(Debug, Clone)]
pub struct DevSettings {
    /// Where the page and the grant server listen: loopback, port 0 for any.
    pub listen: SocketAddr,
    /// Where the S3 store listens: loopback, another port, 0 for any.
    pub s3_listen: SocketAddr,
    /// Where objects lie, as `coldpress put --store DIR` puts them.
    pub folder: PathBuf,
    /// The page's files; none: no page.
    pub www: Option<PathBuf>,
    /// The tenant that the token is for.
    pub tenant_id: u64,
    /// How grants go. Its `allow_origins` may also use the store.
    pub serve: ServeSettings,
}

/// A development server that listens, and serves once [`DevServer::run`] is called.
pub struct DevServer {
    page: (TcpListener, Router),
    store: (TcpListener, Router),
    url: String,
    s3_url: String,
    token: Token,
    credentials: Credentials,
}

impl std::fmt::Debug for DevServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DevServer")
            .field("url", &self.url)
            .field("s3_url", &self.s3_url)
            .finish_non_exhaustive()
    }
}

impl DevServer {
    /// Takes the ports and makes a token and credentials of its own, which end with it.
    pub async fn bind(settings: DevSettings) -> Result<Self> {
        let (page_listener, page_at) = bind_loopback(settings.listen).await?;
        let (s3_listener, s3_at) = bind_loopback(settings.s3_listen).await?;
        let (url, s3_url) = (format!("http://{page_at}"), format!("http://{s3_at}"));
        let credentials = Credentials {
            access_key: ACCESS_KEY.to_owned(),
            secret_key: random_hex::<20>()?,
            region: REGION.to_owned(),
        };
        let token = Token::new()?;
        let tokens = Tokens::parse(&token.line(settings.tenant_id, &[])?)?;
        let config = ColdStorageConfig {
            endpoint: s3_url.clone(),
            bucket: BUCKET.to_owned(),
            prefix: String::new(),
            access_key: credentials.access_key.clone(),
            secret_key: credentials.secret_key.clone(),
            region: REGION.to_owned(),
            allow_http: true,
            ..ColdStorageConfig::default()
        };
        let storage = Arc::new(ColdStorage::new(config)?);
        let allowed = settings.serve.allow_origins.clone();
        let grants =
            GrantServer::new(storage, Arc::new(TokenSource::fixed(tokens)), settings.serve)?;
        let local = LocalFolder::new(&settings.folder)?;
        // The page under each of its names.
        let names = [url.clone(), format!("http://localhost:{}", page_at.port())];
        let origins =
            names.iter().chain(&allowed).filter_map(|origin| HeaderValue::from_str(origin).ok());
        let store = s3::router(&local, BUCKET, credentials.clone(), origins.collect())?;
        let www = match &settings.www {
            Some(folder) => Some(
                Www::new(folder, &s3_url)
                    .map_err(|error| io_error(&error, "open the page's folder", folder))?,
            ),
            None => None,
        };
        let page = page_router(&grants, www, &s3_url, &token, page_at.port())?;
        Ok(DevServer {
            page: (page_listener, page),
            store: (s3_listener, store),
            url,
            s3_url,
            token,
            credentials,
        })
    }

    /// Where the page is, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the S3 store is.
    pub fn s3_url(&self) -> &str {
        &self.s3_url
    }

    /// The store's one bucket.
    pub fn bucket(&self) -> &str {
        BUCKET
    }

    /// Access key, secret key and region for the S3 store.
    pub fn credentials(&self) -> (&str, &str, &str) {
        let Credentials { access_key, secret_key, region } = &self.credentials;
        (access_key, secret_key, region)
    }

    /// The token that the page has.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Serves until `shutdown` ends; false where requests under way had to be cut off.
    pub async fn run(self, connections: &Connections, shutdown: impl Future<Output = ()>) -> bool {
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let ended = |mut stopped: tokio::sync::watch::Receiver<bool>| async move {
            // An error means that the sender is gone, and so are we.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        let page = listen(self.page.0, self.page.1, connections, ended(stopped.clone()));
        let store = listen(self.store.0, self.store.1, connections, ended(stopped));
        let told = async {
            shutdown.await;
            stop.send_replace(true);
        };
        let (page, store, ()) = tokio::join!(page, store, told);
        page && store
    }
}

/// Ports are free for a moment only, so they are taken at once and kept.
async fn bind_loopback(address: SocketAddr) -> Result<(TcpListener, SocketAddr)> {
    if !address.ip().is_loopback() {
        return Err(Error::settings(format!(
            "{address} can be reached from other machines, and a development server gives its token to whoever asks; listen on 127.0.0.1"
        )));
    }
    let taken = |error: std::io::Error| {
        let message = format!("cannot listen on {address}: {error}; choose another port");
        Error::new(ErrorKind::Unavailable, message)
    };
    let listener = TcpListener::bind(address).await.map_err(taken)?;
    let address = listener.local_addr().map_err(taken)?;
    Ok((listener, address))
}

fn page_router(
    grants: &GrantServer,
    www: Option<Www>,
    s3_url: &str,
    token: &Token,
    port: u16,
) -> Result<Router> {
    let config = json!({ "grants": "/v1/grants", "receipts": "/v1/receipts", "token": token.reveal(), "s3": s3_url });
    let config = config.to_string();
    let mut router = grants
        .router()
        .route("/dev/config.json", get(async move || json_response(StatusCode::OK, config)));
    if let Some(www) = www.map(Arc::new) {
        router = router.fallback(async move |method: Method, uri: Uri, headers: HeaderMap| {
            www.answer(method, uri, headers).await
        });
    }
    Ok(router.layer(middleware::from_fn(move |request: Request, next: Next| {
        own_host_only(port, request, next)
    })))
}

/// Another site's name that was made to lead here would else read our token as its own page.
async fn own_host_only(port: u16, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let name = host.and_then(|host| match host.rsplit_once(':') {
        Some((name, digits)) if digits.parse() == Ok(port) => Some(name),
        _ => None,
    });
    let ip = name.and_then(|name| name.trim_matches(['[', ']']).parse::<IpAddr>().ok());
    if name.is_some_and(|name| name.eq_ignore_ascii_case("localhost"))
        || ip.is_some_and(|ip| ip.is_loopback())
    {
        return next.run(request).await;
    }
    let message = "this server answers to 127.0.0.1 and localhost alone\n";
    (StatusCode::MISDIRECTED_REQUEST, message).into_response()
}
