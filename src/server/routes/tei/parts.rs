//! Requests with the same options that are asked together: the model gets one request, and each of them its own reply.

use axum::body::Bytes;

use super::{Cost, Reply};
use crate::server::memory;
use crate::server::routes::reply::json_pieces;

/// The replies to requests that were asked together.
pub struct Replies {
    /// The JSON of each, in pieces.
    pub json: Vec<Vec<Bytes>>,
    /// What all of them cost.
    pub cost: Cost,
    /// Memory that they take until they are sent.
    pub memory: Option<memory::Part>,
}

impl Replies {
    /// Of requests of which each has its JSON in one piece.
    pub fn new(json: Vec<Vec<u8>>, cost: Cost) -> Self {
        Self { json: json.into_iter().map(|json| vec![json.into()]).collect(), cost, memory: None }
    }

    /// The reply to an only request.
    pub fn only(self) -> Reply {
        let Self { json, cost, memory } = self;
        Reply { body: json_pieces(json.into_iter().next().unwrap_or_default(), memory), cost }
    }
}

/// Which of the inputs belong to which request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parts {
    parts: Vec<Part>,
}

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The number of its inputs.
    pub count: usize,
    /// Whether its input came by itself, so that its reply is no list.
    pub single: bool,
    /// Its index in the list `instances`; `None` for a request by itself.
    pub instance: Option<usize>,
}

/// Where an input stands.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    /// What goes before the name of a field of the request in a message: nothing, or "instances[3]: ".
    pub prefix: String,
    /// The index among the inputs of the request.
    pub index: usize,
    /// [`Part::single`]
    pub single: bool,
}

impl Parts {
    /// Those of one request.
    pub fn one(part: Part) -> Self {
        Self { parts: vec![part] }
    }

    /// Adds those of other requests, whose inputs follow.
    pub fn extend(&mut self, other: Self) {
        self.parts.extend(other.parts);
    }

    /// The index of each request in the list `instances`.
    pub fn instances(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().filter_map(|part| part.instance)
    }

    /// The inputs of all requests.
    pub fn count(&self) -> usize {
        self.parts.iter().map(|part| part.count).sum()
    }

    /// Where the input at `index` among those of all requests stands.
    pub fn place(&self, index: usize) -> Place {
        let mut rest = index;
        for part in &self.parts {
            if rest < part.count {
                return Place { prefix: part.prefix(), index: rest, single: part.single };
            }
            rest -= part.count;
        }
        Place { prefix: String::new(), index, single: false }
    }

    /// The results of each request, of those of all.
    pub fn split<'r, T>(&self, mut results: &'r [T]) -> Vec<(Part, &'r [T])> {
        let take = |&part: &Part| {
            let (own, rest) = results.split_at(part.count.min(results.len()));
            results = rest;
            (part, own)
        };
        self.parts.iter().map(take).collect()
    }
}

impl Part {
    /// Of a request by itself.
    pub fn alone(count: usize) -> Self {
        Self { count, single: false, instance: None }
    }

    /// What goes before the name of a field of the request in a message.
    pub fn prefix(&self) -> String {
        self.instance.map(|index| format!("instances[{index}]: ")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_and_results_belong_to_their_requests() {
        let part = |count, instance| Part { count, single: instance == 4, instance: Some(instance) };
        let mut parts = Parts::one(part(2, 0));
        parts.extend(Parts::one(part(1, 4)));
        parts.extend(Parts::one(part(3, 5)));
        let place = |index, prefix: &str, single| Place { prefix: prefix.into(), index, single };
        assert_eq!(parts.place(1), place(1, "instances[0]: ", false));
        assert_eq!(parts.place(2), place(0, "instances[4]: ", true));
        assert_eq!(parts.place(5), place(2, "instances[5]: ", false));
        let split: Vec<&[u8]> = parts.split(b"abcdef").into_iter().map(|(_, own)| own).collect();
        assert_eq!(split, [&b"ab"[..], b"c", b"def"]);
        assert_eq!(Parts::one(Part::alone(3)).place(2), place(2, "", false));
        // An engine that gives too few does not panic here.
        assert!(parts.split(b"a").iter().all(|(_, own)| own.len() <= 1));
    }
}
