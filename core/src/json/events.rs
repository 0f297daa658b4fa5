//! The events of a JSON document.

use super::number::Number;

/// Takes the events of a document, in the order in which they are read.
pub trait Events {
    /// The name of the next value of the open object.
    fn key(&mut self, name: &str);
    /// `null`.
    fn null(&mut self);
    /// `true` or `false`.
    fn boolean(&mut self, value: bool);
    /// A number; a [`Number::Literal`] must be a JSON number literal that no other variant can
    /// hold.
    fn number(&mut self, value: Number<'_>);
    /// A string.
    fn string(&mut self, value: &str);
    /// The start of an object: of each field, its key and then its value come next.
    fn open_object(&mut self);
    /// The end of the innermost object.
    fn close_object(&mut self);
    /// The start of an array: its elements come next.
    fn open_array(&mut self);
    /// The end of the innermost array.
    fn close_array(&mut self);
}
