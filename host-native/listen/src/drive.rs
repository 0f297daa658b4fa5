//! One connection, from its first byte until it ends or is closed.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Body;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::body::{Received, Sent};
use super::connections::{AnyError, Connections, bounded};
use super::peer::Peer;
use super::socket::Socket;
use super::watch::{Late, Watch};

/// The smallest buffer that hyper takes.
const BUFFER_BYTES_MIN: usize = 8 << 10;

/// The timer when there is nothing to wait for.
const FAR_AWAY: Duration = Duration::from_secs(24 * 3_600);

/// What controls a connection.
#[derive(Debug)]
pub(super) struct Driven {
    pub(super) watch: Arc<Watch>,
    pub(super) limits: Connections,
    /// True when the server shuts down.
    pub(super) stopped: tokio::sync::watch::Receiver<bool>,
    /// Cancelled if another connection needs the place.
    pub(super) closed: CancellationToken,
}

/// How a connection ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// The client closed it, or it was closed as planned.
    Done,
    /// An error of HTTP or of the network.
    Failed(hyper::Error),
    /// The client was too slow.
    Late(Late),
    /// Another connection needed the place.
    Closed,
}

impl Ended {
    /// Writes it to the log.
    pub(super) fn log(&self) {
        match self {
            Ended::Done => {}
            // Mostly clients that go away.
            Ended::Failed(error) => tracing::debug!(%error, "a connection ended early"),
            Ended::Late(late) => tracing::debug!(why = late.what(), "closed a connection"),
            Ended::Closed => {
                tracing::debug!("closed a connection, because a new one needed its place")
            }
        }
    }
}

/// Serves one connection.
pub(super) async fn drive<IO, S, B>(stream: IO, service: S, driven: Driven) -> Ended
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    S: Service<Request<Received>, Response = Response<B>> + Send + 'static,
    S::Future: Send,
    S::Error: Into<AnyError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<AnyError>,
{
    let Driven { watch, limits, mut stopped, closed } = driven;
    let asked = Arc::clone(&watch);
    let watched = service_fn(move |request: Request<_>| {
        let first = asked.asked();
        let mut request = request.map(|body| Received::new(body, Arc::clone(&asked)));
        request.extensions_mut().insert(Peer::new(Arc::clone(&asked)));
        let (answering, watch) = (service.call(request), Arc::clone(&asked));
        async move {
            if !first {
                // Pipelined requests must not come before requests of other connections.
                tokio::task::yield_now().await;
            }
            answering.await.map(|answer| answer.map(|body| Sent::new(body, watch)))
        }
    });
    let mut http = http1::Builder::new();
    // `Watch` has a timeout for each phase, also for the head.
    http.header_read_timeout(None);
    http.max_buf_size(limits.head_bytes_max.max(BUFFER_BYTES_MIN));
    let socket = TokioIo::new(Socket::new(stream, Arc::clone(&watch)));
    let mut connection = pin!(http.serve_connection(socket, watched));
    let old = Instant::now() + bounded(limits.age_max);
    let mut timer = pin!(sleep_until(old));
    let mut stopping = pin!(stopped.wait_for(|stopped| *stopped));
    let mut closing = pin!(closed.cancelled());
    let mut last = false;
    poll_fn(|context| {
        if closing.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ended::Closed);
        }
        if !last && stopping.as_mut().poll(context).is_ready() {
            last = true;
            connection.as_mut().graceful_shutdown();
        }
        loop {
            match connection.as_mut().poll(context) {
                Poll::Ready(Ok(())) => return Poll::Ready(Ended::Done),
                Poll::Ready(Err(error)) => return Poll::Ready(Ended::Failed(error)),
                Poll::Pending => {}
            }
            // The poll above may have changed the deadline.
            let age = if last { Instant::now() + FAR_AWAY } else { old };
            let late = watch.deadline(&limits).filter(|(at, _)| last || *at <= old);
            let due = late.map_or(age, |(at, _)| at);
            if !is_over(timer.as_mut(), due, context) {
                return Poll::Pending;
            }
            match late {
                Some((_, late)) => return Poll::Ready(Ended::Late(late)),
                None => {
                    last = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    })
    .await
}

/// Whether that time has come. If not, the task is woken at that time.
fn is_over(mut timer: Pin<&mut Sleep>, due: Instant, context: &mut Context<'_>) -> bool {
    if timer.deadline() != due {
        timer.as_mut().reset(due);
    }
    timer.poll(context).is_ready()
}
