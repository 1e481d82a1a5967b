//! Disentangled attention: the part of a score that depends on the distance between query and key.
//!
//! Two tables of a layer, both projected from the same relative embeddings, are indexed by (bucketed) distance d = query
//! position − key position: content-to-position adds query · keys\[d\], position-to-content adds queries\[d\] · key.
//! Products with a row for every distance are made first; then a shift of the rows picks from each row the distances
//! that its token has. Measured on CPU that is up to six times faster than gathering the numbers one by one.

use super::settings::Settings;
use crate::graph::builder::{Attribute, Builder, Value};
use crate::graph::{GraphError, Rows};

/// Longest table of positions, and so the longest text in which far tokens are distinguished.
const MOST_POSITIONS: usize = 1 << 16;

/// Attention by relative position.
pub(super) struct Relative {
    /// Relative embeddings of each sign.
    pub(super) span: usize,
    /// Rows of the relative embeddings for the distances −reach to reach; beyond, they stay the same.
    pub(super) rows: Vec<i64>,
    /// Longest text in tokens; `None`: any.
    pub(super) longest: Option<usize>,
}

impl Relative {
    /// Reads the settings; `None` if no part of attention uses relative positions.
    pub(super) fn of(s: &Settings) -> Result<Option<Self>, GraphError> {
        if !s.attends("c2p") && !s.attends("p2c") {
            return Ok(None);
        }
        let (most, buckets) = (s.max_relative(), s.buckets());
        let span = buckets.unwrap_or(most);
        if span > MOST_POSITIONS {
            let key = if buckets.is_some() { "position_buckets" } else { "max_relative_positions" };
            return Err(GraphError::NotImplemented { key, value: span.to_string() });
        }
        let (reach, longest) = match buckets {
            None => (span, None),
            Some(buckets) if buckets > 1 && most > buckets / 2 + 1 => {
                let grows = |&distance: &usize| bucket(distance, buckets, most) < span as i64;
                ((0..MOST_POSITIONS).take_while(grows).count(), None)
            }
            // Positions too few for a bucket of two: the formula has no sense then, and is not needed.
            Some(buckets) if buckets > 1 && s.max_position_embeddings <= buckets / 2 + 1 => {
                (buckets / 2, Some(buckets / 2 + 1))
            }
            Some(buckets) => {
                let value = format!("{buckets} of {most} relative positions");
                return Err(GraphError::NotImplemented { key: "position_buckets", value });
            }
        };
        let row = |distance: usize, sign: i64| {
            let bucketed = buckets.map_or(distance as i64, |buckets| bucket(distance, buckets, most));
            (span as i64 + sign * bucketed).clamp(0, 2 * span as i64 - 1)
        };
        let before = (1..=reach).rev().map(|distance| row(distance, -1));
        let rows = before.chain((0..=reach).map(|distance| row(distance, 1))).collect();
        Ok(Some(Self { span, rows, longest }))
    }

    /// The relative embeddings that the distances of a text need, `[used, hidden]`.
    pub(super) fn embeddings(&self, b: &mut Builder<'_>, s: &Settings) -> Result<Value, GraphError> {
        let table = b.weight("encoder.rel_embeddings.weight", &[2 * self.span, s.hidden_size])?;
        if b.is_cuda() {
            return if s.norms_relative() {
                b.layer_norm(&table, "encoder.LayerNorm", s.hidden_size, s.layer_norm_eps)
            } else {
                Ok(table)
            };
        }
        let first = self.first_used(b);
        let length = b.length();
        let last = self.row(b, &length);
        let (zero, one) = (b.ints(&[0]), b.ints(&[1]));
        let end = b.op("Add", &[&last, &one], &[]);
        let used = b.op("Slice", &[&table, &first, &end, &zero], &[]);
        if s.norms_relative() {
            return b.layer_norm(&used, "encoder.LayerNorm", s.hidden_size, s.layer_norm_eps);
        }
        Ok(used)
    }

