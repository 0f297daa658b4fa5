//! Read grants: what JavaScript needs of them.

use coldpress_core::ReadGrant;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::Fault;

/// A grant to read one file.
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawReadGrant(ReadGrant);

/// Reads the JSON form.
#[wasm_bindgen(js_name = readGrant)]
pub fn read_grant(json: &str) -> Result<RawReadGrant, Fault> {
    Ok(RawReadGrant(ReadGrant::from_json(json)?))
}

#[wasm_bindgen]
impl RawReadGrant {
    /// Where the file is.
    pub fn url(&self) -> String {
        self.0.get().url().to_owned()
    }

    /// The headers of the request: names and values by turns.
    pub fn headers(&self) -> Vec<String> {
        let pairs = self.0.get().headers();
        pairs.iter().flat_map(|(name, value)| [name.clone(), value.clone()]).collect()
    }

    /// The key of the file.
    pub fn key(&self) -> String {
        self.0.key().as_str().to_owned()
    }

    /// The folder of all keys.
    pub fn prefix(&self) -> String {
        self.0.prefix().as_str().to_owned()
    }

    /// The size of the file.
    pub fn bytes(&self) -> f64 {
        self.0.bytes() as f64
    }

    /// The ETag of the file, if the grant names it.
    pub fn etag(&self) -> Option<String> {
        self.0.etag().map(str::to_owned)
    }

    /// When it expires, in milliseconds since 1970.
    #[wasm_bindgen(js_name = expiresMs)]
    pub fn expires_ms(&self) -> f64 {
        self.0.expires_ms() as f64
    }

    /// The first LSN of the file.
    #[wasm_bindgen(js_name = minLsn)]
    pub fn min_lsn(&self) -> u64 {
        self.0.lsns().min()
    }

    /// The last LSN of the file.
    #[wasm_bindgen(js_name = maxLsn)]
    pub fn max_lsn(&self) -> u64 {
        self.0.lsns().max()
    }
}
