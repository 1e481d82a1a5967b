//! Operators: what a graph calls.

use std::any::Any;

/// Buffers of one worker, which all operators of a graph share: each takes them as its own type, or makes them anew.
#[derive(Default)]
pub struct Scratch(Option<Box<dyn Any + Send>>);

impl Scratch {
    /// The buffers, if they were of this type, else new ones.
    pub fn of<T: Default + Send + 'static>(&mut self) -> &mut T {
        if !self.0.as_ref().is_some_and(|buffers| buffers.is::<T>()) {
            self.0 = Some(Box::new(T::default()));
        }
        let buffers = self.0.as_mut().and_then(|buffers| buffers.downcast_mut());
        buffers.expect("of this type since the lines above")
    }
}

/// The inputs of an operator over packed sequences.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The hidden states of all tokens, one sequence behind the other.
    pub states: &'a [f32],
    /// The number of tokens of each sequence.
    pub lengths: &'a [i64],
    /// Added to attention scores: a number for each head, query and key, of `table_size` queries and keys.
    pub table: &'a [f32],
    /// Queries, and keys, of `table`.
    pub table_size: usize,
}

/// Inputs that do not fit an operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misfit(pub String);

/// An operator over packed sequences.
pub trait Operator: Send + Sync {
    /// Values of a row of the output.
    fn width(&self) -> usize;

    /// Rows of the output, once the inputs are checked.
    fn rows(&self, inputs: &Inputs<'_>) -> Result<usize, Misfit>;

    /// Computes the output, [`rows`](Self::rows) × [`width`](Self::width).
    fn run(&self, inputs: &Inputs<'_>, scratch: &mut Scratch, output: &mut [f32]);
}