    /// The bias of a layer's scores: `[batch, heads, queries, sequence]`. `q` (flat, of `rows`, and scaled like the
    /// scores) and `k` (flat) are its queries and keys.
    pub(super) fn bias(
        &self,
        b: &mut Builder<'_>,
        layer: &Layer<'_>,
        q: &Value,
        k: &Value,
        rows: Rows,
    ) -> Result<Value, GraphError> {
        let s = layer.settings;
        let mut bias = None;
        if s.attends("c2p") {
            let name = if s.share_att_key { "key_proj" } else { "pos_key_proj" };
            let keys = self.projected(b, layer, name, rows, Side::Query)?;
            let q = layer.by_head(b, q, rows);
            let keys = b.op("Transpose", &[&keys], &[Attribute::Ints("perm", &[1, 2, 0])]);
            let scores = b.op("MatMul", &[&q, &keys], &[]);
            bias = Some(if rows == Rows::All { shifted(b, &scores) } else { scores });
        }
        if s.attends("p2c") {
            let name = if s.share_att_key { "query_proj" } else { "pos_query_proj" };
            let queries = self.projected(b, layer, name, rows, Side::Key)?;
            let scale = b.float(s.score_scale(layer.head_dim));
            let queries = b.op("Mul", &[&queries, &scale], &[]);
            let k = layer.by_head(b, k, Rows::All);
            let scores = if rows == Rows::All {
                let queries = b.op("Transpose", &[&queries], &[Attribute::Ints("perm", &[1, 2, 0])]);
                let by_key = b.op("MatMul", &[&k, &queries], &[]);
                let by_key = shifted(b, &by_key);
                b.op("Transpose", &[&by_key], &[Attribute::Ints("perm", &[0, 1, 3, 2])])
            } else {
                // One query a text: every key has one distance.
                let queries = b.op("Transpose", &[&queries], &[Attribute::Ints("perm", &[1, 0, 2])]);
                let products = b.op("Mul", &[&k, &queries], &[]);
                let (last, third) = (b.ints(&[-1]), b.ints(&[2]));
                let scores = b.op("ReduceSum", &[&products, &last], &[Attribute::Int("keepdims", 0)]);
                b.op("Unsqueeze", &[&scores, &third], &[])
            };
            bias = Some(match bias {
                Some(bias) => b.op("Add", &[&bias, &scores], &[]),
                None => scores,
            });
        }
        bias.ok_or_else(|| GraphError::Config("pos_att_type is empty".into()))
    }

    /// Relative embeddings projected by the layer's matrix `name`, one for each distance that `side` meets: `[distances,
    /// heads, head_dim]`.
    fn projected(
        &self,
        b: &mut Builder<'_>,
        layer: &Layer<'_>,
        name: &str,
        rows: Rows,
        side: Side,
    ) -> Result<Value, GraphError> {
        let hidden = layer.settings.hidden_size;
        let name = format!("{}.{name}", layer.name);
        let wanted = self.wanted(b, rows, side);
        // The distances of all queries share rows, those of one do not use all.
        let projected = if rows == Rows::All {
            let all = b.linear(layer.embeddings, &name, hidden, hidden)?;
            b.op("Gather", &[&all, &wanted], &[])
        } else {
            let some = b.op("Gather", &[layer.embeddings, &wanted], &[]);
            b.linear(&some, &name, hidden, hidden)?
        };
        let by_head = b.ints(&[-1, layer.settings.num_attention_heads as i64, layer.head_dim as i64]);
        Ok(b.op("Reshape", &[&projected, &by_head], &[]))
    }

    /// The embeddings that `side` is multiplied with. For all rows, those of the distances to a token at the other side
    /// that stands 1 − sequence, …, sequence positions after it, as [`shifted`] needs them; for one query, those to
    /// each key.
    fn wanted(&self, b: &mut Builder<'_>, rows: Rows, side: Side) -> Value {
        b.shared(&format!("distances of {rows:?} {side:?}"), |b| {
            let distances = match rows {
                Rows::All => {
                    let none = b.ints(&[]);
                    let length = b.length();
                    let length = b.op("Reshape", &[&length, &none], &[]);
                    let one = b.scalar(1);
                    let start = b.op("Sub", &[&one, &length], &[]);
                    let end = b.op("Add", &[&length, &one], &[]);
                    let after = b.op("Range", &[&start, &end, &one], &[]);
                    match side {
                        Side::Query => b.op("Neg", &[&after], &[]),
                        Side::Key => after,
                    }
                }
                Rows::First => {
                    let keys = b.positions();
                    b.op("Neg", &[&keys], &[])
                }
                Rows::Last => {
                    let (keys, length, one) = (b.positions(), b.length(), b.ints(&[1]));
                    let query = b.op("Sub", &[&length, &one], &[]);
                    b.op("Sub", &[&query, &keys], &[])
                }
            };
            let row = self.row(b, &distances);
            let first = self.first_used(b);
            b.op("Sub", &[&row, &first], &[])
        })
    }

    /// The row of the relative embeddings with which those begin that a text needs, i64 `[1]`.
    fn first_used(&self, b: &mut Builder<'_>) -> Value {
        b.shared("first relative embedding", |b| {
            let length = b.length();
            let least = b.op("Neg", &[&length], &[]);
            self.row(b, &least)
        })
    }

    /// The rows of the relative embeddings for i64 `distances`.
    fn row(&self, b: &mut Builder<'_>, distances: &Value) -> Value {
        let reach = (self.rows.len() / 2) as i64;
        let (least, most) = (b.scalar(-reach), b.scalar(reach));
        let near = b.op("Clip", &[distances, &least, &most], &[]);
        let index = b.op("Add", &[&near, &most], &[]);
        let rows = b.shared("relative embeddings by distance", |b| b.ints(&self.rows));
        b.op("Gather", &[&rows, &index], &[])
    }
}

