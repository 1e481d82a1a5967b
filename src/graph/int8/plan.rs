//! Chooses the quantisation of an input of products that adds the least noise.
//!
//! Rounding a number to steps of δ adds δ²/12 on average, or its square if that is less (it becomes 0). So each
//! treatment is judged by the noise it adds to the products, from activations and weights alike, over the rows of a few
//! texts; no product is computed for that. Two passes: the ranges of channels first ([`Ranges`]), as the treatments
//! depend on them, then the noise ([`Noise`]).
//!
//! A fixed scale is only for the output of a normalisation: any other value may be larger in other texts by any factor.
//! On all-MiniLM-L6-v2 the inputs of the feed-forward's second product have a few rows with numbers a hundred times
//! larger than others; with their rows scaled, the error of a whole vector falls to a third.

use std::collections::HashMap;

use rayon::prelude::*;

use super::Arithmetic;
use super::weights::{Input, Scaling, Treatment};
use crate::model::weights::TensorData;

/// The share of a channel's size that moves from the activations to the weights: the candidate exponents of
/// SmoothQuant. Above 0.8 channels depend too much on the calibration texts.
const EXPONENTS: [f32; 4] = [0.5, 0.6, 0.7, 0.8];
/// The same for rows that are scaled by themselves.
const EXPONENTS_BY_ROWS: [f32; 3] = [0.4, 0.5, 0.6];
/// Channels below this share of the median count as if they had it: an activation that was small in a few texts may be
/// larger in others.
const LEAST_SHARE: f32 = 0.5;
/// Factor between a fixed range and the measured one. (all-MiniLM-L6-v2, calibrated by 64 sentences, on others: with
/// 1.25 one number in 140,000 is cut off, with 1 one in 15,000; with 1.5 the mean error grows by a fifth.)
const MARGIN: f32 = 1.25;
/// Standard deviations a channel may get away from its mean, however few texts were seen.
const DEVIATIONS: f32 = 4.5;
/// Lower limits of divided rows: activation functions such as Gelu leave little below zero.
const NEGATIVES: [f32; 4] = [1.0, 0.5, 0.25, 0.125];
/// Scaling rows takes several passes over the numbers: it must be better by this factor where a fixed scale will do.
const ROWS_MUST_GAIN: f64 = 1.8;

/// First pass: the range of every channel of every input.
pub(crate) struct Ranges {
    inputs: Vec<Input>,
    /// The number of the group an input belongs to: inputs of the same matrices are treated alike.
    group_of: Vec<usize>,
    /// By group and channel.
    channels: Vec<Vec<Channel>>,
}

/// Statistics of the numbers in a channel.
#[derive(Clone, Copy, Default)]
struct Channel {
    /// 0 or less.
    least: f32,
    /// 0 or more.
    most: f32,
    count: f64,
    sum: f64,
    squares: f64,
}

impl Channel {
    fn add(&mut self, x: f32) {
        self.least = self.least.min(x);
        self.most = self.most.max(x);
        let x = f64::from(x);
        self.count += 1.0;
        self.sum += x;
        self.squares += x * x;
    }

    /// The range that its numbers will hardly leave.
    fn range(&self) -> (f32, f32) {
        let mean = self.sum / self.count.max(1.0);
        let deviation = (self.squares / self.count.max(1.0) - mean * mean).max(0.0).sqrt() as f32;
        let (mean, away) = (mean as f32, DEVIATIONS * deviation);
        ((self.least * MARGIN).min(mean - away), (self.most * MARGIN).max(mean + away))
    }
}

/// Second pass: how much noise each treatment adds.
pub(crate) struct Noise {
    group_of: Vec<usize>,
    groups: Vec<Group>,
}

/// Inputs of the same matrices.
struct Group {
    width: usize,
    candidates: Vec<Candidate>,
}

/// A treatment on trial.
struct Candidate {
    factors: Option<Vec<f32>>,
    scaling: Scaling,
    /// By channel: how much of an activation's noise, once squared, gets into the products.
    gains: Vec<f32>,
    /// Noise in the products for every 1 of an activation's square: that of the weights.
    of_weights: f64,
    noise: f64,
}

impl Ranges {
    /// A plan for these inputs, before any measurement.
    pub(crate) fn new(inputs: Vec<Input>) -> Self {
        let mut group_of: Vec<usize> = Vec::with_capacity(inputs.len());
        let mut home: HashMap<&str, usize> = HashMap::new();
        let mut channels: Vec<Vec<Channel>> = Vec::new();
        for input in &inputs {
            let known = input.matrices.iter().find_map(|matrix| home.get(matrix.name.as_str()).copied());
            let group = known.unwrap_or_else(|| {
                channels.push(vec![Channel::default(); input.width]);
                channels.len() - 1
            });
            for matrix in &input.matrices {
                home.entry(&matrix.name).or_insert(group);
            }
            group_of.push(group);
        }
        Self { group_of, channels, inputs }
    }

