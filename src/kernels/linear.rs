//! A linear layer alone as an operator.

use std::sync::Arc;

use super::operator::{Inputs, Misfit, Operator, Scratch};
use super::sets::{Format, Set, Visit, visit};
use super::simd::{Kernel, LANES, Simd};
use crate::operands::bounded::bounded;
use crate::operands::columns::Transposed;
use crate::operands::matrix::{Matrix, Pack, Part, Pieces, affine};
use crate::operands::rows::{Centre, Encode, Rows};
use crate::steps::feed_forward::{TILES, quantise};
use crate::steps::linear::{Affine, Linear};
use crate::steps::store::Store;

/// x · Wᵀ + bias over all rows of x, each the same among any others. `None` if the set has no arithmetic for the format, or the
/// numbers are not of that format.
pub fn linear(set: Set, format: Format, matrix: &Matrix<'_>) -> Option<Arc<dyn Operator>> {
    if matrix.fits(format) { visit(set, format, matrix) } else { None }
}

impl Visit for &Matrix<'_> {
    type Output = Arc<dyn Operator>;

    fn bounded(&self) -> bool {
        bounded([(*self, self.inputs)])
    }

    fn visit<S: Simd, K: Pack, QK: Encode, PV: Transposed, const R: usize, const V: usize>(
        self,
        simd: S,
    ) -> Arc<dyn Operator> {
        let affine = affine(&[Part::all(*self)], Pieces::whole(self.inputs));
        Arc::new(Product::<S, K, R, V> { simd, affine, inputs: self.inputs, outputs: self.outputs })
    }
}

struct Product<S, K: Encode, const R: usize, const V: usize> {
    simd: S,
    affine: Affine<K, V>,
    inputs: usize,
    outputs: usize,
}

/// Buffers that calls reuse.
struct Buffers<K: Encode, const R: usize> {
    rows: Rows<K, R>,
    /// Rows in whole vectors: of the inputs and of the outputs.
    inputs: Vec<[f32; LANES]>,
    outputs: Vec<[f32; LANES]>,
}

impl<K: Encode, const R: usize> Default for Buffers<K, R> {
    fn default() -> Self {
        Self { rows: Rows::default(), inputs: Vec::new(), outputs: Vec::new() }
    }
}

impl<S: Simd, K: Encode, const R: usize, const V: usize> Operator for Product<S, K, R, V> {
    fn width(&self) -> usize {
        self.outputs
    }

    fn rows(&self, inputs: &Inputs<'_>) -> Result<usize, Misfit> {
        let values = inputs.states.len();
        match values.checked_rem(self.inputs) {
            Some(0) => Ok(values / self.inputs),
            _ => Err(Misfit(format!("{values} values are no rows of {}", self.inputs))),
        }
    }

    fn run(&self, inputs: &Inputs<'_>, scratch: &mut Scratch, output: &mut [f32]) {
        let Buffers { rows, inputs: padded, outputs } = scratch.of::<Buffers<K, R>>();
        let block = TILES * R;
        for (input, output) in inputs.states.chunks(block * self.inputs).zip(output.chunks_mut(block * self.outputs)) {
            let input = match input.as_chunks() {
                (vectors, []) if self.inputs.is_multiple_of(LANES) => vectors,
                _ => {
                    in_vectors(input, self.inputs, padded);
                    &padded[..]
                }
            };
            let count = output.len() / self.outputs;
            let (simd, affine) = (self.simd, &self.affine);
            if self.outputs.is_multiple_of(LANES) {
                let output = output.as_chunks_mut().0;
                simd.vectorize(Block { affine, rows, count, input, output });
                continue;
            }
            let width = affine.vectors();
            outputs.resize(count * width, [0.0; LANES]);
            simd.vectorize(Block { affine, rows, count, input, output: outputs });
            for (row, from) in output.chunks_exact_mut(self.outputs).zip(outputs.chunks_exact(width)) {
                row.copy_from_slice(&from.as_flattened()[..self.outputs]);
            }
        }
    }
}

/// Rows of `width` values, each in whole vectors.
pub(crate) fn in_vectors(values: &[f32], width: usize, to: &mut Vec<[f32; LANES]>) {
    let vectors = width.div_ceil(LANES);
    to.clear();
    to.resize(values.len() / width * vectors, [0.0; LANES]);
    for (row, to) in values.chunks_exact(width).zip(to.chunks_exact_mut(vectors)) {
        to.as_flattened_mut()[..width].copy_from_slice(row);
    }
}

struct Block<'a, K: Encode, const R: usize, const V: usize> {
    affine: &'a Affine<K, V>,
    rows: &'a mut Rows<K, R>,
    count: usize,
    input: &'a [[f32; LANES]],
    output: &'a mut [[f32; LANES]],
}

impl<K: Encode, const R: usize, const V: usize> Kernel for Block<'_, K, R, V> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { affine, rows, count, input, output } = self;
        quantise(simd, rows, input, input.len() / count, affine.smoothing.as_deref(), Centre::Zero);
        let epilogue = Store { rows: output, width: affine.vectors() };
        simd.vectorize(Linear { rows, count, affine, epilogue });
    }
}
