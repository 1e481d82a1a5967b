//! The values of columns, one row group after the other.

use std::sync::Arc;

use half::f16;
use parquet::column::reader::{ColumnReaderImpl, get_column_reader, get_typed_column_reader};
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, FloatType, Int32Type,
    Int64Type,
};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::reader::Length;
use parquet::file::serialized_reader::SerializedPageReader;

use super::super::VectorsError;
use super::pages::{self, Counted};
use super::problem::{Problem, damaged};
use super::schema::{Columns, Number, Scalar, Vectors};
use super::storage::Storage;
use crate::input::vectors::limits::MAX_NUMBERS;
use crate::input::vectors::set::{Builder, VectorSet};

/// Rows that are decoded at a time.
const BATCH: usize = 256;

/// Reads the columns of all rows.
pub(super) fn read(
    storage: &Storage,
    metadata: &ParquetMetaData,
    columns: &Columns,
    mut builder: Builder<'_>,
) -> Result<VectorSet, Problem> {
    let groups = metadata.row_groups();
    let plausible = pages::plausible(storage.len());
    let counted = |leaf: usize| {
        let mut values = 0u64;
        for group in groups {
            let chunk = group.columns().get(leaf).ok_or_else(|| damaged("a column is missing"))?;
            values = values.saturating_add(pages::check(storage, chunk)?);
            if values > plausible {
                return Err(damaged("it promises far more values than a file of its size can hold"));
            }
        }
        Ok(values)
    };
    let numbers = counted(columns.vectors.leaf)?;
    for leaf in columns.scalars() {
        counted(leaf)?;
    }
    // The promised number counts only as far as the size of the file allows.
    let room = if builder.streams() { 0 } else { numbers.min(storage.len()).min(MAX_NUMBERS as u64) as usize };
    let too_large = VectorsError::TooLarge { file: Arc::clone(&builder.set.name) };
    builder.set.numbers.try_reserve_exact(room).map_err(|_| too_large)?;
    let (mut id_bytes, mut text_bytes) = (0u64, 0u64);
    for group in groups {
        let chunk = |leaf: usize| group.columns().get(leaf).ok_or_else(|| damaged("a column is missing"));
        let (start, before) = (builder.set.rows.len(), builder.count());
        vectors(storage, chunk(columns.vectors.leaf)?, columns.vectors, &mut builder)?;
        let rows = &mut builder.set.rows[start..];
        let promised = group.num_rows();
        if usize::try_from(promised) != Ok(rows.len()) {
            return Err(damaged(format!("{promised} rows are promised where {} are", rows.len())));
        }
        if let Some((leaf, scalar)) = columns.id {
            let mut next = rows.iter_mut();
            scalars(storage, chunk(leaf)?, scalar, "an id", |id| {
                id_bytes += id.as_ref().map_or(0, |id| id.len() as u64);
                if id_bytes > plausible {
                    return Err(damaged("its ids are far longer than a file of its size can hold"));
                }
                next.next().map(|row| row.id = id).ok_or_else(|| damaged("there are more ids than vectors"))
            })?;
            if next.next().is_some() {
                return Err(damaged("there are fewer ids than vectors"));
            }
        }
        if let Some((leaf, scalar)) = columns.index {
            let mut next = rows.iter_mut().enumerate();
            scalars(storage, chunk(leaf)?, scalar, "an index", |index| {
                let (at, row) = next.next().ok_or_else(|| damaged("there are more indices than vectors"))?;
                let read = |text: String| {
                    let wrong = || {
                        Problem::Other(format!(
                            "the index of row {} is {text}, which is not a position",
                            before + at + 1
                        ))
                    };
                    text.parse().map_err(|_| wrong())
                };
                row.index = index.map(read).transpose()?;
                Ok(())
            })?;
            if next.next().is_some() {
                return Err(damaged("there are fewer indices than vectors"));
            }
        }
        if let Some((leaf, scalar)) = columns.text {
            let mut row = start;
            scalars(storage, chunk(leaf)?, scalar, "a text", |text| {
                text_bytes += text.as_ref().map_or(0, |text| text.len() as u64);
                if text_bytes > plausible {
                    return Err(damaged("its texts are far longer than a file of its size can hold"));
                }
                row += 1;
                builder.set_text(row - 1, text).ok_or_else(|| damaged("there are more texts than vectors"))
            })?;
            if row < builder.set.rows.len() {
                return Err(damaged("there are fewer texts than vectors"));
            }
        }
        builder.settle()?;
    }
    Ok(builder.set)
}

fn column<T: DataType>(storage: &Storage, chunk: &ColumnChunkMetaData) -> Result<ColumnReaderImpl<T>, Problem> {
    let column = chunk.column_descr_ptr();
    let pages = SerializedPageReader::new(Arc::new(storage.clone()), chunk, 0, None)?;
    let levels = column.max_def_level() > 0;
    Ok(get_typed_column_reader(get_column_reader(column, Box::new(Counted { pages, levels }))))
}

