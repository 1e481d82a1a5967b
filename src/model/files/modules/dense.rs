//! Dense: a linear layer, an activation function, perhaps a way around both.
//!
//! Reference: `sentence_transformers`, `base/modules/dense.py`.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::activation::Activation;
use super::level::{Level, size};
use super::weights::ModuleWeights;
use crate::model::ModelError;
use crate::model::files::json::read_json;
use crate::model::weights::TensorData;

/// The config.json of a Dense layer.
#[derive(Debug, Clone)]
pub struct DenseConfig {
    /// The module's directory, with its weights.
    pub dir: PathBuf,
    pub input: usize,
    pub output: usize,
    pub bias: bool,
    pub activation: Activation,
    /// True if the input is added to the result, through a projection if the lengths differ.
    pub residual: bool,
}

#[derive(Clone)]
pub struct Dense {
    input: usize,
    output: usize,
    /// `[output, input]`
    weight: TensorData,
    /// `[output]`
    bias: Option<TensorData>,
    activation: Activation,
    residual: Residual,
}

#[derive(Clone)]
enum Residual {
    None,
    Identity,
    /// `[output, input]`
    Projection(TensorData),
}

/// The settings that sentence-transformers knows; it ignores others with a warning.
const KEYS: [&str; 7] = [
    "in_features",
    "out_features",
    "bias",
    "activation_function",
    "module_input_name",
    "module_output_name",
    "use_residual",
];

impl DenseConfig {
    pub(super) fn read(dir: &Path) -> Result<(Self, Level), ModelError> {
        let path = dir.join("config.json");
        let refuse = |reason: String| ModelError::Config { path: path.clone(), reason };
        let json: Json = read_json(&path)?.ok_or_else(|| refuse("the file is missing".into()))?;
        let object = json.as_object().ok_or_else(|| refuse("it is not a JSON object".into()))?;
        for key in object.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            tracing::warn!("{}: the setting {key} is not known and changes nothing", path.display());
        }
        let flag = |key: &str, default| match json.get(key) {
            None => Ok(default),
            Some(Json::Bool(flag)) => Ok(*flag),
            Some(other) => Err(refuse(format!("{key} is {other}"))),
        };
        let activation = match json.get("activation_function") {
            None => Activation::Tanh,
            Some(name) => name
                .as_str()
                .and_then(Activation::parse)
                .ok_or_else(|| refuse(format!("activation_function = {name} is not implemented")))?,
        };
        let config = Self {
            input: size(&path, &json, "in_features")?,
            output: size(&path, &json, "out_features")?,
            bias: flag("bias", true)?,
            activation,
            residual: flag("use_residual", false)?,
            dir: dir.to_owned(),
        };
        Ok((config, Level::read(&path, &json)?))
    }

    /// Reads the weights; see [`super::Step::load`].
    pub fn load(&self, width: usize) -> Result<Dense, ModelError> {
        let (input, output) = (self.input, self.output);
        if input != width {
            let reason = format!("in_features is {input}, but the vectors that reach it have {width} dimensions");
            return Err(ModelError::Config { path: self.dir.join("config.json"), reason });
        }
        let weights = ModuleWeights::open(&self.dir)?;
        let weight = weights.float_tensor("linear.weight", &[output, input])?;
        let bias = self.bias.then(|| weights.float_tensor("linear.bias", &[output])).transpose()?;
        let residual = match self.residual {
            false => Residual::None,
            true if input == output => Residual::Identity,
            true => Residual::Projection(weights.float_tensor("residual.weight", &[output, input])?),
        };
        // The reference refuses unused weights, too.
        if !self.bias && weights.has("linear.bias") {
            let reason = "bias is false, but the weights hold \"linear.bias\"".into();
            return Err(ModelError::Config { path: self.dir.join("config.json"), reason });
        }
        Ok(Dense { input, output, weight, bias, activation: self.activation, residual })
    }
}

impl Dense {
    /// A layer of weights that are there already: `weight` `[output, input]`, `bias` `[output]`.
    pub fn new(
        input: usize,
        output: usize,
        weight: TensorData,
        bias: Option<TensorData>,
        activation: Activation,
    ) -> Self {
        Self { input, output, weight, bias, activation, residual: Residual::None }
    }

    pub fn output(&self) -> usize {
        self.output
    }

    /// Applies the layer to `rows`, `[n, input]` row by row; the result is `[n, output]`.
    pub fn apply(&self, rows: &[f32]) -> Vec<f32> {
        let weight = self.weight.as_slice();
        let bias = self.bias.as_ref().map(TensorData::as_slice);
        let mut out = Vec::with_capacity(rows.len() / self.input * self.output);
        for row in rows.chunks_exact(self.input) {
            let start = out.len();
            for (i, weights) in weight.chunks_exact(self.input).enumerate() {
                let sum = dot(row, weights) + bias.map_or(0.0, |bias| bias[i]);
                out.push(self.activation.apply(sum));
            }
            match &self.residual {
                Residual::None => {}
                Residual::Identity => out[start..].iter_mut().zip(row).for_each(|(o, x)| *o += x),
                Residual::Projection(weight) => {
                    let rows = weight.as_slice().chunks_exact(self.input);
                    out[start..].iter_mut().zip(rows).for_each(|(o, weights)| *o += dot(row, weights));
                }
            }
        }
        out
    }
}

/// A scalar product in 16 lanes, which the compiler turns into vector instructions: 30 GFLOP/s where a general matrix
/// product that packs its operands first reaches 5 on one row (measured on 768 → 512).
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0f32; 16];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    for (a, b) in a.iter().zip(b) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f32>() + rest
}
