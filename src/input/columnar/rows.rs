//! Rows of columns as records.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType, Schema};

use super::batches::{Batches, Opened};
use super::field::Field;
use super::values::{Texts, ids, is_id, is_scalar, is_text, kept, kept_type};
use crate::input::error::Problem;
use crate::input::files::source::Columns;
use crate::input::object::Fields;
use crate::input::{InputError, Origin, Record, RecordError, Text};
use crate::kept::KeptValue;
use crate::panic_guard::catch_panic;
use crate::record_id::RecordId;

/// Every row is a record.
pub(in crate::input) struct ColumnRows {
    /// `None` after the end.
    batches: Option<Batches>,
    found: Found,
    fields: Fields,
    name: Arc<str>,
    max: usize,
    /// Rows before the batch.
    passed: u64,
    batch: Option<Batch>,
}

/// The columns of the fields.
struct Found {
    texts: Vec<Field>,
    id: Option<Field>,
    pair: Option<Field>,
    keep: Vec<Field>,
}

/// The values of a batch.
struct Batch {
    rows: usize,
    next: usize,
    texts: Vec<Texts>,
    ids: Option<Vec<Option<RecordId>>>,
    pairs: Option<Texts>,
    keep: Vec<Vec<KeptValue>>,
}

impl ColumnRows {
    /// Finds the columns of the file called `name`; bytes read are added to `counter`.
    ///
    /// # Errors
    /// It is damaged, lacks a column, or has one of another type.
    pub(crate) fn new(
        columns: Columns,
        fields: Fields,
        max: usize,
        name: Arc<str>,
        counter: &Arc<AtomicU64>,
    ) -> Result<(Self, Vec<DataType>), InputError> {
        let what = columns.what();
        let damaged = |error| match error {
            InputError::Damaged { file, reason, .. } => InputError::Damaged { file, what, reason },
            other => other,
        };
        let opened = guarded(&name, None, || Opened::new(columns, counter)).map_err(damaged)?;
        let found = Found::new(&opened.schema(), &fields, &name)?;
        let types = found.keep.iter().map(|field| kept_type(&field.data_type)).collect();
        let roots: Vec<usize> = found.all().map(|field| field.root).collect();
        let batches = guarded(&name, None, || opened.batches(&roots)).map_err(damaged)?;
        Ok((Self { batches: Some(batches), found, fields, name, max, passed: 0, batch: None }, types))
    }

    /// The next batch that has rows.
    fn advance(&mut self) -> Result<bool, InputError> {
        loop {
            self.passed += self.batch.take().map_or(0, |batch| batch.rows as u64);
            let Self { batches: Some(batches), found, .. } = self else { return Ok(false) };
            let read = || batches.next().map(|batch| found.read(&batch?)).transpose();
            match guarded(&self.name, Some(self.passed + 1), read) {
                Ok(Some(batch)) if batch.rows > 0 => {
                    self.batch = Some(batch);
                    return Ok(true);
                }
                Ok(Some(_)) => {}
                Ok(None) => {
                    self.batches = None;
                    return Ok(false);
                }
                Err(error) => {
                    self.batches = None;
                    return Err(error);
                }
            }
        }
    }

    fn record(&self, batch: &Batch, row: usize) -> Record {
        let origin = Origin { file: self.name.clone(), line: self.passed + row as u64 + 1 };
        let null = |field: &str| Problem::WrongType { field: field.to_owned(), wanted: "a string", found: "null" };
        let checked = |text: String| match text.len() > self.max {
            true => Err(Problem::TooLong { limit: self.max }),
            false => Ok(text),
        };
        let content = || {
            let values: Vec<_> = batch.texts.iter().map(|texts| texts.get(row)).collect();
            let text = match &self.fields.template {
                Some(template) => template.fill(&values).ok_or(Problem::AllNull)?,
                None => values.into_iter().next().flatten().ok_or_else(|| null(&self.fields.text))?.into_owned(),
            };
            let pair = match (&batch.pairs, &self.fields.pair) {
                (Some(pairs), Some(field)) => Some(checked(pairs.get(row).ok_or_else(|| null(field))?.into_owned())?),
                _ => None,
            };
            Ok(Text { text: checked(text)?, pair })
        };
        let content = content().map_err(|problem| RecordError::new(&origin, problem));
        let id = batch.ids.as_ref().and_then(|ids| ids.get(row).cloned().flatten());
        let kept = batch.keep.iter().map(|values| values.get(row).cloned().unwrap_or(KeptValue::Null)).collect();
        Record { id, content, kept, origin }
    }
}

