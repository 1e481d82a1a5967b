//! From the model's output to the vector that is handed out: pooled, taken through the model's steps, cut, normalised.

use std::sync::Arc;

use super::collect::Decode;
use super::run::OutputRows;
use crate::engine::{Output, RequestOptions, SubmitError, TextError, TextOptions};
use crate::model::modules::{Layer, Step};
use crate::model::pooling::{self, Pooling};
use crate::model::{Model, ModelError, Setting, SettingError};

/// Turns the model's output into the vector that is handed out.
#[derive(Clone)]
pub(super) struct PostProcess {
    /// Steps on the vectors of tokens.
    token_layers: Vec<Layer>,
    /// Pooling modes, their results concatenated; none where the model pools itself.
    pub pooling: Vec<Pooling>,
    /// True if there is a row for every token, to be pooled here.
    per_token: bool,
    /// Steps on the vector of the text.
    layers: Vec<Layer>,
    /// Length of a vector before it is cut.
    whole: usize,
    /// The end of every vector, if a call does not ask for another.
    pub normalization: Normalization,
}

/// The last steps on a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Normalization {
    /// Length to which vectors are cut.
    dimensions: Option<usize>,
    normalize: bool,
}

impl PostProcess {
    /// The way of `model` for rows of length `width`, as far as `options` leave it to the model. Without `pooling` it
    /// is a ready `.onnx` file that makes vectors of texts: all modules are in it.
    pub(super) fn new(
        model: &Model,
        pooling: Option<Vec<Pooling>>,
        per_token: bool,
        width: usize,
        options: &TextOptions,
    ) -> Result<Self, ModelError> {
        let sentence = &model.sentence;
        let (token_steps, steps) = match &pooling {
            Some(_) => (&sentence.token_steps[..], &sentence.steps[..]),
            None => (&[][..], &[][..]),
        };
        let made = sentence.steps.iter().rev().find_map(Step::output).unwrap_or(width);
        if pooling.is_none() && made != width {
            let reason = format!("its modules make vectors of {made} dimensions, but the .onnx file some of {width}");
            return Err(ModelError::Config { path: model.dir.join("modules.json"), reason });
        }
        let pooling = pooling.unwrap_or_default();
        let (token_layers, width) = Layer::load_all(token_steps, width)?;
        let (mut layers, whole) = Layer::load_all(steps, width * pooling.len().max(1))?;
        let chosen = options.dimensions;
        let own = sentence.truncate_dim.filter(|&d| d < whole);
        if chosen.is_some_and(|d| d == 0 || d > whole) {
            let reason = format!("the model's vectors have {whole} dimensions; give 1 to {whole}");
            return Err(SettingError::new(Setting::Dimensions, reason).into());
        }
        let normalize = match (chosen, own) {
            // Vectors cut by the user are normalised afterwards by default.
            (Some(_), _) => options.normalize.unwrap_or(true),
            (None, None) => options.normalize.unwrap_or(sentence.normalize),
            // A model's own `truncate_dim` cuts after its modules, Normalize among them, and changes nothing else.
            (None, Some(_)) => {
                if sentence.normalize && options.normalize != Some(false) {
                    layers.push(Layer::Normalize);
                }
                options.normalize == Some(true)
            }
        };
        let normalization = Normalization { dimensions: chosen.or(own), normalize };
        Ok(Self { token_layers, pooling, per_token, layers, whole, normalization })
    }

    pub(super) fn width(&self) -> usize {
        self.normalization.dimensions.unwrap_or(self.whole)
    }

    pub(super) fn normalized(&self) -> bool {
        self.normalization.normalize
    }

    /// The end of the vectors of one request: cut by the request, they are normalised after, unless it says otherwise.
    pub(super) fn normalization(&self, options: &RequestOptions) -> Result<Normalization, SubmitError> {
        if options.dimensions.is_some_and(|d| d == 0 || d > self.whole) {
            let reason = format!("must be between 1 and {}, the length of the model's vectors", self.whole);
            return Err(SettingError::new(Setting::Dimensions, reason).into());
        }
        let usual = options.dimensions.is_some() || self.normalization.normalize;
        Ok(Normalization {
            dimensions: options.dimensions.or(self.normalization.dimensions),
            normalize: options.normalize.unwrap_or(usual),
        })
    }

    /// True if pooling sees all tokens here, so that it can leave some out.
    pub(super) fn sees_all_tokens(&self) -> bool {
        self.per_token
    }

    /// Makes the vector of one text from the model's output.
    pub(super) fn decode(self: &Arc<Self>, skip: usize, normalization: Normalization) -> Decode {
        let own = Arc::clone(self);
        Arc::new(move |rows, tokens| {
            let vector = own.apply(rows, skip, normalization)?;
            Ok(Output { embedding: Some(vector), ..Output::seen(tokens.ids.len(), tokens.truncated) })
        })
    }

    /// The vector of one text. Pooling leaves out the first `skip` tokens (a prompt's).
    pub(super) fn apply(
        &self,
        rows: OutputRows<'_>,
        skip: usize,
        normalization: Normalization,
    ) -> Result<Vec<f32>, TextError> {
        let mut width = rows.width;
        let changed = self.token_layers.iter().fold(None, |changed: Option<Vec<f32>>, layer| {
            let result = layer.apply(changed.unwrap_or_else(|| rows.numbers.to_vec()), width);
            width = layer.width(width);
            Some(result)
        });
        let numbers = changed.as_deref().unwrap_or(rows.numbers);
        if !self.per_token {
            return self.end(numbers.to_vec(), normalization);
        }
        let mut vector = Vec::with_capacity(width * self.pooling.len());
        for mode in &self.pooling {
            mode.pool(numbers, width, skip, &mut vector);
        }
        self.end(vector, normalization)
    }

    /// The same from the vector of the whole text.
    pub(super) fn end(&self, mut vector: Vec<f32>, normalization: Normalization) -> Result<Vec<f32>, TextError> {
        for layer in &self.layers {
            let width = vector.len();
            vector = layer.apply(vector, width);
        }
        if let Some(dimensions) = normalization.dimensions {
            vector.truncate(dimensions);
        }
        if let Some(defect) = pooling::defect(&vector) {
            return Err(TextError::unusable(defect));
        }
        if normalization.normalize {
            pooling::normalize(&mut vector);
        }
        Ok(vector)
    }
}
