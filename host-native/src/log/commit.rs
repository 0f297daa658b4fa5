//! Commits to tables. Commits of this process to one table share entries: while one is under way,
//! the others wait, and the next one takes them all.

use std::time::Duration;

use coldpress_core::Random;
use coldpress_core::table::{
    CommitMark, CommitStep, Committed, TableChange, TableCommit, TablePlace,
};

use crate::error::{Error, ErrorKind, Result};
use crate::log::folder::LogFolder;
use crate::log::queue::{Done, Waiting};
use crate::log::tables::Tables;
use crate::quiet::quietly;
use crate::random::{random_name, random_uuid, seed};
use crate::threads::blocking;

impl Tables {
    /// Commits a change, and says what became of it. Committing again what is committed is success.
    ///
    /// If the caller is dropped, the change may be committed or not.
    pub(crate) async fn commit(&self, place: &TablePlace, change: TableChange) -> Result<Done> {
        let mut done = self.commit_each(place, vec![change]).await;
        done.pop().unwrap_or_else(|| Err(no_result(place)))
    }

    /// Commits these changes, in one entry if they fit. The failure of one does not keep the others
    /// from being committed.
    pub(crate) async fn commit_each(
        &self,
        place: &TablePlace,
        changes: Vec<TableChange>,
    ) -> Vec<Result<Done>> {
        let queue = self.queues.of(place);
        let mut answer = queue.push(changes.clone());
        loop {
            let turn = tokio::select! {
                biased;
                answered = &mut answer => match answered {
                    Ok(answered) => return answered,
                    // Who was about to commit them was dropped.
                    Err(_) => {
                        answer = queue.push(changes.clone());
                        continue;
                    }
                },
                turn = queue.turn.lock() => turn,
            };
            let waiting = queue.take();
            if waiting.is_empty() {
                // The one before was just about to answer.
                continue;
            }
            let all = waiting.iter().flat_map(|waiting| waiting.changes.iter().cloned()).collect();
            let committed = self.commit_all(place, all).await;
            let due = committed.as_ref().ok().filter(|committed| committed.checkpoint_due);
            let due = due.and_then(|committed| committed.table.clone());
            answer_all(place, waiting, committed);
            drop(turn);
            if let Some(table) = due {
                self.write_checkpoint(table).await;
            }
        }
    }

    async fn commit_all(&self, place: &TablePlace, changes: Vec<TableChange>) -> Result<Committed> {
        self.store().check_conditional().await?;
        let folder = self.store().folder(place);
        let mark = CommitMark { own_id: random_name(), table_id: random_uuid() };
        let (known, random) = (self.kept(place), Random::new(seed()));
        let mut commit =
            TableCommit::new(place.clone(), known, changes, mark, random, self.now_ms())?;
        loop {
            commit = match commit.poll().clone() {
                CommitStep::Get { name, bytes_max } => {
                    let bytes = folder.get(&name, bytes_max).await?;
                    step(commit, &folder, &name, move |commit| commit.got(bytes)).await?
                }
                CommitStep::List { after } => {
                    let listed = folder.list_after(&after).await?;
                    step(commit, &folder, "", move |commit| commit.listed(&listed)).await?
                }
                CommitStep::Put { name, bytes } => {
                    let (answer, now_ms) = (folder.put_new(&name, &bytes).await?, self.now_ms());
                    step(commit, &folder, &name, move |commit| commit.put(answer, now_ms)).await?
                }
                CommitStep::Wait { ms } => {
                    crate::backoff::pause(Duration::from_millis(ms)).await;
                    let now_ms = self.now_ms();
                    step(commit, &folder, "", move |commit| commit.waited(now_ms)).await?
                }
                CommitStep::Done => break,
            };
        }
        let committed = commit.committed().ok_or_else(|| no_result(place))?;
        if let Some(table) = committed.table.as_ref().filter(|table| table.version().is_some()) {
            self.keep(table);
        }
        if let Some(version) = committed.version {
            tracing::info!(log = folder.path(), version, "committed");
        }
        Ok(committed)
    }
}

/// One step of a commit. Parsing and building an entry block.
async fn step(
    mut commit: TableCommit,
    folder: &LogFolder<'_>,
    name: &str,
    work: impl FnOnce(&mut TableCommit) -> coldpress_core::Result<()> + Send + 'static,
) -> Result<TableCommit> {
    let stepping = move || {
        quietly(|| work(&mut commit))?;
        Ok(commit)
    };
    blocking(stepping).await.map_err(|error| error.at(folder.path_of(name)))
}

/// Gives each caller what became of its changes.
fn answer_all(place: &TablePlace, waiting: Vec<Waiting>, committed: Result<Committed>) {
    let mut done = match committed {
        Err(error) => Err(error),
        Ok(Committed { table, outcomes, .. }) => {
            let log = place.log_folder();
            Ok(outcomes.into_iter().map(move |outcome| match outcome {
                Ok(outcome) => Ok(Done { outcome, table: table.clone() }),
                Err(error) => Err(Error::from(error).at(log.as_str())),
            }))
        }
    };
    for Waiting { changes, answer } in waiting {
        let answers = changes.iter().map(|_| match &mut done {
            Ok(done) => done.next().unwrap_or_else(|| Err(no_result(place))),
            Err(error) => Err(error.clone()),
        });
        // Who waits for it may be gone.
        let _ = answer.send(answers.collect());
    }
}

fn no_result(place: &TablePlace) -> Error {
    let message = "a commit ended without a result; report this";
    Error::new(ErrorKind::Internal, message).at(place.log_folder())
}
