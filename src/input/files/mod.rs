//! Files and stdin: opened, decompressed, and checked to be text.

pub(crate) mod content;
pub(crate) mod expand;
pub(crate) mod reader;
pub(crate) mod source;
