//! A histogram over ranges of any width.

use super::super::markup::Markup;
use super::super::numbers::size;
use super::scale::Scale;
use super::svg::{WIDTH, begin, class, label, px, rule};

const LEFT: f64 = 76.0;
const RIGHT: f64 = WIDTH - 34.0;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 240.0;
const HEIGHT: f64 = 298.0;
/// The height of the smallest count, which must be visible.
const LEAST: f64 = 2.0;
/// Width of a digit above a bar.
const DIGIT: f64 = 6.8;

/// A range with its count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bin {
    /// The number of values in it.
    pub count: usize,
    /// Its range, in words.
    pub range: String,
}

/// Ranges side by side, all drawn equally wide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Histogram {
    /// From left to right.
    pub bins: Vec<Bin>,
    /// Texts between two bins: the number of bins to the left, and the text.
    pub ticks: Vec<(usize, String)>,
    /// Marked limits: the number of bins to the left of the line, and its label.
    pub marks: Vec<(usize, String)>,
}

/// The picture. `across` labels the ranges, `up` the counts; `series` sets the colours.
pub(crate) fn histogram(id: &str, title: &str, (across, up): (&str, &str), series: usize, drawn: &Histogram) -> Markup {
    let mut svg = begin(id, title, HEIGHT);
    let counts = drawn.bins.iter().map(|bin| bin.count as f64);
    // Room for the count above the tallest.
    let scale = Scale::linear(counts.map(|count| count * 1.08));
    for (place, text) in scale.ticks() {
        // Counts of inputs have no fractions.
        if text.contains('.') {
            continue;
        }
        let y = BOTTOM - place * (BOTTOM - TOP);
        rule(&mut svg, "grid", (LEFT, y), (RIGHT, y));
        label(&mut svg, "end", (LEFT - 8.0, y + 4.0), &text);
    }
    label(&mut svg, "start", (8.0, 18.0), up);
    let wide = (RIGHT - LEFT) / drawn.bins.len().max(1) as f64;
    let edge = |bins: usize| LEFT + wide * bins.min(drawn.bins.len()) as f64;
    svg.open("g", &[("class", &class(series))]);
    for (at, bin) in drawn.bins.iter().enumerate() {
        let tall = scale.place(bin.count as f64) * (BOTTOM - TOP);
        let tall = if bin.count > 0 { tall.max(LEAST) } else { 0.0 };
        let place: [(&str, &dyn std::fmt::Display); 4] = [
            ("x", &px(edge(at) + 1.0)),
            ("y", &px(BOTTOM - tall)),
            ("width", &px((wide - 2.0).max(0.5))),
            ("height", &px(tall)),
        ];
        svg.open("rect", &[("class", &"bar"), place[0], place[1], place[2], place[3]]);
        svg.element("title", &[], format_args!("{}: {}", bin.range, size(bin.count))).close("rect");
        let text = size(bin.count);
        if bin.count > 0 && text.len() as f64 * DIGIT <= wide {
            small(&mut svg, "middle", (edge(at) + wide / 2.0, BOTTOM - tall - 4.0), &text);
        }
    }
    svg.close("g");
    for (bins, text) in &drawn.ticks {
        let x = edge(*bins);
        rule(&mut svg, "axis", (x, BOTTOM), (x, BOTTOM + 5.0));
        label(&mut svg, "middle", (x, BOTTOM + 20.0), text);
    }
    for (bins, text) in &drawn.marks {
        let x = edge(*bins);
        rule(&mut svg, "mark", (x, TOP - 8.0), (x, BOTTOM));
        let (anchor, x) = if x > (LEFT + RIGHT) / 2.0 { ("end", x + 4.0) } else { ("start", x - 4.0) };
        small(&mut svg, anchor, (x, TOP - 12.0), text);
    }
    rule(&mut svg, "axis", (LEFT, BOTTOM), (RIGHT, BOTTOM));
    label(&mut svg, "end", (RIGHT, HEIGHT - 8.0), across);
    svg.close("svg");
    svg
}

fn small(svg: &mut Markup, anchor: &'static str, (x, y): (f64, f64), text: &str) {
    svg.element("text", &[("class", &"small"), ("x", &px(x)), ("y", &px(y)), ("text-anchor", &anchor)], text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_stand_side_by_side() {
        let bin = |count| Bin { count, range: format!("<{count}>") };
        let drawn = Histogram {
            bins: vec![bin(1), bin(0), bin(1000), bin(500)],
            ticks: vec![(0, "a".into()), (4, "b".into()), (9, "c".into())],
            marks: vec![(2, "limit".into())],
        };
        let svg = histogram("h", "t", ("cosine", "inputs"), 1, &drawn).finish();
        // 610 by four; 194 for 1,500.
        assert_eq!(svg.matches("width=\"150.5\"").count(), 4, "{svg}");
        for height in ["height=\"2\"", "height=\"0\"", "height=\"129.3\"", "height=\"64.7\""] {
            assert_eq!(svg.matches(height).count(), 1, "{height} {svg}");
        }
        assert!(svg.contains("<title>&lt;1000&gt;: 1,000</title>") && svg.contains(">1,000</text>"));
        // A count for each that is not empty, and 381 is two bins from the left.
        assert_eq!(svg.matches("class=\"small\"").count(), 4);
        assert!(svg.contains("<line class=\"mark\" x1=\"381\""), "{svg}");
        let empty = Histogram { bins: vec![], ticks: vec![(1, "a".into())], marks: vec![] };
        assert!(histogram("h", "t", ("", ""), 0, &empty).finish().ends_with("</svg>"));
    }
}