    /// Takes the rows of one text: those of every input, one after the other.
    pub(crate) fn add(&mut self, rows: &[&[f32]]) {
        for (rows, &group) in rows.iter().zip(&self.group_of) {
            let channels = &mut self.channels[group];
            for row in rows.chunks_exact(channels.len().max(1)) {
                for (channel, &x) in channels.iter_mut().zip(row) {
                    channel.add(x);
                }
            }
        }
    }

    /// The treatments that are worth trying, for this arithmetic.
    pub(crate) fn treatments(self, arithmetic: Arithmetic) -> Noise {
        let groups = self.channels.par_iter().enumerate().map(|(group, channels)| {
            let members = self.inputs.iter().zip(&self.group_of).filter(|&(_, &of)| of == group);
            let members: Vec<&Input> = members.map(|(input, _)| input).collect();
            Group::new(&members, channels, arithmetic)
        });
        Noise { groups: groups.collect(), group_of: self.group_of }
    }
}

impl Group {
    fn new(members: &[&Input], channels: &[Channel], arithmetic: Arithmetic) -> Self {
        let width = channels.len();
        let matrices: HashMap<&str, &TensorData> =
            members.iter().flat_map(|input| &input.matrices).map(|m| (m.name.as_str(), &m.data)).collect();
        let rows = || matrices.values().flat_map(|matrix| matrix.as_slice().chunks_exact(width.max(1)));
        let (mut largest, mut squares) = (vec![0f32; width], vec![0f32; width]);
        for row in rows() {
            for (at, w) in row.iter().enumerate() {
                largest[at] = largest[at].max(w.abs());
                squares[at] += w * w;
            }
        }
        let candidate = |factors: Option<Vec<f32>>, scaling: Scaling| {
            let factor = |at: usize| factors.as_ref().map_or(1.0, |factors| factors[at]);
            let step = |row: &[f32]| {
                let scale = arithmetic.multiplier().scale(row.iter().enumerate().map(|(at, w)| w / factor(at)));
                f64::from(scale).powi(2) / 12.0
            };
            let of_weights = rows().map(step).sum();
            let gains = squares.iter().enumerate().map(|(at, square)| square / factor(at).powi(2)).collect();
            Candidate { gains, of_weights, noise: 0.0, factors, scaling }
        };
        let sizes: Vec<f32> = channels.iter().map(|channel| channel.most.max(-channel.least)).collect();
        let smoothed = |exponents: &[f32]| -> Vec<Option<Vec<f32>>> {
            exponents.iter().map(|&exponent| Some(smoothing(&sizes, &largest, exponent))).collect()
        };
        let normalised = members.iter().all(|input| input.normalised);
        let one_sided = || NEGATIVES.iter().map(|&negative| candidate(None, Scaling::Rows { negative })).collect();
        if !matches!(arithmetic, Arithmetic::BuiltIn(_)) {
            if arithmetic == Arithmetic::File && !normalised {
                return Self { width, candidates: one_sided() };
            }
            let factors = if normalised { smoothed(&EXPONENTS_BY_ROWS) } else { Vec::new() };
            let rows = Scaling::Rows { negative: 1.0 };
            let candidates = factors.into_iter().chain([None]).map(|factors| candidate(factors, rows)).collect();
            return Self { width, candidates };
        }
        let mut candidates: Vec<Candidate> = one_sided();
        if normalised {
            let smoothed = smoothed(&EXPONENTS).into_iter();
            candidates.extend(smoothed.chain([None]).map(|factors| {
                let factor = |at: usize| factors.as_ref().map_or(1.0, |factors| factors[at]);
                let range = |at: usize| (channels[at].range().0 * factor(at), channels[at].range().1 * factor(at));
                let (least, most) = (0..width).map(range).fold((0f32, 0f32), |a, b| (a.0.min(b.0), a.1.max(b.1)));
                let (scale, zero) = Scaling::between(least, most);
                candidate(factors, Scaling::Fixed { scale, zero })
            }));
        }
        Self { width, candidates }
    }
}

