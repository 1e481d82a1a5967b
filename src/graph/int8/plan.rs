//! Which treatment an input of products gets before it is quantised: the one that adds the least noise.
//!
//! Rounding a number to steps of δ adds δ²/12 on average, or all of its square if that is less (it becomes 0). One text
//! gets one δ: what is small beside the text's largest number is lost. So each treatment is judged by the noise it adds
//! to the products, in numbers of activations and of weights alike, over the rows of a few texts; nothing need be
//! multiplied for that. Two passes: the sizes of channels first ([`Ranges`]), as the treatments depend on them, then
//! the noise ([`Noise`]).
//!
//! On all-MiniLM-L6-v2 the inputs of the feed-forward's second product want their rows scaled: a few tokens have
//! activations a hundred times larger than others.

use std::collections::HashMap;

use rayon::prelude::*;

use super::{Bits, Input, Treatment};
use crate::model::weights::TensorData;

/// How far a channel's size moves from the activations to the weights: the exponents of SmoothQuant that are tried.
/// Above 0.8 channels depend too much on the texts they were measured on.
const EXPONENTS: [f32; 4] = [0.5, 0.6, 0.7, 0.8];
/// Channels below this share of the median count as if they had it: an activation that was small in a few texts may be
/// larger in others.
const LEAST_SHARE: f32 = 0.5;
/// Scaling rows takes several passes over the numbers, smoothing one: it must be better by this factor. (Measured on
/// all-MiniLM-L6-v2: inputs of the feed-forward's second product gain 2.2 to 3.4, all others less than 1.4.)
const ROWS_MUST_GAIN: f64 = 1.8;
/// Steps of an activation: unsigned 8 bits.
const STEPS: f32 = 255.0;

/// First pass: how large every channel of every input gets.
pub struct Ranges {
    inputs: Vec<Input>,
    /// The number of the group an input belongs to: inputs of the same matrices are treated alike.
    group_of: Vec<usize>,
    groups: usize,
    /// Largest absolute number, by group and channel.
    channels: Vec<Vec<f32>>,
}

/// Second pass: how much noise each treatment adds.
pub struct Noise {
    group_of: Vec<usize>,
    groups: Vec<Group>,
}

/// Inputs of the same matrices.
struct Group {
    width: usize,
    /// Treatments that are tried: smoothing by these factors (none: 1), or scaling rows, which is the last.
    candidates: Vec<Candidate>,
}

struct Candidate {
    factors: Option<Vec<f32>>,
    rows: bool,
    /// By channel: how much of an activation's noise, once squared, gets into the products.
    gains: Vec<f32>,
    /// Noise in the products for every 1 of an activation's square: that of the weights.
    of_weights: f64,
    noise: f64,
}

impl Ranges {
    /// For these inputs, of which nothing is known yet.
    pub fn new(inputs: Vec<Input>) -> Self {
        let mut group_of: Vec<usize> = Vec::with_capacity(inputs.len());
        let mut home: HashMap<&str, usize> = HashMap::new();
        let mut channels: Vec<Vec<f32>> = Vec::new();
        for input in &inputs {
            let known = input.matrices.iter().find_map(|matrix| home.get(matrix.name.as_str()).copied());
            let group = known.unwrap_or_else(|| {
                channels.push(vec![0.0; input.width]);
                channels.len() - 1
            });
            for matrix in &input.matrices {
                home.entry(&matrix.name).or_insert(group);
            }
            group_of.push(group);
        }
        Self { groups: channels.len(), group_of, channels, inputs }
    }

    /// Takes the rows of one text: those of every input, one after the other.
    pub fn add(&mut self, rows: &[&[f32]]) {
        for (rows, &group) in rows.iter().zip(&self.group_of) {
            let channels = &mut self.channels[group];
            for row in rows.chunks_exact(channels.len()) {
                for (most, x) in channels.iter_mut().zip(row) {
                    *most = most.max(x.abs());
                }
            }
        }
    }

    /// The treatments that are worth trying, with weights of so many `bits`.
    pub fn treatments(self, bits: Bits) -> Noise {
        let groups = (0..self.groups).into_par_iter().map(|group| {
            let members = self.inputs.iter().zip(&self.group_of).filter(|&(_, &of)| of == group);
            Group::new(members.map(|(input, _)| input), &self.channels[group], bits)
        });
        Noise { groups: groups.collect(), group_of: self.group_of }
    }
}

