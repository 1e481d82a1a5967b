//! Weights in 8-bit integers: what becomes of a model's matrices, and of the inputs they are multiplied with.
//!
//! Weights are symmetric, with a scale for every output. Activations get one scale for a whole input while the graph
//! runs, which loses what is small beside the largest: so an input's channels are brought to similar sizes first
//! (the matrices take the factors back), or its rows are. Which, and how much, the noise decides that each way adds on
//! a few texts ([`plan`]).

pub mod file;
pub mod plan;
mod quantise;

use std::collections::HashMap;

pub use quantise::Bits;

use crate::model::weights::TensorData;

/// Changes with everything that changes the quantised weights: older ones are made anew.
pub const VERSION: u32 = 1;

/// An input of products, and the matrices it is multiplied with.
#[derive(Clone)]
pub struct Input {
    /// Numbers in a row.
    pub width: usize,
    /// The matrices.
    pub matrices: Vec<WatchedMatrix>,
}

/// A matrix in f32.
#[derive(Clone)]
pub struct WatchedMatrix {
    /// Its name in the graph.
    pub name: String,
    /// Its rows.
    pub outputs: usize,
    /// Its numbers, `[outputs, width]`.
    pub data: TensorData,
}

/// What is done to an input before it is quantised.
#[derive(Clone, Default)]
pub struct Treatment {
    /// Every row is multiplied with this, `[width]` (SmoothQuant: Xiao et al. 2022, <https://arxiv.org/abs/2211.10438>);
    /// the matrices were divided by it.
    pub smoothing: Option<TensorData>,
    /// Whether each row is divided by its largest absolute number, and its products multiplied with that again.
    pub rows: bool,
}

/// The quantised matrices of a graph.
pub struct Int8Weights {
    /// By the inputs' order.
    treatments: Vec<Treatment>,
    /// By their names in the f32 graph.
    matrices: HashMap<String, Int8Matrix>,
}

struct Int8Matrix {
    inputs: usize,
    outputs: usize,
    /// i8 `[inputs, outputs]`.
    numbers: TensorData,
    /// f32 `[outputs]`.
    scales: TensorData,
}

impl Int8Weights {
    /// What is done to input number `number`.
    pub(super) fn treatment(&self, number: usize) -> Option<&Treatment> {
        self.treatments.get(number)
    }

    /// The numbers and the scales of the matrix of this name and shape, if there is one.
    pub(super) fn matrix(&self, name: &str, inputs: usize, outputs: usize) -> Option<(TensorData, TensorData)> {
        let matrix = self.matrices.get(name).filter(|m| (m.inputs, m.outputs) == (inputs, outputs))?;
        Some((matrix.numbers.clone(), matrix.scales.clone()))
    }
}
