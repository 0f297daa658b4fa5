//! (placeholder)
#![allow(missing_docs)]
use crate::*;
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema { columns: Vec<Column> }
impl Schema {
    pub fn new(_columns: Vec<Column>) -> Result<Self> { todo!() }
    pub fn columns(&self) -> &[Column] { &self.columns }
    /// The one JSON form: `{"columns":[{"name":"ts","type":"timestamp","unit":"ms"},…]}`
    pub fn from_json(_text: &str) -> Result<Self> { todo!() }
    pub fn to_json(&self) -> String { todo!() }
}
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column { pub name: String, pub column_type: ColumnType }
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit { Millis, Micros, Nanos }
/// How values of a timestamp or decimal stood in the JSON
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form { Number, Text(u8) }
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnType {
    Null, Boolean, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Float32, Float64,
    Decimal { precision: u8, scale: u8, form: Option<Form> },
    String, Json, Binary, Uuid, Date,
    Timestamp { unit: TimeUnit, form: Option<Form> },
    Struct(Vec<Column>),
    List(Box<ColumnType>),
}
/// `boolean`, `int64`, `list<string>`, `struct<a: int64>`; for people
impl std::fmt::Display for ColumnType { fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { todo!() } }
