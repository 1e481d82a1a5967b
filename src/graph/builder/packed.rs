//! Descriptions of layers, and layers over packed texts, each one operator of our own: see [`crate::kernels`].

use std::ops::Range;

use super::super::{GraphError, LENGTHS, OPERATOR, OPERATOR_DOMAIN, Rows};
use super::graph_builder::Builder;
use super::layers::Activation;
use super::mask::Mask;
use super::matrix::Products;
use super::rope::{Rope, Rotary};
use super::value::{Attribute, Value};
pub(in super::super) use crate::kernels::encoder::LayerSizes;
use crate::kernels::encoder::{Description, LayerNorms, NormWeights, layer};
use crate::kernels::{self, Matrix, Numbers, Picked};
use crate::model::weights::TensorData;

/// A linear layer: all rows of a matrix in the file, or those of one of several that are packed in it.
#[derive(Debug, Clone)]
pub(in super::super) struct PackedLinear {
    /// The name, to which `.weight` and `.bias` are added.
    pub name: String,
    /// Rows of the matrix in the file.
    pub total: usize,
    pub rows: Range<usize>,
    pub bias: bool,
}

impl PackedLinear {
    /// A matrix of its own.
    pub(in super::super) fn whole(name: String, outputs: usize, bias: bool) -> Self {
        Self { name, total: outputs, rows: 0..outputs, bias }
    }

    /// Number `part` of matrices of `outputs` rows each.
    pub(in super::super) fn part(name: String, part: usize, parts: usize, outputs: usize, bias: bool) -> Self {
        // No file has as many numbers as would be cut off.
        let first = part.saturating_mul(outputs);
        Self { name, total: parts.saturating_mul(outputs), rows: first..first.saturating_add(outputs), bias }
    }
}

/// A norm of a layer.
#[derive(Debug, Clone, Default)]
pub(in super::super) enum PackedNorm {
    #[default]
    Identity,
    /// LayerNorm, with or without a bias.
    Layer { name: String, bias: bool },
    /// RMSNorm.
    Rms(RmsNorm),
}

/// An RMSNorm, whose factor is its weight, or 1 + its weight.
#[derive(Debug, Clone)]
pub(in super::super) struct RmsNorm {
    pub name: String,
    pub plus_one: bool,
}

/// The norms of attention and of the feed-forward part, by their places: of their inputs, of their results before these
/// are added to the inputs, and of the sums.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct PackedNorms {
    pub inputs: [PackedNorm; 2],
    pub results: [PackedNorm; 2],
    pub sums: [PackedNorm; 2],
}

/// A layer, its weights by their full names.
pub(in super::super) struct PackedLayer<'a> {
    pub hidden: usize,
    pub heads: usize,
    /// Heads of keys and values; each serves `heads / kv_heads` heads of queries.
    pub kv_heads: usize,
    pub head_dim: usize,
    pub inner: usize,
    pub activation: Activation,
    pub eps: f32,
    pub query: PackedLinear,
    pub key: PackedLinear,
    pub value: PackedLinear,
    pub attended: PackedLinear,
    pub up: PackedLinear,
    /// The product that goes through the activation and is multiplied with `up`; without it `up` goes through the activation.
    pub gate: Option<PackedLinear>,
    pub down: PackedLinear,
    pub norms: PackedNorms,
    /// The norms of each head's queries and keys.
    pub head_norms: Option<[RmsNorm; 2]>,
    pub rope: Option<&'a Rope>,
    /// Factor of the scores; `None`: 1/√head_dim.
    pub scale: Option<f32>,
    pub mask: Mask,
    /// For each head, what a key's score loses by each step of its distance; or empty.
    pub slopes: &'a [f32],
    /// Added to attention scores: for each head the numbers of the distances of keys, [`Builder::distances`]; in graphs for
    /// CUDA, `[1, heads, sequence, sequence]`.
    pub bias: Option<&'a Value>,
    /// The rows to compute.
    pub rows: Rows,
}

impl PackedLayer<'_> {
    /// True if there is an operator for such a layer.
    pub(in super::super) fn exists(sizes: LayerSizes, activation: Activation, rotary: Option<&Rotary>) -> bool {
        own(activation).is_some() && sizes.fit(rotary.map(Rotary::own).as_ref())
    }

    /// The names of all weights.
    fn names(&self) -> Vec<String> {
        let Self { query, key, value, attended, up, gate, down, norms, head_norms, .. } = self;
        let norm = |norm: &PackedNorm| match norm {
            PackedNorm::Identity => String::new(),
            PackedNorm::Layer { name, .. } | PackedNorm::Rms(RmsNorm { name, .. }) => name.clone(),
        };
        let linears = [query, key, value, attended, up, down].into_iter().chain(gate);
        let linears = linears.map(|linear| format!("{}[{}..{}]", linear.name, linear.rows.start, linear.rows.end));
        let norms = [&norms.inputs, &norms.results, &norms.sums].into_iter().flatten().map(norm);
        linears.chain(norms).chain(head_norms.iter().flatten().map(|norm| norm.name.clone())).collect()
    }
}

