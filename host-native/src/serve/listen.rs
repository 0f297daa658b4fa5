//! Connections: bounded in number and patience, and ended in order.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

/// How long to wait where the system has no socket left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How connections are treated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connections {
    /// The most at a time; more wait unanswered. Default: 1,024.
    pub count_max: usize,
    /// The time for the head of a request to arrive. Default: 10,000.
    pub head_timeout_ms: u64,
    /// The time for requests under way to end, once the server is told to. Default: 10,000.
    pub drain_ms: u64,
}

impl Default for Connections {
    fn default() -> Self {
        Connections { count_max: 1_024, head_timeout_ms: 10_000, drain_ms: 10_000 }
    }
}

/// Serves until `shutdown` ends, then takes no new request and lets those under way end. False
/// where some were cut off, because the time for that was over.
pub async fn listen(
    listener: TcpListener,
    router: Router,
    connections: &Connections,
    shutdown: impl Future<Output = ()>,
) -> bool {
    let slots = Arc::new(Semaphore::new(connections.count_max));
    let (graceful, mut tasks) = (GracefulShutdown::new(), JoinSet::new());
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, slot) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &slots) => accepted,
            Some(_) = tasks.join_next(), if !tasks.is_empty() => continue,
        };
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new());
        http.header_read_timeout(Duration::from_millis(connections.head_timeout_ms));
        let service = TowerToHyperService::new(router.clone());
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tasks.spawn(async move {
            if let Err(error) = connection.await {
                // Clients that go away, mostly.
                tracing::debug!(%error, "a connection ended early");
            }
            drop(slot);
        });
    }
    // From here on nobody can connect.
    drop(listener);
    let drained =
        tokio::time::timeout(Duration::from_millis(connections.drain_ms), graceful.shutdown());
    drained.await.is_ok()
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // Nobody closes the semaphore, so there is always a permit in the end.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small, and somebody waits for each.
                let _ = stream.set_nodelay(true);
                return (stream, slot);
            }
            Err(error) if gone_again(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection; trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether only this one client is concerned.
fn gone_again(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
