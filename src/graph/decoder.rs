//! Decoders that embed texts: Llama, Mistral, Qwen2, Qwen3, Gemma 3. RMS norms, rotary positions, keys and values shared
//! by several heads, a gated feed-forward.
//!
//! They are causal unless config.json says otherwise, which makes encoders of them (gte-Qwen2, EmbeddingGemma).
//!
//! Reference: `transformers`, `models/{llama,mistral,qwen2,qwen3,gemma3}/modeling_*.py` and `masking_utils.py`.

mod eurobert;
mod gemma3;
mod head;
mod layers;
mod llama;
#[cfg(test)]
mod tests;

use super::architecture::{Architecture, Sizes};
use super::builder::{Activation, Attention, Builder, Mask, Rope, Value};
use super::rotary::Rotation;
use super::{GraphError, Rows};

pub(super) use eurobert::eurobert;
pub(super) use gemma3::gemma3;
pub(super) use llama::{llama, mistral, qwen2, qwen3};

use self::head::{Head, WORDS};

/// What decides the graph, whatever the family.
#[derive(Debug)]
pub(super) struct Decoder {
    name: &'static str,
    vocab: usize,
    hidden: usize,
    inner: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    activation: Activation,
    positions: usize,
    /// Factor of the word embeddings.
    word_scale: Option<f32>,
    /// Factor of attention's scores; `None`: 1/√head_dim.
    score_scale: Option<f32>,
    rotations: Vec<Rotation>,
    layers: Vec<Layer>,
    biases: Biases,
    norms: Norms,
    head: Head,
}

/// What layers of one model may differ in.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Layer {
    /// Which keys a query sees.
    mask: Mask,
    /// Which of the model's rotations.
    rotation: usize,
}

/// Which products have biases.
#[derive(Debug, Clone, Copy, Default)]
struct Biases {
    /// Those to queries, keys and values.
    qkv: bool,
    /// That after attention.
    attended: bool,
    feed_forward: bool,
}

/// The norms of a layer, by name, and how they count.
#[derive(Debug)]
struct Norms {
    eps: f32,
    /// Whether a weight of 0 leaves things as they are: what is multiplied is 1 + weight.
    offset: bool,
    /// Over the input of attention.
    attention: &'static str,
    /// Over what attention gives, before it is added.
    attended: Option<&'static str>,
    /// Over the input of the feed-forward part.
    feed_forward: &'static str,
    /// Over what the feed-forward part gives, before it is added.
    fed_forward: Option<&'static str>,
    /// Whether heads of queries and keys have norms.
    heads: bool,
}

impl Architecture for Decoder {
    fn name(&self) -> &'static str {
        self.name
    }

    fn sizes(&self) -> Sizes {
        Sizes { hidden: self.hidden, vocab: self.vocab, max_positions: Some(self.positions), token_types: 0 }
    }

    fn anchor(&self) -> &'static str {
        WORDS
    }

    fn encode(&self, b: &mut Builder<'_>, rows: Rows) -> Result<Value, GraphError> {
        let words = b.words(WORDS, self.vocab, self.hidden)?;
        let mut x = b.flatten(&words, self.hidden);
        if let Some(scale) = self.word_scale {
            let scale = b.float(scale);
            x = b.op("Mul", &[&x, &scale], &[]);
        }
        let ropes: Vec<Rope> = self.rotations.iter().map(|rotation| rotation.rope(b)).collect();
        for (number, layer) in self.layers.iter().enumerate() {
            let last = number + 1 == self.layers.len();
            let rope = &ropes[layer.rotation];
            x = self.layer(b, &x, number, layer.mask, rope, if last { rows } else { Rows::All })?;
        }
        self.norm(b, &x, "norm", self.hidden)
    }

    fn classified_rows(&self) -> Rows {
        self.head.classified_rows()
    }

    fn logits(&self, b: &mut Builder<'_>, x: &Value, labels: usize) -> Result<Value, GraphError> {
        self.head.logits(b, x, self.hidden, labels)
    }

    fn next_token(&self, b: &mut Builder<'_>, x: &Value, token: usize) -> Result<Value, GraphError> {
        self.head.next_token(b, x, [self.vocab, self.hidden], token)
    }
}

