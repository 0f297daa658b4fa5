//! What a scan is asked for.

use coldpress_core::filter::{ColumnPath, Filter};
use coldpress_core::{LsnRange, Result, ScanQuery};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::Fault;

/// A query, to which JavaScript adds what its caller asked for.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct RawQuery(pub(super) ScanQuery);

#[wasm_bindgen]
impl RawQuery {
    /// All rows.
    #[wasm_bindgen(constructor)]
    pub fn new() -> RawQuery {
        RawQuery::default()
    }

    /// Only rows that the filter takes, which is in its text form.
    #[wasm_bindgen(js_name = whereText)]
    pub fn where_text(&mut self, text: &str) -> std::result::Result<(), Fault> {
        self.0.filter = Some(Filter::parse(text)?);
        Ok(())
    }

    /// The same, in its JSON form.
    #[wasm_bindgen(js_name = whereJson)]
    pub fn where_json(&mut self, json: &str) -> std::result::Result<(), Fault> {
        self.0.filter = Some(Filter::from_json(json)?);
        Ok(())
    }

    /// Only these fields: paths with dots.
    pub fn columns(&mut self, columns: Vec<String>) -> std::result::Result<(), Fault> {
        let paths = columns.iter().map(|text| text.parse()).collect::<Result<Vec<ColumnPath>>>()?;
        self.0.columns = Some(paths);
        Ok(())
    }

    /// Only rows with this id.
    pub fn id(&mut self, id: String) {
        self.0.id = Some(id);
    }

    /// At most so many rows.
    pub fn limit(&mut self, rows: f64) {
        self.0.limit = Some(rows as u64);
    }

    /// Only files that have one of these LSNs.
    pub fn lsns(&mut self, min: u64, max: u64) -> std::result::Result<(), Fault> {
        self.0.lsns = Some(LsnRange::new(min, max)?);
        Ok(())
    }
}
