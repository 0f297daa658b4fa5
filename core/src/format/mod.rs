//! The form of a Coldpress file: what `encode` and `decode` share.

pub(crate) mod bits;
pub(crate) mod checksum;
pub(crate) mod codec;
pub(crate) mod crc32;
pub(crate) mod limits;
pub(crate) mod metadata;
pub(crate) mod page_header;
pub(crate) mod rescued;
pub(crate) mod thrift;
pub(crate) mod value_text;
