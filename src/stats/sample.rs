//! A sample of a run's results that holds the same texts for every engine, however fast it is.

use std::collections::BTreeMap;

use super::random::hash;

/// Results of a run, at most one for each of a limited number of texts.
///
/// A reservoir that does not depend on the order in which results come: each text has a random number by the seed, and
/// those with the smallest ones are kept (a bottom-k sample: Cohen and Kaplan, Summarizing Data using Bottom-k Sketches,
/// PODC 2007). Every set of texts is as likely as any other; and if one engine gets further than another, the texts that
/// the other has seen and that are in the first one's sample are in the other's, too. Of a text that is
/// requested several times, one result is kept, chosen in the same way.
#[derive(Debug, Clone)]
pub(crate) struct Sample<T> {
    seed: u64,
    size: usize,
    /// By the random number of the text, with the text's own as a tie-breaker.
    kept: BTreeMap<(u64, usize), Kept<T>>,
}

#[derive(Debug, Clone)]
struct Kept<T> {
    /// The random number of the request, and its own.
    request: (u64, u64),
    result: T,
}

impl<T> Sample<T> {
    /// An empty sample of at most `size` texts. The same seed chooses the same texts.
    pub(crate) fn new(seed: u64, size: usize) -> Self {
        Self { seed, size, kept: BTreeMap::new() }
    }

    fn key(&self, text: usize) -> (u64, usize) {
        (hash(self.seed, text as u64), text)
    }

    fn request(&self, request: u64, text: usize) -> (u64, u64) {
        (hash(hash(self.seed, text as u64), request), request)
    }

    /// Returns whether [`Sample::offer`] would keep a result, so that others need not be copied.
    pub(crate) fn wants(&self, request: u64, text: usize) -> bool {
        let key = self.key(text);
        match self.kept.get(&key) {
            Some(kept) => self.request(request, text) < kept.request,
            None if self.kept.len() < self.size => true,
            None => self.kept.last_key_value().is_some_and(|(last, _)| key < *last),
        }
    }

    /// Offers a result for keeping: that of the `text`th text of the dataset in the `request`th request of the run.
    pub(crate) fn offer(&mut self, request: u64, text: usize, result: T) {
        if self.wants(request, text) {
            self.insert(self.key(text), Kept { request: self.request(request, text), result });
        }
    }

    fn insert(&mut self, key: (u64, usize), kept: Kept<T>) {
        self.kept.insert(key, kept);
        if self.kept.len() > self.size {
            self.kept.pop_last();
        }
    }

    /// Returns whether the sample is empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The result of a text, if it is kept.
    pub(crate) fn get(&self, text: usize) -> Option<&T> {
        self.kept.get(&self.key(text)).map(|kept| &kept.result)
    }

    /// The texts that a sample of a dataset of `texts` texts has if all of them are offered, and that this one lacks.
    pub(crate) fn missing(&self, texts: usize) -> Vec<usize> {
        let mut whole = Sample::new(self.seed, self.size);
        (0..texts).for_each(|text| whole.offer(0, text, ()));
        whole.into_results().into_iter().map(|(text, ..)| text).filter(|&text| self.get(text).is_none()).collect()
    }

    /// A name of these texts of the dataset: two lists under the same seed have the same name only if they are the same.
    pub(crate) fn fingerprint(&self, texts: &[usize]) -> String {
        format!("{:016x}", texts.iter().fold(self.seed, |all, &text| hash(all, text as u64)))
    }

