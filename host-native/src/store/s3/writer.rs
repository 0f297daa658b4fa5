//! Writes one object piece by piece into the store. A task drives each object (decision 21).

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use coldpress_core::BufferPolicy;
use futures_util::future::{Either, select};
use tokio::sync::{mpsc, oneshot};

use crate::error::{Error, ErrorKind, Result};
use crate::store::outcome::PutOutcome;
use crate::store::s3::client::S3Store;
use crate::store::s3::multipart::PART_BYTES;
use crate::store::s3::put_driver::{Ended, PARTS_LEFT, PutDriver};

/// How many parts are sent at a time.
pub(crate) const PARTS_AT_ONCE: usize = 3;

/// The writer of one object. If it is dropped, its task stops and aborts the upload.
#[derive(Debug)]
pub(crate) struct S3Writer {
    commands: mpsc::Sender<Command>,
    ended: oneshot::Receiver<Ended>,
    /// The end of the task, once it is known.
    end: Option<Ended>,
}

/// A command of the writer to its task.
#[derive(Debug)]
enum Command {
    /// The task answers once it has taken all bytes.
    Write(Bytes, oneshot::Sender<()>),
    /// The task answers once all bytes are sent, or are buffered as the policy allows.
    Stage(BufferPolicy, oneshot::Sender<()>),
    LeaveOthers,
    Finish,
    Abort,
}

impl S3Writer {
    /// Begins an object at this key. Needs a tokio runtime.
    pub(crate) fn new(store: &Arc<S3Store>, key: &str) -> Result<Self> {
        let driver = PutDriver::new(store, key, (PART_BYTES, PARTS_AT_ONCE), None)?;
        let (commands, received) = mpsc::channel(1);
        let (sender, ended) = oneshot::channel();
        // A task of its own, because `S3Writer` may be dropped at any point and the abort must
        // still be sent. Only the end of the process waits for it, for a short time.
        store.spawn_cleanup(async move {
            let task = Task { driver, left: Bytes::new(), deferred: None, waiting: None };
            let _ = sender.send(task.run(received).await);
        });
        Ok(S3Writer { commands, ended, end: None })
    }

    /// Takes the next bytes. Waits while too many bytes of the object are in memory.
    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let (done, answer) = oneshot::channel();
        self.tell(Command::Write(bytes, done), answer).await
    }

    /// Sends all bytes, except those that the policy allows to stay in memory.
    pub(crate) async fn stage(&mut self, policy: BufferPolicy) -> Result<()> {
        let (done, answer) = oneshot::channel();
        self.tell(Command::Stage(policy, done), answer).await
    }

    /// From now on the caller aborts the uploads that crashed writers of the same key left.
    pub(crate) async fn leave_others(&mut self) {
        // A task that has ended does nothing more anyway.
        let _ = self.commands.send(Command::LeaveOthers).await;
    }

    /// Publishes the object.
    pub(crate) async fn finish(mut self) -> Result<PutOutcome> {
        // If the task has ended, its end says how.
        let _ = self.commands.send(Command::Finish).await;
        self.ended().await?.into_outcome()
    }

    /// Aborts the object. An error says what may be left in the store.
    pub(crate) async fn abort(mut self) -> Result<()> {
        let _ = self.commands.send(Command::Abort).await;
        self.ended().await?.into_abort()
    }

    /// Aborts the object because of `error`. The returned error also says if parts may be left in
    /// the store.
    pub(crate) async fn give_up(self, error: Error) -> Error {
        match self.abort().await {
            Ok(()) => error,
            Err(_) => error.with_note(PARTS_LEFT),
        }
    }

    async fn tell(&mut self, command: Command, answer: oneshot::Receiver<()>) -> Result<()> {
        if self.commands.send(command).await.is_ok() && answer.await.is_ok() {
            return Ok(());
        }
        // The task ended early: by a failure, or because the same content is already stored.
        self.ended().await?.outcome.map(|_| ())
    }

    async fn ended(&mut self) -> Result<Ended> {
        if let Some(end) = &self.end {
            return Ok(end.clone());
        }
        let ended = (&mut self.ended).await.map_err(|_| {
            let message = "a task panicked, or its runtime shut down; if it repeats, report it";
            Error::new(ErrorKind::Internal, message)
        })?;
        Ok(self.end.insert(ended).clone())
    }
}

/// Drives the put and obeys the commands of the writer.
struct Task {
    driver: PutDriver,
    /// Bytes that the put had no room for yet.
    left: Bytes,
    /// What ends the body, until the put has taken all bytes before it.
    deferred: Option<Command>,
    /// Whom to answer, and when.
    waiting: Option<(WaitsFor, oneshot::Sender<()>)>,
}

#[derive(Clone, Copy, PartialEq)]
enum WaitsFor {
    Room,
    Staged,
}

impl Task {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) -> Ended {
        let mut is_gone = false;
        loop {
            self.take_what_was_left().await;
            self.answer();
            if self.driver.outcome().is_some() {
                return self.driver.ended().await;
            }
            let next = async {
                match is_gone {
                    true => pending().await,
                    false => commands.recv().await,
                }
            };
            let command = match select(pin!(next), pin!(self.driver.step())).await {
                Either::Left((command, _)) => command,
                Either::Right(_) => continue,
            };
            match command {
                Some(command) => self.obey_in_order(command),
                // The writer was dropped.
                None => {
                    is_gone = true;
                    self.driver.abort();
                }
            }
        }
    }

    /// A write that was dropped may have left bytes. They belong to the body all the same, so that
    /// the body ends only behind them.
    fn obey_in_order(&mut self, command: Command) {
        match command {
            Command::Stage(..) | Command::Finish if !self.left.is_empty() => {
                self.deferred = Some(command);
            }
            command => self.obey(command),
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Write(bytes, done) => {
                self.left = match self.left.is_empty() {
                    true => bytes,
                    // An earlier write was dropped before all its bytes were taken. These follow.
                    false => [&self.left[..], &bytes[..]].concat().into(),
                };
                self.waiting = Some((WaitsFor::Room, done));
            }
            Command::Stage(policy, done) => {
                self.driver.stage(policy);
                self.waiting = Some((WaitsFor::Staged, done));
            }
            Command::LeaveOthers => self.driver.leaves_others = true,
            Command::Finish => self.driver.finish(),
            Command::Abort => self.driver.abort(),
        }
    }

    async fn take_what_was_left(&mut self) {
        while !self.left.is_empty() && self.driver.has_room() {
            self.driver.take(&mut self.left);
            // The put hashes the bytes: other tasks get their turn in between.
            tokio::task::yield_now().await;
        }
        if self.left.is_empty()
            && let Some(command) = self.deferred.take()
        {
            self.obey(command);
        }
    }

    fn answer(&mut self) {
        let is_done = |waits| match waits {
            WaitsFor::Room => self.left.is_empty(),
            WaitsFor::Staged => self.driver.is_staged(),
        };
        if let Some((_, done)) = self.waiting.take_if(|(waits, _)| is_done(*waits)) {
            // If the caller is gone, nobody needs the answer.
            let _ = done.send(());
        }
    }
}
