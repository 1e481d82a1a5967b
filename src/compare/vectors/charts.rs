//! The distribution of cosines as a figure.

use super::histogram::{CosineHistogram, DistanceBin};
use super::verdict::INTERCHANGEABLE_COSINE;
use crate::report::document::Chart;
use crate::report::plot::{Bin, Histogram, histogram};

/// Distances at which a tick is, those with one more nine each.
const TICKS: [f64; 9] = [2.0, 1.0, 0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7];
/// The shortest axis begins at this distance.
const SHORTEST: f64 = 0.01;

/// The distance at which an axis begins that all of these histograms have room on: that of a tick.
pub(in crate::compare) fn farthest<'a>(histograms: impl IntoIterator<Item = &'a CosineHistogram>) -> f64 {
    let filled = histograms.into_iter().flat_map(|histogram| &histogram.bins).filter(|bin| bin.inputs > 0);
    let farthest = filled.map(|bin| bin.to).fold(SHORTEST, f64::max);
    TICKS.into_iter().rev().find(|&tick| tick >= farthest).unwrap_or(TICKS[0])
}

/// The distribution of the cosines of one set, from far to near. `id` is unique in the page, `series` sets the colour,
/// and `from` is the result of [`farthest`] over all histograms side by side.
pub(in crate::compare) fn cosines(
    id: &str,
    heading: String,
    series: usize,
    cosines: &CosineHistogram,
    from: f64,
) -> Chart {
    let about = format!(
        "Each tick to the right is one more nine. From {INTERCHANGEABLE_COSINE} on, vectors may stand beside the \
         reference's in one index. Rounded to bfloat16 they are near 0.999999, to float16 at the right end."
    );
    let drawn = drawn(cosines, from);
    let title = "How many inputs have which cosine of their vectors with the reference's";
    let axes = ("cosine with the reference's vector", "inputs");
    Chart { heading, about, picture: histogram(id, title, axes, series, &drawn), legend: Vec::new() }
}

fn drawn(cosines: &CosineHistogram, from: f64) -> Histogram {
    let shown: Vec<&DistanceBin> = cosines.bins.iter().rev().filter(|bin| bin.to <= from).collect();
    let before = |distance: f64| shown.iter().filter(|bin| bin.from >= distance).count();
    let bin =
        |bin: &&DistanceBin| Bin { count: bin.inputs, range: format!("{} to {}", written(bin.to), written(bin.from)) };
    let limit = 1.0 - INTERCHANGEABLE_COSINE;
    // Its decimal form.
    let limit = TICKS.into_iter().find(|tick| (tick / limit - 1.0).abs() < 1e-6).unwrap_or(limit);
    Histogram {
        bins: shown.iter().map(bin).collect(),
        ticks: TICKS.into_iter().filter(|&tick| tick <= from).map(|tick| (before(tick), written(tick))).collect(),
        marks: vec![(before(limit), format!("interchangeable from {INTERCHANGEABLE_COSINE} on"))],
    }
}

/// The cosine at this distance: `0.998`.
fn written(distance: f64) -> String {
    let text = format!("{:.7}", 1.0 - distance);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(cosines: &[f64]) -> CosineHistogram {
        CosineHistogram::of(cosines.iter().copied()).unwrap()
    }

    #[test]
    fn an_axis_has_room_for_all() {
        assert_eq!(farthest([]), 0.01);
        assert_eq!(farthest([&of(&[1.0, 0.9999])]), 0.01);
        assert_eq!(farthest([&of(&[1.0]), &of(&[0.97])]), 0.1);
        assert_eq!(farthest([&of(&[0.3])]), 1.0);
        assert_eq!(farthest([&of(&[-1.0])]), 2.0);
    }

    #[test]
    fn cosines_rise_to_the_right() {
        let cosines = of(&[1.0, 0.9985, 0.9985, 0.97]);
        let drawn = drawn(&cosines, farthest([&cosines]));
        let filled: Vec<(usize, &str, usize)> = drawn
            .bins
            .iter()
            .enumerate()
            .filter(|(_, bin)| bin.count > 0)
            .map(|(at, bin)| (at, bin.range.as_str(), bin.count))
            .collect();
        assert_eq!(filled, [(1, "0.95 to 0.98", 1), (5, "0.998 to 0.999", 2), (18, "0.9999999 to 1", 1)]);
        assert_eq!(drawn.bins.len(), 19);
        let ticks: Vec<String> = drawn.ticks.iter().map(|(at, text)| format!("{at}:{text}")).collect();
        assert_eq!(ticks.join(" "), "0:0.9 3:0.99 6:0.999 9:0.9999 12:0.99999 15:0.999999 18:0.9999999");
        assert_eq!(drawn.marks, [(6, "interchangeable from 0.999 on".to_owned())]);
    }
}
