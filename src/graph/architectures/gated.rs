//! The layer that nomic_bert and gte have in common: rotated attention and a gated feed-forward, each added to its
//! input and normalised after. They name its tensors differently, and pack them or not.

use super::rotary::Rotation;
use crate::graph::builder::{
    Activation, Attention, Builder, LayerSizes, Mask, PackedLayer, PackedLinear, PackedNorm, PackedNorms, RmsNorm,
    Rope, Value,
};
use crate::graph::{GraphError, Rows};

/// More than any model's layer has of anything.
const LARGEST: usize = 1 << 28;

/// Matrices that read the same rows: each under a name of its own, or one above the other under one name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Parts<const N: usize> {
    Apart([&'static str; N]),
    Packed(&'static str),
}

impl<const N: usize> Parts<N> {
    /// Number `part` of the matrices, `outputs` each, as part of an operator of our own.
    fn linear(self, part: usize, name: &impl Fn(&str) -> String, outputs: usize, bias: bool) -> PackedLinear {
        match self {
            Self::Apart(names) => PackedLinear::whole(name(names[part]), outputs, bias),
            Self::Packed(packed) => PackedLinear::part(name(packed), part, N, outputs, bias),
        }
    }
}

/// True if [`Layer::write`] can write operators of our own.
pub(crate) fn packable(
    hidden: usize,
    heads: usize,
    head_dim: usize,
    inner: usize,
    activation: Activation,
    rotation: Option<&Rotation>,
) -> bool {
    let sizes = LayerSizes { hidden, heads, kv_heads: heads, head_dim, inner };
    let rotary = match rotation {
        Some(Rotation::Fixed(rotary)) => Some(rotary),
        Some(Rotation::Growing(_)) => return false,
        None => None,
    };
    PackedLayer::exists(sizes, activation, rotary)
}

/// The feed-forward part.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FeedForward {
    /// down(up · activation(gate)): up, then gate.
    Gated(Parts<2>),
    /// down(activation(up))
    Plain(&'static str),
}

/// Names of a layer's tensors, after the layer's own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    /// The prefix before the number of the layer: `encoder.layers`, say.
    pub layers: &'static str,
    /// Queries, keys, values.
    pub qkv: Parts<3>,
    pub attended: &'static str,
    pub attention_norm: &'static str,
    pub feed_forward: FeedForward,
    pub down: &'static str,
    pub norm: &'static str,
}

/// The names `transformers` has for both architectures.
pub(crate) const NATIVE_NAMES: Names = Names {
    layers: "layers",
    qkv: Parts::Apart(["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
    attended: "self_attn.o_proj",
    attention_norm: "post_attention_layernorm",
    feed_forward: FeedForward::Gated(Parts::Apart(["mlp.up_proj", "mlp.gate_proj"])),
    down: "mlp.down_proj",
    norm: "post_mlp_layernorm",
};

/// The products that have a bias.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Biases {
    /// Queries, keys, values and what comes of the attention.
    pub attention: bool,
    pub up: bool,
    pub down: bool,
}

/// A layer of the model, whichever.
pub(crate) struct Layer {
    pub names: Names,
    pub hidden: usize,
    pub heads: usize,
    pub head_dim: usize,
    /// Width of the feed-forward part.
    pub inner: usize,
    pub activation: Activation,
    pub biases: Biases,
    /// Root-mean-square norms, without biases, in place of layer norms.
    pub rms: bool,
    pub eps: f32,
}

/// Refuses sizes so large that a few of them multiplied would not be a number any more. `sizes` with their keys.
pub(crate) fn check_sizes(sizes: &[(&'static str, usize)]) -> Result<(), GraphError> {
    match sizes.iter().find(|&&(_, size)| size > LARGEST) {
        Some((key, size)) => Err(GraphError::Config(format!("{key} = {size} is too large"))),
        None => Ok(()),
    }
}

impl Layer {
    /// Layer `n` over flat `x`; what comes out are the rows `rows`.
    pub(crate) fn write(
        &self,
        b: &mut Builder<'_>,
        x: &Value,
        n: usize,
        rope: Option<&Rope>,
        rows: Rows,
    ) -> Result<Value, GraphError> {
        let (names, width) = (&self.names, self.heads * self.head_dim);
        let name = |part: &str| format!("{}.{n}.{part}", names.layers);
        if b.writes_layers() {
            return b.packed_layer(x, &self.packed(&name, rope, rows));
        }

        let wanted = b.pick(x, self.hidden, rows);
        let inputs = [&wanted, x, x];
        let [mut q, mut k, v] = parts(b, inputs, names.qkv, &name, self.hidden, width, self.biases.attention)?;
        if let Some(rope) = rope {
            q = b.rotate(&q, rope, self.heads, self.head_dim, rows);
            k = b.rotate(&k, rope, self.heads, self.head_dim, Rows::All);
        }
        let context = b.attention(&Attention {
            q: &q,
            k: &k,
            v: &v,
            heads: self.heads,
            kv_heads: self.heads,
            head_dim: self.head_dim,
            scale: None,
            mask: Mask::default(),
            bias: None,
            rows,
        });
        let attended = b.linear_with(&context, &name(names.attended), width, self.hidden, self.biases.attention)?;
        let sum = b.op("Add", &[&attended, &wanted], &[]);
        let x = self.normalised(b, &sum, &name(names.attention_norm))?;

        let inner = match names.feed_forward {
            FeedForward::Gated(pair) => {
                let [up, gate] = parts(b, [&x, &x], pair, &name, self.hidden, self.inner, self.biases.up)?;
                let gate = b.activation(&gate, self.activation);
                b.op("Mul", &[&up, &gate], &[])
            }
            FeedForward::Plain(up) => {
                let up = b.linear_with(&x, &name(up), self.hidden, self.inner, self.biases.up)?;
                b.activation(&up, self.activation)
            }
        };
        let down = b.linear_with(&inner, &name(names.down), self.inner, self.hidden, self.biases.down)?;
        let sum = b.op("Add", &[&down, &x], &[]);
        self.normalised(b, &sum, &name(names.norm))
    }

    /// The layer as one operator of our own.
    fn packed<'a>(&self, name: &impl Fn(&str) -> String, rope: Option<&'a Rope>, rows: Rows) -> PackedLayer<'a> {
        let (names, width) = (&self.names, self.heads * self.head_dim);
        let [query, key, value] = [0, 1, 2].map(|part| names.qkv.linear(part, name, width, self.biases.attention));
        let (up, gate) = match names.feed_forward {
            FeedForward::Gated(pair) => {
                let [up, gate] = [0, 1].map(|part| pair.linear(part, name, self.inner, self.biases.up));
                (up, Some(gate))
            }
            FeedForward::Plain(up) => (PackedLinear::whole(name(up), self.inner, self.biases.up), None),
        };
        let norm = |part: &str| match self.rms {
            true => PackedNorm::Rms(RmsNorm { name: name(part), plus_one: false }),
            false => PackedNorm::Layer { name: name(part), bias: true },
        };
        PackedLayer {
            hidden: self.hidden,
            heads: self.heads,
            kv_heads: self.heads,
            head_dim: self.head_dim,
            inner: self.inner,
            activation: self.activation,
            eps: self.eps,
            query,
            key,
            value,
            attended: PackedLinear::whole(name(names.attended), self.hidden, self.biases.attention),
            up,
            gate,
            down: PackedLinear::whole(name(names.down), self.hidden, self.biases.down),
            norms: PackedNorms { sums: [norm(names.attention_norm), norm(names.norm)], ..PackedNorms::default() },
            head_norms: None,
            rope,
            scale: None,
            mask: Mask::default(),
            slopes: &[],
            bias: None,
            rows,
        }
    }

    fn normalised(&self, b: &mut Builder<'_>, x: &Value, name: &str) -> Result<Value, GraphError> {
        if self.rms {
            let weight = b.weight(&format!("{name}.weight"), &[self.hidden])?;
            return Ok(b.rms_norm(x, &weight, self.eps));
        }
        b.layer_norm(x, name, self.hidden, self.eps)
    }
}

/// The product of each of `inputs` with its part of the matrices, `[input, output]` each.
fn parts<const N: usize>(
    b: &mut Builder<'_>,
    inputs: [&Value; N],
    parts: Parts<N>,
    name: &impl Fn(&str) -> String,
    input: usize,
    output: usize,
    bias: bool,
) -> Result<[Value; N], GraphError> {
    let mut products = inputs.map(Value::clone);
    for (i, product) in products.iter_mut().enumerate() {
        *product = match parts {
            Parts::Apart(names) => b.linear_with(inputs[i], &name(names[i]), input, output, bias)?,
            Parts::Packed(packed) => {
                let rows = i * output..(i + 1) * output;
                b.linear_rows(inputs[i], &name(packed), input, N * output, rows, bias)?
            }
        };
    }
    Ok(products)
}
