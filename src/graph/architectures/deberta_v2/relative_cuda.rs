//! Disentangled attention on GPUs: products with all rows of the tables, from which each pair of tokens takes the number
//! of its distance. See [`super::relative`] for the formula.

use super::relative::{Layer, Relative};
use crate::graph::GraphError;
use crate::graph::builder::{Attribute, Builder, Value};

impl Relative {
    /// The bias of a layer's scores: `[batch, heads, sequence, sequence]`. `q` and `k` are its queries and keys.
    pub(super) fn cuda_bias(
        &self,
        b: &mut Builder<'_>,
        layer: &Layer<'_>,
        q: &Value,
        k: &Value,
    ) -> Result<Value, GraphError> {
        let s = layer.settings;
        let mut parts = Vec::with_capacity(2);
        if s.attends("c2p") {
            let name = if s.share_att_key { "key_proj" } else { "pos_key_proj" };
            parts.push(self.by_distance(b, layer, q, name, true)?);
        }
        if s.attends("p2c") {
            let name = if s.share_att_key { "query_proj" } else { "pos_query_proj" };
            parts.push(self.by_distance(b, layer, k, name, false)?);
        }
        match parts.as_slice() {
            [one, other] => Ok(b.op("Add", &[one, other], &[])),
            [one] => Ok(one.clone()),
            _ => Err(GraphError::Config("pos_att_type is empty".into())),
        }
    }

    /// The products of the rows of `x`, those of queries or those of keys, with the relative embeddings through the matrix `name`.
    fn by_distance(
        &self,
        b: &mut Builder<'_>,
        layer: &Layer<'_>,
        x: &Value,
        name: &str,
        of_queries: bool,
    ) -> Result<Value, GraphError> {
        let (hidden, heads) = (layer.settings.hidden_size, layer.settings.num_attention_heads as i64);
        let table = b.linear(layer.embeddings, &format!("{}.{name}", layer.name), hidden, hidden)?;
        let [of_table, of_rows] = [&[-1, heads, layer.head_dim as i64][..], &[0, 0, heads, layer.head_dim as i64]];
        let (of_table, of_rows) = (b.ints(of_table), b.ints(of_rows));
        let table = b.op("Reshape", &[&table, &of_table], &[]);
        let table = b.op("Transpose", &[&table], &[Attribute::Ints("perm", &[1, 2, 0])]);
        let rows = b.op("Reshape", &[x, &of_rows], &[]);
        let rows = b.op("Transpose", &[&rows], &[Attribute::Ints("perm", &[0, 2, 1, 3])]);
        let products = b.scaled_product(&rows, &table, layer.settings.score_scale(layer.head_dim));
        // [batch, heads, sequence · rows of the table]
        let flat = b.ints(&[0, 0, -1]);
        let products = b.op("Reshape", &[&products, &flat], &[]);
        let places = self.places(b, of_queries);
        Ok(b.op("Gather", &[&products, &places], &[Attribute::Int("axis", 2)]))
    }

    /// The place of each pair of tokens among the products of the rows of queries or of keys: i64 `[sequence, sequence]`.
    fn places(&self, b: &mut Builder<'_>, of_queries: bool) -> Value {
        b.shared(&format!("places of distances, {of_queries}"), |b| {
            let reach = (self.rows.len() / 2) as i64;
            let rows = b.shared("row by distance", |b| {
                let keys_behind = b.distance();
                let distance = b.op("Neg", &[&keys_behind], &[]);
                let (least, most) = (b.scalar(-reach), b.scalar(reach));
                let near = b.op("Clip", &[&distance, &least, &most], &[]);
                let index = b.op("Add", &[&near, &most], &[]);
                let rows = b.ints(&self.rows);
                b.op("Gather", &[&rows, &index], &[])
            });
            let (positions, width) = (b.positions(), b.scalar(2 * self.span as i64));
            let starts = b.op("Mul", &[&positions, &width], &[]);
            let axis = b.ints(&[i64::from(of_queries)]);
            let starts = b.op("Unsqueeze", &[&starts, &axis], &[]);
            b.op("Add", &[&rows, &starts], &[])
        })
    }
}
