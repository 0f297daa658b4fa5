//! Gives finished files their LSNs, and publishes them.

use coldpress_core::{ClaimName, FileTail, LsnRange, ObjectKey, Schema, StreamedFile, Wanted};

use crate::error::{Error, ErrorKind, Result};
use crate::storage::claims::{Claim, ClaimAs};
use crate::storage::stream::append::no_lsn_left;
use crate::storage::stream::append_state::AppendState;
use crate::storage::stream::row_stream::{RowStream, StoredFile};
use crate::storage::writer::ObjectWriter;
use crate::store::outcome::PutOutcome;

impl RowStream<'_> {
    /// Stores a file that does not wait for others.
    pub(super) async fn store_one(&mut self, writer: ObjectWriter, tail: FileTail) -> Result<()> {
        let claimed = match self.find_same_file(&tail).await {
            Ok(Some(file)) => {
                writer.abort().await?;
                self.note_stored(file, PutOutcome::AlreadyThere);
                return Ok(());
            }
            Ok(None) => self.claim_one(&tail).await,
            Err(error) => Err(error),
        };
        let (mut claim, lsns) = match claimed {
            Ok(claimed) => claimed,
            Err(error) => return Err(writer.give_up(self.note_outrun(error)).await),
        };
        let (writer, file) = match seal(writer, &tail, lsns).await {
            Ok(sealed) => sealed,
            Err(error) => {
                claim.end(self.storage, Some(&error)).await;
                return Err(error);
            }
        };
        self.next_lsn = lsns.max().checked_add(1);
        claim.keep_if_dropped();
        let stored = writer.publish(&file.key).await;
        claim.end(self.storage, stored.as_ref().err()).await;
        match stored {
            Ok(outcome) => {
                self.note_stored(file, outcome);
                Ok(())
            }
            Err(error) => Err(self.storage.explain_conflict(error).await),
        }
    }

    /// Stores all files that are ready and, as the last one, this file.
    pub(super) async fn store_all(&mut self, writer: ObjectWriter, tail: FileTail) -> Result<()> {
        let last = self.name(writer, &tail).await?;
        self.ready.push_back(last);
        let keys: Vec<ObjectKey> = self.ready.iter().map(|(_, file)| file.key.clone()).collect();
        let ignored: Vec<ClaimName> =
            self.append.as_ref().and_then(AppendState::resumed).cloned().into_iter().collect();
        let goes_on = !ignored.is_empty();
        let wanted = match self.append.is_some() && !goes_on {
            // Each append stores its rows, even if another one stored equal rows: the other one's
            // files must not count as ours.
            true => Wanted::New(keys),
            false => Wanted::Keys(keys),
        };
        let mut claim = match self.claim(wanted, ignored, tail.schema()).await {
            Ok(claim) => claim,
            Err(error) => {
                self.was_outrun = self.append.is_some() && error.kind() == ErrorKind::Conflict;
                return Err(self.note_outrun(error));
            }
        };
        claim.keep_if_dropped();
        let stored_before = self.stored.len();
        let mut stored = Ok(());
        while let (Ok(()), Some((writer, file))) = (&stored, self.ready.pop_front()) {
            if claim.is_stale(self.storage) {
                let message = "storing took so long that the claim may have expired, and others \
                    may take its LSNs; run it again";
                stored = Err(Error::new(ErrorKind::Unavailable, message).at(file.key.as_str()));
                self.ready.push_front((writer, file));
                continue;
            }
            stored = writer.publish(&file.key).await.map(|out| self.note_stored(file, out));
        }
        let is_ours = |file: &StoredFile| file.outcome == PutOutcome::Created;
        let none_is_ours = !self.stored[stored_before..].iter().any(is_ours);
        match &stored {
            // The crashed append that this one resumed had other rows after the first file.
            Err(error) if goes_on && none_is_ours && error.kind() == ErrorKind::Conflict => {
                self.stored.truncate(stored_before);
                self.was_outrun = true;
                claim.end(self.storage, Some(error)).await;
            }
            // Some files are stored and others are not. The claim tells the next run.
            Err(_) if self.stored.len() > stored_before => {
                claim.leave_for_rerun(self.storage).await
            }
            ended => claim.end(self.storage, ended.as_ref().err()).await,
        }
        match stored {
            Ok(()) => Ok(()),
            Err(error) => Err(self.storage.explain_conflict(error).await),
        }
    }

    /// Gives a file the next LSNs. They are claimed later, together with those of the other files.
    pub(super) async fn name(
        &mut self,
        writer: ObjectWriter,
        tail: &FileTail,
    ) -> Result<(ObjectWriter, StreamedFile)> {
        let lsns = match self.resumed_lsns(tail).await.and_then(|lsns| match lsns {
            Some(lsns) => Ok(lsns),
            None => self.next_lsns(tail),
        }) {
            Ok(lsns) => lsns,
            Err(error) => return Err(writer.give_up(error).await),
        };
        self.next_lsn = lsns.max().checked_add(1);
        seal(writer, tail, lsns).await
    }

    fn next_lsns(&self, tail: &FileTail) -> Result<LsnRange> {
        match (self.lsns, self.next_lsn) {
            (Some(lsns), _) => Ok(lsns),
            (None, Some(first)) => Ok(tail.lsns_from(first)?),
            (None, None) => Err(no_lsn_left()),
        }
    }

    async fn claim_one(&mut self, tail: &FileTail) -> Result<(Claim, LsnRange)> {
        let wanted = match self.append {
            Some(_) => Wanted::Free { rows: tail.rows() },
            None => Wanted::Keys(vec![tail.seal(self.next_lsns(tail)?)?.1.key]),
        };
        let claim = self.claim(wanted, Vec::new(), tail.schema()).await?;
        let lsns = claim.lsns;
        Ok((claim, lsns))
    }

    /// `schema` is that of the last file that the claim is for.
    async fn claim(
        &mut self,
        wanted: Wanted,
        ignored: Vec<ClaimName>,
        schema: &Schema,
    ) -> Result<Claim> {
        let kind = match &self.append {
            None => ClaimAs::Put,
            Some(append) => append.id().map_or(ClaimAs::Append, ClaimAs::AppendId),
        };
        let any = LsnRange::new(0, 0)?;
        let target = self.storage.target(self.tenant_id, &self.collection, None);
        let any = ObjectKey::data(
            &target.prefix,
            self.tenant_id,
            &self.collection,
            any,
            target.lsn_width,
        )?;
        let claim = self.storage.claim(&any, wanted, kind, ignored).await?;
        let looked = match self.look_for_other_runs(&claim).await {
            Ok(()) => self.look_for_other_types(&claim, schema).await,
            failed => failed,
        };
        match looked {
            Ok(()) => Ok(claim),
            Err(error) => {
                claim.end(self.storage, Some(&error)).await;
                Err(error)
            }
        }
    }

    fn note_outrun(&self, error: Error) -> Error {
        match self.was_outrun {
            true => error.with_note(
                "this happened while the rows were read, so nothing is stored; run the same append \
                again",
            ),
            false => error,
        }
    }

    fn note_stored(&mut self, file: StreamedFile, outcome: PutOutcome) {
        let StreamedFile { key, bytes, summary } = file;
        tracing::info!(%key, bytes, rows = summary.rows, ?outcome, "stored rows");
        self.stored.push(StoredFile { key, bytes, summary, outcome });
    }
}

/// Writes the end of a file, which holds its LSNs.
async fn seal(
    mut writer: ObjectWriter,
    tail: &FileTail,
    lsns: LsnRange,
) -> Result<(ObjectWriter, StreamedFile)> {
    let sealed = tail.seal(lsns);
    let written = match sealed {
        Ok((bytes, file)) => writer.write(bytes).await.map(|()| file),
        Err(error) => Err(error.into()),
    };
    match written {
        Ok(file) => Ok((writer, file)),
        Err(error) => Err(writer.give_up(error).await),
    }
}
