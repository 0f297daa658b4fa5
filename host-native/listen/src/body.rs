//! Bodies that report their progress to the watch of their connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::Instant;

use super::watch::Watch;

/// The body of a request. If its client is too slow, the connection ends, and the body with it.
#[derive(Debug)]
pub struct Received {
    body: Incoming,
    watch: Arc<Watch>,
}

impl Received {
    pub(super) fn new(body: Incoming, watch: Arc<Watch>) -> Self {
        Received { body, watch }
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        match &frame {
            Poll::Pending => self.watch.wants_body(Instant::now()),
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                self.watch.received(bytes, Instant::now());
            }
            Poll::Ready(_) => self.watch.body_ended(),
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        self.watch.body_ended();
    }
}

/// The body of an answer. hyper drops it when all of it was passed on.
#[derive(Debug)]
pub(super) struct Sent<B> {
    body: Pin<Box<B>>,
    watch: Arc<Watch>,
}

impl<B> Sent<B> {
    pub(super) fn new(body: B, watch: Arc<Watch>) -> Self {
        Sent { body: Box::pin(body), watch }
    }
}

impl<B: Body> Body for Sent<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.body.as_mut().poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Sent<B> {
    fn drop(&mut self) {
        self.watch.answered(Instant::now());
    }
}
