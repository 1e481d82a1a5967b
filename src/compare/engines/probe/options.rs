//! The requests of a comparison: how many, and which are repeated.

use std::time::Duration;

use super::Inputs;

/// Options of the requests to engines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe {
    /// Texts in a request.
    pub batch: usize,
    /// Requests at a time, where many come at once.
    pub concurrency: usize,
    /// Number of texts (queries) that are repeated.
    pub samples: usize,
    /// Decides which those are, and what is beside them.
    pub seed: u64,
    /// Longest wait for an answer.
    pub timeout: Duration,
}

impl Probe {
    pub(crate) fn requests(&self, inputs: &Inputs) -> usize {
        let alone: usize = self.sample(inputs.len()).into_iter().map(|at| inputs.results(at)).sum();
        inputs.batches(self.batch).len() + alone + self.mixed(inputs).len()
    }

    /// The positions of the repeated ones among `count` inputs, ascending.
    pub(super) fn sample(&self, count: usize) -> Vec<usize> {
        let mut sample = fastrand::Rng::with_seed(self.seed).choose_multiple(0..count, self.samples);
        sample.sort_unstable();
        sample
    }

    /// The sample once more: texts shuffled, in batches of all sizes, so that each has other ones beside it; queries one
    /// by one.
    pub(super) fn mixed(&self, inputs: &Inputs) -> Vec<Vec<usize>> {
        let mut places = self.sample(inputs.len());
        if let Inputs::Queries(_) = inputs {
            return places.into_iter().map(|at| vec![at]).collect();
        }
        let mut random = fastrand::Rng::with_seed(self.seed.wrapping_add(1));
        random.shuffle(&mut places);
        // There are at least two requests for each that is under way at a time.
        let most = (places.len() / (2 * self.concurrency.max(1))).clamp(1, self.batch.max(1));
        let mut requests = Vec::new();
        // Batches have one role; the sort keeps the shuffled order within each.
        places.sort_by_key(|&at| inputs.role(at));
        for mut rest in places.chunk_by(|&a, &b| inputs.role(a) == inputs.role(b)) {
            while !rest.is_empty() {
                let (request, left) = rest.split_at(random.usize(1..=most).min(rest.len()));
                requests.push(request.to_vec());
                rest = left;
            }
        }
        requests
    }
}
