//! The encoder, with settings and a target from plain arguments.

use coldpress_core::{
    Codec, Encoder, Encodings, IdSource, KeyPrefix, LsnRange, LsnWidth, NewFields, Nulls, Numbers,
    Policy, Schema, Settings, Target, TextTypes,
};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::tape::Names;
use crate::{Fault, RawFile, tape};

/// The settings of an encoder. A setting that is not set has core's default.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct RawSettings(Settings);

#[wasm_bindgen]
impl RawSettings {
    /// The defaults.
    #[wasm_bindgen(constructor)]
    pub fn new() -> RawSettings {
        RawSettings::default()
    }

    /// The codec, such as `zstd:9`.
    pub fn codec(&mut self, codec: &str) -> Result<(), Fault> {
        self.0.codec = codec.parse::<Codec>()?;
        Ok(())
    }

    /// `portable`, `compact` or `legacy`.
    pub fn encodings(&mut self, encodings: &str) -> Result<(), Fault> {
        self.0.encodings = encodings.parse::<Encodings>()?;
        Ok(())
    }

    /// `portable` or `exact`.
    pub fn names(&mut self, names: &str) -> Result<(), Fault> {
        self.0.names = names.parse::<coldpress_core::Names>()?;
        Ok(())
    }

    /// The field that holds the ids of the rows.
    pub fn id(&mut self, field: String) {
        self.0.id = IdSource::Field(field);
    }

    /// Refuses an id that an earlier row has.
    #[wasm_bindgen(js_name = uniqueIds)]
    pub fn unique_ids(&mut self) {
        self.0.unique_ids = true;
    }

    /// Takes an explicit null for an absent field.
    #[wasm_bindgen(js_name = absentNulls)]
    pub fn absent_nulls(&mut self) {
        self.0.nulls = Nulls::Absent;
    }

    /// `infer` or `string`.
    #[wasm_bindgen(js_name = textTypes)]
    pub fn text_types(&mut self, text_types: &str) -> Result<(), Fault> {
        self.0.text_types = text_types.parse::<TextTypes>()?;
        Ok(())
    }

    /// `exact` or `float64`.
    pub fn numbers(&mut self, numbers: &str) -> Result<(), Fault> {
        self.0.numbers = numbers.parse::<Numbers>()?;
        Ok(())
    }

    /// `rescue` or `column`.
    #[wasm_bindgen(js_name = newFields)]
    pub fn new_fields(&mut self, new_fields: &str) -> Result<(), Fault> {
        self.0.new_fields = new_fields.parse::<NewFields>()?;
        Ok(())
    }

    /// `rescue` or `strict`.
    pub fn policy(&mut self, policy: &str) -> Result<(), Fault> {
        self.0.policy = policy.parse::<Policy>()?;
        Ok(())
    }

    /// The schema, as JSON.
    pub fn schema(&mut self, json: &str) -> Result<(), Fault> {
        self.0.schema = Some(Schema::from_json(json)?);
        Ok(())
    }

    /// The most leaf columns.
    #[wasm_bindgen(js_name = columnsMax)]
    pub fn columns_max(&mut self, columns_max: u32) {
        self.0.columns_max = columns_max as usize;
    }

    /// The deepest nesting that becomes structs and lists.
    #[wasm_bindgen(js_name = depthMax)]
    pub fn depth_max(&mut self, depth_max: u32) {
        self.0.depth_max = depth_max as usize;
    }

    /// The most bytes of one row.
    #[wasm_bindgen(js_name = rowBytesMax)]
    pub fn row_bytes_max(&mut self, row_bytes_max: u32) {
        self.0.row_bytes_max = row_bytes_max as usize;
    }

    /// The most rows in one row group.
    #[wasm_bindgen(js_name = rowGroupRowsMax)]
    pub fn row_group_rows_max(&mut self, row_group_rows_max: u32) {
        self.0.row_group_rows_max = row_group_rows_max as usize;
    }
}

/// An encoder, and the field names of its tapes so far.
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawEncoder {
    encoder: Encoder,
    names: Names,
}

#[wasm_bindgen]
impl RawEncoder {
    /// An encoder with these settings. JavaScript cannot use the settings any more after that.
    #[wasm_bindgen(constructor)]
    pub fn new(settings: RawSettings) -> Result<RawEncoder, Fault> {
        Ok(RawEncoder { encoder: Encoder::new(settings.0)?, names: Names::default() })
    }

    /// Changes the set of encodings: `portable`, `compact` or `legacy`.
    pub fn encodings(&mut self, encodings: &str) -> Result<(), Fault> {
        self.encoder.set_encodings(encodings.parse()?);
        Ok(())
    }

    /// Pushes a slice of JSON text.
    #[wasm_bindgen(js_name = pushJson)]
    pub fn push_json(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        Ok(self.encoder.push_json(bytes)?)
    }

    /// Ends the JSON text pushed so far.
    #[wasm_bindgen(js_name = endJson)]
    pub fn end_json(&mut self) -> Result<(), Fault> {
        Ok(self.encoder.end_json()?)
    }

    /// Pushes whole rows as a tape (see `tape.rs`).
    #[wasm_bindgen(js_name = pushTape)]
    pub fn push_tape(
        &mut self,
        ops: &[u8],
        words: &[u32],
        doubles: &[f64],
        text: &[u8],
        text_units: u32,
    ) -> Result<(), Fault> {
        let mut tape = tape::Tape::new(ops, words, doubles, text, text_units as usize)?;
        while !tape.is_at_end() {
            self.encoder.push_document(|document| tape.document(&mut self.names, document))?;
        }
        Ok(())
    }

    /// The number of rows so far.
    #[wasm_bindgen(getter)]
    pub fn rows(&self) -> f64 {
        self.encoder.rows() as f64
    }

    /// Makes the file. The encoder cannot be used after that.
    // The fields of a JavaScript object, one by one: so this crate needs no reader of objects.
    #[allow(clippy::too_many_arguments)]
    pub fn finish(
        self,
        prefix: &str,
        tenant_id: u64,
        collection: String,
        min_lsn: Option<u64>,
        max_lsn: Option<u64>,
        padded: bool,
    ) -> Result<RawFile, Fault> {
        let lsns = match (min_lsn, max_lsn) {
            (Some(min), Some(max)) => Some(LsnRange::new(min, max)?),
            _ => None,
        };
        let lsn_width = if padded { LsnWidth::Padded } else { LsnWidth::Unpadded };
        let prefix = KeyPrefix::new(prefix)?;
        let target = Target { prefix, tenant_id, collection, lsns, lsn_width };
        Ok(RawFile::from(self.encoder.finish(&target)?))
    }
}
