//! Rows as Arrow columns: `index`, `id`, the kept columns, `tokens`, `truncated`, `error`, and the embedding.
//!
//! A dense embedding is a list of fixed size in `embedding`; a sparse one is the lists `indices` and `values`; vectors of tokens
//! are a list of lists of fixed size in `embeddings`. A row that failed has an error and nulls.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float32Builder, Int32Builder, Int64Builder, ListBuilder, StringBuilder, UInt32Builder,
};
use arrow_array::types::{Float16Type, Float32Type, Int8Type, UInt8Type};
use arrow_array::{ArrayRef, ArrowPrimitiveType, FixedSizeListArray, ListArray, PrimitiveArray, RecordBatch};
use arrow_buffer::{Buffer, MutableBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use super::dtype::Dtype;
use super::encoding::Encoding;
use super::row::check_dimensions;
use super::settings::Settings;
use crate::kept::{KeptColumn, KeptValue};
use crate::output::{Numbers, OutputError, Row, Shape};

/// The name of the numbers within a list, as Parquet has it.
const ELEMENT: &str = "element";
/// Bytes of a batch, about.
const BATCH: usize = 4 << 20;

/// Collects rows until they are a batch.
pub(super) struct Batch {
    schema: SchemaRef,
    shape: Shape,
    encoding: Encoding,
    keep: Vec<KeptColumn>,
    index: Int64Builder,
    id: StringBuilder,
    kept: Vec<StringBuilder>,
    tokens: Int32Builder,
    truncated: BooleanBuilder,
    error: StringBuilder,
    /// True for each row that has an embedding.
    valid: Vec<bool>,
    /// The numbers of dense vectors and of vectors of tokens.
    numbers: MutableBuffer,
    scratch: Vec<u8>,
    /// The number of vectors of each row, for vectors of tokens.
    counts: Vec<usize>,
    indices: ListBuilder<UInt32Builder>,
    values: ListBuilder<Float32Builder>,
    bytes: usize,
}

impl Batch {
    pub(crate) fn new(settings: &Settings) -> Self {
        let Settings { shape, encoding, keep, .. } = settings;
        let element = |data_type| Arc::new(Field::new(ELEMENT, data_type, false));
        Self {
            schema: schema(*shape, encoding, keep),
            shape: *shape,
            encoding: encoding.clone(),
            keep: keep.clone(),
            index: Int64Builder::new(),
            id: StringBuilder::new(),
            kept: keep.iter().map(|_| StringBuilder::new()).collect(),
            tokens: Int32Builder::new(),
            truncated: BooleanBuilder::new(),
            error: StringBuilder::new(),
            valid: Vec::new(),
            numbers: MutableBuffer::new(0),
            scratch: Vec::new(),
            counts: Vec::new(),
            indices: ListBuilder::new(UInt32Builder::new()).with_field(element(DataType::UInt32)),
            values: ListBuilder::new(Float32Builder::new()).with_field(element(DataType::Float32)),
            bytes: 0,
        }
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// True if there are enough rows for a batch.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= BATCH
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.valid.is_empty()
    }

    pub(crate) fn push(&mut self, row: &Row<'_>) -> Result<(), OutputError> {
        check_dimensions(row, self.shape)?;
        let before = self.numbers.len();
        match (row.outcome, self.shape) {
            (Ok(vector), _) => {
                self.embedding(row.index, vector.embedding)?;
                self.tokens.append_option(vector.tokens.map(|tokens| i32::try_from(tokens).unwrap_or(i32::MAX)));
                self.truncated.append_option(vector.truncated);
                self.error.append_null();
            }
            (Err(error), shape) => {
                match shape {
                    Shape::Dense(dimensions) => {
                        let bytes = self.encoding.length(dimensions) * self.encoding.bytes();
                        self.numbers.extend_zeros(bytes);
                    }
                    Shape::Sparse => {
                        self.indices.append_null();
                        self.values.append_null();
                    }
                    Shape::Tokens(_) => self.counts.push(0),
                }
                self.tokens.append_null();
                self.truncated.append_null();
                self.error.append_value(error);
                self.bytes += error.len();
            }
        }
        self.valid.push(row.outcome.is_ok());
        // No file has more rows than an i64 counts.
        self.index.append_value(row.index as i64);
        let id = row.id.map(|id| id.text());
        self.id.append_option(id);
        self.bytes += id.map_or(0, str::len) + self.numbers.len() - before + 64;
        for (i, builder) in self.kept.iter_mut().enumerate() {
            let text = row.kept.get(i).and_then(KeptValue::text);
            self.bytes += text.as_ref().map_or(0, |text| text.len());
            builder.append_option(text);
        }
        Ok(())
    }

    fn embedding(&mut self, index: u64, numbers: Numbers<'_>) -> Result<(), OutputError> {
        match numbers {
            Numbers::Dense(vector) => {
                self.scratch.clear();
                self.encoding.append(index, vector, &mut self.scratch)?;
                self.numbers.extend_from_slice(&self.scratch);
            }
            Numbers::Sparse { indices, values } => {
                self.indices.values().append_slice(indices);
                self.indices.append(true);
                self.values.values().append_slice(values);
                self.values.append(true);
                self.bytes += indices.len() * 8;
            }
            Numbers::Tokens { vectors, dimensions } => {
                self.counts.push(vectors.len() / dimensions.max(1));
                self.numbers.extend_from_slice(vectors);
            }
        }
        Ok(())
    }

    /// The rows so far as a batch.
    pub(crate) fn take(&mut self) -> Result<RecordBatch, OutputError> {
        self.bytes = 0;
        self.columns().map_err(|error| OutputError::Encoding { reason: error.to_string() })
    }

    fn columns(&mut self) -> Result<RecordBatch, ArrowError> {
        let mut columns: Vec<ArrayRef> = vec![Arc::new(self.index.finish()), Arc::new(self.id.finish())];
        for (builder, column) in self.kept.iter_mut().zip(&self.keep) {
            columns.push(cast(&builder.finish(), &column.data_type)?);
        }
        columns.push(Arc::new(self.tokens.finish()));
        columns.push(Arc::new(self.truncated.finish()));
        columns.push(Arc::new(self.error.finish()));
        let rows = self.valid.len();
        let valid = NullBuffer::from(std::mem::take(&mut self.valid));
        let numbers: Buffer = std::mem::replace(&mut self.numbers, MutableBuffer::new(0)).into();
        match self.shape {
            Shape::Dense(dimensions) => {
                let length = self.encoding.length(dimensions);
                columns.push(lists(&self.encoding, numbers, length, rows, Some(valid))?);
            }
            Shape::Sparse => {
                columns.push(Arc::new(self.indices.finish()));
                columns.push(Arc::new(self.values.finish()));
            }
            Shape::Tokens(dimensions) => {
                let counts = std::mem::take(&mut self.counts);
                let vectors = lists(&Encoding::default(), numbers, dimensions, counts.iter().sum(), None)?;
                let field = Arc::new(Field::new(ELEMENT, vectors.data_type().clone(), false));
                let offsets = OffsetBuffer::from_lengths(counts);
                columns.push(Arc::new(ListArray::try_new(field, offsets, vectors, Some(valid))?));
            }
        }
        RecordBatch::try_new(self.schema.clone(), columns)
    }
}

/// Lists of `length` numbers each.
fn lists(
    encoding: &Encoding,
    numbers: Buffer,
    length: usize,
    rows: usize,
    valid: Option<NullBuffer>,
) -> Result<ArrayRef, ArrowError> {
    fn primitive<T: ArrowPrimitiveType>(numbers: Buffer, count: usize) -> ArrayRef {
        Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::new(numbers, 0, count), None))
    }
    let count = length * rows;
    let values = match encoding.dtype {
        Dtype::Float32 => primitive::<Float32Type>(numbers, count),
        Dtype::Float16 => primitive::<Float16Type>(numbers, count),
        Dtype::Int8 | Dtype::Binary => primitive::<Int8Type>(numbers, count),
        Dtype::Uint8 | Dtype::Ubinary => primitive::<UInt8Type>(numbers, count),
    };
    let field = Arc::new(Field::new(ELEMENT, number(encoding), false));
    Ok(Arc::new(FixedSizeListArray::try_new(field, size(length), values, valid)?))
}

