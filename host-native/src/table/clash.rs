//! A column that no one type can hold.

/// A column whose types in the files have no type in common that holds each value exactly. It reads
/// as text: strings as they are, other values as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Clash {
    /// Its path: `a.b` is a field of `a`, `a[]` an element.
    pub path: String,
    /// Its types in the files.
    pub types: Vec<String>,
}
