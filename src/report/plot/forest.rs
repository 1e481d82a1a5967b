//! Changes, one below the other, each with its interval, around a line of no change.

use super::super::markup::Markup;
use super::super::text::shortened;
use super::super::tone::Tone;
use super::svg::{WIDTH, begin, label, px, rule};

/// Height of a row, and of the heading of a group.
const ROW: f64 = 24.0;
const HEADING: f64 = 30.0;
const TOP: f64 = 34.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = WIDTH - 196.0;
const MIDDLE: f64 = (LEFT + RIGHT) / 2.0;
/// Half of the axis.
const HALF: f64 = (RIGHT - LEFT) / 2.0;
/// Characters of a label, and of the heading of a group.
const LABEL: usize = 17;
const NAME: usize = 60;
/// The axis holds a change of at least 1 % and at most a thousandfold one (natural logarithms).
const LEAST: f64 = 0.01;
const MOST: f64 = 6.9;
/// Rows that reach farther than this multiple of the third quartile are cut: all others would be dots in the middle.
const FARTHER: f64 = 3.0;

/// A change.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ForestRow {
    /// The name of the metric.
    pub label: String,
    /// The new value over the old one.
    pub ratio: f64,
    /// The ends of its interval.
    pub interval: Option<(f64, f64)>,
    /// The smallest change, as a share, that is distinguishable from none.
    pub noise: Option<f64>,
    /// Good, bad or neither.
    pub tone: Tone,
    /// The text beside it.
    pub text: String,
}

/// Rows under a heading.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ForestGroup {
    /// The heading.
    pub name: String,
    pub rows: Vec<ForestRow>,
}

/// The chart. Its axis is logarithmic: half is as far to the left as double is to the right. Changes beyond its ends are
/// cut and end in an arrow.
pub(crate) fn forest(id: &str, title: &str, groups: &[ForestGroup]) -> Markup {
    let rows = || groups.iter().flat_map(|group| &group.rows);
    let bottom = TOP + groups.iter().map(|group| HEADING + ROW * group.rows.len() as f64).sum::<f64>();
    let reach = reach(rows());
    let mut svg = begin(id, title, bottom + 40.0);
    let mut y = TOP;
    // Bands lie below the grid.
    for group in groups {
        y += HEADING;
        for row in &group.rows {
            if let Some(noise) = row.noise.filter(|noise| noise.is_finite() && *noise > 0.0) {
                let half = place((1.0 + noise).ln(), reach) - MIDDLE;
                let (x, wide) = (px(MIDDLE - half), px(2.0 * half));
                let (top, tall) = (px(y + 2.0), px(ROW - 4.0));
                svg.empty("rect", &[("class", &"band"), ("x", &x), ("y", &top), ("width", &wide), ("height", &tall)]);
            }
            y += ROW;
        }
    }
    for (ln, text) in ticks(reach) {
        let x = place(ln, reach);
        rule(&mut svg, if ln == 0.0 { "axis" } else { "grid" }, (x, TOP), (x, bottom));
        label(&mut svg, "middle", (x, bottom + 18.0), &text);
    }
    label(&mut svg, "middle", (MIDDLE, 18.0), "no change");
    y = TOP;
    for group in groups {
        svg.element(
            "text",
            &[("class", &"name"), ("x", &"8"), ("y", &px(y + HEADING - 8.0))],
            shortened(&group.name, NAME),
        );
        y += HEADING;
        for row in &group.rows {
            drawn(&mut svg, row, &group.name, y + ROW / 2.0, reach);
            y += ROW;
        }
    }
    svg.close("svg");
    svg
}

fn drawn(svg: &mut Markup, row: &ForestRow, of: &str, y: f64, reach: f64) {
    svg.open("g", &[("class", &row.tone.class())]);
    svg.element("title", &[], format_args!("{of}, {}: {}", row.label, row.text));
    label(svg, "end", (LEFT - 14.0, y + 4.5), &shortened(&row.label, LABEL));
    let ln = |ratio: f64| Some(ratio.ln()).filter(|ln| ln.is_finite());
    if let Some((low, high)) = row.interval.and_then(|(low, high)| ln(low).zip(ln(high))) {
        rule(svg, "range", (place(low, reach), y), (place(high, reach), y));
        for end in [low, high] {
            let x = place(end, reach);
            if end.abs() > reach {
                arrow(svg, x, y, end.signum());
            } else {
                rule(svg, "range", (x, y - 4.0), (x, y + 4.0));
            }
        }
    }
    if let Some(ln) = ln(row.ratio) {
        let x = place(ln, reach);
        if ln.abs() > reach {
            arrow(svg, x, y, ln.signum());
        } else {
            svg.empty("circle", &[("class", &"point"), ("cx", &px(x)), ("cy", &px(y)), ("r", &"5")]);
        }
    }
    label(svg, "start", (RIGHT + 14.0, y + 4.5), &row.text);
    svg.close("g");
}

/// The mark of a change beyond the end of the axis.
fn arrow(svg: &mut Markup, x: f64, y: f64, towards: f64) {
    let back = x - 8.0 * towards;
    let path = format!("M{} {}L{} {}L{} {}", px(back), px(y - 5.0), px(x), px(y), px(back), px(y + 5.0));
    svg.empty("path", &[("class", &"arrow"), ("d", &path)]);
}

/// The horizontal position of a change.
fn place(ln: f64, reach: f64) -> f64 {
    MIDDLE + (ln / reach).clamp(-1.0, 1.0) * HALF
}

