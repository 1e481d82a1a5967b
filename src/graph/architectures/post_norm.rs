//! The post-norm transformer layer of BERT and its descendants, and the heads over it.
//!
//! They differ in the names of weights and in the bias of the attention scores.

use crate::graph::builder::{
    Activation, Attention, Builder, LayerSizes, Mask, PackedLayer, PackedLinear, PackedNorm, PackedNorms, Value,
};
use crate::graph::{GraphError, Rows};

/// The weights of a layer by their names below the layer's own.
pub(crate) struct Names {
    pub query: &'static str,
    pub key: &'static str,
    pub value: &'static str,
    pub attended: &'static str,
    pub attended_norm: &'static str,
    pub inner: &'static str,
    pub outer: &'static str,
    pub outer_norm: &'static str,
}

/// The sizes and settings of a layer.
pub(crate) struct PostNorm {
    pub names: &'static Names,
    pub hidden: usize,
    pub heads: usize,
    pub intermediate: usize,
    pub activation: Activation,
    pub eps: f32,
}

/// Additions of some models to attention.
#[derive(Default)]
pub(crate) struct Variation<'a> {
    /// Added to the scores: `[1, heads, sequence, sequence]`.
    pub bias: Option<&'a Value>,
    /// Names of the norms that queries and keys go through, over their whole width.
    pub norms: Option<[&'static str; 2]>,
}

impl PostNorm {
    /// True if [`Builder::packed_layer`] can write the layer.
    pub(crate) fn packable(&self) -> bool {
        let (heads, head_dim) = (self.heads, self.hidden / self.heads.max(1));
        let sizes = LayerSizes { hidden: self.hidden, heads, kv_heads: heads, head_dim, inner: self.intermediate };
        PackedLayer::exists(sizes, self.activation, None)
    }

    /// The layer called `name` over flat `x`: attention and feed-forward, each added to its input and normalised
    /// after. Keys and values always come from every token; queries, and so what comes out, only from `rows`. `bias` is
    /// added to the attention scores.
    pub(crate) fn layer(
        &self,
        b: &mut Builder<'_>,
        x: &Value,
        name: &str,
        bias: Option<&Value>,
        rows: Rows,
    ) -> Result<Value, GraphError> {
        if b.writes_layers() {
            return b.packed_layer(x, &self.packed(name, bias, rows));
        }
        let (_, x) = self.attention(b, x, name, &Variation { bias, norms: None }, rows)?;
        self.feed_forward(b, &x, name)
    }

