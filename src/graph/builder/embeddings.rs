//! Embedding tables: words, learned positions, token types.

use super::super::int8::quantise_rows;
use super::super::proto::TENSOR_FLOAT;
use super::super::{Element, Feed, GraphError, POSITION_IDS, Rows};
use super::graph_builder::Builder;
use super::matrix::Products;
use super::value::{Attribute, Value};
use crate::model::weights::TensorData;

impl Builder<'_> {
    /// Rows of the table `name` `[vocab, width]` by token id: `[batch, sequence, width]`. In int8 they may have a scale each.
    pub(in super::super) fn words(&mut self, name: &str, vocab: usize, width: usize) -> Result<Value, GraphError> {
        let ids = self.input_ids();
        if !matches!(&self.products, Products::Int8 { weights, .. } if weights.word_table) {
            let table = self.weight(name, &[vocab, width])?;
            return Ok(self.op("Gather", &[&table, &ids], &[]));
        }
        let (data, full) = self.data(name, &[vocab, width])?;
        if data.as_slice().iter().any(|x| !x.is_finite()) {
            return Err(GraphError::NotFinite(full));
        }
        let (numbers, scales) = quantise_rows(data.as_slice(), width);
        let (numbers, scales) = (TensorData::Integers(numbers.into()), TensorData::Owned(scales.into()));
        let table = self.initializer(format!("{full} rows int8"), &[vocab, width], Element::I8, numbers);
        let scales = self.initializer(format!("{full} row scales"), &[vocab, 1], Element::F32, scales);
        let [rows, scales] = [table, scales].map(|table| self.op("Gather", &[&table, &ids], &[]));
        let rows = self.op("Cast", &[&rows], &[Attribute::Int("to", TENSOR_FLOAT.into())]);
        Ok(self.op("Mul", &[&rows, &scales], &[]))
    }

    /// Rows 0, 1, 2 … of the table `name` `[positions, width]`: `[sequence, width]`, and `[1, tokens, width]` where texts
    /// are packed.
    pub(in super::super) fn learned_positions(
        &mut self,
        name: &str,
        positions: usize,
        width: usize,
    ) -> Result<Value, GraphError> {
        let table = self.weight(name, &[positions, width])?;
        Ok(self.position_rows(&table))
    }

    /// Rows 0, 1, 2 … of a table, as [`Builder::learned_positions`] has them.
    pub(in super::super) fn position_rows(&mut self, table: &Value) -> Value {
        if self.is_packed() || self.is_cuda() {
            let positions = self.feed(Feed::Positions);
            return self.op("Gather", &[table, &positions], &[]);
        }
        let length = self.length();
        let zero = self.ints(&[0]);
        self.op("Slice", &[table, &zero, &length, &zero], &[])
    }

    /// Rows of the table `name` `[positions, width]`: row `padding` for tokens of that id, and for all others, counted
    /// without those, `padding` + 1, `padding` + 2 …: `[batch, sequence, width]`.
    pub(in super::super) fn positions_beyond(
        &mut self,
        name: &str,
        positions: usize,
        width: usize,
        padding: i64,
    ) -> Result<Value, GraphError> {
        const INT64: i64 = 7;
        let table = self.weight(name, &[positions, width])?;
        if self.is_cuda() {
            let positions = self.feed(Feed::PositionsBeyond(padding));
            return Ok(self.op("Gather", &[&table, &positions], &[]));
        }
        let (ids, padding) = (self.input_ids(), self.scalar(padding));
        let is_padding = self.op("Equal", &[&ids, &padding], &[]);
        let counts = self.op("Not", &[&is_padding], &[]);
        let counts = self.op("Cast", &[&counts], &[Attribute::Int("to", INT64)]);
        let axis = self.scalar(1);
        let mut number = self.op("CumSum", &[&counts, &axis], &[]);
        if self.is_packed() {
            // Less what was counted before the text's first token.
            let before = self.op("Sub", &[&number, &counts], &[]);
            let (zero, one) = (self.scalar(0), self.scalar(1));
            let ids = self.input_ids();
            let tokens = self.op("Size", &[&ids], &[]);
            let places = self.op("Range", &[&zero, &tokens, &one], &[]);
            let first = self.op("Sub", &[&places, &Value(POSITION_IDS.into())], &[]);
            let row = self.ints(&[-1]);
            let before = self.op("Reshape", &[&before, &row], &[]);
            let before = self.op("Gather", &[&before, &first], &[]);
            number = self.op("Sub", &[&number, &before], &[]);
        }
        let number = self.op("Mul", &[&number, &counts], &[]);
        let number = self.op("Add", &[&number, &padding], &[]);
        Ok(self.op("Gather", &[&table, &number], &[]))
    }

    /// Rows of the table `name` `[types, width]` by token type: `[batch, sequence, width]`, or, where all tokens are
    /// of type 0, `[1, width]`.
    pub(in super::super) fn type_embeddings(
        &mut self,
        name: &str,
        types: usize,
        width: usize,
    ) -> Result<Value, GraphError> {
        let table = self.weight(name, &[types, width])?;
        let types = match self.token_types() {
            Some(types) => types,
            None => self.ints(&[0]),
        };
        Ok(self.op("Gather", &[&table, &types], &[]))
    }

    /// Positions of the query rows of attention, i64 `[1]`: 0, or the last.
    pub(super) fn first_row(&mut self, rows: Rows) -> Value {
        match rows {
            Rows::All | Rows::First => self.shared("row 0", |b| b.ints(&[0])),
            Rows::Last => self.shared("last row", |b| {
                let (length, one) = (b.length(), b.ints(&[1]));
                b.op("Sub", &[&length, &one], &[])
            }),
        }
    }

    /// The rows (axis `axis`, kept) of a table over all positions that belong to `rows`.
    pub(super) fn rows_of(&mut self, table: &Value, rows: Rows, axis: i64) -> Value {
        if rows == Rows::All {
            return table.clone();
        }
        let row = self.first_row(rows);
        self.op("Gather", &[table, &row], &[Attribute::Int("axis", axis)])
    }
}