/// Adds a row a list.
fn vectors(
    storage: &Storage,
    chunk: &ColumnChunkMetaData,
    lists: Vectors,
    builder: &mut Builder<'_>,
) -> Result<(), Problem> {
    match lists.number {
        Number::F32 => lists_of::<FloatType>(column(storage, chunk)?, lists, builder, |number| *number),
        Number::F64 => lists_of::<DoubleType>(column(storage, chunk)?, lists, builder, |number| *number as f32),
        Number::F16 => lists_of::<FixedLenByteArrayType>(column(storage, chunk)?, lists, builder, |number| {
            number.data().try_into().map_or(f32::NAN, |bytes| f16::from_le_bytes(bytes).to_f32())
        }),
    }
}

fn lists_of<T: DataType>(
    mut column: ColumnReaderImpl<T>,
    lists: Vectors,
    builder: &mut Builder<'_>,
    number: impl Fn(&T::T) -> f32,
) -> Result<(), Problem> {
    let (mut definitions, mut repetitions, mut values) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        definitions.clear();
        repetitions.clear();
        values.clear();
        let (_, _, levels) = column.read_records(BATCH, Some(&mut definitions), Some(&mut repetitions), &mut values)?;
        if levels == 0 {
            return Ok(());
        }
        if definitions.len() != levels || repetitions.len() != levels || repetitions.first() != Some(&0) {
            return Err(damaged("a list has no beginning"));
        }
        let mut left = values.as_slice();
        let mut start = 0;
        while start < levels {
            let more = repetitions[start + 1..].iter().take_while(|level| **level != 0).count();
            let entries = &definitions[start..=start + more];
            start += more + 1;
            if let [only] = entries
                && *only < lists.entry
            {
                // A null or an empty list: a row without a vector.
                builder.push(None, None, None, None::<std::iter::Empty<f32>>)?;
                continue;
            }
            let full = entries.iter().filter(|level| **level == lists.full).count();
            let (these, rest) = left.split_at_checked(full).ok_or_else(|| damaged("numbers are missing"))?;
            left = rest;
            if full == entries.len() {
                builder.push(None, None, None, Some(these.iter().map(&number)))?;
            } else if entries.iter().all(|level| *level >= lists.entry) {
                let mut these = these.iter();
                let some = |level: &i16| *level == lists.full;
                let numbers = entries
                    .iter()
                    .map(|level| if some(level) { these.next().map_or(f32::NAN, &number) } else { f32::NAN });
                builder.push(None, None, None, Some(numbers))?;
            } else {
                return Err(damaged("a column of lists holds another value"));
            }
        }
    }
}

/// Calls `each` with the value of each row, `None` for null. `what` is a value in messages.
fn scalars(
    storage: &Storage,
    chunk: &ColumnChunkMetaData,
    scalar: Scalar,
    what: &'static str,
    each: impl FnMut(Option<String>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    match scalar {
        Scalar::Text => scalars_of::<ByteArrayType>(column(storage, chunk)?, what, each, |text: &ByteArray| {
            String::from_utf8(text.data().to_vec()).ok()
        }),
        Scalar::Uuid => {
            scalars_of::<FixedLenByteArrayType>(column(storage, chunk)?, what, each, |id: &FixedLenByteArray| {
                uuid::Uuid::from_slice(id.data()).ok().map(|id| id.to_string())
            })
        }
        Scalar::I32 => scalars_of::<Int32Type>(column(storage, chunk)?, what, each, |number| Some(number.to_string())),
        Scalar::U32 => {
            scalars_of::<Int32Type>(column(storage, chunk)?, what, each, |number| Some((*number as u32).to_string()))
        }
        Scalar::I64 => scalars_of::<Int64Type>(column(storage, chunk)?, what, each, |number| Some(number.to_string())),
        Scalar::U64 => {
            scalars_of::<Int64Type>(column(storage, chunk)?, what, each, |number| Some((*number as u64).to_string()))
        }
        Scalar::F32 => scalars_of::<FloatType>(column(storage, chunk)?, what, each, |number| Some(number.to_string())),
        Scalar::F64 => scalars_of::<DoubleType>(column(storage, chunk)?, what, each, |number| Some(number.to_string())),
    }
}

fn scalars_of<T: DataType>(
    mut column: ColumnReaderImpl<T>,
    what: &'static str,
    mut each: impl FnMut(Option<String>) -> Result<(), Problem>,
    text: impl Fn(&T::T) -> Option<String>,
) -> Result<(), Problem> {
    let (mut definitions, mut values) = (Vec::new(), Vec::new());
    loop {
        definitions.clear();
        values.clear();
        let (_, _, levels) = column.read_records(BATCH, Some(&mut definitions), None, &mut values)?;
        if levels == 0 {
            return Ok(());
        }
        let mut values = values.iter();
        for row in 0..levels {
            // Columns without nulls have no levels.
            let value = match definitions.get(row) {
                Some(0) => None,
                _ => {
                    let value = values.next().ok_or_else(|| damaged("values are missing"))?;
                    Some(text(value).ok_or_else(|| Problem::Other(format!("{what} is not text in UTF-8")))?)
                }
            };
            each(value)?;
        }
    }
}
