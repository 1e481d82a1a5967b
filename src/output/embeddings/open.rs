//! Opens the writer of a format.

use super::arrow::Arrow;
use super::csv;
use super::dtype::Dtype;
use super::encoding::Encoding;
use super::format::Format;
use super::json;
use super::npy;
use super::npz::Npz;
use super::parquet::Parquet;
use super::preview;
use super::raw::Raw;
use super::row::{RowWriter, Shape};
use super::settings::Settings;
use crate::output::digits::Precision;
use crate::output::error::OutputError;
use crate::output::file::compression::Compression;
use crate::output::file::destination::Destination;
use crate::output::file::sink::Sink;

/// Names of columns that rows have already.
const OWN: [&str; 9] = ["index", "id", "tokens", "truncated", "error", "embedding", "indices", "values", "embeddings"];

/// Refuses a format that cannot hold embeddings of this shape, number and columns, or has no digits to limit.
pub(crate) fn check(format: Format, settings: &Settings) -> Result<(), OutputError> {
    let Settings { shape, precision, encoding: Encoding { dtype, ranges }, keep, compression, .. } = settings;
    let refuse = |what: String| Err(OutputError::Shape { format, what });
    if precision.is_some() && !format.is_text() {
        return Err(OutputError::Precision { format });
    }
    if *compression != Compression::None && !format.is_text() {
        return Err(OutputError::Compressed { format });
    }
    match shape {
        Shape::Dense(_) => {}
        _ if *dtype != Dtype::Float32 => return Err(OutputError::Dtype { dtype: *dtype, reason: "for dense vectors" }),
        _ if format.is_table() || matches!(format, Format::Jsonl | Format::Json) => {}
        Shape::Sparse => return refuse("sparse vectors".into()),
        Shape::Tokens(_) => return refuse("vectors of tokens".into()),
    }
    if *dtype == Dtype::Float16 && format.is_text() {
        return Err(OutputError::Dtype {
            dtype: *dtype,
            reason: "for binary formats; --precision shortens numbers in text",
        });
    }
    let whole = !matches!(dtype, Dtype::Float32 | Dtype::Float16);
    if whole && precision.is_some() {
        return Err(OutputError::Dtype {
            dtype: *dtype,
            reason: "whole numbers, which have no digits for --precision",
        });
    }
    if ranges.is_some() && !matches!(dtype, Dtype::Int8 | Dtype::Uint8) {
        return Err(OutputError::Dtype { dtype: *dtype, reason: "without ranges; leave --ranges out" });
    }
    if let Some(column) = keep.first()
        && !format.is_text()
        && !format.is_table()
    {
        return refuse(format!("the column {:?} of --keep", column.name));
    }
    for (i, column) in keep.iter().enumerate() {
        let number = column.name.strip_prefix('e').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
        let own = OWN.contains(&column.name.as_str()) || format == Format::Csv && number;
        if own || keep[..i].iter().any(|other| other.name == column.name) {
            return Err(OutputError::Twice { column: column.name.clone(), own });
        }
    }
    Ok(())
}

/// Refuses numbers that vectors of `dimensions` do not have.
fn check_numbers(encoding: &Encoding, dimensions: usize) -> Result<(), OutputError> {
    if matches!(encoding.dtype, Dtype::Binary | Dtype::Ubinary) && !dimensions.is_multiple_of(8) {
        let reason = "for vectors of which the dimensions are a multiple of 8";
        return Err(OutputError::Dtype { dtype: encoding.dtype, reason });
    }
    match &encoding.ranges {
        Some(ranges) if ranges.dimensions() != dimensions => {
            Err(OutputError::Ranges { found: ranges.dimensions(), expected: dimensions })
        }
        _ => Ok(()),
    }
}

/// As [`open_with`], with the usual settings.
///
/// # Errors
/// As [`open_with`].
pub fn open(
    format: Format,
    destination: &Destination,
    shape: Shape,
    precision: Option<Precision>,
) -> Result<Box<dyn RowWriter + Send>, OutputError> {
    open_with(format, || Sink::open(destination), &Settings::new(shape, precision))
}

/// Opens a sink for rows.
///
/// # Errors
/// The format cannot hold them, or something goes wrong with the sink.
pub(crate) fn open_with(
    format: Format,
    sink: impl FnOnce() -> Result<Sink, OutputError>,
    settings: &Settings,
) -> Result<Box<dyn RowWriter + Send>, OutputError> {
    check(format, settings)?;
    let dimensions = match settings.shape {
        Shape::Dense(dimensions) => dimensions,
        Shape::Sparse | Shape::Tokens(_) => 0,
    };
    check_numbers(&settings.encoding, dimensions)?;
    let sink = sink()?.compressed(settings.compression)?;
    let encoding = || settings.encoding.clone();
    Ok(match format {
        Format::Jsonl => Box::new(json::Rows::new(sink, false, settings)),
        Format::Json => Box::new(json::Rows::new(sink, true, settings)),
        Format::Csv => Box::new(csv::Csv::new(sink, dimensions, settings)),
        Format::Npy => Box::new(npy::Npy::new(sink, dimensions, encoding(), settings.rows)?),
        Format::Npz => Box::new(Npz::new(sink, dimensions, encoding())?),
        Format::Parquet => Box::new(Parquet::new(sink, settings)?),
        Format::Arrow => Box::new(Arrow::new(sink, settings)?),
        Format::F32 => Box::new(Raw::new(sink, dimensions, encoding(), settings.rows)),
    })
}

/// Opens standard output for the beginning of each embedding, as people look at it.
///
/// # Errors
/// Standard output cannot be used.
pub(crate) fn preview() -> Result<Box<dyn RowWriter + Send>, OutputError> {
    Ok(Box::new(preview::Preview::open()?))
}
