//! Angles for texts longer than those a model was trained on first: linear scaling, that of Llama 3, YaRN.
//!
//! The arithmetic is in f32, rounded where the reference rounds.
//! Reference: `transformers`, `modeling_rope_utils.py`; Peng et al. 2023, <https://arxiv.org/abs/2309.00071>.

use std::f64::consts::TAU;

use crate::graph::builder::Rotary;

/// All angles divided by `factor`.
pub(super) fn linear(plain: Rotary, factor: f64) -> Rotary {
    changed(plain, |frequency| frequency / factor as f32)
}

/// Settings of Llama 3's scaling.
pub(super) struct Llama3 {
    pub factor: f64,
    /// Waves of which the text holds fewer are stretched by `factor`.
    pub low: f64,
    /// Waves of which the text holds more are kept.
    pub high: f64,
    /// Length of the texts in training.
    pub trained: f64,
}

/// Long waves stretched by a factor, short ones left, the ones between in proportion.
pub(super) fn llama3(plain: Rotary, s: &Llama3) -> Rotary {
    let (factor, low, high, trained) = (s.factor as f32, s.low as f32, s.high as f32, s.trained as f32);
    let (longest, shortest) = ((s.trained / s.low) as f32, (s.trained / s.high) as f32);
    changed(plain, |frequency| {
        let wave = TAU as f32 / frequency;
        if wave > longest {
            frequency / factor
        } else if wave < shortest {
            frequency
        } else {
            let smooth = (trained / wave - low) / (high - low);
            (1.0 - smooth) * frequency / factor + smooth * frequency
        }
    })
}

/// Settings of YaRN.
pub(super) struct Yarn {
    pub factor: f64,
    /// Factor of cosine and sine, where it is given.
    pub attention: Option<f64>,
    /// `mscale` and `mscale_all_dim`, from which that factor follows.
    pub mscale: Option<(f64, f64)>,
    pub beta_fast: f64,
    pub beta_slow: f64,
    /// Length of the texts in training.
    pub trained: f64,
    /// True if the bounds of the ramp are whole numbers.
    pub whole: bool,
}

/// Waves that turn less than `beta_slow` times in a text of training are stretched by the factor, those that turn more
/// than `beta_fast` times stay, and a ramp lies between.
pub(super) fn yarn(plain: Rotary, base: f64, s: &Yarn) -> Rotary {
    let dim = (2 * plain.frequencies.len()) as f64;
    let pair_that_turns = |times: f64| dim * (s.trained / (times * TAU)).ln() / (2.0 * base.ln());
    let (mut low, mut high) = (pair_that_turns(s.beta_fast), pair_that_turns(s.beta_slow));
    if s.whole {
        (low, high) = (low.floor(), high.ceil());
    }
    let (low, mut high) = (low.max(0.0), high.min(dim - 1.0));
    if low == high {
        high += 0.001;
    }
    let scale = |by: f64| if s.factor <= 1.0 { 1.0 } else { 0.1 * by * s.factor.ln() + 1.0 };
    let factor = match (s.attention, s.mscale) {
        (Some(factor), _) => factor,
        (None, Some((one, all))) => scale(one) / scale(all),
        (None, None) => scale(1.0),
    };
    let mut pair = 0u16; // heads are shorter than that: rotary.rs
    let stretched = changed(plain, |frequency| {
        let ramp = ((f32::from(pair) - low as f32) / (high - low) as f32).clamp(0.0, 1.0);
        pair += 1;
        let kept = 1.0 - ramp;
        let interpolated = 1.0 / (s.factor as f32 * (1.0 / frequency));
        interpolated * (1.0 - kept) + frequency * kept
    });
    Rotary { factor, ..stretched }
}

fn changed(rotary: Rotary, mut change: impl FnMut(f32) -> f32) -> Rotary {
    let frequencies = rotary.frequencies.iter().map(|&frequency| f64::from(change(frequency as f32))).collect();
    Rotary { frequencies, ..rotary }
}