fn own(activation: Activation) -> Option<kernels::Activation> {
    match activation {
        Activation::Gelu => Some(kernels::Activation::Gelu),
        Activation::GeluTanh => Some(kernels::Activation::GeluTanh),
        Activation::Relu => Some(kernels::Activation::Relu),
        Activation::Silu => Some(kernels::Activation::Silu),
        Activation::Tanh | Activation::Sigmoid => None,
    }
}

/// A linear layer's numbers, kept while they are packed.
pub(super) struct Linear {
    pub inputs: usize,
    pub outputs: usize,
    pub numbers: TensorData,
    /// The steps of integers.
    pub scales: Option<TensorData>,
    pub bias: Option<TensorData>,
    pub smoothing: Option<TensorData>,
}

/// A norm's numbers.
enum Norm {
    Identity,
    Layer(TensorData, Option<TensorData>),
    Rms(TensorData),
}

impl Norm {
    fn weights(&self, epsilon: f32) -> Option<NormWeights<'_>> {
        match self {
            Self::Identity => None,
            Self::Layer(weight, bias) => {
                Some(NormWeights { weight: weight.as_slice(), bias: Some(floats(bias)), epsilon })
            }
            Self::Rms(weight) => Some(NormWeights { weight: weight.as_slice(), bias: None, epsilon }),
        }
    }
}

impl Linear {
    pub(super) fn matrix(&self) -> Matrix<'_> {
        let numbers = match &self.scales {
            Some(scales) => Numbers::I8(self.numbers.bytes(), scales.as_slice()),
            None => Numbers::F32(self.numbers.as_slice()),
        };
        let (bias, smoothing) = (floats(&self.bias), floats(&self.smoothing));
        Matrix { inputs: self.inputs, outputs: self.outputs, numbers, bias, smoothing }
    }
}

/// Numbers that may be absent.
fn floats(data: &Option<TensorData>) -> &[f32] {
    data.as_ref().map_or(&[], TensorData::as_slice)
}