/// A layer's attention, as far as its bias needs it.
pub(super) struct Layer<'a> {
    pub(super) settings: &'a Settings,
    pub(super) head_dim: usize,
    /// The prefix of its tensors' names.
    pub(super) name: &'a str,
    /// The [`Relative::embeddings`].
    pub(super) embeddings: &'a Value,
}

impl Layer<'_> {
    /// Flat `[rows, heads · head_dim]` → `[batch, heads, rows of a text, head_dim]`.
    fn by_head(&self, b: &mut Builder<'_>, x: &Value, rows: Rows) -> Value {
        let texts = b.sequences(x, self.settings.hidden_size, rows);
        let shape = b.ints(&[0, 0, self.settings.num_attention_heads as i64, self.head_dim as i64]);
        let apart = b.op("Reshape", &[&texts, &shape], &[]);
        b.op("Transpose", &[&apart], &[Attribute::Ints("perm", &[0, 2, 1, 3])])
    }
}

/// The side whose tokens are the rows of a table's products.
#[derive(Debug, Clone, Copy)]
enum Side {
    Query,
    Key,
}

/// `[batch, heads, n, 2n]` → `[batch, heads, n, n]`: row i, column j is what row i has at j − i + n − 1.
///
/// Read on as rows of 2n − 1 numbers, every row begins one to the left of where the row before began.
fn shifted(b: &mut Builder<'_>, x: &Value) -> Value {
    let flat = b.ints(&[0, 0, -1]);
    let x = b.op("Reshape", &[x, &flat], &[]);
    let (length, one, last) = (b.length(), b.ints(&[1]), b.ints(&[-1]));
    let start = b.shared("sequence - 1", |b| b.op("Sub", &[&length, &one], &[]));
    let axis = b.ints(&[2]);
    let x = b.op("Slice", &[&x, &start, &last, &axis], &[]);
    let rows = b.shared("rows of 2 sequences - 1", |b| {
        let same = b.ints(&[0, 0]);
        b.op("Concat", &[&same, &length, &last], &[Attribute::Int("axis", 0)])
    });
    let x = b.op("Reshape", &[&x, &rows], &[]);
    let (zero, axis) = (b.ints(&[0]), b.ints(&[3]));
    b.op("Slice", &[&x, &zero, &length, &axis], &[])
}

/// The bucket of a distance: itself in the nearer half of the buckets, beyond in logarithmic steps that reach the last
/// bucket at `most` − 1. Needs `buckets` > 1 and `most` > `buckets` / 2 + 1.
fn bucket(distance: usize, buckets: usize, most: usize) -> i64 {
    let half = buckets / 2;
    if distance <= half {
        return distance as i64;
    }
    // In f32, every step rounded, as the reference has it: a logarithm that comes to a whole number decides a bucket.
    let log = |x: f32| f64::from(x).ln() as f32;
    let share = log(distance as f32 / half as f32) / log(((most - 1) as f64 / half as f64) as f32);
    (share * (half - 1) as f32).ceil() as i64 + half as i64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::graph::config;

    /// The bucket of a distance, as `make_log_bucket_position` of `transformers` computes it.
    #[test]
    fn buckets_as_in_the_reference() {
        for (buckets, most, expected) in [
            (
                256,
                512,
                &[(127, 127), (128, 128), (129, 129), (200, 169), (300, 207), (511, 255), (512, 256), (2000, 381)][..],
            ),
            (8, 40, &[(3, 3), (4, 4), (5, 5), (6, 5), (7, 5), (12, 6), (20, 7), (39, 7), (40, 8), (60, 8)]),
            (21, 60, &[(10, 10), (11, 11), (12, 11), (15, 13), (30, 16), (59, 19), (60, 20), (90, 22)]),
        ] {
            for &(distance, bucketed) in expected {
                assert_eq!(bucket(distance, buckets, most), bucketed, "{distance} of {buckets}, {most}");
            }
        }
    }

    fn of(json: Json) -> Relative {
        Relative::of(&config::read(&json).unwrap()).unwrap().unwrap()
    }

    #[test]
    fn rows_end_with_the_relative_embeddings() {
        let plain = of(json!({"pos_att_type": "c2p", "max_relative_positions": 3}));
        assert_eq!(plain.rows, [0, 1, 2, 3, 4, 5, 5]);
        let bucketed = of(json!({"pos_att_type": "p2c", "max_position_embeddings": 8, "position_buckets": 4}));
        // ±1 and ±2 by themselves, 3 to 7 in bucket 3, 8 and more in bucket 4, which is the first to be cut.
        assert_eq!(bucketed.rows, [0, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7, 7]);
        assert_eq!(bucketed.longest, None);
    }

    #[test]
    fn more_buckets_than_positions_are_none() {
        let few = of(json!({"pos_att_type": "c2p", "max_position_embeddings": 64, "position_buckets": 256}));
        assert_eq!((few.rows.len(), few.rows[0], few.longest), (257, 128, Some(129)));
    }
}
