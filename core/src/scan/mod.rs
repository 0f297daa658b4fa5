//! Reading a part of what is stored. So far: filters.

pub mod filter;
