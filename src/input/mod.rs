//! Readers: a file or stdin in, records in order out.
//!
//! Records stream: one is held at a time, and comes out as soon as its last byte came in. `vectors`, `pairs` and `beir` read
//! whole files, up to limits. An error in one record is that record's own ([`RecordError`]), and the rows after it still
//! come; an error of a whole file ends the reading ([`InputError`]).

mod beir;
mod columnar;
mod error;
mod fields;
mod files;
mod jsonl;
mod lines;
mod object;
mod open;
mod options;
mod origin;
mod pairs;
mod queries;
mod record;
mod records;
mod rows;
mod table;
mod template;
mod values;
pub(crate) mod vectors;

pub(crate) use beir::{BeirError, RetrievalSet, read_beir};
pub(crate) use error::{InputError, RecordError};
pub(crate) use files::expand::expand;
pub(crate) use open::{format_of, texts};
pub use open::{open, open_queries};
pub(crate) use options::Format;
pub use options::Options;
pub(crate) use origin::Origin;
pub(crate) use pairs::{PairOptions, PairsError, ScoredPairs, read_pairs};
pub(crate) use queries::Query;
pub use record::Text;
pub(crate) use record::{MAX_RECORD_BYTES, Record};
pub(crate) use records::{EmptyFiles, Records};
pub(crate) use template::Template;
