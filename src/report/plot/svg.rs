//! Lines, labels and legends that all charts share.

use super::super::markup::Markup;

/// Width of every chart.
pub(super) const WIDTH: f64 = 720.0;
/// Classes of series.
pub(super) const COLOURS: usize = 8;

/// The class of the series of that number.
pub(super) fn class(series: usize) -> String {
    format!("s{}", series % COLOURS)
}

/// Dashes of the series of that number: the first eight have none.
pub(super) fn dashes(series: usize) -> &'static str {
    match series / COLOURS {
        0 => "none",
        1 => "6 4",
        2 => "2 3",
        _ => "10 3 2 3",
    }
}

/// A coordinate, to a tenth of a pixel.
pub(super) fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// Begins a picture, with a title for screen readers. `id` is unique in the page.
pub(super) fn begin(id: &str, title: &str, height: f64) -> Markup {
    let mut svg = Markup::default();
    let label = format!("{id}-title");
    let view = format!("0 0 {} {}", px(WIDTH), px(height));
    svg.open("svg", &[("viewBox", &view), ("role", &"img"), ("aria-labelledby", &label), ("class", &"plot")]);
    svg.element("title", &[("id", &label)], title);
    svg
}

/// A line of the grid or an axis.
pub(super) fn rule(svg: &mut Markup, class: &'static str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    svg.empty("line", &[("class", &class), ("x1", &px(x1)), ("y1", &px(y1)), ("x2", &px(x2)), ("y2", &px(y2))]);
}

/// A text that begins, is centred or ends at a place.
pub(super) fn label(svg: &mut Markup, anchor: &'static str, (x, y): (f64, f64), text: &str) {
    svg.element("text", &[("x", &px(x)), ("y", &px(y)), ("text-anchor", &anchor)], text);
}

/// The sign of a series in a legend.
pub(crate) fn swatch(series: usize) -> Markup {
    let mut svg = Markup::default();
    svg.raw("<svg class=\"swatch\" viewBox=\"0 0 28 12\" aria-hidden=\"true\">");
    svg.open("g", &[("class", &class(series))]);
    let dashes = dashes(series);
    svg.empty("polyline", &[("class", &"line"), ("points", &"0,6 28,6"), ("stroke-dasharray", &dashes)]);
    svg.raw("<circle class=\"dot\" cx=\"14\" cy=\"6\" r=\"4\"/></g></svg>");
    svg
}
