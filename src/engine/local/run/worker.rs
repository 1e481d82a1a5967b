//! One group of inputs through one session: tokens in, what the model puts out for each of them handed on.

use std::fmt::Display;
use std::ops::Range;

use super::feeds::Feeds;
use super::interface::Interface;
use crate::batch::scheduler::Memory;
use crate::engine::TextError;
use crate::graph::{Layout, Precision};
use crate::model::pooling;
use crate::model::tokenizer::Tokens;
use crate::runtime::{RuntimeError, Session};

/// The model's output for one input: rows of `width` numbers, one a token or one in all.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine::local) struct OutputRows<'a> {
    pub numbers: &'a [f32],
    pub width: usize,
}

/// Reads the output of the input with that number.
type Read<'r, T> = &'r dyn Fn(usize, OutputRows<'_>) -> Result<T, TextError>;

/// Runs inputs, of lengths that the layout allows together.
pub(in crate::engine::local) fn run_group<T>(
    session: &mut Session,
    interface: &Interface,
    inputs: &[&Tokens],
    read: Read<'_, T>,
) -> (Vec<Result<T, TextError>>, Memory) {
    halving(inputs.len(), RuntimeError::is_out_of_memory, &mut |range: Range<usize>| {
        let start = range.start;
        run(session, interface, &inputs[range], &|at, rows| read(start + at, rows))
    })
}

/// Runs inputs together, or fails with all of them.
pub(in crate::engine::local) fn run<T>(
    session: &mut Session,
    interface: &Interface,
    texts: &[&Tokens],
    read: Read<'_, T>,
) -> Result<Vec<Result<T, TextError>>, RuntimeError> {
    let feeds = Feeds::new(&interface.inputs, interface.layout, texts);
    session.run(&feeds.inputs(&interface.inputs), interface.output, |shape, numbers| {
        interface.split(shape, numbers, texts, read)
    })
}

/// Runs `count` inputs by `run`. If they fail together, each half is tried, down to single ones, so that one input cannot
/// take others along. `is_exceeded` says which errors are of the memory: it is exceeded by inputs that fit one by one, and
/// not by one that does not even fit alone, which a smaller group would not help.
fn halving<T, E: Display>(
    count: usize,
    is_exceeded: impl Fn(&E) -> bool,
    run: &mut dyn FnMut(Range<usize>) -> Result<Vec<Result<T, TextError>>, E>,
) -> (Vec<Result<T, TextError>>, Memory) {
    let mut results = Vec::with_capacity(count);
    // The parts that memory did not suffice for, and the single inputs among them.
    let (mut too_large, mut too_long) = (Vec::new(), Vec::new());
    // The parts that are left, the last one next.
    let mut parts: Vec<Range<usize>> = std::iter::once(0..count).collect();
    while let Some(part) = parts.pop() {
        match run(part.clone()) {
            Ok(each) => results.extend(each),
            Err(e) => {
                let exceeded = is_exceeded(&e);
                if exceeded {
                    match part.len() {
                        1 => too_long.push(part.start),
                        _ => too_large.push(part.clone()),
                    }
                }
                if part.len() <= 1 {
                    results.extend(part.map(|_| Err(alone(&e, exceeded))));
                    continue;
                }
                tracing::info!("a group of {} texts failed, trying its halves: {e}", part.len());
                let middle = part.start + part.len() / 2;
                parts.push(middle..part.end);
                parts.push(part.start..middle);
            }
        }
    }
    let has_cause = |part: &Range<usize>| too_long.iter().any(|input| part.contains(input));
    let memory = if too_large.iter().all(has_cause) { Memory::Enough } else { Memory::Exceeded };
    (results, memory)
}

/// The error of a text that fails by itself.
fn alone(error: &dyn Display, out_of_memory: bool) -> TextError {
    if out_of_memory {
        let reason = "there is not enough memory for this text: free some, or give --max-length or a smaller --dtype";
        return TextError::unavailable(format!("{reason} ({error})"));
    }
    TextError::internal(error.to_string())
}

impl Interface {
    /// Hands each text its part of the model's output, `numbers` in `shape`, in order.
    fn split<T>(
        &self,
        shape: &[i64],
        numbers: &[f32],
        texts: &[&Tokens],
        read: Read<'_, T>,
    ) -> Vec<Result<T, TextError>> {
        let width = shape.last().map_or(0, |&w| usize::try_from(w).unwrap_or(0));
        let longest = texts.iter().map(|text| text.ids.len()).max().unwrap_or(0);
        let rows = |text: &Tokens| if self.per_token { text.ids.len() } else { 1 };
        // Rows up to the next text's first one.
        let stride = |text: &Tokens| match self.layout {
            Layout::Padded if self.per_token => longest,
            _ => rows(text),
        };
        let all: usize = texts.iter().map(|text| stride(text)).sum();
        if width == 0 || numbers.len() != all * width {
            let reason = format!("the model's output has the unexpected shape {shape:?}");
            return texts.iter().map(|_| Err(TextError::internal(reason.clone()))).collect();
        }
        let mut rest = numbers;
        let each = texts.iter().enumerate().map(|(at, text)| {
            let (own, behind) = rest.split_at(stride(text) * width);
            rest = behind;
            let numbers = &own[..rows(text) * width];
            read(at, OutputRows { numbers, width }).map_err(|e| self.overflow(numbers).unwrap_or(e))
        });
        each.collect()
    }

    /// The error of numbers that left the range of float16 on their way, if they did.
    fn overflow(&self, numbers: &[f32]) -> Option<TextError> {
        let defect = pooling::not_finite(numbers).filter(|_| self.precision == Precision::Float16)?;
        let reason = format!("{defect}: its numbers leave the range of float16; try --dtype bfloat16, or float32");
        Some(TextError::unusable(reason))
    }
}

/// Runs one text, and hands shape and numbers of all outputs to `read`.
pub(in crate::engine::local) fn run_all<T>(
    session: &mut Session,
    interface: &Interface,
    text: &Tokens,
    read: impl FnOnce(&[(&[i64], &[f32])]) -> T,
) -> Result<T, RuntimeError> {
    let feeds = Feeds::new(&interface.inputs, interface.layout, &[text]);
    session.run_all(&feeds.inputs(&interface.inputs), read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(layout: Layout, per_token: bool, precision: Precision) -> Interface {
        Interface { inputs: Vec::new(), output: 0, per_token, layout, precision }
    }

    fn text(length: usize) -> Tokens {
        Tokens { ids: vec![7; length], types: Vec::new(), unseen: 0, truncated: false }
    }

    /// The rows that each text reads of an output that counts 0, 1, 2 …
    fn read(interface: &Interface, lengths: &[usize], shape: &[i64]) -> Vec<Result<Vec<f32>, TextError>> {
        let texts: Vec<Tokens> = lengths.iter().map(|&length| text(length)).collect();
        let texts: Vec<&Tokens> = texts.iter().collect();
        let numbers: Vec<f32> = (0..shape.iter().product::<i64>()).map(|n| n as f32).collect();
        interface.split(shape, &numbers, &texts, &|_, rows| Ok(rows.numbers.to_vec()))
    }

    #[test]
    fn texts_read_their_own_rows_and_no_padding() {
        let rows = |ranges: &[Range<u8>]| -> Vec<Result<Vec<f32>, TextError>> {
            ranges.iter().map(|range| Ok(range.clone().map(f32::from).collect())).collect()
        };
        let of = |layout, per_token| interface(layout, per_token, Precision::Float32);
        assert_eq!(read(&of(Layout::Unpadded, true), &[2, 1, 3], &[6, 2]), rows(&[0..4, 4..6, 6..12]));
        assert_eq!(read(&of(Layout::Padded, true), &[2, 1, 3], &[3, 3, 2]), rows(&[0..4, 6..8, 12..18]));
        for layout in [Layout::Unpadded, Layout::Padded] {
            assert_eq!(read(&of(layout, false), &[2, 1, 3], &[3, 2]), rows(&[0..2, 2..4, 4..6]));
        }
        let wrong = read(&of(Layout::Padded, true), &[2, 1, 3], &[6, 2]);
        assert!(wrong.len() == 3 && wrong.iter().all(Result::is_err));
    }

    #[test]
    fn numbers_beyond_float16_are_an_error_that_names_the_next_step() {
        let fails = |precision, number: f32| {
            let texts = [text(1)];
            let read: Read<'_, ()> = &|_, rows| match pooling::not_finite(rows.numbers) {
                Some(defect) => Err(TextError::unusable(defect)),
                None => Ok(()),
            };
            let texts: Vec<&Tokens> = texts.iter().collect();
            let mut results =
                interface(Layout::Unpadded, false, precision).split(&[1, 2], &[0.5, number], &texts, read);
            results.pop().and_then(Result::err).map(|e| e.to_string())
        };
        let named = |message: Option<String>| message.map(|message| message.contains("--dtype bfloat16"));
        assert_eq!(named(fails(Precision::Float16, f32::NAN)), Some(true));
        assert_eq!(named(fails(Precision::Float16, f32::INFINITY)), Some(true));
        assert_eq!(named(fails(Precision::Bfloat16, f32::NAN)), Some(false));
        assert_eq!(fails(Precision::Float16, 1.0), None);
    }

    const FULL: &str = "out of memory";

    /// Runs `count` inputs by a model that fails on the inputs of `bad`, and with more than `most` inputs for want of
    /// memory; the inputs that have a result, the runs it took, and the memory.
    fn run_some(count: usize, bad: &[usize], most: usize) -> (Vec<bool>, usize, Memory) {
        let mut runs = 0;
        let (results, memory) = halving(count, |e| *e == FULL, &mut |range: Range<usize>| {
            runs += 1;
            if range.len() > most {
                return Err(FULL);
            }
            if bad.iter().any(|at| range.contains(at)) {
                return Err("planted");
            }
            Ok(range.map(Ok).collect())
        });
        for (at, result) in results.iter().enumerate() {
            assert!(result.as_ref().map_or(true, |&number| number == at));
        }
        (results.iter().map(Result::is_ok).collect(), runs, memory)
    }

    #[test]
    fn one_input_takes_no_others_along() {
        for bad in 0..13 {
            let (fine, runs, memory) = run_some(13, &[bad], 100);
            assert_eq!(fine, (0..13).map(|at| at != bad).collect::<Vec<_>>());
            assert!(runs <= 9, "{runs} runs");
            assert_eq!(memory, Memory::Enough);
        }
        assert_eq!(run_some(5, &[0, 1, 2, 3, 4], 100).0, [false; 5]);
        assert_eq!(run_some(0, &[], 100).0, [false; 0]);
    }

    #[test]
    fn a_group_that_does_not_fit_runs_in_parts() {
        assert_eq!(run_some(16, &[], 4), (vec![true; 16], 7, Memory::Exceeded));
        assert_eq!(run_some(16, &[], 16), (vec![true; 16], 1, Memory::Enough));
    }

    #[test]
    fn inputs_that_do_not_fit_alone_say_nothing_of_the_group() {
        assert_eq!(run_some(1, &[], 0), (vec![false], 1, Memory::Enough));
        let (fine, _, memory) = run_some(3, &[], 0);
        assert_eq!((fine, memory), (vec![false; 3], Memory::Enough));
        for long in 0..11 {
            let fails = |most: usize| {
                let (results, memory) = halving(11, |e| *e == FULL, &mut |range: Range<usize>| {
                    let fits = range.len() <= most && !range.contains(&long);
                    if fits { Ok(range.map(Ok).collect()) } else { Err(FULL) }
                });
                let fine: Vec<usize> = results.iter().flatten().copied().collect();
                assert_eq!(fine, (0..11).filter(|&at| at != long).collect::<Vec<_>>());
                memory
            };
            assert_eq!(fails(11), Memory::Enough);
            // Halves without it do not fit either.
            assert_eq!(fails(2), Memory::Exceeded);
        }
    }
}
