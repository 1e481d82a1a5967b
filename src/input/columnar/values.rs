//! Types of columns that can be texts, ids and kept values, and their values.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::{Array, LargeStringArray, make_array};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType};

use super::field::Column;
use crate::kept::KeptValue;
use crate::record_id::RecordId;

/// Whole numbers, booleans and such, of which the text is short and the same everywhere.
pub(super) fn is_scalar(data_type: &DataType) -> bool {
    data_type.is_integer() || data_type.is_floating() || *data_type == DataType::Boolean
}

/// True for strings of any layout, dictionaries of them included.
pub(super) fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        DataType::RunEndEncoded(_, values) => is_text(values.data_type()),
        _ => false,
    }
}

/// True for the types of ids.
pub(super) fn is_id(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_id(values),
        other => is_text(other) || other.is_integer(),
    }
}

/// The type of a kept column in outputs: scalars as they are, all else as text.
pub(super) fn kept_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, values) => kept_type(values),
        // Its text would be rounded twice.
        DataType::Float16 => DataType::Float32,
        other if is_scalar(other) => other.clone(),
        // Zones by name need a database of zones; the points in time are in UTC either way.
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some("+00:00".into())),
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => data_type.clone(),
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => data_type.clone(),
        _ => DataType::Utf8,
    }
}

/// The values of a column as texts.
pub(super) struct Texts {
    column: Column,
    texts: LargeStringArray,
}

impl Texts {
    pub(crate) fn new(column: Column) -> Result<Self, ArrowError> {
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let texts = cast_with_options(&column.array, &DataType::LargeUtf8, &options)?;
        Ok(Self { texts: texts.as_string::<i64>().clone(), column })
    }

    pub(crate) fn get(&self, row: usize) -> Option<Cow<'_, str>> {
        (!self.column.is_null(row) && !self.texts.is_null(row)).then(|| self.texts.value(row).into())
    }
}

/// The ids of a column: strings, or numbers as their digits.
pub(super) fn ids(column: Column, data_type: &DataType) -> Result<Vec<Option<RecordId>>, ArrowError> {
    let numbers = !text_inside(data_type);
    let texts = Texts::new(column)?;
    let id = |row| {
        let text = texts.get(row)?.into_owned();
        Some(if numbers { RecordId::Literal(text.into()) } else { RecordId::Text(text) })
    };
    Ok((0..texts.texts.len()).map(id).collect())
}

fn text_inside(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => text_inside(values),
        other => is_text(other),
    }
}

/// The kept values of a column.
pub(super) fn kept(column: &Column, data_type: &DataType) -> Result<Vec<KeptValue>, ArrowError> {
    let options = FormatOptions::default();
    let (array, literal) = match kept_type(data_type) {
        target if is_scalar(&target) => {
            (cast_with_options(&column.array, &target, &CastOptions { safe: false, ..CastOptions::default() })?, true)
        }
        target @ DataType::Timestamp(..) => {
            (make_array(column.array.to_data().into_builder().data_type(target).build()?), false)
        }
        _ => (column.array.clone(), false),
    };
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options)?;
    let value = |row: usize| {
        if column.is_null(row) || array.is_null(row) {
            return Ok(KeptValue::Null);
        }
        let text = formatter.value(row).try_to_string()?;
        // NaN and infinities are no JSON.
        let is_json = literal && serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        Ok(if is_json { KeptValue::Literal(text.into()) } else { KeptValue::Text(text) })
    };
    (0..array.len()).map(value).collect()
}
