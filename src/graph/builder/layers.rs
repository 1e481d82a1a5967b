//! The layers of a transformer but attention: products, norms, activation functions.

use std::ops::Range;

use super::super::{GraphError, Operators};
use super::graph_builder::Builder;
use super::value::{Attribute, Value};

/// The activation functions of `hidden_act`, with the formulas `transformers` gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Activation {
    /// x · Φ(x), by erf.
    Gelu,
    /// 0.5 · x · (1 + tanh(√(2/π) · (x + 0.044715 x³))): `gelu_new`, `gelu_pytorch_tanh`.
    GeluTanh,
    /// max(x, 0)
    Relu,
    /// x · sigmoid(x)
    Silu,
    /// tanh(x)
    Tanh,
    /// 1 / (1 + exp(−x))
    Sigmoid,
}

impl Activation {
    /// The function called `name` by the setting `key`.
    pub(in super::super) fn parse(key: &'static str, name: &str) -> Result<Self, GraphError> {
        match name {
            "gelu" | "gelu_python" => Ok(Self::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" | "gelu_python_tanh" | "gelu_accurate" => Ok(Self::GeluTanh),
            "relu" => Ok(Self::Relu),
            "silu" | "swish" => Ok(Self::Silu),
            "tanh" => Ok(Self::Tanh),
            "sigmoid" => Ok(Self::Sigmoid),
            _ => Err(GraphError::NotImplemented { key, value: format!("\"{name}\"") }),
        }
    }
}

impl Builder<'_> {
    /// `x · Wᵀ + b` with `{name}.weight` `[out, in]` and `{name}.bias` `[out]`; `x` is `[rows, in]`.
    pub(in super::super) fn linear(
        &mut self,
        x: &Value,
        name: &str,
        input: usize,
        output: usize,
    ) -> Result<Value, GraphError> {
        self.linear_with(x, name, input, output, true)
    }

    /// `x · Wᵀ`, and `+ b` if there is a `bias`.
    pub(in super::super) fn linear_with(
        &mut self,
        x: &Value,
        name: &str,
        input: usize,
        output: usize,
        bias: bool,
    ) -> Result<Value, GraphError> {
        let weight = self.matrix(&format!("{name}.weight"), output, input)?;
        let bias = if bias { Some(self.weight(&format!("{name}.bias"), &[output])?) } else { None };
        self.product(x, &weight, bias.as_ref())
    }

    /// As [`Builder::linear_with`], with only the rows `outputs` of a matrix `[total, in]` in which several are packed.
    pub(in super::super) fn linear_rows(
        &mut self,
        x: &Value,
        name: &str,
        input: usize,
        total: usize,
        outputs: Range<usize>,
        bias: bool,
    ) -> Result<Value, GraphError> {
        let weight = self.matrix_rows(&format!("{name}.weight"), total, input, outputs.clone())?;
        let bias = if bias { Some(self.weight_rows(&format!("{name}.bias"), &[total], outputs)?) } else { None };
        self.product(x, &weight, bias.as_ref())
    }

    /// Layer normalisation over the last axis, with `{name}.weight` and `{name}.bias`.
    pub(in super::super) fn layer_norm(
        &mut self,
        x: &Value,
        name: &str,
        size: usize,
        eps: f32,
    ) -> Result<Value, GraphError> {
        self.layer_norm_with(x, name, size, eps, true)
    }

    /// Layer normalisation over the last axis, with `{name}.weight`, and `{name}.bias` if there is a `bias`.
    pub(in super::super) fn layer_norm_with(
        &mut self,
        x: &Value,
        name: &str,
        size: usize,
        eps: f32,
        bias: bool,
    ) -> Result<Value, GraphError> {
        let [weight, beta] = self.norm_names(name);
        let weight = self.weight(&weight, &[size])?;
        let bias = if bias { Some(self.weight(&beta, &[size])?) } else { None };
        let inputs: Vec<&Value> = [x, &weight].into_iter().chain(&bias).collect();
        let attributes = [Attribute::Int("axis", -1), Attribute::Float("epsilon", eps)];
        let y = self.op("LayerNormalization", &inputs, &attributes);
        self.normalised.insert(y.0.clone());
        Ok(y)
    }

