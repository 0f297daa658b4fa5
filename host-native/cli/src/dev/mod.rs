//! The development server: a web page, the grant server, and an S3 store over a local folder.

mod www;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use coldpress::{ColdStorage, ColdStorageConfig, Error, ErrorKind, Result};
use coldpress_dev_store::Credentials;
use coldpress_serve::{
    Connections, GrantServer, Rights, ServeSettings, Token, TokenSource, Tokens, listen,
};
use serde_json::json;
use tokio::net::TcpListener;

use www::Www;

/// The one bucket of the development store.
const BUCKET: &str = "coldpress";
const REGION: &str = "us-east-1";
const ACCESS_KEY: &str = "coldpress-dev";

/// The settings of a development server.
#[derive(Debug, Clone)]
pub struct DevSettings {
    /// The address of the page and the grant server: loopback; port 0 for any free port.
    pub listen: SocketAddr,
    /// The address of the S3 store: loopback; another port, or 0 for any free port.
    pub s3_listen: SocketAddr,
    /// The folder of the objects, as `coldpress put --store DIR` has it.
    pub folder: PathBuf,
    /// The folder of the page's files, if there is a page.
    pub www: Option<PathBuf>,
    /// The tenant of the token.
    pub tenant_id: u64,
    /// The settings of grants. Pages of its `allow_origins` may also use the store.
    pub serve: ServeSettings,
}

/// A development server that listens. It serves once [`DevServer::run`] is called.
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
    /// Takes the ports, and makes a token and credentials that are valid while it runs.
    pub async fn bind(settings: DevSettings) -> Result<Self> {
        let (page_listener, page_at) = bind_loopback(settings.listen).await?;
        let (s3_listener, s3_at) = bind_loopback(settings.s3_listen).await?;
        let (url, s3_url) = (format!("http://{page_at}"), format!("http://{s3_at}"));
        let credentials = Credentials::random(ACCESS_KEY, REGION)?;
        let token = Token::new()?;
        let line = token.line(settings.tenant_id, Rights::READ_AND_WRITE, &[])?;
        let tokens = Tokens::parse(&line)?;
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
        let root = root_of(&settings.folder)?;
        // A browser may use either name of the page.
        let names = [url.clone(), format!("http://localhost:{}", page_at.port())];
        let origins =
            names.iter().chain(&allowed).filter_map(|origin| HeaderValue::from_str(origin).ok());
        let store =
            coldpress_dev_store::router(&root, BUCKET, credentials.clone(), origins.collect())?;
        let www = match &settings.www {
            Some(folder) => Some(
                Www::new(folder, &s3_url)
                    .map_err(|error| Error::from_io(&error, "open the page's folder", folder))?,
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

    /// The URL of the page, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL of the S3 store.
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

    /// Serves until `shutdown` ends. Returns false if it cut off running requests.
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

/// Takes the port at once and keeps it: a free port may be taken a moment later.
async fn bind_loopback(address: SocketAddr) -> Result<(TcpListener, SocketAddr)> {
    if !address.ip().is_loopback() {
        return Err(Error::settings(format!(
            "other machines can reach {address}, and a development server gives its token to \
             everyone who asks; listen on 127.0.0.1"
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

/// The folder's absolute path with its links followed, as `coldpress put` has it.
fn root_of(folder: &Path) -> Result<PathBuf> {
    let local_dir = Some(folder.to_owned());
    let storage = ColdStorage::new(ColdStorageConfig { local_dir, ..Default::default() })?;
    Ok(storage.folder().unwrap_or(folder).to_owned())
}

fn page_router(
    grants: &GrantServer,
    www: Option<Www>,
    s3_url: &str,
    token: &Token,
    port: u16,
) -> Result<Router> {
    let config = json!({
        "grants": "/v1/grants",
        "receipts": "/v1/receipts",
        "scans": "/v1/scans",
        "token": token.reveal(),
        "s3": s3_url,
    });
    let config = config.to_string();
    let mut router =
        grants.router().route("/dev/config.json", get(async move || never_cached(config)));
    if let Some(www) = www.map(Arc::new) {
        router = router.fallback(async move |method: Method, uri: Uri, headers: HeaderMap| {
            www.answer(method, uri, headers).await
        });
    }
    Ok(router.layer(middleware::from_fn(move |request: Request, next: Next| {
        own_host_only(port, request, next)
    })))
}

/// JSON that no cache may keep, because it holds the token.
fn never_cached(json: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, json).into_response()
}

/// Answers only requests to loopback names. Otherwise another site could point its own name at this
/// server, and read the token as its own page (DNS rebinding).
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
    let message = "this server answers only requests to 127.0.0.1 or localhost\n";
    (StatusCode::MISDIRECTED_REQUEST, message).into_response()
}
