//! SQL over a store of Coldpress, by DataFusion: the collections of a tenant are tables.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use coldpress::{ColdStorage, ColdStorageConfig};
//! use coldpress_sql::RegisterColdpress;
//! use datafusion::prelude::SessionContext;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let config = ColdStorageConfig { local_dir: Some("cold".into()), ..Default::default() };
//! let storage = Arc::new(ColdStorage::new(config)?);
//!
//! let context = SessionContext::new();
//! context.register_coldpress(storage, 7)?;
//! context.sql("select count(*) from events where _lsn_min >= 1000").await?.show().await?;
//! # Ok(())
//! # }
//! ```
//!
//! A statement sees the files that the store has when it is planned. Files that differ read as one
//! table: a column that a file lacks is null there, numbers and timestamps take the type that holds
//! each of them exactly, and columns that clash are text ([`coldpress::FileSchemas`] has the rule).
//!
//! Beside the columns of the files, each table has `_lsn_min` and `_lsn_max`: the LSNs of the file
//! that a row is in. Filters on them leave files out before any of their rows is asked for. A
//! collection whose rows have a field of one of these names has neither.
//!
//! SQL sees columns as they are stored: a value that was rescued is null in its column, and stands
//! in `_rescued_data`, which is JSON text.
#![forbid(unsafe_code)]

mod adapt;
mod catalog;
mod constants;
mod convert;
mod exact;
mod facts;
mod files;
mod json;
mod lsns;
mod read_only;
mod reader;
mod register;
mod statistics;
mod table;
mod text;
mod types;

pub use datafusion;

pub use json::JsonColumn;
pub use register::RegisterColdpress;