    /// The kept results, each with the index of its text in the dataset and of its request in the run, sorted by text.
    pub(crate) fn into_results(self) -> Vec<(usize, u64, T)> {
        let results = self.kept.into_iter().map(|((_, text), kept)| (text, kept.request.1, kept.result));
        let mut results: Vec<_> = results.collect();
        results.sort_unstable_by_key(|(text, ..)| *text);
        results
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::random::Random;

    type Offer = (u64, usize);

    /// Requests of four texts each, around a dataset of `texts`.
    fn run(requests: u64, texts: usize) -> Vec<Offer> {
        (0..requests).flat_map(|request| (0..4).map(move |i| (request, (request as usize * 4 + i) % texts))).collect()
    }

    fn sampled(offers: &[Offer], seed: u64, size: usize) -> Vec<(usize, u64, Offer)> {
        let mut sample = Sample::new(seed, size);
        offers.iter().for_each(|&(request, text)| sample.offer(request, text, (request, text)));
        sample.into_results()
    }

    #[test]
    fn samples_of_slow_and_fast_engines_are_equal_once_completed() {
        let texts = |sample: Sample<()>| sample.into_results().into_iter().map(|(text, ..)| text).collect::<Vec<_>>();
        let completed = |computed: usize| {
            let mut sample = Sample::new(7, 20);
            (0..computed).for_each(|text| sample.offer(text as u64, text, ()));
            let missing = sample.missing(300);
            missing.iter().for_each(|&text| sample.offer(0, text, ()));
            (missing.len(), texts(sample))
        };
        let (none, fast) = completed(300);
        assert_eq!((none, fast.len()), (0, 20));
        let (some, slow) = completed(100);
        assert!(some > 0 && some < 20);
        assert_eq!((completed(0), slow), ((20, fast.clone()), fast));
        // A dataset smaller than the sample.
        assert_eq!(Sample::<()>::new(7, 20).missing(3), [0, 1, 2]);
    }

    #[test]
    fn the_order_does_not_matter() {
        let mut offers = run(500, 300);
        let expected = sampled(&offers, 5, 32);
        assert_eq!(expected.len(), 32);
        assert!(expected.iter().all(|&(text, request, result)| result == (request, text)));
        // Not always the first time that a text comes, and not always the last.
        assert!(expected.iter().any(|entry| entry.1 < 75) && expected.iter().any(|entry| entry.1 > 75));
        Random::new(1).shuffle(&mut offers);
        assert_eq!(sampled(&offers, 5, 32), expected);
        assert_ne!(sampled(&offers, 6, 32), expected);
    }

    #[test]
    fn a_slow_engine_is_sampled_for_the_same_texts() {
        let texts = |requests| -> Vec<usize> {
            sampled(&run(requests, 4000), 5, 64).into_iter().map(|(text, ..)| text).collect()
        };
        let (fast, slow) = (texts(1000), texts(400));
        assert_eq!((fast.len(), slow.len()), (64, 64));
        let seen: Vec<&usize> = fast.iter().filter(|&&text| text < 1600).collect();
        assert!(seen.len() > 10 && seen.iter().all(|text| slow.contains(text)));
        // Once both have seen all of the dataset, the samples are equal.
        assert_eq!(texts(1000), texts(3333));
    }

    #[test]
    fn every_text_is_as_likely_as_any_other() {
        let mut counts = [0; 40];
        for seed in 0..1000 {
            sampled(&run(10, 40), seed, 10).into_iter().for_each(|(text, ..)| counts[text] += 1);
        }
        // 250 each, with a standard deviation of 14.
        assert!(counts.iter().all(|count| (180..320).contains(count)), "{counts:?}");
    }

    #[test]
    fn what_is_wanted_is_kept() {
        let mut sample = Sample::new(9, 8);
        for (request, text) in run(200, 100) {
            let wanted = sample.wants(request, text);
            sample.offer(request, text, request);
            assert_eq!(wanted, sample.get(text) == Some(&request), "{request} {text}");
            assert!(!sample.wants(request, text), "it is there already");
        }
        assert_eq!((sample.kept.len(), sample.is_empty()), (8, false));
        let name = sample.fingerprint(&[1, 2]);
        assert_eq!(name, Sample::<()>::new(9, 2).fingerprint(&[1, 2]));
        let others =
            [sample.fingerprint(&[2, 1]), sample.fingerprint(&[1]), Sample::<()>::new(8, 8).fingerprint(&[1, 2])];
        assert!(!others.contains(&name) && !others.contains(&sample.fingerprint(&[])), "{name} {others:?}");
        let mut none = Sample::new(9, 0);
        none.offer(1, 1, ());
        assert!(none.is_empty() && !none.wants(1, 1));
    }
}
