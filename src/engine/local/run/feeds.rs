//! The inputs of a session, made from the tokens of several texts.

use crate::graph::{Feed, Layout};
use crate::model::tokenizer::Tokens;
use crate::runtime::{Input, Numbers};

/// Columns of [`Feed::Places`] are a multiple of this: fused attention with a bias requires rows of 64 bytes of it in float32, and of
/// 16 in 16-bit formats.
const ALIGNED: usize = 16;

/// The numbers of every input.
pub(super) struct Feeds {
    inputs: Vec<(Vec<usize>, Data)>,
}

enum Data {
    I64(Vec<i64>),
    F32(Vec<f32>),
}

impl Feeds {
    /// Of `texts`, which have at least one token each; of equal length in a [`Layout::Rectangle`].
    pub(super) fn new(inputs: &[(String, Feed)], layout: Layout, texts: &[&Tokens]) -> Self {
        let table = Table::new(layout, texts);
        Self { inputs: inputs.iter().map(|(_, feed)| table.feed(*feed)).collect() }
    }

    /// With the names of the inputs they were made for.
    pub(super) fn inputs<'a>(&'a self, names: &'a [(String, Feed)]) -> Vec<Input<'a>> {
        let input = |((name, _), (shape, data)): (&'a (String, Feed), &'a (Vec<usize>, Data))| {
            let numbers = match data {
                Data::I64(numbers) => Numbers::I64(numbers),
                Data::F32(numbers) => Numbers::F32(numbers),
            };
            Input { name, shape, numbers }
        };
        names.iter().zip(&self.inputs).map(input).collect()
    }
}

/// Texts, and where their tokens lie.
struct Table<'t> {
    texts: &'t [&'t Tokens],
    layout: Layout,
    /// Tokens of the longest text.
    longest: usize,
    /// Tokens of all texts.
    tokens: usize,
}

