//! A layer from its description: attention and feed-forward, each added to its input.

use super::target::{Apart, Sum};
use crate::graph::GraphError;
use crate::graph::builder::graph_builder::Builder;
use crate::graph::builder::packed::{PackedLayer, PackedNorm};
use crate::graph::builder::value::{Attribute, Value};

impl Builder<'_> {
    /// The layer over tokens `x`; what comes out are the rows that it picks.
    pub(in super::super) fn cuda_layer(&mut self, x: &Value, spec: &PackedLayer<'_>) -> Result<Value, GraphError> {
        let (x, normed) = self.input_of_layer(x, spec)?;
        let context = self.cuda_attention(&normed, spec)?;
        self.cuda_layer_after(&x, &context, spec)
    }

    /// The layer's input `x`, and that through the layer's first norm. Where `x` is the sum with which the layer before ended, the
    /// norm takes it over.
    fn input_of_layer(&mut self, x: &Value, spec: &PackedLayer<'_>) -> Result<(Value, Value), GraphError> {
        let norm = &spec.norms.inputs[0];
        let sum = self.cuda.as_mut().and_then(|cuda| cuda.sum.take());
        let sum = sum.filter(|sum| sum.is(x, self.graph.node.len()) && !matches!(norm, PackedNorm::Identity));
        let Some(sum) = sum else {
            return Ok((x.clone(), self.cuda_norm(x, norm, spec.hidden, spec.eps)?));
        };
        self.graph.node.truncate(sum.first);
        let normed = self.skip_norm(&sum.result, &sum.x, norm, spec)?;
        Ok((self.further_output(3), normed))
    }

    /// The layer `spec` over `x` from the result of its attention on: `context` is every query's mean of the values.
    pub(in crate::graph) fn cuda_layer_after(
        &mut self,
        x: &Value,
        context: &Value,
        spec: &PackedLayer<'_>,
    ) -> Result<Value, GraphError> {
        let (hidden, width) = (spec.hidden, spec.heads * spec.head_dim);
        self.attention_width += width;
        let context = self.pick(context, width, spec.rows);
        let x = self.pick(x, hidden, spec.rows);
        let attended = self.apart(&context, &spec.attended, width)?;
        let (x, normed) = self.added(attended, &x, spec, 0, &spec.norms.inputs[1])?;
        let up = self.apart(&normed, &spec.up, hidden)?;
        let inner = match &spec.gate {
            None => self.activated(up, spec.activation),
            Some(gate) => {
                let gate = self.apart(&normed, gate, hidden)?;
                let (gate, up) = (self.activated(gate, spec.activation), self.together(up));
                self.op("Mul", &[&gate, &up], &[])
            }
        };
        let down = self.apart(&inner, &spec.down, spec.inner)?;
        Ok(self.added(down, &x, spec, 1, &PackedNorm::Identity)?.0)
    }

    /// The result of part `part` of a layer, added to its input `x`, with the norms that follow; and that through the norm `next`.
    fn added(
        &mut self,
        result: Apart,
        x: &Value,
        spec: &PackedLayer<'_>,
        part: usize,
        next: &PackedNorm,
    ) -> Result<(Value, Value), GraphError> {
        let (of_result, of_sum) = (&spec.norms.results[part], &spec.norms.sums[part]);
        let result = match of_result {
            PackedNorm::Identity => result,
            norm => {
                let result = self.together(result);
                Apart { product: self.cuda_norm(&result, norm, spec.hidden, spec.eps)?, bias: None }
            }
        };
        match (of_sum, next) {
            (PackedNorm::Identity, PackedNorm::Identity) => {
                let (first, parts) = (self.graph.node.len(), result.clone());
                let result = self.together(result);
                let value = self.op("Add", &[&result, x], &[]);
                let behind = self.graph.node.len();
                if let Some(cuda) = &mut self.cuda {
                    cuda.sum = Some(Sum { value: value.clone(), result: parts, x: x.clone(), first, behind });
                }
                Ok((value.clone(), value))
            }
            (PackedNorm::Identity, next) => {
                let normed = self.skip_norm(&result, x, next, spec)?;
                // Between them: mean and deviation.
                let sum = self.further_output(3);
                Ok((sum, normed))
            }
            (of_sum, next) => {
                let x = self.skip_norm(&result, x, of_sum, spec)?;
                let normed = self.cuda_norm(&x, next, spec.hidden, spec.eps)?;
                Ok((x, normed))
            }
        }
    }

    /// The norm of `result` + its bias + `x`.
    fn skip_norm(
        &mut self,
        result: &Apart,
        x: &Value,
        norm: &PackedNorm,
        spec: &PackedLayer<'_>,
    ) -> Result<Value, GraphError> {
        let [weight, beta] = self.cuda_norm_weights(norm, spec.hidden)?;
        let absent = Self::absent();
        let eps = [Attribute::Float("epsilon", spec.eps)];
        let layer_norm = matches!(norm, PackedNorm::Layer { .. });
        let mut inputs = vec![&result.product, x];
        inputs.extend(&weight);
        if layer_norm && (beta.is_some() || result.bias.is_some()) {
            inputs.push(beta.as_ref().unwrap_or(&absent));
        }
        inputs.extend(&result.bias);
        let op = if layer_norm { "SkipLayerNormalization" } else { "SkipSimplifiedLayerNormalization" };
        Ok(self.microsoft(op, &inputs, &eps))
    }

    /// Weight and bias of a norm, as far as it has them.
    fn cuda_norm_weights(&mut self, norm: &PackedNorm, size: usize) -> Result<[Option<Value>; 2], GraphError> {
        Ok(match norm {
            PackedNorm::Identity => [None, None],
            PackedNorm::Layer { name, bias } => {
                let [weight, beta] = self.norm_names(name);
                let weight = self.weight(&weight, &[size])?;
                [Some(weight), if *bias { Some(self.weight(&beta, &[size])?) } else { None }]
            }
            PackedNorm::Rms(norm) => {
                let name = format!("{}.weight", norm.name);
                let weight = match norm.plus_one {
                    true => self.weight_changed(&name, &[size], "+ 1", |weight| 1.0 + weight)?,
                    false => self.weight(&name, &[size])?,
                };
                [Some(weight), None]
            }
        })
    }

    /// `x` through `norm` over the last axis, of `size` numbers.
    pub(super) fn cuda_norm(
        &mut self,
        x: &Value,
        norm: &PackedNorm,
        size: usize,
        eps: f32,
    ) -> Result<Value, GraphError> {
        let weights = self.cuda_norm_weights(norm, size)?;
        let op = match norm {
            PackedNorm::Identity => return Ok(x.clone()),
            PackedNorm::Layer { .. } => "LayerNormalization",
            PackedNorm::Rms(_) => "SimplifiedLayerNormalization",
        };
        let inputs: Vec<&Value> = [x].into_iter().chain(weights.iter().flatten()).collect();
        Ok(self.op(op, &inputs, &[Attribute::Int("axis", -1), Attribute::Float("epsilon", eps)]))
    }
}
