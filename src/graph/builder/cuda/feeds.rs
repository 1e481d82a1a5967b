//! Inputs made from the texts, each added where a graph first uses it.

use crate::graph::builder::graph_builder::Builder;
use crate::graph::builder::value::{Attribute, Value, value_info};
use crate::graph::proto::{TENSOR_FLOAT, TENSOR_INT32, TENSOR_INT64};
use crate::graph::{ATTENTION_MASK, Feed, INPUT_IDS, LENGTHS, POSITION_IDS, TOKEN_TYPE_IDS};

/// Name and dimensions of an input.
fn interface(feed: Feed) -> (&'static str, &'static [Result<i64, &'static str>]) {
    const OF_IDS: &[Result<i64, &str>] = &[Err("batch"), Err("sequence")];
    const OF_TEXTS: &[Result<i64, &str>] = &[Err("texts")];
    match feed {
        Feed::Ids => (INPUT_IDS, OF_IDS),
        Feed::Types => (TOKEN_TYPE_IDS, OF_IDS),
        Feed::Mask => (ATTENTION_MASK, OF_IDS),
        Feed::Positions => (POSITION_IDS, OF_IDS),
        Feed::PositionsBeyond(_) => ("positions_beyond", OF_IDS),
        Feed::TextLengths => ("text_lengths", OF_IDS),
        Feed::Lengths => (LENGTHS, OF_TEXTS),
        Feed::FirstRows => ("first_rows", OF_TEXTS),
        Feed::LastRows => ("last_rows", OF_TEXTS),
        Feed::LastRowsBut(_) => ("last_rows_but", OF_TEXTS),
        Feed::Offsets => ("offsets", &[Err("texts + 1")]),
        Feed::Places => ("places", &[Err("texts"), Err("longest")]),
        Feed::Steps => ("steps", &[Err("longest")]),
        Feed::Pool => ("pool", &[Err("texts"), Ok(1), Err("longest")]),
    }
}

impl Builder<'_> {
    /// The input that holds `feed`.
    pub(in crate::graph) fn feed(&mut self, feed: Feed) -> Value {
        let (name, dims) = interface(feed);
        if !self.feeds.iter().any(|&(_, known)| known == feed) {
            let element = if feed == Feed::Pool { TENSOR_FLOAT } else { TENSOR_INT64 };
            self.graph.input.push(value_info(name, element, dims));
            self.feeds.push((name.to_owned(), feed));
        }
        Value(name.to_owned())
    }

    /// The input that holds `feed`, in 32 bits, as some operators need it.
    pub(super) fn feed_i32(&mut self, feed: Feed) -> Value {
        let wide = self.feed(feed);
        let to = Attribute::Int("to", TENSOR_INT32.into());
        self.shared(&format!("{feed:?} in 32 bits"), |b| b.op("Cast", &[&wide], &[to]))
    }
}