impl Group {
    fn new<'a>(members: impl Iterator<Item = &'a Input>, channels: &[f32], bits: Bits) -> Self {
        let width = channels.len();
        let mut matrices: Vec<&TensorData> = Vec::new();
        let mut names = Vec::new();
        for matrix in members.flat_map(|input| &input.matrices) {
            if !names.contains(&&matrix.name) {
                names.push(&matrix.name);
                matrices.push(&matrix.data);
            }
        }
        let (mut largest, mut squares) = (vec![0f32; width], vec![0f32; width]);
        for row in matrices.iter().flat_map(|matrix| matrix.as_slice().chunks_exact(width)) {
            for (at, w) in row.iter().enumerate() {
                largest[at] = largest[at].max(w.abs());
                squares[at] += w * w;
            }
        }
        let smoothed = EXPONENTS.iter().map(|&exponent| Some(smoothing(channels, &largest, exponent)));
        let tried = smoothed.map(|factors| (factors, false)).chain([(None, false), (None, true)]);
        let candidates = tried
            .map(|(factors, rows)| {
                let factor = |at: usize| factors.as_ref().map_or(1.0, |factors: &Vec<f32>| factors[at]);
                let steps = matrices.iter().flat_map(|matrix| matrix.as_slice().chunks_exact(width)).map(|row| {
                    let largest = row.iter().enumerate().fold(0f32, |most, (at, w)| most.max((w / factor(at)).abs()));
                    f64::from(largest / bits.largest()).powi(2) / 12.0
                });
                let of_weights = steps.sum();
                let gains = squares.iter().enumerate().map(|(at, square)| square / factor(at).powi(2)).collect();
                Candidate { rows, gains, of_weights, noise: 0.0, factors }
            })
            .collect();
        Self { width, candidates }
    }
}

/// SmoothQuant's factors for activations: the reciprocal of activation^exponent / weight^(1 − exponent), channel by
/// channel, on average 1.
fn smoothing(activations: &[f32], weights: &[f32], exponent: f32) -> Vec<f32> {
    let raised = |sizes: &[f32]| -> Vec<f32> {
        let mut sorted = sizes.to_vec();
        sorted.sort_by(f32::total_cmp);
        let least = sorted[sorted.len() / 2] * LEAST_SHARE;
        sizes.iter().map(|&size| if size.is_finite() { size.max(least).max(f32::MIN_POSITIVE) } else { 1.0 }).collect()
    };
    let (activations, weights) = (raised(activations), raised(weights));
    let logs: Vec<f32> =
        activations.iter().zip(&weights).map(|(a, w)| (1.0 - exponent) * w.ln() - exponent * a.ln()).collect();
    let mean = logs.iter().sum::<f32>() / logs.len() as f32;
    logs.iter().map(|log| (log - mean).exp()).collect()
}

impl Noise {
    /// Takes the rows of one text, as [`Ranges::add`].
    pub fn add(&mut self, rows: &[&[f32]]) {
        let (groups, group_of) = (&self.groups, &self.group_of);
        let noises: Vec<Vec<f64>> = rows
            .par_iter()
            .zip(group_of)
            .map(|(rows, &group)| {
                let Group { width, candidates } = &groups[group];
                candidates.iter().map(|candidate| candidate.noise_on(rows, *width)).collect()
            })
            .collect();
        for (&group, noises) in self.group_of.iter().zip(noises) {
            for (candidate, noise) in self.groups[group].candidates.iter_mut().zip(noises) {
                candidate.noise += noise;
            }
        }
    }

    /// The best treatment for every input.
    pub fn best(self) -> Vec<Treatment> {
        let best = self.groups.into_iter().map(|group| {
            let (rows, smooth): (Vec<Candidate>, Vec<Candidate>) = group.candidates.into_iter().partition(|c| c.rows);
            let least = |candidates: Vec<Candidate>| candidates.into_iter().min_by(|a, b| a.noise.total_cmp(&b.noise));
            match (least(smooth), least(rows)) {
                (Some(smooth), Some(rows)) if smooth.noise > rows.noise * ROWS_MUST_GAIN => {
                    Treatment { smoothing: None, rows: true }
                }
                (smooth, _) => Treatment {
                    smoothing: smooth.and_then(|c| c.factors).map(|factors| TensorData::Owned(factors.into())),
                    rows: false,
                },
            }
        });
        let best: Vec<Treatment> = best.collect();
        self.group_of.iter().map(|&group| best[group].clone()).collect()
    }
}

