//! HTTP connections of every listener: the grant server, the metrics of a log's archiver, the
//! development store and its page. They are bounded in number, in time and in memory, and a
//! stranger cannot keep others out (docs/decisions/0018).

mod body;
mod drive;
mod peer;
mod socket;
mod system;
mod table;
mod watch;

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Body;
use hyper::service::Service;
use hyper::{Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use body::Received;
pub use peer::Peer;

use drive::{Driven, drive};
use table::{Slot, Table};
use watch::Watch;

/// How long to wait where the system has no socket left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// How many connections are closed at once where the system has no socket left.
const CLOSED_AT_ONCE: usize = 8;

/// How connections are treated. Each time must be at least 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connections {
    /// The most at a time. One more closes the least useful of them: one that showed no token, and
    /// whose last answer is the longest ago. Default: 1,024.
    pub count_max: usize,
    /// The time for the head of a request to arrive. Default: 10,000.
    pub head_timeout_ms: u64,
    /// The time that a client may let the server wait for 16 KiB more of a body, or for its end.
    /// Default: 30,000.
    pub body_timeout_ms: u64,
    /// The time that a client may let the server wait before it takes 16 KiB more of an answer.
    /// Default: 30,000.
    pub write_timeout_ms: u64,
    /// The time between two requests. Default: 60,000.
    pub idle_timeout_ms: u64,
    /// The age at which a connection ends after the request that is under way. Default: 600,000.
    pub age_max_ms: u64,
    /// The longest head of a request, and about the most memory that each direction of a connection
    /// takes. Default: 32,768; less than 8,192 counts as 8,192.
    pub head_bytes_max: usize,
    /// The time for requests under way to end, once the server is told to. Default: 10,000.
    pub drain_ms: u64,
}

impl Default for Connections {
    fn default() -> Self {
        Connections {
            count_max: 1_024,
            head_timeout_ms: 10_000,
            body_timeout_ms: 30_000,
            write_timeout_ms: 30_000,
            idle_timeout_ms: 60_000,
            age_max_ms: 600_000,
            head_bytes_max: 32 << 10,
            drain_ms: 10_000,
        }
    }
}

/// Any error, as hyper takes it from services and bodies.
type AnyError = Box<dyn StdError + Send + Sync>;

/// Serves HTTP/1.1 until `shutdown` ends, then takes no new request and lets those under way end.
/// False where some were cut off, because the time for that was over.
pub async fn listen<S, B>(
    listener: TcpListener,
    service: S,
    connections: &Connections,
    shutdown: impl Future<Output = ()>,
) -> bool
where
    S: Service<Request<Received>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<AnyError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<AnyError>,
{
    let connections = connections.within(system::open_files_max());
    let table = Arc::new(Mutex::new(Table::default()));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut tasks = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let stream = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &table) => accepted,
            Some(_) = tasks.join_next(), if !tasks.is_empty() => continue,
        };
        let watch = Arc::new(Watch::new(Instant::now()));
        let slot = Slot::take(&table, connections.count_max, &watch);
        let driven = Driven {
            watch,
            limits: connections.clone(),
            stopped: stopped.clone(),
            closed: slot.closed(),
        };
        let driving = drive(stream, service.clone(), driven);
        tasks.spawn(async move {
            driving.await.log();
            drop(slot);
        });
    }
    // From here on nobody can connect.
    drop(listener);
    stop.send_replace(true);
    let ending = async { while tasks.join_next().await.is_some() {} };
    tokio::time::timeout(Duration::from_millis(connections.drain_ms), ending).await.is_ok()
}

impl Connections {
    /// The same, for a process that may have so many files open: half of them are for connections.
    fn within(&self, open_files_max: Option<usize>) -> Self {
        let count_max = match open_files_max {
            Some(files) => self.count_max.min(files / 2),
            None => self.count_max,
        };
        Connections { count_max: count_max.max(1), ..self.clone() }
    }
}

async fn accept(listener: &TcpListener, table: &Mutex<Table>) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small, and somebody waits for each.
                let _ = stream.set_nodelay(true);
                system::bound_send_buffer(&stream);
                return stream;
            }
            Err(error) if gone_again(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection; closing others and trying again");
                make_room(table);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Closes some connections: mostly the process has no file handle left for another one.
fn make_room(table: &Mutex<Table>) {
    let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..CLOSED_AT_ONCE {
        table.close_least_useful();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_files_are_for_connections() {
        let of = |files| Connections::default().within(files).count_max;
        assert_eq!((of(None), of(Some(100_000)), of(Some(1_024))), (1_024, 1_024, 512));
        assert_eq!(of(Some(0)), 1);
    }
}
