//! The HTTP connections of every listener: of the grant server, the metrics of the archiver, the
//! development store and its web page. Their number, time and memory are limited, and a stranger
//! cannot keep other clients out (docs/decisions/0018).
//!
//! It also has what handlers of these requests share: [`Shown`] and [`cut`] for text that clients
//! sent, [`percent`] for paths and queries, [`hex`] for tokens, ids and signatures.
#![forbid(unsafe_code)]

mod body;
mod connections;
mod drive;
pub mod hex;
mod peer;
pub mod percent;
mod shown;
mod socket;
mod system;
mod table;
mod watch;

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
pub use connections::Connections;
pub use peer::Peer;
pub use shown::{Shown, cut};

use connections::AnyError;
use drive::{Driven, drive};
use table::{Slot, Table};
use watch::Watch;

/// How long to wait when the system has no free socket.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// How many connections to close when the system has no free socket.
const CLOSED_AT_ONCE: usize = 8;

/// Serves HTTP/1.1 until `shutdown` ends. Then takes no new requests, and waits for running ones.
/// Returns false if it cut off some of them, because the time to drain was over.
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
    // From now on nobody can connect.
    drop(listener);
    stop.send_replace(true);
    let ending = async { while tasks.join_next().await.is_some() {} };
    tokio::time::timeout(connections.drain, ending).await.is_ok()
}

async fn accept(listener: &TcpListener, table: &Mutex<Table>) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small, and clients wait for each.
                let _ = stream.set_nodelay(true);
                system::bound_send_buffer(&stream);
                return stream;
            }
            Err(error) if concerns_one_client(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection; closing other connections and \
                                        trying again");
                make_room(table);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Closes some connections: usually the process has no free file handle.
fn make_room(table: &Mutex<Table>) {
    let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..CLOSED_AT_ONCE {
        table.close_least_useful();
    }
}

/// Whether the error concerns only this one client.
fn concerns_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