    /// The layer called `layer` as one operator of our own.
    pub(crate) fn packed<'a>(&self, layer: &str, bias: Option<&'a Value>, rows: Rows) -> PackedLayer<'a> {
        let name = |part: &str| format!("{layer}.{part}");
        let linear = |part: &str, outputs| PackedLinear::whole(name(part), outputs, true);
        let norm = |part: &str| PackedNorm::Layer { name: name(part), bias: true };
        let (names, hidden) = (self.names, self.hidden);
        PackedLayer {
            hidden,
            heads: self.heads,
            kv_heads: self.heads,
            head_dim: hidden / self.heads,
            inner: self.intermediate,
            activation: self.activation,
            eps: self.eps,
            query: linear(names.query, hidden),
            key: linear(names.key, hidden),
            value: linear(names.value, hidden),
            attended: linear(names.attended, hidden),
            up: linear(names.inner, self.intermediate),
            gate: None,
            down: linear(names.outer, hidden),
            norms: PackedNorms { sums: [norm(names.attended_norm), norm(names.outer_norm)], ..PackedNorms::default() },
            head_norms: None,
            rope: None,
            scale: None,
            mask: Mask::default(),
            slopes: &[],
            bias,
            rows,
        }
    }

    /// The attention of the layer called `layer`: the rows of `x` that ask, and the same after it.
    pub(crate) fn attention(
        &self,
        b: &mut Builder<'_>,
        x: &Value,
        layer: &str,
        variation: &Variation<'_>,
        rows: Rows,
    ) -> Result<(Value, Value), GraphError> {
        let hidden = self.hidden;
        let name = |part: &str| format!("{layer}.{part}");
        let wanted = b.pick(x, hidden, rows);
        let mut q = b.linear(&wanted, &name(self.names.query), hidden, hidden)?;
        let mut k = b.linear(x, &name(self.names.key), hidden, hidden)?;
        let v = b.linear(x, &name(self.names.value), hidden, hidden)?;
        if let Some([of_queries, of_keys]) = variation.norms {
            q = b.layer_norm(&q, &name(of_queries), hidden, self.eps)?;
            k = b.layer_norm(&k, &name(of_keys), hidden, self.eps)?;
        }
        let context = b.attention(&Attention {
            q: &q,
            k: &k,
            v: &v,
            heads: self.heads,
            kv_heads: self.heads,
            head_dim: hidden / self.heads,
            scale: None,
            mask: Mask::default(),
            bias: variation.bias,
            rows,
        });
        let attended = self.attended(b, &context, &wanted, layer)?;
        Ok((wanted, attended))
    }

    /// The rows `wanted` after the attention of the layer `name`; `context` is its output.
    pub(crate) fn attended(
        &self,
        b: &mut Builder<'_>,
        context: &Value,
        wanted: &Value,
        name: &str,
    ) -> Result<Value, GraphError> {
        let name = |part: &str| format!("{name}.{part}");
        let attended = b.linear(context, &name(self.names.attended), self.hidden, self.hidden)?;
        let sum = b.op("Add", &[&attended, wanted], &[]);
        b.layer_norm(&sum, &name(self.names.attended_norm), self.hidden, self.eps)
    }

    /// The feed-forward of the layer called `name` over flat `x`.
    pub(crate) fn feed_forward(&self, b: &mut Builder<'_>, x: &Value, name: &str) -> Result<Value, GraphError> {
        let name = |part: &str| format!("{name}.{part}");
        let inner = b.linear(x, &name(self.names.inner), self.hidden, self.intermediate)?;
        let inner = b.activation(&inner, self.activation);
        let outer = b.linear(&inner, &name(self.names.outer), self.intermediate, self.hidden)?;
        let sum = b.op("Add", &[&outer, x], &[]);
        b.layer_norm(&sum, &name(self.names.outer_norm), self.hidden, self.eps)
    }
}

/// A sequence-classification head of two layers over one row a text: `[batch, labels]`.
pub(crate) fn classifier(
    b: &mut Builder<'_>,
    x: &Value,
    [dense, out]: [&str; 2],
    activation: Activation,
    hidden: usize,
    labels: usize,
) -> Result<Value, GraphError> {
    let x = b.linear(x, dense, hidden, hidden)?;
    let x = b.activation(&x, activation);
    b.linear(&x, out, hidden, labels)
}

/// A masked-LM head: dense, activation function and norm, then the decoder.
pub(crate) struct MaskedLm {
    pub dense: &'static str,
    pub norm: &'static str,
    pub decoder: &'static str,
    /// The decoder's bias by its second name, where it has one.
    pub bias: &'static str,
    /// The table of word embeddings, which is the decoder's matrix, too, if `tied`.
    pub words: &'static str,
    pub tied: bool,
    pub hidden: usize,
    /// Width of the word embeddings.
    pub width: usize,
    pub vocab: usize,
    pub activation: Activation,
    pub eps: f32,
}

impl MaskedLm {
    /// Flat `[batch · sequence, hidden]` → `[batch · sequence, vocab]`.
    pub(crate) fn token_logits(&self, b: &mut Builder<'_>, x: &Value) -> Result<Value, GraphError> {
        let x = b.linear(x, self.dense, self.hidden, self.width)?;
        let x = b.activation(&x, self.activation);
        let x = b.layer_norm(&x, self.norm, self.width, self.eps)?;
        // As in transformers: a matrix in the file counts even if config.json declares it tied.
        let own = format!("{}.weight", self.decoder);
        let weight = if self.tied && !b.has(&own) { self.words } else { own.as_str() };
        let weight = b.matrix(weight, self.vocab, self.width)?;
        let own = format!("{}.bias", self.decoder);
        let bias = if b.has(&own) { own.as_str() } else { self.bias };
        let bias = b.weight(bias, &[self.vocab])?;
        b.product(&x, &weight, Some(&bias))
    }
}