/// The change at the end of the axis.
fn reach<'a>(rows: impl Iterator<Item = &'a ForestRow>) -> f64 {
    let far = |row: &ForestRow| {
        let (low, high) = row.interval.unwrap_or((row.ratio, row.ratio));
        let ends = [row.ratio, low, high].map(|ratio| ratio.ln().abs());
        ends.into_iter().filter(|end| end.is_finite()).fold(0.0, f64::max)
    };
    let mut all: Vec<f64> = rows.map(far).collect();
    all.sort_by(f64::total_cmp);
    let most = all.last().copied().unwrap_or_default();
    let usual = all.get(all.len().saturating_sub(1) * 3 / 4).copied().unwrap_or_default();
    // If most have not changed at all, any change is an outlier.
    let most = if usual > 0.0 { most.min(FARTHER * usual) } else { most };
    (most * 1.05).clamp(LEAST, MOST)
}

/// Changes that are written below the axis: per cent, or factors where it is long.
fn ticks(reach: f64) -> Vec<(f64, String)> {
    let high = reach.exp();
    let mut ticks = vec![(0.0, "0%".to_owned())];
    if high < 2.5 {
        let steps = [0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0];
        let step = steps.into_iter().find(|step| (high - 1.0) * 100.0 / step < 4.0).unwrap_or(50.0);
        for percent in (1..=3).map(|at| step * f64::from(at)) {
            for percent in [percent, -percent] {
                let ln = (1.0 + percent / 100.0_f64).ln();
                if ln.abs() <= reach {
                    ticks.push((ln, format!("{percent:+}%")));
                }
            }
        }
    } else {
        let factors: &[f64] = match high {
            few if few < 12.0 => &[2.0, 5.0, 10.0],
            some if some < 120.0 => &[3.0, 10.0, 30.0, 100.0],
            _ => &[10.0, 100.0, 1000.0],
        };
        for factor in factors.iter().filter(|factor| factor.ln() <= reach) {
            ticks.extend([(factor.ln(), format!("×{factor}")), (-factor.ln(), format!("÷{factor}"))]);
        }
    }
    ticks.sort_by(|a, b| a.0.total_cmp(&b.0));
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ratio: f64, interval: Option<(f64, f64)>, noise: Option<f64>) -> ForestRow {
        ForestRow { label: "p99".into(), ratio, interval, noise, tone: Tone::Bad, text: "<b>".into() }
    }

    fn group(rows: Vec<ForestRow>) -> ForestGroup {
        ForestGroup { name: "onnx".into(), rows }
    }

    #[test]
    fn no_change_is_in_the_middle() {
        let svg =
            forest("f", "t", &[group(vec![row(1.0, Some((0.8, 1.25)), Some(0.1)), row(0.6, None, None)])]).finish();
        // 0.6 is nearly at the left end.
        let reach = (1.0f64 / 0.6).ln() * 1.05;
        let x = |ratio: f64| px(MIDDLE + ratio.ln() / reach * HALF);
        for ratio in [1.0, 0.6] {
            assert!(svg.contains(&format!("<circle class=\"point\" cx=\"{}\"", x(ratio))), "{ratio} {svg}");
        }
        assert!(svg.contains(&format!("x1=\"{}\" y1=\"76\" x2=\"{}\" y2=\"76\"", x(0.8), x(1.25))), "{svg}");
        assert!(svg.contains(&format!("<rect class=\"band\" x=\"{}\"", x(1.0 / 1.1))), "{svg}");
        assert_eq!((svg.matches("class=\"band\"").count(), svg.matches("class=\"arrow\"").count()), (1, 0));
        assert!(svg.contains("onnx, p99: &lt;b&gt;") && svg.contains("<g class=\"bad\">"));
    }

    #[test]
    fn what_is_too_far_ends_in_an_arrow() {
        let mut rows: Vec<ForestRow> = (0..8).map(|_| row(1.02, Some((1.0, 1.04)), None)).collect();
        rows.push(row(50.0, None, None));
        rows.push(row(1.0, Some((1e-9, 1.01)), None));
        let svg = forest("f", "t", &[group(rows)]).finish();
        assert_eq!((svg.matches("class=\"arrow\"").count(), svg.matches("<circle").count()), (2, 9), "{svg}");
        assert!(svg.contains("+10%") && !svg.contains("×"), "{svg}");
    }

    #[test]
    fn ticks_are_as_far_apart_as_they_fit() {
        let text = |reach: f64| ticks(reach).into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" ");
        assert_eq!(text(0.01), "-0.5% 0% +0.5% +1%");
        assert_eq!(text(0.3), "-20% -10% 0% +10% +20% +30%");
        assert_eq!(text(1.5), "÷2 0% ×2");
        assert_eq!(text(4.0), "÷30 ÷10 ÷3 0% ×3 ×10 ×30");
        assert_eq!(text(MOST), "÷100 ÷10 0% ×10 ×100");
    }

    #[test]
    fn any_numbers_will_do() {
        let strange = [f64::NAN, f64::INFINITY, 0.0, -1.0, f64::MAX, f64::MIN_POSITIVE, 1.0];
        for ratio in strange {
            for end in strange {
                let svg = forest("f", "t", &[group(vec![row(ratio, Some((end, ratio)), Some(end))])]).finish();
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
        assert!(forest("f", "t", &[]).finish().ends_with("</svg>"));
    }
}
