//! Matrices in int8, and the inputs that they multiply.

use crate::model::weights::TensorData;
use std::collections::HashMap;

/// Changes with everything that changes the quantised weights: older ones are made anew.
pub(crate) const VERSION: u32 = 2;

/// An input of products, and the matrices it is multiplied with.
#[derive(Clone)]
pub(crate) struct Input {
    /// Numbers in a row.
    pub width: usize,
    /// True if the values are the output of a normalisation.
    pub normalised: bool,
    pub matrices: Vec<WatchedMatrix>,
}

/// A matrix in f32.
#[derive(Clone)]
pub(crate) struct WatchedMatrix {
    /// Its name in the graph.
    pub name: String,
    pub outputs: usize,
    /// Its numbers, `[outputs, width]`.
    pub data: TensorData,
}

/// The quantisation of an input.
#[derive(Clone)]
pub(crate) struct Treatment {
    /// Every row is multiplied with this first, `[width]` (SmoothQuant: Xiao et al. 2022,
    /// <https://arxiv.org/abs/2211.10438>); the matrices were divided by it.
    pub smoothing: Option<TensorData>,
    /// The step of a number's quantisation.
    pub scaling: Scaling,
}

impl Treatment {
    /// The factors of `width` channels, `None` within for none; outside if they are damaged.
    pub(crate) fn smoothing(&self, width: usize) -> Option<Option<TensorData>> {
        match &self.smoothing {
            Some(factors) if factors.as_slice().len() != width => None,
            factors => Some(factors.clone()),
        }
    }
}

/// The step of an activation's quantisation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scaling {
    /// One scale for all values: 0 … 255 stand for (0 − `zero`) · `scale` … (255 − `zero`) · `scale`; values beyond are
    /// clipped.
    Fixed {
        /// The size of a step.
        scale: f32,
        /// The number that stands for 0.
        zero: u8,
    },
    /// Each row is divided by what brings it between −`negative` and 1, where 0 … 255 lie.
    Rows {
        /// The share below zero, at most 1.
        negative: f32,
    },
}

/// Steps between the least and the largest of unsigned 8 bits.
const STEPS: f32 = 255.0;

impl Scaling {
    /// Steps from `least` (0 or below) to `most` (0 or above).
    pub(super) fn between(least: f32, most: f32) -> (f32, u8) {
        let scale = (most - least) / STEPS;
        let scale = if scale.is_finite() && scale > 0.0 { scale } else { 1.0 };
        // Within 0 … 255, as 0 is within the range.
        (scale, (-least / scale).round() as u8)
    }

    /// The size of a step (in rows: once they are divided), and the number that stands for 0.
    pub(crate) fn steps(self) -> (f32, u8) {
        match self {
            Self::Fixed { scale, zero } => (scale, zero),
            Self::Rows { negative } => Self::between(-negative, 1.0),
        }
    }
}

/// The quantised matrices of a graph.
pub(crate) struct Int8Weights {
    /// By the inputs' order.
    pub(super) treatments: HashMap<usize, Treatment>,
    /// By their names in the f32 graph.
    pub(super) matrices: HashMap<String, Int8Matrix>,
    /// True if the table of word embeddings is quantised, too.
    pub word_table: bool,
}

pub(super) struct Int8Matrix {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// i8 `[inputs, outputs]`.
    pub(super) numbers: TensorData,
    /// f32 `[outputs]`.
    pub(super) scales: TensorData,
}

impl Int8Weights {
    /// The treatment of input number `number`.
    pub(crate) fn treatment(&self, number: usize) -> Option<&Treatment> {
        self.treatments.get(&number)
    }

    /// The numbers and the scales of the matrix of this name and shape, if there is one.
    pub(crate) fn matrix(&self, name: &str, inputs: usize, outputs: usize) -> Option<(TensorData, TensorData)> {
        let matrix = self.matrices.get(name).filter(|m| (m.inputs, m.outputs) == (inputs, outputs))?;
        Some((matrix.numbers.clone(), matrix.scales.clone()))
    }
}
