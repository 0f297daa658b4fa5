//! A finished file.

use coldpress_core::EncodedFile;
use js_sys::Uint8Array;
use wasm_bindgen::prelude::wasm_bindgen;

/// A finished file. JavaScript copies it out and then frees it.
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawFile(EncodedFile);

impl From<EncodedFile> for RawFile {
    fn from(file: EncodedFile) -> Self {
        RawFile(file)
    }
}

#[wasm_bindgen]
impl RawFile {
    /// A copy of the bytes in JavaScript's own memory.
    pub fn bytes(&self) -> Uint8Array {
        Uint8Array::from(&self.0.bytes[..])
    }

    /// The object key.
    pub fn key(&self) -> String {
        self.0.key.as_str().to_owned()
    }

    /// How many rows.
    pub fn rows(&self) -> f64 {
        self.0.summary.rows as f64
    }

    /// How many columns at the top.
    pub fn columns(&self) -> u32 {
        self.0.summary.columns as u32
    }

    /// Paths that have rescued values, sorted.
    #[wasm_bindgen(js_name = rescuedPaths)]
    pub fn rescued_paths(&self) -> Vec<String> {
        self.0.summary.rescued.iter().map(|rescued| rescued.path.clone()).collect()
    }

    /// How many values each of those paths has rescued.
    #[wasm_bindgen(js_name = rescuedCounts)]
    pub fn rescued_counts(&self) -> Vec<f64> {
        self.0.summary.rescued.iter().map(|rescued| rescued.count as f64).collect()
    }

    /// How many of these values the column of the path holds too.
    #[wasm_bindgen(js_name = rescuedOtherForms)]
    pub fn rescued_other_forms(&self) -> Vec<f64> {
        self.0.summary.rescued.iter().map(|rescued| rescued.other_form as f64).collect()
    }

    /// The number of rows whose id an earlier row has.
    #[wasm_bindgen(js_name = duplicateIds)]
    pub fn duplicate_ids(&self) -> f64 {
        self.0.summary.duplicate_ids as f64
    }

    /// The number of keys that came twice in one object.
    #[wasm_bindgen(js_name = duplicateKeys)]
    pub fn duplicate_keys(&self) -> f64 {
        self.0.summary.duplicate_keys as f64
    }

    /// What engines in wide use cannot read of the columns.
    pub fn warnings(&self) -> Vec<String> {
        self.0.summary.schema.warnings()
    }

    /// The columns, as JSON.
    pub fn schema(&self) -> String {
        self.0.summary.schema.to_json()
    }
}