impl Candidate {
    /// The noise in the products of one text's `rows`, each `width` numbers.
    fn noise_on(&self, rows: &[f32], width: usize) -> f64 {
        let maximum = |row: &[f32]| match self.rows {
            true => row.iter().fold(0f32, |most, x| most.max(x.abs())).max(f32::MIN_POSITIVE),
            false => 1.0,
        };
        let treated = |at: usize, x: f32| self.factors.as_ref().map_or(x, |factors| x * factors[at]);
        let (mut least, mut most) = (0f32, 0f32);
        for row in rows.chunks_exact(width) {
            let maximum = maximum(row);
            for (at, &x) in row.iter().enumerate() {
                let y = treated(at, x) / maximum;
                least = least.min(y);
                most = most.max(y);
            }
        }
        let step = ((most - least) / STEPS).powi(2) / 12.0;
        rows.chunks_exact(width)
            .map(|row| {
                let maximum = maximum(row);
                let (mut rounding, mut squares) = (0f32, 0f32);
                for ((at, &x), gain) in row.iter().enumerate().zip(&self.gains) {
                    let y = treated(at, x);
                    squares += y * y;
                    rounding += (y * y).min(step * maximum * maximum) * gain;
                }
                f64::from(rounding) + f64::from(squares) * self.of_weights
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::WatchedMatrix;
    use super::*;

    const WIDTH: usize = 16;

    fn input(name: &str) -> Input {
        let numbers: Vec<f32> = (0..4 * WIDTH).map(|i| ((i * 37 % 19) as f32 - 9.0) / 9.0).collect();
        let data = TensorData::Owned(numbers.into());
        Input { width: WIDTH, matrices: vec![WatchedMatrix { name: name.into(), outputs: 4, data }] }
    }

    /// Rows of numbers about 1, where channel `loud` and row `large` are a hundred times larger.
    fn rows(loud: Option<usize>, large: Option<usize>) -> Vec<f32> {
        let number = |row: usize, at: usize| {
            let x = ((row * 31 + at * 17) % 23) as f32 / 11.0 - 1.0;
            x * if loud == Some(at) { 100.0 } else { 1.0 } * if large == Some(row) { 100.0 } else { 1.0 }
        };
        (0..12).flat_map(|row| (0..WIDTH).map(move |at| number(row, at))).collect()
    }

    fn treat(inputs: Vec<Input>, texts: &[Vec<f32>]) -> Vec<Treatment> {
        let all: Vec<&[f32]> = texts.iter().map(Vec::as_slice).collect();
        let mut ranges = Ranges::new(inputs);
        ranges.add(&all);
        let mut noise = ranges.treatments(Bits::Eight);
        noise.add(&all);
        noise.best()
    }

    #[test]
    fn a_loud_channel_is_smoothed_and_a_large_row_scaled() {
        let treatments = treat(vec![input("a"), input("b")], &[rows(Some(3), None), rows(None, Some(5))]);
        let factors = treatments[0].smoothing.as_ref().map(|factors| factors.as_slice().to_vec()).unwrap_or_default();
        assert_eq!(factors.len(), WIDTH);
        assert!(factors.iter().enumerate().all(|(at, &f)| at == 3 || f > 3.0 * factors[3]), "{factors:?}");
        assert!(!treatments[0].rows);
        assert!(treatments[1].rows && treatments[1].smoothing.is_none());
    }

    #[test]
    fn inputs_of_one_matrix_are_treated_alike() {
        let treatments = treat(vec![input("a"), input("a")], &[rows(Some(3), None), rows(None, None)]);
        let [first, second] = [0, 1].map(|i| treatments[i].smoothing.as_ref().map(|f| f.as_slice().to_vec()));
        assert!(first.is_some());
        assert_eq!(first, second);
    }

    #[test]
    fn zeros_and_infinities_give_usable_factors() {
        for (activations, weights) in [([0.0; 3], [0.0; 3]), ([f32::INFINITY, 0.0, 1.0], [1.0, f32::NAN, 0.0])] {
            let factors = smoothing(&activations, &weights, 0.6);
            assert!(factors.iter().all(|f| f.is_finite() && *f > 0.0), "{factors:?}");
        }
    }
}
