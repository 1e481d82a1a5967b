//! The inputs of a graph for several texts, as the documentation of `Feed` has them.

use infa::parts::graph::{Feed, Layout};

/// The tokens of a text.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) ids: Vec<i64>,
    pub(crate) types: Vec<i64>,
}

pub(crate) enum Numbers {
    I64(Vec<i64>),
    F32(Vec<f32>),
}

/// Shape and numbers of the input that holds `feed`.
pub(crate) fn input(feed: Feed, layout: Layout, texts: &[Text]) -> (Vec<i64>, Numbers) {
    let lengths: Vec<usize> = texts.iter().map(|text| text.ids.len()).collect();
    let longest = *lengths.iter().max().unwrap();
    let (count, tokens) = (texts.len(), lengths.iter().sum::<usize>());
    let flat = layout == Layout::Unpadded;
    let columns = if flat { longest.next_multiple_of(16) } else { longest };
    // The row of a text's first token.
    let start = |at: usize| if flat { lengths[..at].iter().sum() } else { at * longest };
    // Numbers of tokens, and for padding.
    let by_token = |each: &dyn Fn(&Text, usize) -> i64, padding: &dyn Fn(&Text, usize) -> i64| {
        let mut numbers = Vec::new();
        for text in texts {
            numbers.extend((0..text.ids.len()).map(|at| each(text, at)));
            if !flat {
                numbers.extend((text.ids.len()..longest).map(|at| padding(text, at)));
            }
        }
        let shape = if flat { [1, tokens as i64] } else { [count as i64, longest as i64] };
        (shape.to_vec(), Numbers::I64(numbers))
    };
    let by_text = |each: &dyn Fn(usize) -> usize| {
        let numbers = (0..count).map(|at| each(at) as i64).collect();
        (vec![count as i64], Numbers::I64(numbers))
    };
    match feed {
        // A padding token that would be noticed.
        Feed::Ids => by_token(&|text, at| text.ids[at], &|_, at| at as i64 % 5),
        Feed::Types => by_token(&|text, at| text.types.get(at).copied().unwrap_or_default(), &|_, _| 0),
        Feed::Mask => by_token(&|_, _| 1, &|_, _| 0),
        Feed::Positions => by_token(&|_, at| at as i64, &|_, at| at as i64),
        Feed::PositionsBeyond(id) => {
            let counted = |text: &Text, at: usize| text.ids[..=at].iter().filter(|&&token| token != id).count() as i64;
            by_token(&|text, at| if text.ids[at] == id { id } else { id + counted(text, at) }, &|_, _| id)
        }
        Feed::TextLengths => by_token(&|text, _| text.ids.len() as i64, &|text, _| text.ids.len() as i64),
        Feed::Lengths => by_text(&|at| lengths[at]),
        Feed::FirstRows => by_text(&|at| start(at)),
        Feed::LastRows => by_text(&|at| start(at) + lengths[at] - 1),
        Feed::LastRowsBut(id) => {
            by_text(&|at| start(at) + texts[at].ids.iter().rposition(|&token| token != id).unwrap_or(0))
        }
        Feed::Offsets => {
            let numbers = (0..=count).map(|at| lengths[..at].iter().sum::<usize>() as i64).collect();
            (vec![count as i64 + 1], Numbers::I64(numbers))
        }
        Feed::Places => {
            let places = |taken: bool| {
                let all = (0..count).flat_map(move |text| (0..columns).map(move |column| (text, column)));
                let lengths = lengths.clone();
                all.filter(move |&(text, column)| (column < lengths[text]) == taken)
                    .map(move |(text, column)| (text * columns + column) as i64)
            };
            let numbers = places(true).chain(places(false)).collect();
            (vec![count as i64, columns as i64], Numbers::I64(numbers))
        }
        Feed::Steps => (vec![columns as i64], Numbers::I64((0..columns as i64).collect())),
        Feed::Pool => {
            let weight = |length: usize, column: usize| if column < length { 1.0 / length as f32 } else { 0.0 };
            let numbers = lengths.iter().flat_map(|&length| (0..columns).map(move |column| weight(length, column)));
            (vec![count as i64, 1, columns as i64], Numbers::F32(numbers.collect()))
        }
    }
}