impl<'t> Table<'t> {
    fn new(layout: Layout, texts: &'t [&'t Tokens]) -> Self {
        let lengths = || texts.iter().map(|text| text.ids.len());
        Self { texts, layout, longest: lengths().max().unwrap_or(0), tokens: lengths().sum() }
    }

    fn feed(&self, feed: Feed) -> (Vec<usize>, Data) {
        let texts = self.texts.len();
        match feed {
            Feed::Ids => self.by_token(0, |text, out| out.extend(&text.ids)),
            Feed::Types => self.by_token(0, |text, out| match text.types.is_empty() {
                true => out.resize(out.len() + text.ids.len(), 0),
                false => out.extend(&text.types),
            }),
            Feed::Mask => self.by_token(0, |text, out| {
                let length = text.ids.len();
                out.extend((0..length).map(|at| i64::from(at + text.unseen < length)));
            }),
            Feed::Positions => self.by_row(|text, row| row.extend(0..text.ids.len() as i64), |at, _| at as i64),
            Feed::PositionsBeyond(id) => self.by_token(id, |text, out| {
                let mut position = id;
                out.extend(text.ids.iter().map(|&token| {
                    position += i64::from(token != id);
                    if token == id { id } else { position }
                }));
            }),
            Feed::TextLengths => {
                let length = |text: &Tokens| text.ids.len() as i64;
                self.by_row(|text, row| row.resize(row.len() + text.ids.len(), length(text)), |_, text| length(text))
            }
            Feed::Lengths => self.by_text(|text, _| text.ids.len()),
            Feed::FirstRows => self.by_text(|_, start| start),
            Feed::LastRows => self.by_text(|text, start| (start + text.ids.len()).saturating_sub(1)),
            Feed::LastRowsBut(id) => {
                self.by_text(|text, start| start + text.ids.iter().rposition(|&token| token != id).unwrap_or_default())
            }
            Feed::Offsets => {
                let mut offsets = vec![0];
                offsets.extend(self.texts.iter().scan(0, |all, text| {
                    *all += text.ids.len() as i64;
                    Some(*all)
                }));
                (vec![texts + 1], Data::I64(offsets))
            }
            Feed::Places => (vec![texts, self.columns()], Data::I64(self.places())),
            Feed::Steps => (vec![self.columns()], Data::I64((0..self.columns() as i64).collect())),
            Feed::Pool => {
                let columns = self.columns();
                let mut weights = vec![0.0; texts * columns];
                for (row, text) in weights.chunks_exact_mut(columns.max(1)).zip(self.texts) {
                    row[..text.ids.len()].fill(1.0 / text.ids.len() as f32);
                }
                (vec![texts, 1, columns], Data::F32(weights))
            }
        }
    }

    /// Columns of a rectangle over the texts.
    fn columns(&self) -> usize {
        match self.layout {
            Layout::Unpadded | Layout::Packed => self.longest.next_multiple_of(ALIGNED),
            Layout::Rectangle | Layout::Padded => self.longest,
        }
    }

    /// True if texts lie one behind the other without padding.
    fn flat(&self) -> bool {
        matches!(self.layout, Layout::Packed | Layout::Unpadded)
    }

    fn shape(&self) -> Vec<usize> {
        if self.flat() { vec![1, self.tokens] } else { vec![self.texts.len(), self.longest] }
    }

    /// Numbers in the shape of the ids: `each` appends those of a text, and `padding` is behind them.
    fn by_token(&self, padding: i64, each: impl Fn(&Tokens, &mut Vec<i64>)) -> (Vec<usize>, Data) {
        self.by_row(each, |_, _| padding)
    }

    /// As [`Table::by_token`], with padding by its column and its text.
    fn by_row(
        &self,
        each: impl Fn(&Tokens, &mut Vec<i64>),
        padding: impl Fn(usize, &Tokens) -> i64,
    ) -> (Vec<usize>, Data) {
        let shape = self.shape();
        let mut numbers = Vec::with_capacity(shape.iter().product());
        for text in self.texts {
            each(text, &mut numbers);
            if !self.flat() {
                numbers.extend((text.ids.len()..self.longest).map(|at| padding(at, text)));
            }
        }
        (shape, Data::I64(numbers))
    }

    /// A number a text, from the text and the row of its first token.
    fn by_text(&self, each: impl Fn(&Tokens, usize) -> usize) -> (Vec<usize>, Data) {
        let mut start = 0;
        let number = |text: &&Tokens| {
            let number = each(text, start);
            start += if self.flat() { text.ids.len() } else { self.longest };
            number as i64
        };
        (vec![self.texts.len()], Data::I64(self.texts.iter().map(number).collect()))
    }

    /// A permutation of `0..texts · columns`: first the places of tokens, then the others.
    fn places(&self) -> Vec<i64> {
        let columns = self.columns();
        let row = |at: usize, range: std::ops::Range<usize>| range.map(move |column| (at * columns + column) as i64);
        let texts = || self.texts.iter().enumerate();
        let tokens = texts().flat_map(|(at, text)| row(at, 0..text.ids.len()));
        tokens.chain(texts().flat_map(|(at, text)| row(at, text.ids.len()..columns))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAD: i64 = 1;

    fn integers(layout: Layout, texts: &[Tokens], feed: Feed) -> (Vec<usize>, Vec<i64>) {
        let texts: Vec<&Tokens> = texts.iter().collect();
        match Table::new(layout, &texts).feed(feed) {
            (shape, Data::I64(numbers)) => (shape, numbers),
            (_, Data::F32(_)) => panic!("{feed:?} is not of integers"),
        }
    }

    fn text(ids: &[i64]) -> Tokens {
        Tokens { ids: ids.to_vec(), types: Vec::new(), unseen: 0, truncated: false }
    }

    /// Texts of 1 to 40 tokens with random ids, some of them `PAD`.
    fn some(rng: &mut fastrand::Rng, count: usize) -> Vec<Tokens> {
        let ids = |rng: &mut fastrand::Rng| (0..rng.usize(1..=40)).map(|_| rng.i64(0..9)).collect::<Vec<_>>();
        (0..count).map(|_| text(&ids(rng))).collect()
    }

    #[test]
    fn three_texts_in_each_layout() {
        let mut texts = [text(&[5, 6, 7]), text(&[8]), text(&[PAD, 9])];
        texts[0].types = vec![0, 1, 1];
        texts[2].unseen = 1;
        let of = |layout, feed| integers(layout, &texts, feed);
        let flat = |numbers: &[i64]| (vec![1, 6], numbers.to_vec());
        assert_eq!(of(Layout::Unpadded, Feed::Ids), flat(&[5, 6, 7, 8, PAD, 9]));
        assert_eq!(of(Layout::Unpadded, Feed::Types), flat(&[0, 1, 1, 0, 0, 0]));
        assert_eq!(of(Layout::Packed, Feed::Positions), flat(&[0, 1, 2, 0, 0, 1]));
        assert_eq!(of(Layout::Unpadded, Feed::PositionsBeyond(PAD)), flat(&[2, 3, 4, 2, 1, 2]));
        assert_eq!(of(Layout::Unpadded, Feed::TextLengths), flat(&[3, 3, 3, 1, 2, 2]));
        assert_eq!(of(Layout::Unpadded, Feed::FirstRows), (vec![3], vec![0, 3, 4]));
        assert_eq!(of(Layout::Unpadded, Feed::LastRows), (vec![3], vec![2, 3, 5]));
        assert_eq!(of(Layout::Unpadded, Feed::LastRowsBut(9)), (vec![3], vec![2, 3, 4]));
        assert_eq!(of(Layout::Unpadded, Feed::LastRowsBut(8)), (vec![3], vec![2, 3, 5]));
        assert_eq!(of(Layout::Packed, Feed::Lengths), (vec![3], vec![3, 1, 2]));
        assert_eq!(of(Layout::Unpadded, Feed::Offsets), (vec![4], vec![0, 3, 4, 6]));
        assert_eq!(of(Layout::Unpadded, Feed::Steps), (vec![16], (0..16).collect()));
        let padded = |numbers: &[i64]| (vec![3, 3], numbers.to_vec());
        assert_eq!(of(Layout::Padded, Feed::Ids), padded(&[5, 6, 7, 8, 0, 0, PAD, 9, 0]));
        assert_eq!(of(Layout::Padded, Feed::Types), padded(&[0, 1, 1, 0, 0, 0, 0, 0, 0]));
        assert_eq!(of(Layout::Padded, Feed::Mask), padded(&[1, 1, 1, 1, 0, 0, 1, 0, 0]));
        assert_eq!(of(Layout::Padded, Feed::Positions), padded(&[0, 1, 2, 0, 1, 2, 0, 1, 2]));
        assert_eq!(of(Layout::Padded, Feed::PositionsBeyond(PAD)), padded(&[2, 3, 4, 2, 1, 1, 1, 2, 1]));
        assert_eq!(of(Layout::Padded, Feed::TextLengths), padded(&[3, 3, 3, 1, 1, 1, 2, 2, 2]));
        assert_eq!(of(Layout::Padded, Feed::FirstRows), (vec![3], vec![0, 3, 6]));
        assert_eq!(of(Layout::Padded, Feed::LastRows), (vec![3], vec![2, 3, 7]));
        assert_eq!(of(Layout::Padded, Feed::Lengths), (vec![3], vec![3, 1, 2]));
        assert_eq!(of(Layout::Padded, Feed::Steps), (vec![3], vec![0, 1, 2]));
    }

    #[test]
    fn places_are_a_permutation_that_puts_every_token_into_its_row() {
        let mut rng = fastrand::Rng::with_seed(1);
        for count in 1..40 {
            let texts = some(&mut rng, count);
            let (shape, places) = integers(Layout::Unpadded, &texts, Feed::Places);
            let (rows, columns) = (shape[0], shape[1]);
            assert!(rows == count && columns.is_multiple_of(ALIGNED), "{shape:?}");
            let mut sorted = places.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..(rows * columns) as i64).collect::<Vec<_>>());
            // Scattered to their places, the tokens are the texts' rows, and nothing else is there.
            let (_, ids) = integers(Layout::Unpadded, &texts, Feed::Ids);
            let mut rectangle = vec![-1; rows * columns];
            for (id, place) in ids.iter().zip(&places) {
                rectangle[*place as usize] = *id;
            }
            for (row, text) in rectangle.chunks_exact(columns).zip(&texts) {
                assert_eq!(row[..text.ids.len()], text.ids[..]);
                assert!(row[text.ids.len()..].iter().all(|&id| id == -1));
            }
            let (_, offsets) = integers(Layout::Unpadded, &texts, Feed::Offsets);
            for (bounds, text) in offsets.windows(2).zip(&texts) {
                assert_eq!(ids[bounds[0] as usize..bounds[1] as usize], text.ids[..]);
            }
            assert_eq!(offsets.last().copied(), i64::try_from(ids.len()).ok());
        }
    }

    #[test]
    fn layouts_agree_on_every_token() {
        let mut rng = fastrand::Rng::with_seed(2);
        let by_token =
            [Feed::Ids, Feed::Types, Feed::Mask, Feed::Positions, Feed::PositionsBeyond(PAD), Feed::TextLengths];
        let by_text = [Feed::FirstRows, Feed::LastRows, Feed::LastRowsBut(3)];
        for count in 1..20 {
            let texts = some(&mut rng, count);
            let longest = texts.iter().map(|text| text.ids.len()).max().unwrap_or(0);
            let places = integers(Layout::Unpadded, &texts, Feed::Places);
            let columns = places.0[1];
            // The row of a token in the padded rectangle, from its row in the flat one.
            let moved = |row: usize| {
                let place = places.1[row] as usize;
                place / columns * longest + place % columns
            };
            for feed in by_token {
                let ((_, flat), (_, padded)) =
                    (integers(Layout::Unpadded, &texts, feed), integers(Layout::Padded, &texts, feed));
                assert_eq!(padded.len(), count * longest);
                for (row, number) in flat.iter().enumerate() {
                    assert_eq!(*number, padded[moved(row)], "{feed:?}");
                }
            }
            for feed in by_text {
                let ((_, flat), (_, padded)) =
                    (integers(Layout::Unpadded, &texts, feed), integers(Layout::Padded, &texts, feed));
                let flat: Vec<i64> = flat.iter().map(|&row| moved(row as usize) as i64).collect();
                assert_eq!(flat, padded, "{feed:?}");
            }
        }
    }

    #[test]
    fn pooling_weights_give_the_mean_of_a_text() {
        let mut rng = fastrand::Rng::with_seed(3);
        for layout in [Layout::Unpadded, Layout::Padded] {
            let texts = some(&mut rng, 7);
            let texts: Vec<&Tokens> = texts.iter().collect();
            let table = Table::new(layout, &texts);
            let (shape, Data::F32(weights)) = table.feed(Feed::Pool) else { panic!("not floats") };
            assert_eq!(shape, [7, 1, table.columns()]);
            for (row, text) in weights.chunks_exact(table.columns()).zip(&texts) {
                assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
                assert!(row.iter().enumerate().all(|(at, &weight)| (weight > 0.0) == (at < text.ids.len())));
            }
        }
    }
}
