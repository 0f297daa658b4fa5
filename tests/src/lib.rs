//! What the cross-crate tests share.

pub mod dice;
pub mod generate;
pub mod imports;
pub mod instants;
pub mod json;
pub mod law;
pub mod mutants;
pub mod roundtrip;
pub mod scalars;
pub mod scanning;
pub mod schemas;
pub mod tools;
