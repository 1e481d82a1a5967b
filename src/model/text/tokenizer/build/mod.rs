//! Builds the tokenizer of a class from its vocabulary and settings.

pub(crate) mod added;
pub(crate) mod class;
pub(crate) mod decoder;
pub(crate) mod ends;
pub(crate) mod file;
pub(crate) mod growth;
pub(crate) mod rebuild;
pub(crate) mod special;
pub(crate) mod vocabulary;
