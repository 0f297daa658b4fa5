//! Object keys.

use coldpress_core::{KeyPrefix, KeyTarget, LsnRange, LsnWidth, ObjectKey};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::Fault;

/// The key of a data file.
#[wasm_bindgen(js_name = objectKey)]
pub fn object_key(
    prefix: &str,
    tenant_id: u64,
    collection: &str,
    min_lsn: u64,
    max_lsn: u64,
    padded: bool,
) -> Result<String, Fault> {
    let width = if padded { LsnWidth::Padded } else { LsnWidth::Unpadded };
    let prefix = KeyPrefix::new(prefix)?;
    let lsns = LsnRange::new(min_lsn, max_lsn)?;
    Ok(ObjectKey::data(&prefix, tenant_id, collection, lsns, width)?.as_str().to_owned())
}

/// The parts of a key.
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawKey(KeyTarget);

/// Reads a key.
#[wasm_bindgen(js_name = parseObjectKey)]
pub fn parse_object_key(prefix: &str, key: &str) -> Result<RawKey, Fault> {
    Ok(RawKey(ObjectKey::parse(&KeyPrefix::new(prefix)?, key)?.target().clone()))
}

#[wasm_bindgen]
impl RawKey {
    /// The tenant; none for a segment of a log.
    pub fn tenant(&self) -> Option<u64> {
        match &self.0 {
            KeyTarget::Data { tenant_id, .. } => Some(*tenant_id),
            KeyTarget::Wal { .. } => None,
        }
    }

    /// The collection; none for a segment of a log.
    pub fn collection(&self) -> Option<String> {
        match &self.0 {
            KeyTarget::Data { collection, .. } => Some(collection.clone()),
            KeyTarget::Wal { .. } => None,
        }
    }

    /// The lowest LSN.
    #[wasm_bindgen(js_name = minLsn)]
    pub fn min_lsn(&self) -> Option<u64> {
        self.lsns().map(LsnRange::min)
    }

    /// The highest LSN.
    #[wasm_bindgen(js_name = maxLsn)]
    pub fn max_lsn(&self) -> Option<u64> {
        self.lsns().map(LsnRange::max)
    }

    /// The node of a segment, if the key names one.
    pub fn node(&self) -> Option<String> {
        match &self.0 {
            KeyTarget::Wal { node, .. } => node.clone(),
            KeyTarget::Data { .. } => None,
        }
    }

    /// The segment.
    pub fn segment(&self) -> Option<String> {
        match &self.0 {
            KeyTarget::Wal { segment, .. } => Some(segment.clone()),
            KeyTarget::Data { .. } => None,
        }
    }

    fn lsns(&self) -> Option<LsnRange> {
        match &self.0 {
            KeyTarget::Data { lsns, .. } => Some(*lsns),
            KeyTarget::Wal { .. } => None,
        }
    }
}