    /// The names of the weight and the bias of the norm `name`. Checkpoints converted from TensorFlow call them gamma and
    /// beta.
    pub(super) fn norm_names(&self, name: &str) -> [String; 2] {
        let old = self.has(&format!("{name}.gamma"));
        let names = if old { ["gamma", "beta"] } else { ["weight", "bias"] };
        names.map(|part| format!("{name}.{part}"))
    }

    /// Root-mean-square normalisation over the last axis: x / √(mean(x²) + eps) · `weight`.
    pub(in super::super) fn rms_norm(&mut self, x: &Value, weight: &Value, eps: f32) -> Value {
        if self.operators != Operators::Standard {
            // ONNX Runtime has it in ONNX's own domain, though the standard does not.
            let attributes = [Attribute::Int("axis", -1), Attribute::Float("epsilon", eps)];
            let y = self.op("SimplifiedLayerNormalization", &[x, weight], &attributes);
            self.normalised.insert(y.0.clone());
            return y;
        }
        let square = self.op("Mul", &[x, x], &[]);
        let mean = self.op("ReduceMean", &[&square], &[Attribute::Ints("axes", &[-1])]);
        let eps = self.float(eps);
        let mean = self.op("Add", &[&mean, &eps], &[]);
        let root = self.op("Sqrt", &[&mean], &[]);
        let x = self.op("Div", &[x, &root], &[]);
        self.op("Mul", &[&x, weight], &[])
    }

    /// The activation function, elementwise.
    pub(in super::super) fn activation(&mut self, x: &Value, activation: Activation) -> Value {
        let own = self.operators != Operators::Standard;
        match activation {
            // A kernel in place of two.
            Activation::Silu if self.is_cuda() => self.microsoft("QuickGelu", &[x], &[Attribute::Float("alpha", 1.0)]),
            Activation::Gelu if own => self.microsoft("Gelu", &[x], &[]),
            Activation::GeluTanh if own => self.microsoft("FastGelu", &[x], &[]),
            Activation::Gelu => {
                let root = self.float(std::f32::consts::SQRT_2);
                let inner = self.op("Div", &[x, &root], &[]);
                let inner = self.op("Erf", &[&inner], &[]);
                self.half_of_one_plus(x, &inner)
            }
            Activation::GeluTanh => {
                let square = self.op("Mul", &[x, x], &[]);
                let cube = self.op("Mul", &[&square, x], &[]);
                let factor = self.float(0.044715);
                let cube = self.op("Mul", &[&cube, &factor], &[]);
                let sum = self.op("Add", &[x, &cube], &[]);
                let factor = self.float((2.0 / std::f32::consts::PI).sqrt());
                let inner = self.op("Mul", &[&sum, &factor], &[]);
                let inner = self.op("Tanh", &[&inner], &[]);
                self.half_of_one_plus(x, &inner)
            }
            Activation::Relu => self.op("Relu", &[x], &[]),
            Activation::Silu => {
                let sigmoid = self.op("Sigmoid", &[x], &[]);
                self.op("Mul", &[x, &sigmoid], &[])
            }
            Activation::Tanh => self.op("Tanh", &[x], &[]),
            Activation::Sigmoid => self.op("Sigmoid", &[x], &[]),
        }
    }

    /// x · (1 + y) / 2
    fn half_of_one_plus(&mut self, x: &Value, y: &Value) -> Value {
        let one = self.float(1.0);
        let y = self.op("Add", &[y, &one], &[]);
        let x = self.op("Mul", &[x, &y], &[]);
        let half = self.float(0.5);
        self.op("Mul", &[&x, &half], &[])
    }
}