impl Iterator for ColumnRows {
    type Item = Result<Record, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.batch.as_ref().is_none_or(|batch| batch.next >= batch.rows) {
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
        let batch = self.batch.as_mut()?;
        let row = batch.next;
        batch.next += 1;
        Some(Ok(self.record(self.batch.as_ref()?, row)))
    }
}

impl Found {
    fn new(schema: &Schema, fields: &Fields, file: &Arc<str>) -> Result<Self, InputError> {
        let find = |name: &str, flag, fits: &dyn Fn(&DataType) -> bool, wanted| {
            let field = Field::find(schema, name, file, flag)?;
            if !fits(&field.data_type) {
                let (file, column, found) = (file.clone(), name.to_owned(), field.data_type.to_string());
                return Err(InputError::ColumnType { file, column, found, wanted, flag });
            }
            Ok(field)
        };
        let text = |name: &str, flag| find(name, flag, &is_text, "strings");
        let value = |data_type: &DataType| is_text(data_type) || is_scalar(data_type);
        let texts = match (&fields.template, &schema.fields()[..]) {
            (Some(_), _) => {
                let find = |name| find(name, "--template", &value, "strings, numbers or booleans");
                fields.texts().into_iter().map(find).collect::<Result<_, _>>()?
            }
            // The only column, under any name, as of CSV.
            (None, [only]) if fields.text == "text" => vec![text(only.name(), "--field")?],
            (None, _) => vec![text(&fields.text, "--field")?],
        };
        let id = |name: &String| find(name, "--id-field", &is_id, "strings or whole numbers");
        let id = match &fields.id {
            Some(name) if fields.id_required => Some(id(name)?),
            // Of another type it is no id.
            Some(name) => id(name).ok().filter(|id| texts.iter().all(|text| text.root != id.root)),
            None => None,
        };
        let pair = fields.pair.as_ref().map(|name| text(name, "--pair-field")).transpose()?;
        let keep = fields.keep.iter().map(|name| Field::find(schema, name, file, "--keep"));
        Ok(Self { texts, id, pair, keep: keep.collect::<Result<_, _>>()? })
    }

    fn all(&self) -> impl Iterator<Item = &Field> {
        self.texts.iter().chain(&self.id).chain(&self.pair).chain(&self.keep)
    }

    fn read(&self, batch: &RecordBatch) -> Result<Batch, ArrowError> {
        let column = |field: &Field| {
            field.of(batch).ok_or_else(|| ArrowError::SchemaError("a batch lacks a column of the schema".into()))
        };
        let texts = |field: &Field| Texts::new(column(field)?);
        Ok(Batch {
            rows: batch.num_rows(),
            next: 0,
            texts: self.texts.iter().map(texts).collect::<Result<_, _>>()?,
            ids: self.id.as_ref().map(|field| ids(column(field)?, &field.data_type)).transpose()?,
            pairs: self.pair.as_ref().map(texts).transpose()?,
            keep: self.keep.iter().map(|field| kept(&column(field)?, &field.data_type)).collect::<Result<_, _>>()?,
        })
    }
}

/// Runs `read`; an error or a panic of the crates becomes one of the file: at this row, or of the file as a whole.
fn guarded<T>(
    file: &Arc<str>,
    row: Option<u64>,
    read: impl FnOnce() -> Result<T, ArrowError>,
) -> Result<T, InputError> {
    let reason = match catch_panic(read) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => panic,
    };
    // The message may quote the file.
    let reason: String = reason.chars().take(200).flat_map(char::escape_debug).collect();
    Err(match row {
        Some(line) => {
            let source = std::io::Error::other(format!("it is damaged: {reason}"));
            InputError::Read { origin: Origin { file: file.clone(), line }, source }
        }
        None => InputError::Damaged { file: file.clone(), what: "", reason },
    })
}

/// The types of the kept columns of several files together: text, where they differ.
pub(in crate::input) fn kept_types(of_files: &[Vec<DataType>], columns: usize) -> Vec<DataType> {
    let of = |column: usize| {
        let mut types = of_files.iter().map(|types| types.get(column).unwrap_or(&DataType::Utf8));
        let first = types.next().unwrap_or(&DataType::Utf8);
        if types.all(|other| other == first) { first.clone() } else { DataType::Utf8 }
    };
    (0..columns).map(of).collect()
}
