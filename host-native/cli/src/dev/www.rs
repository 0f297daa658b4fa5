//! Serves the files of a web page from one folder, and from nowhere else.

use std::fs::File;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use coldpress_dev_store::file_body;
use coldpress_listen::percent::decode;

/// Content types by file extension. Browsers compile a wasm while it arrives only with its own
/// type, and with `nosniff` they run a script only with its own type.
const TYPES: [(&str, &str); 19] = [
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("ndjson", "application/x-ndjson"),
    ("webmanifest", "application/manifest+json"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("webp", "image/webp"),
    ("ico", "image/x-icon"),
    ("woff2", "font/woff2"),
    ("txt", "text/plain; charset=utf-8"),
    ("md", "text/markdown; charset=utf-8"),
    ("xml", "application/xml"),
    ("parquet", "application/vnd.apache.parquet"),
];

/// A folder with a web page.
#[derive(Debug)]
pub(crate) struct Www {
    /// With its links followed, so that paths can be compared with it.
    root: PathBuf,
    policy: HeaderValue,
}

impl Www {
    /// Serves the files of `root`. The policy lets the page load only from this server, and connect
    /// only to this server and to `connect_to`.
    pub(crate) fn new(root: &Path, connect_to: &str) -> std::io::Result<Self> {
        let root = std::fs::canonicalize(root)?;
        let policy = format!(
            "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src \
             'self' data: blob:; font-src 'self'; worker-src 'self'; manifest-src 'self'; \
             connect-src 'self' {connect_to}; object-src 'none'; base-uri 'none'; form-action \
             'none'; frame-ancestors 'none'"
        );
        let policy = HeaderValue::from_str(&policy).map_err(std::io::Error::other)?;
        Ok(Www { root, policy })
    }

    /// The answer to a request for a file.
    pub(crate) async fn answer(
        self: Arc<Self>,
        method: Method,
        uri: Uri,
        headers: HeaderMap,
    ) -> Response {
        if method != Method::GET && method != Method::HEAD {
            let allow = [(header::ALLOW, "GET, HEAD")];
            return (StatusCode::METHOD_NOT_ALLOWED, allow, "only GET and HEAD are allowed\n")
                .into_response();
        }
        let www = Arc::clone(&self);
        let path = uri.path().to_owned();
        let read = tokio::task::spawn_blocking(move || www.read(&path));
        let file = match read.await {
            Ok(Some(Found::File(file))) => file,
            Ok(Some(Found::Folder)) => {
                // Without the slash, relative links of the page would lead to the folder above.
                let place = format!("{}/", uri.path());
                return (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, place)])
                    .into_response();
            }
            Ok(None) => return (StatusCode::NOT_FOUND, "there is no such page\n").into_response(),
            Err(error) => {
                tracing::error!(%error, "cannot read a file of the page");
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
        };
        self.respond(file, &method, &headers)
    }

    fn respond(&self, file: WwwFile, method: &Method, headers: &HeaderMap) -> Response {
        let known = headers.get(header::IF_NONE_MATCH).and_then(|etag| etag.to_str().ok());
        let length = file.bytes;
        let mut response = match known == Some(file.etag.as_str()) {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false if method == Method::HEAD => Body::empty().into_response(),
            // Read while it is sent, so that a client that does not read takes no memory.
            false => match file_body(file.file, 0, length) {
                Ok(body) => body.into_response(),
                Err(error) => {
                    tracing::error!(%error, "cannot read a file of the page");
                    return StatusCode::INTERNAL_SERVER_ERROR.into_response();
                }
            },
        };
        let unchanged = response.status() == StatusCode::NOT_MODIFIED;
        let headers = response.headers_mut();
        if let Ok(etag) = HeaderValue::from_str(&file.etag) {
            headers.insert(header::ETAG, etag);
        }
        // Browsers keep it, but ask each time: files change during development.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if !unchanged {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type));
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    }

    fn read(&self, path: &str) -> Option<Found> {
        let mut file = self.root.clone();
        let decoded = decode(path)?;
        let relative = Path::new(decoded.strip_prefix('/')?);
        for component in relative.components() {
            match component {
                // Hidden files are not served.
                Component::Normal(name) if !name.to_string_lossy().starts_with('.') => {
                    file.push(name);
                }
                _ => return None,
            }
        }
        if decoded.contains(['\\', '\0']) {
            return None;
        }
        if file.is_dir() {
            if !decoded.ends_with('/') {
                return Some(Found::Folder);
            }
            file.push("index.html");
        } else if decoded.ends_with('/') {
            return None;
        }
        // A link to the outside is not served.
        let file = std::fs::canonicalize(&file).ok().filter(|file| file.starts_with(&self.root))?;
        // Reading a pipe could wait forever.
        std::fs::metadata(&file).ok().filter(std::fs::Metadata::is_file)?;
        let opened = File::open(&file).ok()?;
        let metadata = opened.metadata().ok()?;
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let end = file.extension().and_then(|end| end.to_str()).unwrap_or_default();
        let found = TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(end));
        Some(Found::File(WwwFile {
            file: opened,
            bytes: metadata.len(),
            etag: format!("\"{:x}-{:x}\"", since.as_nanos(), metadata.len()),
            content_type: found.map_or("application/octet-stream", |(_, kind)| kind),
        }))
    }
}

enum Found {
    File(WwwFile),
    Folder,
}

struct WwwFile {
    file: File,
    bytes: u64,
    etag: String,
    content_type: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_in_the_folder_is_a_page() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret.html"), "secret").unwrap();
        let root = outside.path().join("www");
        std::fs::create_dir_all(root.join("sub dir")).unwrap();
        for (name, text) in
            [("index.html", "home"), ("a.wasm", "\0asm"), ("sub dir/x.JS", "x"), (".env", "e")]
        {
            std::fs::write(root.join(name), text).unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(outside.path().join("secret.html"), root.join("link.html"))
            .unwrap();
        let www = Www::new(&root, "http://127.0.0.1:1").unwrap();
        let read = |path: &str| match www.read(path) {
            Some(Found::File(file)) => {
                Some((std::io::read_to_string(file.file).unwrap(), file.content_type))
            }
            _ => None,
        };
        assert_eq!(read("/").unwrap(), ("home".to_owned(), "text/html; charset=utf-8"));
        assert_eq!(read("/a.wasm").unwrap().1, "application/wasm");
        assert_eq!(read("/sub%20dir/x.JS").unwrap().1, "text/javascript; charset=utf-8");
        assert!(matches!(www.read("/sub%20dir"), Some(Found::Folder)));
        for path in [
            "/../secret.html",
            "/%2e%2e/secret.html",
            "/..%2fsecret.html",
            "/sub%20dir/../../secret.html",
            "//etc/passwd",
            "/%2fetc/passwd",
            "/..\\secret.html",
            "/link.html",
            "/.env",
            "/none",
            "/a.wasm/",
            "/a.wasm%00.html",
            "/%ff",
            "",
        ] {
            assert!(read(path).is_none(), "{path}");
        }
    }
}
