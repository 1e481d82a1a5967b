//! Bars: to the right with their intervals, and upwards for a histogram.

use super::super::markup::Markup;
use super::super::text::shortened;
use super::scale::Scale;
use super::svg::{WIDTH, begin, class, label, px, rule};

/// Height of a bar with the space to the next.
const ROW: f64 = 30.0;
/// The left end of bars; their names are left of it.
const LEFT: f64 = 216.0;
/// The right end of the longest bar; its value is right of it.
const RIGHT: f64 = WIDTH - 150.0;
/// Characters of a name that fit.
const NAME: usize = 26;
const TOP: f64 = 34.0;

pub(crate) struct Bar {
    /// Its series decides its looks.
    pub series: usize,
    pub name: String,
    /// Its length, on the axis.
    pub value: f64,
    /// The ends of its whisker.
    pub interval: Option<(f64, f64)>,
    /// The value as it is written.
    pub text: String,
}

/// Bars to the right, one below the other. `unit` is that of the axis.
pub(crate) fn bars(id: &str, title: &str, unit: &str, bars: &[Bar]) -> Markup {
    let bottom = TOP + ROW * bars.len() as f64;
    let mut svg = begin(id, title, bottom + 26.0);
    let ends = bars.iter().flat_map(|bar| [bar.value, bar.interval.map_or(0.0, |(_, high)| high)]);
    let scale = Scale::linear(ends);
    let x = |value: f64| LEFT + scale.place(value) * (RIGHT - LEFT);
    for (place, text) in scale.ticks() {
        let x = LEFT + place * (RIGHT - LEFT);
        rule(&mut svg, "grid", (x, TOP), (x, bottom));
        label(&mut svg, "middle", (x, bottom + 18.0), &text);
    }
    label(&mut svg, "start", (LEFT, 18.0), unit);
    for (at, bar) in bars.iter().enumerate() {
        let (top, middle) = (TOP + ROW * at as f64 + 4.0, TOP + ROW * (at as f64 + 0.5));
        svg.open("g", &[("class", &class(bar.series))]);
        svg.element("title", &[], format_args!("{}: {}", bar.name, bar.text));
        label(&mut svg, "end", (LEFT - 10.0, middle + 4.5), &shortened(&bar.name, NAME));
        let (width, height) = (px(x(bar.value) - LEFT), px(ROW - 8.0));
        let place: [(&str, &dyn std::fmt::Display); 4] =
            [("x", &px(LEFT)), ("y", &px(top)), ("width", &width), ("height", &height)];
        svg.empty("rect", &[("class", &"bar"), place[0], place[1], place[2], place[3]]);
        let mut end = x(bar.value);
        if let Some((low, high)) = bar.interval {
            let (low, high) = (x(low), x(high));
            rule(&mut svg, "whisker", (low, middle), (high, middle));
            for end in [low, high] {
                rule(&mut svg, "whisker", (end, middle - 5.0), (end, middle + 5.0));
            }
            end = end.max(high);
        }
        label(&mut svg, "start", (end + 8.0, middle + 4.5), &bar.text);
        svg.close("g");
    }
    rule(&mut svg, "axis", (LEFT, TOP), (LEFT, bottom));
    svg.close("svg");
    svg
}

/// A histogram's columns, without space between them: the range that each covers, and its count.
pub(crate) fn columns(id: &str, title: &str, (across, up): (&str, &str), columns: &[(String, usize)]) -> Markup {
    let (left, right, bottom, height) = (64.0, WIDTH - 20.0, 240.0, 292.0);
    let mut svg = begin(id, title, height);
    let scale = Scale::linear(columns.iter().map(|(_, count)| *count as f64));
    for (place, text) in scale.ticks() {
        let y = bottom - place * (bottom - TOP);
        rule(&mut svg, "grid", (left, y), (right, y));
        label(&mut svg, "end", (left - 8.0, y + 4.0), &text);
    }
    label(&mut svg, "start", (8.0, 18.0), up);
    let wide = (right - left) / columns.len().max(1) as f64;
    // Ranges are up to 13 characters long; where they do not fit, some are left out.
    let longest = columns.iter().map(|(range, _)| range.chars().count()).max().unwrap_or_default();
    let every = ((longest as f64 * 8.0 + 6.0) / wide).ceil().max(1.0) as usize;
    for (at, (range, count)) in columns.iter().enumerate() {
        let (x, tall) = (left + wide * at as f64, scale.place(*count as f64) * (bottom - TOP));
        // The smallest count is still visible.
        let tall = if *count > 0 { tall.max(1.0) } else { 0.0 };
        svg.open("g", &[("class", &"s0")]);
        svg.element("title", &[], format_args!("{range}: {count}"));
        let place: [(&str, &dyn std::fmt::Display); 4] = [
            ("x", &px(x + 1.0)),
            ("y", &px(bottom - tall)),
            ("width", &px((wide - 2.0).max(0.5))),
            ("height", &px(tall)),
        ];
        svg.empty("rect", &[("class", &"bar"), place[0], place[1], place[2], place[3]]);
        if at % every == 0 {
            label(&mut svg, "middle", (x + wide / 2.0, bottom + 20.0), range);
        }
        svg.close("g");
    }
    rule(&mut svg, "axis", (left, bottom), (right, bottom));
    label(&mut svg, "end", (right, height - 8.0), across);
    svg.close("svg");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_values() {
        let bar = |value, interval| Bar { series: 1, name: "<a>".to_owned(), value, interval, text: value.to_string() };
        let svg = bars("b", "t", "u", &[bar(100.0, Some((90.0, 110.0))), bar(200.0, None)]).finish();
        // 200 of 200.
        assert!(svg.contains("width=\"354\"") && svg.contains("width=\"177\""), "{svg}");
        assert_eq!(svg.matches("class=\"whisker\"").count(), 3);
        assert!(svg.contains("&lt;a&gt;") && !svg.contains("<a>"));
        assert!(bars("b", "t", "u", &[]).finish().ends_with("</svg>"));
    }

    #[test]
    fn columns_fill_the_width() {
        let svg = columns("h", "t", ("tokens", "texts"), &[("1–4".into(), 10), ("5–9".into(), 0), ("10–14".into(), 5)]);
        let svg = svg.finish();
        assert_eq!(svg.matches("width=\"210\"").count(), 3, "{svg}");
        assert!(svg.contains("height=\"206\"") && svg.contains("height=\"103\"") && svg.contains("height=\"0\""));
        assert!(columns("h", "t", ("", ""), &[]).finish().ends_with("</svg>"));
    }
}