fn size(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}

fn number(encoding: &Encoding) -> DataType {
    match encoding.dtype {
        Dtype::Float32 => DataType::Float32,
        Dtype::Float16 => DataType::Float16,
        Dtype::Int8 | Dtype::Binary => DataType::Int8,
        Dtype::Uint8 | Dtype::Ubinary => DataType::UInt8,
    }
}

fn schema(shape: Shape, encoding: &Encoding, keep: &[KeptColumn]) -> SchemaRef {
    let list = |data_type| DataType::List(Arc::new(Field::new(ELEMENT, data_type, false)));
    let fixed =
        |data_type, length| DataType::FixedSizeList(Arc::new(Field::new(ELEMENT, data_type, false)), size(length));
    let mut fields = vec![Field::new("index", DataType::Int64, false), Field::new("id", DataType::Utf8, true)];
    fields.extend(keep.iter().map(|column| Field::new(&column.name, column.data_type.clone(), true)));
    fields.push(Field::new("tokens", DataType::Int32, true));
    fields.push(Field::new("truncated", DataType::Boolean, true));
    fields.push(Field::new("error", DataType::Utf8, true));
    match shape {
        Shape::Dense(dimensions) => {
            fields.push(Field::new("embedding", fixed(number(encoding), encoding.length(dimensions)), true));
        }
        Shape::Sparse => {
            fields.push(Field::new("indices", list(DataType::UInt32), true));
            fields.push(Field::new("values", list(DataType::Float32), true));
        }
        Shape::Tokens(dimensions) => {
            fields.push(Field::new("embeddings", list(fixed(DataType::Float32, dimensions)), true));
        }
    }
    Arc::new(Schema::new(fields))
}