impl Decoder {
    /// One layer over flat `x`: attention and feed-forward, each added to its input. Keys and values always come from
    /// every token; queries, and so what comes out, only from `rows`.
    fn layer(
        &self,
        b: &mut Builder<'_>,
        x: &Value,
        number: usize,
        mask: Mask,
        rope: &Rope,
        rows: Rows,
    ) -> Result<Value, GraphError> {
        let (hidden, norms) = (self.hidden, &self.norms);
        let name = |part: &str| format!("layers.{number}.{part}");
        let normal = self.norm(b, x, &name(norms.attention), hidden)?;
        let wanted = b.pick(&normal, hidden, rows);
        let q = self.heads(b, &wanted, &name("self_attn.q"), self.heads, Some(rope), rows)?;
        let k = self.heads(b, &normal, &name("self_attn.k"), self.kv_heads, Some(rope), Rows::All)?;
        let v = self.heads(b, &normal, &name("self_attn.v"), self.kv_heads, None, Rows::All)?;
        let context = b.attention(&Attention {
            q: &q,
            k: &k,
            v: &v,
            heads: self.heads,
            kv_heads: self.kv_heads,
            head_dim: self.head_dim,
            scale: self.score_scale,
            mask,
            bias: None,
            rows,
        });
        let width = self.heads * self.head_dim;
        let attended = b.linear_with(&context, &name("self_attn.o_proj"), width, hidden, self.biases.attended)?;
        let attended = self.norm_if(b, attended, norms.attended.map(name))?;
        let before = b.pick(x, hidden, rows);
        let x = b.op("Add", &[&before, &attended], &[]);

        let normal = self.norm(b, &x, &name(norms.feed_forward), hidden)?;
        let fed = self.feed_forward(b, &normal, &name("mlp"))?;
        let fed = self.norm_if(b, fed, norms.fed_forward.map(name))?;
        Ok(b.op("Add", &[&x, &fed], &[]))
    }

    /// down(activation(gate(x)) · up(x)) over flat `x`.
    fn feed_forward(&self, b: &mut Builder<'_>, x: &Value, name: &str) -> Result<Value, GraphError> {
        let (hidden, inner, bias) = (self.hidden, self.inner, self.biases.feed_forward);
        let gate = b.linear_with(x, &format!("{name}.gate_proj"), hidden, inner, bias)?;
        let gate = b.activation(&gate, self.activation);
        let up = b.linear_with(x, &format!("{name}.up_proj"), hidden, inner, bias)?;
        let gated = b.op("Mul", &[&gate, &up], &[]);
        b.linear_with(&gated, &format!("{name}.down_proj"), inner, hidden, bias)
    }

    /// Queries, keys or values of flat `x`: `[rows, heads · head_dim]`. Queries and keys are those that `rope` turns.
    fn heads(
        &self,
        b: &mut Builder<'_>,
        x: &Value,
        name: &str,
        heads: usize,
        rope: Option<&Rope>,
        rows: Rows,
    ) -> Result<Value, GraphError> {
        let width = heads * self.head_dim;
        let mut x = b.linear_with(x, &format!("{name}_proj"), self.hidden, width, self.biases.qkv)?;
        let Some(rope) = rope else { return Ok(x) };
        if self.norms.heads {
            let by_head = b.flatten(&x, self.head_dim);
            let normal = self.norm(b, &by_head, &format!("{name}_norm"), self.head_dim)?;
            x = b.flatten(&normal, width);
        }
        Ok(b.rotate(&x, rope, heads, self.head_dim, rows))
    }

    fn norm(&self, b: &mut Builder<'_>, x: &Value, name: &str, size: usize) -> Result<Value, GraphError> {
        let name = format!("{name}.weight");
        let weight = match self.norms.offset {
            true => b.weight_changed(&name, &[size], "+ 1", |weight| 1.0 + weight)?,
            false => b.weight(&name, &[size])?,
        };
        Ok(b.rms_norm(x, &weight, self.norms.eps))
    }

    fn norm_if(&self, b: &mut Builder<'_>, x: Value, name: Option<String>) -> Result<Value, GraphError> {
        name.map_or(Ok(x.clone()), |name| self.norm(b, &x, &name, self.hidden))
    }
}