impl Builder<'_> {
    /// Attention and feed-forward, each added to its input, over flat `x`.
    pub(in super::super) fn packed_layer(&mut self, x: &Value, spec: &PackedLayer<'_>) -> Result<Value, GraphError> {
        if self.is_cuda() {
            return self.cuda_layer(x, spec);
        }
        let PackedLayer { hidden, heads, kv_heads, head_dim, inner, eps, rows, .. } = *spec;
        // As in a graph of built-in operators: rows that are picked are an input of their own.
        let of_queries = self.number();
        let of_keys = if rows == Rows::All { of_queries } else { self.number() };
        let [of_attended, of_up, of_down] = [self.number(), self.number(), self.number()];
        self.attention_width += heads * head_dim;
        let key = (spec.names(), rows);
        if let Some(&number) = self.own.as_ref().and_then(|own| own.numbers.get(&key)) {
            return Ok(self.operator(number, x, spec.bias));
        }
        let query = self.linear_parts(&spec.query, hidden, of_queries)?;
        let key_parts = self.linear_parts(&spec.key, hidden, of_keys)?;
        let value = self.linear_parts(&spec.value, hidden, of_keys)?;
        let output = self.linear_parts(&spec.attended, heads * head_dim, of_attended)?;
        let up = self.linear_parts(&spec.up, hidden, of_up)?;
        let gate = spec.gate.as_ref().map(|gate| self.linear_parts(gate, hidden, of_up)).transpose()?;
        let down = self.linear_parts(&spec.down, inner, of_down)?;
        let head_norms = match &spec.head_norms {
            Some([query, key]) => Some([self.rms_weight(query, head_dim)?, self.rms_weight(key, head_dim)?]),
            None => None,
        };
        let mut both = |norms: &[PackedNorm; 2]| {
            Ok::<_, GraphError>([self.norm_parts(&norms[0], hidden)?, self.norm_parts(&norms[1], hidden)?])
        };
        let [inputs, results, sums] = [both(&spec.norms.inputs)?, both(&spec.norms.results)?, both(&spec.norms.sums)?];
        let activation =
            own(spec.activation).ok_or_else(|| GraphError::NoOperator { layer: spec.down.name.clone() })?;
        let description = Description {
            hidden,
            heads,
            kv_heads,
            head_dim,
            query: query.matrix(),
            key: key_parts.matrix(),
            value: value.matrix(),
            output: output.matrix(),
            up: up.matrix(),
            gate: gate.as_ref().map(Linear::matrix),
            activation,
            down: down.matrix(),
            norms: LayerNorms {
                inputs: inputs.each_ref().map(|norm| norm.weights(eps)),
                results: results.each_ref().map(|norm| norm.weights(eps)),
                sums: sums.each_ref().map(|norm| norm.weights(eps)),
            },
            head_norms: head_norms.as_ref().map(|norms| (norms.each_ref().map(TensorData::as_slice), eps)),
            scale: spec.scale,
            rope: spec.rope.and_then(|rope| rope.own.as_ref()),
            picked: match rows {
                Rows::All => Picked::All,
                Rows::First => Picked::First,
                Rows::Last => Picked::Last,
            },
            causal: spec.mask.causal,
            reach: spec.mask.reach,
            slopes: spec.slopes,
            table: spec.bias.is_some(),
        };
        let missing = || GraphError::NoOperator { layer: spec.down.name.clone() };
        let own = self.own.as_mut().ok_or_else(missing)?;
        let (set, format) = (own.set, own.format);
        let number = own.number(key, || layer(set, format, &description)).ok_or_else(missing)?;
        Ok(self.operator(number, x, spec.bias))
    }

    /// The mean of the rows of each text: flat `[batch · sequence, width]` → `[batch, width]`.
    pub(in super::super) fn mean_of_texts(&mut self, x: &Value, width: usize) -> Value {
        if self.picks_by_number() {
            let x = self.sequences(x, width, Rows::All);
            return self.mean_by_product(&x, width);
        }
        let key = (vec![format!("mean of {width}")], Rows::All);
        let packed = self.own.as_mut().filter(|own| own.packs);
        if let Some(number) = packed.and_then(|own| own.number(key, || Some(kernels::mean(width)))) {
            return self.operator(number, x, None);
        }
        let by_text = self.sequences(x, width, Rows::All);
        self.op("ReduceMean", &[&by_text], &[Attribute::Ints("axes", &[1]), Attribute::Int("keepdims", 0)])
    }

    /// The operator of that number over flat `x`.
    pub(super) fn operator(&mut self, number: usize, x: &Value, table: Option<&Value>) -> Value {
        let lengths = Value(LENGTHS.into());
        let lengths = self.is_packed().then_some(&lengths);
        let inputs: Vec<&Value> = [x].into_iter().chain(lengths).chain(table).collect();
        self.node(OPERATOR_DOMAIN, OPERATOR, &inputs, &[Attribute::Int("number", number as i64)])
    }

    /// The number of the next input of products.
    fn number(&mut self) -> usize {
        let name = self.fresh("packed input");
        match &mut self.products {
            Products::Int8 { inputs, .. } => {
                inputs.push(Value(name));
                inputs.len() - 1
            }
            Products::Float32 | Products::Watched(_) => 0,
        }
    }

    /// A linear layer whose input has that number.
    fn linear_parts(&mut self, linear: &PackedLinear, inputs: usize, number: usize) -> Result<Linear, GraphError> {
        let PackedLinear { name, total, rows, bias } = linear;
        let (total, outputs) = (*total, rows.len());
        let matrix = self.matrix_rows(&format!("{name}.weight"), total, inputs, rows.clone())?;
        let bias = match bias {
            true => {
                let full = self.used(&format!("{name}.bias"));
                Some(self.rows(&full, &[total], rows.clone())?.1)
            }
            false => None,
        };
        if let Products::Int8 { weights, .. } = &self.products {
            let missing = || GraphError::Int8(matrix.name());
            let treatment = weights.treatment(number).ok_or_else(missing)?;
            let (numbers, scales) = weights.matrix(&matrix.name(), inputs, outputs).ok_or_else(missing)?;
            let smoothing = treatment.smoothing(inputs).ok_or_else(missing)?;
            return Ok(Linear { inputs, outputs, numbers, scales: Some(scales), bias, smoothing });
        }
        let (_, numbers) = self.rows(&matrix.tensor, &[total, inputs], matrix.rows)?;
        Ok(Linear { inputs, outputs, numbers, scales: None, bias, smoothing: None })
    }

    fn norm_parts(&mut self, norm: &PackedNorm, size: usize) -> Result<Norm, GraphError> {
        Ok(match norm {
            PackedNorm::Identity => Norm::Identity,
            PackedNorm::Layer { name, bias } => {
                let [weight, beta] = self.norm_names(name);
                let weight = self.data(&weight, &[size])?.0;
                Norm::Layer(weight, if *bias { Some(self.data(&beta, &[size])?.0) } else { None })
            }
            PackedNorm::Rms(norm) => Norm::Rms(self.rms_weight(norm, size)?),
        })
    }

    /// The factors of an RMSNorm.
    fn rms_weight(&mut self, norm: &RmsNorm, size: usize) -> Result<TensorData, GraphError> {
        let weight = self.data(&format!("{}.weight", norm.name), &[size])?.0;
        Ok(match norm.plus_one {
            true => TensorData::Owned(weight.as_slice().iter().map(|weight| 1.0 + weight).collect()),
            false => weight,
        })
    }
}
