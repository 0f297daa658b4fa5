//! Filters: which rows a query takes.
//!
//! A [`Filter`] has a text form and a JSON form. It answers for a row as it was put
//! ([`Filter::matches`]), and for many rows of which only some facts are known
//! ([`Filter::may_match`]). `docs/filters.md` has the grammar and the meaning.
//!
//! ```
//! use coldpress_core::filter::Filter;
//!
//! let filter = Filter::parse("year >= 2005 and title like 'The %'")?;
//! let json = r#"{"and":[{">=":["year",2005]},{"like":["title","The %"]}]}"#;
//! assert_eq!(filter.to_json(), json);
//! assert_eq!(Filter::from_json(json)?, filter);
//! assert!(filter.matches(&serde_json::json!({"title": "The Quiet Hour", "year": 2008})));
//! # Ok::<(), coldpress_core::Error>(())
//! ```

mod condition;
mod evaluate;
mod json;
mod lexer;
mod limits;
mod literal;
mod number;
mod parse;
mod path;
mod pattern;
mod picked;
mod print;
mod prune;
mod root;
mod row;
mod shape;
mod tree;

pub use condition::{Comparison, Condition};
pub use limits::{DEPTH_MAX, ITEMS_MAX, TEXT_BYTES_MAX};
pub use literal::{DateLiteral, InstantLiteral, Kind, Literal, NumberLiteral};
pub use path::ColumnPath;
pub use picked::PickedRow;
pub use prune::{Bounds, ColumnFacts, Facts};
pub use root::Filter;
pub use row::{FilterRow, Seen};

#[cfg(test)]
pub(super) mod tests;
