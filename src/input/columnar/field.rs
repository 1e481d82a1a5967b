//! Finds columns by their names.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Fields, Schema};

use crate::input::InputError;
use crate::input::error::Names;

/// A column, or a field of a column of structs.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// The place of the column in the schema.
    pub root: usize,
    /// Its name there.
    column: String,
    /// The places of the fields that lead to it.
    inner: Vec<usize>,
    pub data_type: DataType,
}

/// The values of a field in a batch.
pub(super) struct Column {
    pub array: ArrayRef,
    /// The structs that it lies in: where one is null, so is the value.
    parents: Vec<ArrayRef>,
}

impl Column {
    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row) || self.parents.iter().any(|parent| parent.is_null(row))
    }
}

impl Field {
    /// The field called `wanted`: a column of that name, in any case unless two differ in case alone, or `a.b` for the field
    /// `b` of a column `a` of structs.
    ///
    /// # Errors
    /// There is no such column, or two; `flag` is the one that names it.
    pub(crate) fn find(schema: &Schema, wanted: &str, file: &Arc<str>, flag: &'static str) -> Result<Self, InputError> {
        let fields = schema.fields();
        let of = |root: usize, inner: Vec<usize>, data_type: &DataType| {
            let column = fields[root].name().clone();
            if fields.iter().filter(|field| *field.name() == column).count() > 1 {
                let reason = format!("there are two columns {column:?}");
                return Err(InputError::Header { file: file.clone(), reason });
            }
            Ok(Self { root, column, inner, data_type: data_type.clone() })
        };
        if let Some(root) = index_of(fields, wanted) {
            return of(root, Vec::new(), fields[root].data_type());
        }
        if let Some((places, data_type)) = within(fields, wanted)
            && let [root, inner @ ..] = &places[..]
        {
            return of(*root, inner.to_vec(), &data_type);
        }
        let mut present = Names::default();
        fields.iter().for_each(|field| present.push(field.name()));
        Err(InputError::Column { file: file.clone(), column: wanted.to_owned(), present, flag })
    }

    /// Its values in `batch`; `None` if the batch lacks the column.
    pub(crate) fn of(&self, batch: &RecordBatch) -> Option<Column> {
        let mut array = batch.column_by_name(&self.column)?.clone();
        let mut parents = Vec::new();
        for place in &self.inner {
            let child = array.as_struct_opt()?.columns().get(*place)?.clone();
            parents.push(std::mem::replace(&mut array, child));
        }
        Some(Column { array, parents })
    }
}

/// The places that lead to a field within structs.
fn within(fields: &Fields, wanted: &str) -> Option<(Vec<usize>, DataType)> {
    fields.iter().enumerate().find_map(|(place, field)| {
        let rest = wanted.strip_prefix(field.name().as_str())?;
        if rest.is_empty() {
            return Some((vec![place], field.data_type().clone()));
        }
        let DataType::Struct(inner) = field.data_type() else { return None };
        let (places, data_type) = within(inner, rest.strip_prefix('.')?)?;
        Some(([vec![place], places].concat(), data_type))
    })
}

fn index_of(fields: &Fields, wanted: &str) -> Option<usize> {
    let names: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
    crate::input::rows::index_of(wanted, &names)
}
