//! The outcome of a put.

/// The outcome of a put that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PutOutcome {
    /// This call stored the object.
    Created,
    /// An object with the same content was already there: from an earlier put, from another
    /// writer, or from this put if the store's answer to it was lost.
    AlreadyThere,
}
