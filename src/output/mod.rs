//! Writers: rows in order in, a file or stdout out.
//!
//! A file appears complete or not at all: it is written beside its target and takes the target's place in
//! [`RowWriter::finish`]. A writer that is dropped before leaves the old file in place.

mod digits;
mod embeddings;
mod ending;
mod error;
mod file;
mod hit;
mod labels;
mod objects;
mod ranking;
mod table;
mod value;

pub use digits::Precision;
pub(crate) use embeddings::dtype::Dtype;
pub(crate) use embeddings::encoding::{Encoding, Ranges};
pub use embeddings::format::Format;
pub use embeddings::open::open;
pub(crate) use embeddings::open::{check, open_with, preview};
pub(crate) use embeddings::row::RowWriter;
pub use embeddings::row::{Numbers, Row, Shape, Vector};
pub(crate) use embeddings::settings::Settings;
pub(crate) use error::OutputError;
pub use file::bytes::BytesWriter;
pub(crate) use file::compression::Compression;
pub use file::destination::Destination;
pub(crate) use file::document::Document;
pub(crate) use file::job::{Claim, Job};
pub(crate) use file::part::remove_parts;
pub(crate) use file::sink::Sink;
pub(crate) use hit::{Hit, Ranking, RankingFormat};
pub(crate) use labels::{Label, Labelled, LabelsFormat, LabelsWriter};
pub(crate) use ranking::RankingWriter;

#[cfg(test)]
mod tests;
