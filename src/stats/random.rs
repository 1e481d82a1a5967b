//! Random numbers that never change: the same on every machine and with every version of every crate.
//!
//! A seed names texts in published tables, so what it stands for must not change with an update. The generator is
//! SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014), and the logarithms are
//! `libm`'s, as those of the system differ from machine to machine.

use std::f64::consts::TAU;

/// A stream of random numbers.
pub(crate) struct Random(u64);

/// The increment of SplitMix64: 2^64 divided by the golden ratio, made odd.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64's function of output: a permutation of the numbers that leaves no pattern in them.
pub(crate) fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number that belongs to `item` under `seed`.
pub(crate) fn hash(seed: u64, item: u64) -> u64 {
    mix(mix(seed.wrapping_add(STEP)) ^ item.wrapping_add(1).wrapping_mul(STEP))
}

impl Random {
    /// The stream of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The stream of the `item`th thing under a seed, which does not depend on how many there are.
    pub(crate) fn of(seed: u64, item: usize) -> Self {
        Self(hash(seed, item as u64))
    }

    /// The next number, of 64 bits.
    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number below `end`; 0 if that is 0. Off from equally likely by less than `end` / 2^64.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next_u64()) * end as u128) >> 64) as usize
    }

    /// A number in [0, 1), of 53 bits.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number of the standard normal distribution (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        // In (0, 1]: the logarithm of 0 is infinite.
        let radius = (-2.0 * libm::log(1.0 - self.unit())).sqrt();
        radius * libm::cos(TAU * self.unit())
    }

    /// Every order is as likely as any other (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of `splitmix64.c` by Sebastiano Vigna, from an implementation in Python.
    #[test]
    fn it_is_splitmix64() {
        let mut random = Random::new(1_234_567);
        let numbers: Vec<u64> = (0..3).map(|_| random.next_u64()).collect();
        assert_eq!(numbers, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn numbers_are_where_they_should_be() {
        let mut random = Random::new(1);
        let n = 20_000;
        let units: Vec<f64> = (0..n).map(|_| random.unit()).collect();
        assert!(units.iter().all(|x| (0.0..1.0).contains(x)));
        assert!((units.iter().sum::<f64>() / f64::from(n) - 0.5).abs() < 0.01);
        let normals: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let (mean, square) = normals.iter().fold((0.0, 0.0), |(m, s), x| (m + x, s + x * x));
        assert!((mean / f64::from(n)).abs() < 0.03 && (square / f64::from(n) - 1.0).abs() < 0.05);
        let mut seen = [0; 6];
        (0..6000).for_each(|_| seen[random.below(6)] += 1);
        assert!(seen.iter().all(|count| (850..1150).contains(count)), "{seen:?}");
        assert_eq!((random.below(0), random.below(1)), (0, 0));
    }

    #[test]
    fn items_have_streams_of_their_own() {
        let first = |seed, item| Random::of(seed, item).next_u64();
        let all: std::collections::HashSet<u64> = (0..10).flat_map(|s| (0..10).map(move |i| first(s, i))).collect();
        assert_eq!(all.len(), 100);
        assert_eq!(first(3, 4), first(3, 4));
    }

    #[test]
    fn shuffling_loses_nothing() {
        let mut items: Vec<usize> = (0..50).collect();
        Random::new(9).shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
        Random::new(9).shuffle::<u8>(&mut []);
    }
}
