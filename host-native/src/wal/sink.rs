//! Where a segment's bytes go.

use bytes::{Bytes, BytesMut};
use coldpress_core::ObjectKey;

use crate::{ColdStorage, PutOutcome, Result};

/// An object being written. Stands in for `ObjectWriter` until that is here: it collects, and puts at the end.
pub(super) struct Sink<'s> {
    storage: &'s ColdStorage,
    key: ObjectKey,
    bytes: BytesMut,
}

impl<'s> Sink<'s> {
    pub(super) async fn create(storage: &'s ColdStorage, key: &ObjectKey) -> Result<Self> {
        Ok(Sink { storage, key: key.clone(), bytes: BytesMut::new() })
    }

    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    pub(super) async fn finish(self) -> Result<PutOutcome> {
        self.storage.put_bytes(&self.key, &self.bytes.freeze()).await
    }

    pub(super) async fn abort(self) -> Result<()> {
        Ok(())
    }
}
