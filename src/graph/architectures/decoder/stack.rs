//! The layers of a decoder of any family.

use super::head::{Head, WORDS};
use crate::graph::architectures::architecture::{Architecture, Sizes};
use crate::graph::architectures::rotary::Rotation;
use crate::graph::builder::{
    Activation, Attention, Builder, LayerSizes, Mask, PackedLayer, PackedLinear, PackedNorm, PackedNorms, RmsNorm,
    Rope, Value,
};
use crate::graph::{GraphError, Rows};

/// The settings that decide the graph of any family.
#[derive(Debug)]
pub(crate) struct Decoder {
    pub(super) name: &'static str,
    pub(super) vocab: usize,
    pub(super) hidden: usize,
    pub(super) inner: usize,
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
    pub(super) head_dim: usize,
    pub(super) activation: Activation,
    pub(super) positions: usize,
    /// Factor of the word embeddings.
    pub(super) word_scale: Option<f32>,
    /// Factor of attention's scores; `None`: 1/√head_dim.
    pub(super) score_scale: Option<f32>,
    pub(super) rotations: Vec<Rotation>,
    pub(super) layers: Vec<Layer>,
    pub(super) biases: Biases,
    pub(super) norms: Norms,
    pub(super) head: Head,
}

/// The settings in which layers of one model differ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Layer {
    /// The keys that a query sees.
    pub(super) mask: Mask,
    /// The index of the model's rotation.
    pub(super) rotation: usize,
}

/// The products that have biases.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Biases {
    /// Those to queries, keys and values.
    pub(super) qkv: bool,
    /// That after attention.
    pub(super) attended: bool,
    pub(super) feed_forward: bool,
}

/// The norms of a layer, by name, and how they count.
#[derive(Debug)]
pub(super) struct Norms {
    pub(super) eps: f32,
    /// True if the norm multiplies with 1 + weight, so that a weight of 0 is the identity.
    pub(super) offset: bool,
    /// Over the input of attention.
    pub(super) attention: &'static str,
    /// Over what attention gives, before it is added.
    pub(super) attended: Option<&'static str>,
    /// Over the input of the feed-forward part.
    pub(super) feed_forward: &'static str,
    /// After the feed-forward part, before it is added.
    pub(super) fed_forward: Option<&'static str>,
    /// True if heads of queries and keys have norms.
    pub(super) heads: bool,
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

    fn packable(&self) -> bool {
        self.rotations.iter().all(|rotation| {
            let Rotation::Fixed(rotary) = rotation else { return false };
            let Self { hidden, heads, kv_heads, head_dim, inner, .. } = *self;
            PackedLayer::exists(LayerSizes { hidden, heads, kv_heads, head_dim, inner }, self.activation, Some(rotary))
        })
    }

    fn causal(&self) -> bool {
        self.layers.iter().any(|layer| layer.mask.causal)
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
        if b.writes_layers() {
            return b.packed_layer(x, &self.packed(name, mask, rope, rows));
        }
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

    /// The layer whose tensors are called by `name` as one operator of our own.
    fn packed<'a>(&self, name: impl Fn(&str) -> String, mask: Mask, rope: &'a Rope, rows: Rows) -> PackedLayer<'a> {
        let (norms, biases) = (&self.norms, self.biases);
        let linear = |part: &str, outputs, bias| PackedLinear::whole(name(part), outputs, bias);
        let [queries, keys] = [self.heads, self.kv_heads].map(|heads| heads * self.head_dim);
        let rms = |part: &str| RmsNorm { name: name(part), plus_one: norms.offset };
        let norm = |part: &str| PackedNorm::Rms(rms(part));
        let norm_if = |part: Option<&str>| part.map_or(PackedNorm::Identity, norm);
        PackedLayer {
            hidden: self.hidden,
            heads: self.heads,
            kv_heads: self.kv_heads,
            head_dim: self.head_dim,
            inner: self.inner,
            activation: self.activation,
            eps: norms.eps,
            query: linear("self_attn.q_proj", queries, biases.qkv),
            key: linear("self_attn.k_proj", keys, biases.qkv),
            value: linear("self_attn.v_proj", keys, biases.qkv),
            attended: linear("self_attn.o_proj", self.hidden, biases.attended),
            up: linear("mlp.up_proj", self.inner, biases.feed_forward),
            gate: Some(linear("mlp.gate_proj", self.inner, biases.feed_forward)),
            down: linear("mlp.down_proj", self.hidden, biases.feed_forward),
            norms: PackedNorms {
                inputs: [norm(norms.attention), norm(norms.feed_forward)],
                results: [norm_if(norms.attended), norm_if(norms.fed_forward)],
                ..PackedNorms::default()
            },
            head_norms: norms.heads.then(|| ["self_attn.q_norm", "self_attn.k_norm"].map(rms)),
            rope: Some(rope),
            scale: self.score_scale,
            mask,
            slopes: &[],
            bias: None,
            rows,
        }
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
