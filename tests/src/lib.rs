//! What the cross-crate tests share.

pub mod generate;
pub mod json;
pub mod law;
pub mod roundtrip;
pub mod schemas;
