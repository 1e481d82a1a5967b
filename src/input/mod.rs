//! Readers: a file or stdin in, records in order out.
//!
//! Records stream: one is held at a time, and comes out as soon as its last byte came in. `vectors`, `pairs` and `beir` read
//! whole files, up to limits. An error in one record is that record's own ([`RecordError`]), and the rows after it still
//! come; an error of a whole file ends the reading ([`InputError`]).

mod beir;
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
mod values;
pub mod vectors;

pub use beir::{BeirError, RetrievalSet, read_beir};
pub use error::{InputError, RecordError};
pub use open::{format_of, open, open_queries, texts};
pub use options::{Format, Options};
pub use origin::Origin;
pub use pairs::{PairOptions, PairsError, ScoredPairs, read_pairs};
pub use queries::Query;
pub use record::{MAX_RECORD_BYTES, Record, Text};
pub use records::{EmptyFiles, Records};