/// SmoothQuant's factors for activations: the reciprocal of activation^exponent / weight^(1 − exponent), channel by
/// channel, on average 1.
fn smoothing(activations: &[f32], weights: &[f32], exponent: f32) -> Vec<f32> {
    let raised = |sizes: &[f32]| -> Vec<f32> {
        let mut sorted = sizes.to_vec();
        sorted.sort_by(f32::total_cmp);
        let least = sorted.get(sorted.len() / 2).map_or(0.0, |median| median * LEAST_SHARE);
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
    pub(crate) fn add(&mut self, rows: &[&[f32]]) {
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
    pub(crate) fn best(self) -> Vec<Treatment> {
        let best = self.groups.into_iter().map(|group| {
            let by_rows = |candidate: &Candidate| matches!(candidate.scaling, Scaling::Rows { .. });
            let handicapped = |c: &Candidate| if by_rows(c) { c.noise * ROWS_MUST_GAIN } else { c.noise };
            let least = group.candidates.into_iter().min_by(|a, b| handicapped(a).total_cmp(&handicapped(b)));
            match least {
                Some(Candidate { factors, scaling, .. }) => {
                    Treatment { smoothing: factors.map(|factors| TensorData::Owned(factors.into())), scaling }
                }
                None => Treatment { smoothing: None, scaling: Scaling::Rows { negative: 1.0 } },
            }
        });
        let best: Vec<Treatment> = best.collect();
        self.group_of.iter().map(|&group| best[group].clone()).collect()
    }
}

impl Candidate {
    /// The noise in the products of one text's `rows`, each `width` numbers.
    fn noise_on(&self, rows: &[f32], width: usize) -> f64 {
        let (step, _) = self.scaling.steps();
        let of_row = |row: &[f32]| {
            let divisor = match self.scaling {
                Scaling::Fixed { .. } => 1.0,
                Scaling::Rows { negative } => {
                    let of = |at: usize| self.factors.as_ref().map_or(row[at], |factors| row[at] * factors[at]);
                    (0..row.len()).map(of).fold(0f32, |most, x| most.max(x).max(-x / negative))
                }
            };
            let rounding = (step * divisor).powi(2) / 12.0;
            let (mut noise, mut squares) = (0f32, 0f32);
            for ((at, &x), gain) in row.iter().enumerate().zip(&self.gains) {
                let y = self.factors.as_ref().map_or(x, |factors| x * factors[at]);
                squares += y * y;
                noise += (y * y).min(rounding) * gain;
            }
            f64::from(noise) + f64::from(squares) * self.of_weights
        };
        rows.chunks_exact(width.max(1)).map(of_row).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::int8::Multiplier;
    use crate::graph::int8::weights::WatchedMatrix;

    const WIDTH: usize = 16;

    fn input(name: &str, normalised: bool) -> Input {
        let numbers: Vec<f32> = (0..4 * WIDTH).map(|i| ((i * 37 % 19) as f32 - 9.0) / 9.0).collect();
        let data = TensorData::Owned(numbers.into());
        Input { width: WIDTH, normalised, matrices: vec![WatchedMatrix { name: name.into(), outputs: 4, data }] }
    }

    /// Rows of numbers up to 1, but about a thousand in channel `loud`, and a hundred times larger in row `large`.
    fn rows(loud: Option<usize>, large: Option<usize>) -> Vec<f32> {
        let number = |row: usize, at: usize| {
            let x = ((row * 31 + at * 17) % 23) as f32 / 11.0 - 1.0;
            let x = if loud == Some(at) { 1000.0 + 10.0 * x } else { x };
            x * if large == Some(row) { 100.0 } else { 1.0 }
        };
        (0..12).flat_map(|row| (0..WIDTH).map(move |at| number(row, at))).collect()
    }

    fn treat(inputs: Vec<Input>, texts: &[Vec<f32>]) -> Vec<Treatment> {
        treat_for(Arithmetic::BuiltIn(Multiplier::Exact), inputs, texts)
    }

    fn treat_for(arithmetic: Arithmetic, inputs: Vec<Input>, texts: &[Vec<f32>]) -> Vec<Treatment> {
        let all: Vec<&[f32]> = texts.iter().map(Vec::as_slice).collect();
        let mut ranges = Ranges::new(inputs);
        ranges.add(&all);
        let mut noise = ranges.treatments(arithmetic);
        noise.add(&all);
        noise.best()
    }

    fn factors(treatment: &Treatment) -> Vec<f32> {
        treatment.smoothing.as_ref().map(|factors| factors.as_slice().to_vec()).unwrap_or_default()
    }

    #[test]
    fn a_loud_channel_is_smoothed_and_a_large_row_scaled() {
        let texts = [rows(Some(3), None), rows(None, Some(5))];
        let treatments = treat(vec![input("a", true), input("b", true)], &texts);
        let smooth = factors(&treatments[0]);
        assert_eq!(smooth.len(), WIDTH);
        assert!(smooth.iter().enumerate().all(|(at, &f)| at == 3 || f > 3.0 * smooth[3]), "{smooth:?}");
        assert!(matches!(treatments[0].scaling, Scaling::Fixed { .. }));
        assert!(matches!(treatments[1].scaling, Scaling::Rows { .. }));
        assert!(treatments[1].smoothing.is_none());
    }

    #[test]
    fn what_is_not_normalised_has_its_rows_scaled_with_little_room_below_zero_if_little_is_there() {
        let positive: Vec<f32> = rows(None, None).into_iter().map(|x| x.max(-0.2)).collect();
        let treatments = treat(vec![input("a", false), input("b", false)], &[rows(None, None), positive]);
        let scalings: Vec<Scaling> = treatments.iter().map(|treatment| treatment.scaling).collect();
        assert_eq!(scalings, [Scaling::Rows { negative: 1.0 }, Scaling::Rows { negative: 0.25 }]);
    }

    #[test]
    fn own_operators_smooth_a_loud_channel_and_scale_every_row() {
        let inputs = || vec![input("a", true), input("b", true), input("c", false)];
        let texts = [rows(Some(3), None), rows(None, Some(5)), rows(Some(3), None)];
        let treatments = treat_for(Arithmetic::Own(Multiplier::Exact), inputs(), &texts);
        let smooth = factors(&treatments[0]);
        assert!(smooth.iter().enumerate().all(|(at, &f)| at == 3 || f > 3.0 * smooth[3]), "{smooth:?}");
        assert!(factors(&treatments[2]).is_empty());
        assert!(treatments.iter().all(|treatment| treatment.scaling == Scaling::Rows { negative: 1.0 }));
    }

    #[test]
    fn files_smooth_a_loud_channel_and_scale_every_row() {
        let positive: Vec<f32> = rows(None, None).into_iter().map(|x| x.max(-0.2)).collect();
        let inputs = vec![input("a", true), input("b", false)];
        let treatments = treat_for(Arithmetic::File, inputs, &[rows(Some(3), None), positive]);
        let smooth = factors(&treatments[0]);
        assert!(smooth.iter().enumerate().all(|(at, &f)| at == 3 || f > 3.0 * smooth[3]), "{smooth:?}");
        let scalings: Vec<Scaling> = treatments.iter().map(|treatment| treatment.scaling).collect();
        assert_eq!(scalings, [Scaling::Rows { negative: 1.0 }, Scaling::Rows { negative: 0.25 }]);
    }

    #[test]
    fn inputs_of_one_matrix_are_treated_alike() {
        let texts = [rows(Some(3), None), rows(Some(3), None).into_iter().map(|x| x / 2.0).collect()];
        let alike = treat(vec![input("a", true), input("a", true)], &texts);
        let smooth = factors(&alike[0]);
        assert!(!smooth.is_empty() && smooth[3] < smooth[5], "{smooth:?}");
        assert!(factors(&alike[0]) == factors(&alike[1]) && alike[0].scaling == alike[1].scaling);
        let one_unbounded = treat(vec![input("a", true), input("a", false)], &texts);
        assert!(one_unbounded.iter().all(|treatment| matches!(treatment.scaling, Scaling::Rows { .. })));
    }

    #[test]
    fn zeros_and_infinities_give_usable_numbers() {
        for (activations, weights) in [([0.0; 3], [0.0; 3]), ([f32::INFINITY, 0.0, 1.0], [1.0, f32::NAN, 0.0])] {
            let factors = smoothing(&activations, &weights, 0.6);
            assert!(factors.iter().all(|f| f.is_finite() && *f > 0.0), "{factors:?}");
        }
        for (least, most) in [(0.0, 0.0), (f32::NEG_INFINITY, 0.0), (-1e-45, 0.0)] {
            let (scale, _) = Scaling::between(least, most);
            assert!(scale.is_finite() && scale > 0.0, "{least} {most}: {scale}");
        }
        assert!((127..=128).contains(&Scaling::between(-1.0, 1.0).1));
        assert_eq!(Scaling::between(0.0, 1.0), (1.0 / 255.0, 0));
        // A matrix without columns, as a config.json may ask for.
        let none = Input { width: 0, normalised: true, matrices: Vec::new() };
        assert_eq!(treat(vec![none], &[Vec::new()]).len(), 1);
    }
}
