//! Texts with an exact number of tokens, by any tokenizer.

use super::spec::MAX_TEXT_TOKENS;
use crate::stats::random::Random;

/// The number of times a text is counted before the best so far is taken.
const ATTEMPTS: usize = 8;
/// The number of times a plan's last words are replaced because nothing fits behind them.
const RETRIES: usize = 8;
/// The number of words that are tried for one that fits into the rest.
const DRAWS: usize = 64;

/// A writer of texts of random words.
///
/// Tokenizers split at spaces, so that the tokens of a text are those of its words and the special ones. The cost of
/// each word is counted once; then a text is planned without the tokenizer, counted, and mended if the plan was wrong.
pub(super) struct Writer<F> {
    words: Vec<&'static str>,
    count: F,
    /// Tokens of each word behind another one; 0 if unknown so far.
    costs: Vec<usize>,
    /// Tokens of [`Writer::FIRST`] by itself, and the tokens of a text beyond the costs of its words.
    first: usize,
    overhead: usize,
}

impl<F, E> Writer<F>
where
    F: FnMut(&str) -> Result<usize, E>,
{
    /// The word in front while the cost of another one is counted.
    const FIRST: &'static str = "the";

    /// `count` returns the number of tokens of a text, specials included; its errors end the writing.
    pub(crate) fn new(words: Vec<&'static str>, mut count: F) -> Result<Self, E> {
        let first = count(Self::FIRST)?;
        let again = count(&format!("{0} {0}", Self::FIRST))?.saturating_sub(first);
        let costs = vec![0; words.len()];
        Ok(Self { words, count, costs, first, overhead: first.saturating_sub(again) })
    }

    /// A text of `tokens` tokens. If the tokenizer allows no such text, one as near as possible, rather shorter than
    /// longer; never an empty one.
    pub(crate) fn text(&mut self, tokens: usize, random: &mut Random) -> Result<String, E> {
        let mut plan: Vec<usize> = Vec::new();
        let mut goal = tokens.saturating_sub(self.overhead).max(1);
        let mut best: Option<(usize, String)> = None;
        for _ in 0..ATTEMPTS {
            self.plan(goal, &mut plan, random)?;
            let text = plan.iter().map(|&word| self.words[word]).collect::<Vec<_>>().join(" ");
            let counted = (self.count)(&text)?;
            let off = |counted: usize| (counted > tokens, counted.abs_diff(tokens));
            if best.as_ref().is_none_or(|(before, _)| off(counted) < off(*before)) {
                best = Some((counted, text));
            }
            if counted == tokens {
                break;
            }
            // No plan has more than twice as many words as tokens, with any tokenizer.
            let mended = (goal + tokens).saturating_sub(counted).clamp(1, 2 * tokens.max(1));
            if mended == goal {
                break;
            }
            goal = mended;
        }
        Ok(best.map(|(_, text)| text).unwrap_or_default())
    }

    /// Shortens the plan, then extends it, until its words cost `goal` tokens.
    fn plan(&mut self, goal: usize, plan: &mut Vec<usize>, random: &mut Random) -> Result<(), E> {
        let mut cost = 0;
        for &word in plan.iter() {
            cost += self.cost(word)?;
        }
        while cost > goal
            && let Some(word) = plan.pop()
        {
            cost -= self.cost(word)?;
        }
        let mut retries = RETRIES;
        while cost < goal {
            match self.fitting(goal - cost, plan.is_empty(), random)? {
                Some(word) => {
                    cost += self.cost(word)?;
                    plan.push(word);
                }
                None if retries == 0 => break,
                // No word is as short as the rest: other words at the end leave another rest.
                None => {
                    retries -= 1;
                    for word in plan.split_off(plan.len().saturating_sub(2)) {
                        cost -= self.cost(word)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// A word that costs at most `room`; of several tried the cheapest, if there must be one.
    fn fitting(&mut self, room: usize, must: bool, random: &mut Random) -> Result<Option<usize>, E> {
        let mut cheapest = None;
        for _ in 0..DRAWS {
            let word = random.below(self.words.len());
            let cost = self.cost(word)?;
            if cost <= room {
                return Ok(Some(word));
            }
            if cheapest.is_none_or(|(least, _)| cost < least) {
                cheapest = Some((cost, word));
            }
        }
        Ok(cheapest.filter(|_| must).map(|(_, word)| word))
    }

    /// The cost of a word: at least 1, so that plans end, and at most the tokens of the longest text.
    fn cost(&mut self, word: usize) -> Result<usize, E> {
        if self.costs[word] == 0 {
            let together = (self.count)(&format!("{} {}", Self::FIRST, self.words[word]))?;
            self.costs[word] = together.saturating_sub(self.first).clamp(1, 2 * MAX_TEXT_TOKENS);
        }
        Ok(self.costs[word])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use super::*;
    use crate::bench::dataset::bundled;

    type Counted = Result<usize, Infallible>;

    fn texts(count: impl FnMut(&str) -> Counted, tokens: impl IntoIterator<Item = usize>) -> Vec<String> {
        let mut writer = Writer::new(bundled::words(), count).unwrap();
        let mut random = Random::new(1);
        tokens.into_iter().map(|tokens| writer.text(tokens, &mut random).unwrap()).collect()
    }

    /// Two special tokens, and a token for every four letters.
    fn pieces(text: &str) -> Counted {
        Ok(2 + text.split(' ').map(|word| word.len().div_ceil(4)).sum::<usize>())
    }

    #[test]
    fn texts_have_the_required_length() {
        for (tokens, text) in (3..600).zip(texts(pieces, 3..600)) {
            assert_eq!(pieces(&text), Ok(tokens), "{text}");
        }
    }

    #[test]
    fn a_text_is_counted_about_once() {
        let calls = Cell::new(0);
        let count = |text: &str| {
            calls.set(calls.get() + 1);
            pieces(text)
        };
        texts(count, std::iter::repeat_n(200, 1000));
        assert!(calls.get() < 1000 + bundled::words().len() + 10, "{}", calls.get());
    }

    #[test]
    fn tokens_across_words_are_mended() {
        // Two letters a token regardless of spaces: costs of words depend on their neighbours.
        let count = |text: &str| Ok(text.len().div_ceil(2));
        let off = (10..200).zip(texts(count, 10..200)).filter(|(tokens, text)| count(text) != Ok(*tokens)).count();
        assert!(off <= 10, "{off}");
    }

    #[test]
    fn texts_too_short_for_the_tokenizer_have_one_word() {
        for text in texts(pieces, [0, 1, 2]) {
            assert!(!text.is_empty() && !text.contains(' '), "{text}");
        }
    }

    #[test]
    fn a_hostile_tokenizer_ends() {
        for text in texts(|_| Ok(0), [100]).into_iter().chain(texts(|_| Ok(usize::MAX), [100])) {
            assert!(!text.is_empty() && text.split(' ').count() <= 200);
        }
        let mut random = Random::new(2);
        assert!(!texts(|_| Ok(random.next_u64() as usize), [100])[0].is_empty());
    }

    #[test]
    fn an_error_ends_the_writing() {
        let mut left = 20;
        let mut count = |text: &str| {
            left -= 1;
            if left > 0 { Ok(pieces(text).unwrap()) } else { Err("interrupted") }
        };
        let mut writer = Writer::new(bundled::words(), &mut count).unwrap();
        assert_eq!(writer.text(100, &mut Random::new(1)), Err("interrupted"));
    }
}
