//! Products with weight matrices: in f32, in f32 with their inputs recorded, or in 8-bit integers.
//!
//! In int8, weights are quantised beforehand; activations are quantised while the graph runs, once for all products of
//! the same input, each by its [`Treatment`].

use super::super::int8::{Input, Scaling, Treatment, WatchedMatrix};
use super::super::proto::{TENSOR_FLOAT, TENSOR_UINT8};
use super::super::{Element, GraphError, Operators, Rows};
use super::graph_builder::Builder;
use super::matrix::{Matrix, Products};
use super::packed::Linear;
use super::value::{Attribute, Value};
use crate::kernels::{self, Format};
use crate::model::weights::TensorData;

/// The least that rows are divided by, so that zeros stay zeros.
const LEAST_DIVISOR: f32 = 1e-30;

impl Builder<'_> {
    /// `x · Wᵀ (+ b)`: `x` `[rows, in]`, `weight` `[out, in]`, `bias` `[out]`.
    pub(in super::super) fn product(
        &mut self,
        x: &Value,
        weight: &Matrix,
        bias: Option<&Value>,
    ) -> Result<Value, GraphError> {
        if self.in_layers
            && let Products::Int8 { weights, inputs, missing } = &mut self.products
        {
            let number = inputs.iter().position(|known| known.0 == x.0).unwrap_or_else(|| {
                inputs.push(x.clone());
                inputs.len() - 1
            });
            let weights = *weights;
            match weights.treatment(number).zip(weights.matrix(&weight.name(), weight.inputs, weight.rows.len())) {
                Some((treatment, (numbers, scales))) if self.own.is_some() => {
                    let smoothing = treatment.smoothing(weight.inputs);
                    let smoothing = smoothing.ok_or_else(|| GraphError::Int8(weight.name()))?;
                    let (inputs, outputs) = (weight.inputs, weight.rows.len());
                    let linear = Linear { inputs, outputs, numbers, scales: Some(scales), bias: None, smoothing };
                    return self.own_product(x, weight.name(), linear, bias);
                }
                Some((treatment, matrix)) => return Ok(self.int8_product(treatment, number, x, weight, matrix, bias)),
                None => missing.push(weight.name()),
            }
        }
        let (name, data) = self.rows(&weight.tensor, &[weight.total, weight.inputs], weight.rows.clone())?;
        let outputs = weight.rows.len();
        if self.own.is_some() {
            let inputs = weight.inputs;
            let linear = Linear { inputs, outputs, numbers: data, scales: None, bias: None, smoothing: None };
            return self.own_product(x, name, linear, bias);
        }
        if self.in_layers
            && let Products::Watched(sites) = &mut self.products
        {
            let matrix = WatchedMatrix { name: name.clone(), outputs, data: data.clone() };
            match sites.iter_mut().find(|(value, _)| value.0 == x.0) {
                Some((_, input)) => input.matrices.push(matrix),
                None => {
                    let normalised = self.normalised.contains(&x.0);
                    sites.push((x.clone(), Input { width: weight.inputs, normalised, matrices: vec![matrix] }));
                }
            }
        }
        let weight = self.initializer(name, &[outputs, weight.inputs], Element::F32, data);
        if self.is_cuda() {
            let y = self.fused_product(x, &weight);
            return Ok(bias.map(|bias| self.op("Add", &[&y, bias], &[])).unwrap_or(y));
        }
        let inputs: Vec<&Value> = [x, &weight].into_iter().chain(bias).collect();
        Ok(self.op("Gemm", &inputs, &[Attribute::Int("transB", 1)]))
    }

    /// The product of flat `x` with the matrix called `name` as an operator of our own; in float32 outside of the layers.
    fn own_product(
        &mut self,
        x: &Value,
        name: String,
        mut linear: Linear,
        bias: Option<&Value>,
    ) -> Result<Value, GraphError> {
        let known = bias.and_then(|bias| self.initializers.iter().find(|known| known.name == bias.0));
        linear.bias = known.map(|known| known.data.clone());
        let missing = || GraphError::NoOperator { layer: name.clone() };
        let own = self.own.as_mut().ok_or_else(missing)?;
        let (set, format) = (own.set, if self.in_layers { own.format } else { Format::Float32 });
        // All inputs of a matrix have the same treatment.
        let make = || kernels::linear(set, format, &linear.matrix());
        let number = own.number((vec![name.clone()], Rows::All), make).ok_or_else(missing)?;
        let y = self.operator(number, x, None);
        let bias = bias.filter(|_| linear.bias.is_none());
        Ok(bias.map(|bias| self.op("Add", &[&y, bias], &[])).unwrap_or(y))
    }

    /// Later products are in f32 and not recorded: heads over one row for each text cost next to nothing.
    pub(in super::super) fn end_of_layers(&mut self) {
        self.in_layers = false;
    }

    fn int8_product(
        &mut self,
        treatment: &Treatment,
        number: usize,
        x: &Value,
        weight: &Matrix,
        (matrix, scales): (TensorData, TensorData),
        bias: Option<&Value>,
    ) -> Value {
        let (name, outputs) = (weight.name(), weight.rows.len());
        let part = |what: &str| format!("int8 {} {what}", x.0);
        if !self.shared.contains_key(&part("numbers")) {
            self.quantise(x, treatment, weight.inputs, number);
        }
        let [numbers, scale, zero] =
            ["numbers", "scale", "zero"].map(|what| self.shared.get(&part(what)).cloned().unwrap_or_else(Self::absent));
        let divisors = self.shared.get(&part("divisors")).cloned();
        let matrix = self.initializer(format!("{name} int8"), &[weight.inputs, outputs], Element::I8, matrix);
        if self.operators == Operators::Standard {
            // The step of a sum, by output: that of the activations times that of the weights.
            let (step, _) = treatment.scaling.steps();
            let steps = scales.as_slice().iter().map(|scale| scale * step).collect();
            let steps = self.initializer(format!("{name} steps"), &[outputs], Element::F32, TensorData::Owned(steps));
            let sums = self.op("MatMulInteger", &[&numbers, &matrix, &zero], &[]);
            let sums = self.op("Cast", &[&sums], &[Attribute::Int("to", TENSOR_FLOAT.into())]);
            let y = self.op("Mul", &[&sums, &steps], &[]);
            let y = divisors.map(|divisors| self.op("Mul", &[&y, &divisors], &[])).unwrap_or(y);
            return bias.map(|bias| self.op("Add", &[&y, bias], &[])).unwrap_or(y);
        }
        let scales = self.initializer(format!("{name} scales"), &[outputs], Element::F32, scales);
        let symmetric = Self::absent();
        let operands = [&numbers, &matrix, &scale, &scales, &zero];
        let Some(divisors) = divisors else {
            let bias = bias.map(|bias| [&symmetric, bias]);
            let inputs: Vec<&Value> = operands.into_iter().chain(bias.into_iter().flatten()).collect();
            return self.microsoft("MatMulIntegerToFloat", &inputs, &[]);
        };
        let y = self.microsoft("MatMulIntegerToFloat", &operands, &[]);
        let y = self.op("Mul", &[&y, &divisors], &[]);
        bias.map(|bias| self.op("Add", &[&y, bias], &[])).unwrap_or(y)
    }

    /// Quantises `x` `[rows, width]`, input number `number`: what comes of it is shared.
    fn quantise(&mut self, x: &Value, treatment: &Treatment, width: usize, number: usize) {
        let part = |what: &str| format!("int8 {} {what}", x.0);
        let mut treated = x.clone();
        if let Some(factors) = &treatment.smoothing {
            let factors = self.initializer(format!("smoothing {number}"), &[width], Element::F32, factors.clone());
            treated = self.op("Mul", &[&treated, &factors], &[]);
        }
        if let Scaling::Rows { negative } = treatment.scaling {
            let attributes = [Attribute::Ints("axes", &[1]), Attribute::Int("keepdims", 1)];
            let most = self.op("ReduceMax", &[&treated], &attributes);
            let least = self.op("ReduceMin", &[&treated], &attributes);
            let share = self.float(-1.0 / negative);
            let least = self.op("Mul", &[&least, &share], &[]);
            let floor = self.float(LEAST_DIVISOR);
            let divisors = self.op("Max", &[&most, &least, &floor], &[]);
            treated = self.op("Div", &[&treated, &divisors], &[]);
            self.shared.insert(part("divisors"), divisors);
        }
        let (scale, zero) = treatment.scaling.steps();
        let (scale, zero) = (self.float(scale), self.constant(TENSOR_UINT8, Vec::new(), vec![zero]));
        let numbers = self.op("QuantizeLinear", &[&treated, &scale, &zero], &[]);
        for (what, value) in [("numbers", numbers), ("scale", scale), ("zero", zero)] {
            self.shared.insert(part(what), value);
        }
    }
}
