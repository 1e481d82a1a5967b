//! The first run on a GPU: with the largest group, so that memory for activations is taken once.

use crate::batch::queue::LEAST_BUDGET;
use crate::engine::local::run::Interface;
use crate::engine::local::run::run;
use crate::graph::Layout;
use crate::model::tokenizer::Tokens;
use crate::runtime::{RuntimeError, Session};

/// The largest groups of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Largest {
    /// Most tokens of a group.
    pub tokens: usize,
    /// Most texts of a group.
    pub texts: usize,
    /// Tokens of the longest text.
    pub longest: usize,
}

impl Largest {
    /// The lengths of the texts of a group that needs most memory.
    fn lengths(self, layout: Layout) -> Vec<usize> {
        let longest = self.longest.clamp(1, self.tokens.max(1));
        let full = |count: usize| vec![longest; count.clamp(1, self.texts.max(1))];
        let rectangle = full(self.tokens / longest);
        if layout != Layout::Unpadded {
            return rectangle;
        }
        // As many tokens in texts of unequal lengths, which fill a rectangle twice as large.
        let count = (2 * self.tokens / longest).min(self.texts);
        if count < 2 {
            return rectangle;
        }
        let other = ((self.tokens - longest) / (count - 1)).clamp(1, longest);
        let mut lengths = full(count);
        lengths[1..].fill(other);
        lengths
    }
}

/// Runs the largest group. Where memory does not suffice, half of it is tried, and so on. Returns the tokens that fit.
pub(super) fn warm_up(session: &mut Session, interface: &Interface, largest: Largest) -> Result<usize, RuntimeError> {
    halving(largest.tokens, RuntimeError::is_out_of_memory, &mut |tokens| {
        let texts: Vec<Tokens> =
            Largest { tokens, ..largest }.lengths(interface.layout).into_iter().map(text).collect();
        let texts: Vec<&Tokens> = texts.iter().collect();
        run(session, interface, &texts, &|_, _| Ok(())).map(|_| ())
    })
}

fn halving<E>(
    mut tokens: usize,
    is_exceeded: impl Fn(&E) -> bool,
    run: &mut dyn FnMut(usize) -> Result<(), E>,
) -> Result<usize, E> {
    loop {
        match run(tokens) {
            Ok(()) => return Ok(tokens),
            Err(e) if is_exceeded(&e) && tokens / 2 >= LEAST_BUDGET => tokens /= 2,
            Err(e) => return Err(e),
        }
    }
}

fn text(length: usize) -> Tokens {
    Tokens { ids: vec![0; length], types: Vec::new(), unseen: 0, truncated: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_group_fills_the_budget_and_its_rectangle() {
        for (tokens, longest) in
            [(8192, 512), (8192, 8192), (8192, 100_000), (16_384, 256), (300, 512), (512, 7), (1, 1)]
        {
            let largest = Largest { tokens, texts: usize::MAX, longest };
            let rectangle = largest.lengths(Layout::Padded);
            let longest = longest.min(tokens);
            assert!(rectangle.iter().all(|&length| length == longest));
            assert_eq!(rectangle.len(), tokens / longest);
            let unpadded = largest.lengths(Layout::Unpadded);
            let (sum, padded) = (unpadded.iter().sum::<usize>(), unpadded.len() * longest);
            assert_eq!(unpadded.iter().copied().max(), Some(longest));
            // A text has at least a token, even if the first has all of them.
            assert!(sum <= tokens + 1 && sum + unpadded.len() > tokens, "{unpadded:?}");
            assert!(padded <= 2 * tokens && padded + longest > 2 * tokens, "{unpadded:?}");
        }
        let few = Largest { tokens: 8192, texts: 4, longest: 512 };
        assert_eq!((few.lengths(Layout::Padded).len(), few.lengths(Layout::Unpadded).len()), (4, 4));
        assert_eq!(Largest { tokens: 0, texts: 0, longest: 0 }.lengths(Layout::Unpadded), [1]);
    }

    #[test]
    fn half_of_what_does_not_fit_is_tried() {
        let fits =
            |most: usize| halving(8192, |e| *e == "memory", &mut |n| if n > most { Err("memory") } else { Ok(()) });
        assert_eq!(fits(8192), Ok(8192));
        assert_eq!(fits(3000), Ok(2048));
        assert_eq!(fits(256), Ok(256));
        assert_eq!(fits(255), Err("memory"));
        assert_eq!(halving(8192, |e| *e == "memory", &mut |_| Err("other")), Err("other"));
    }
}
