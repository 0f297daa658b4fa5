//! What the examples share: an S3 store on this machine. Your program names a real one instead.

use std::path::Path;

use coldpress_dev_store::Credentials;
use coldpress_serve::{Connections, listen};
use tokio::net::TcpListener;

/// What an example may fail with.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// An S3 endpoint over a folder, with credentials of its own. It serves until the program ends.
pub struct DevStore {
    /// Its URL, on a free port of this machine.
    pub endpoint: String,
    /// The only bucket that it has.
    pub bucket: String,
    /// The only credentials that it takes.
    pub credentials: Credentials,
}

impl DevStore {
    /// Starts the endpoint. Objects lie in `folder`.
    pub async fn start(folder: &Path) -> Result<DevStore, Error> {
        let (bucket, credentials) = ("cold", Credentials::random("example", "eu-central-1")?);
        let folder = folder.canonicalize()?;
        let router = coldpress_dev_store::router(&folder, bucket, credentials.clone(), Vec::new())?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move {
            listen(listener, router, &Connections::default(), std::future::pending()).await
        });
        Ok(DevStore { endpoint, bucket: bucket.to_owned(), credentials })
    }
}
