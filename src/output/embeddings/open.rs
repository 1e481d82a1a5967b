//! Opens the writer of a format.

use super::csv;
use super::format::Format;
use super::json;
use super::npy;
use super::preview;
use super::row::{RowWriter, Shape};
use crate::output::digits::Digits;
use crate::output::digits::Precision;
use crate::output::error::OutputError;
use crate::output::file::destination::Destination;
use crate::output::file::sink::Sink;

/// Refuses a format that cannot hold embeddings of this shape, or has no digits to limit.
pub(crate) fn check(format: Format, shape: Shape, precision: Option<Precision>) -> Result<(), OutputError> {
    let what = match (format, shape) {
        (Format::Npy, Shape::Dense(_)) if precision.is_some() => return Err(OutputError::Precision { format }),
        (Format::Jsonl | Format::Json, _) | (_, Shape::Dense(_)) => return Ok(()),
        (_, Shape::Sparse) => "sparse vectors",
        (_, Shape::Tokens(_)) => "vectors of tokens",
    };
    Err(OutputError::Shape { format, what })
}

/// Opens `destination` for rows of this shape, their numbers in as few digits as read back the same or as `precision`
/// allows.
///
/// # Errors
/// As [`check`], and what goes wrong with the destination.
pub fn open(
    format: Format,
    destination: &Destination,
    shape: Shape,
    precision: Option<Precision>,
) -> Result<Box<dyn RowWriter + Send>, OutputError> {
    check(format, shape, precision)?;
    let (sink, digits) = (Sink::open(destination)?, Digits(precision));
    Ok(match (format, shape) {
        (Format::Csv, Shape::Dense(dimensions)) => Box::new(csv::Csv::new(sink, dimensions, digits)),
        (Format::Npy, Shape::Dense(dimensions)) => Box::new(npy::Npy::new(sink, dimensions)?),
        (Format::Json, shape) => Box::new(json::Rows::new(sink, true, shape, digits)),
        // Of the others only dense vectors are left, after the check above.
        (_, shape) => Box::new(json::Rows::new(sink, false, shape, digits)),
    })
}

/// Opens standard output for the beginning of each embedding, as people look at it.
///
/// # Errors
/// Standard output cannot be used.
pub(crate) fn preview() -> Result<Box<dyn RowWriter + Send>, OutputError> {
    Ok(Box::new(preview::Preview::open()?))
}
