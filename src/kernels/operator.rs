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
    /// Added to attention scores: for each head the numbers of the distances from −(n − 1) to n − 1 of a key from a query,
    /// for sequences of up to n tokens; or empty.
    pub table: &'a [f32],
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

/// The tokens of all sequences, each at least one, if `states` has as many rows of `width` values.
pub(crate) fn tokens(inputs: &Inputs<'_>, width: usize) -> Result<usize, Misfit> {
    let mut tokens = 0usize;
    for &length in inputs.lengths {
        let length = usize::try_from(length).ok().filter(|&length| length > 0);
        tokens = tokens.saturating_add(length.ok_or_else(|| Misfit("a sequence without tokens".into()))?);
    }
    if tokens.checked_mul(width) != Some(inputs.states.len()) {
        return Err(Misfit(format!("{} values in {tokens} rows of {width}", inputs.states.len())));
    }
    Ok(tokens)
}
