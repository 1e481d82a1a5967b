//! Charts as SVG. They know scales, axes and series, and nothing of reports.
//!
//! Colours, fonts and widths of lines are the page's (`html/style.css`): series are told apart by the classes `s0` to
//! `s7`, and by dashes where there are more.

mod bars;
mod chart;
mod forest;
mod histogram;
mod scale;
mod scatter;

pub(crate) use bars::{Bar, bars, columns};
pub(crate) use chart::{Axis, Chart, Point, Series};
pub(crate) use forest::{ForestGroup, ForestRow, Tone, forest};
pub(crate) use histogram::{Bin, Histogram, histogram};
pub(crate) use scale::Scale;
pub(crate) use scatter::{Spot, scatter};

use super::markup::Markup;

/// Width of every chart.
const WIDTH: f64 = 720.0;
/// Classes of series.
const COLOURS: usize = 8;

/// The class of the series of that number.
fn class(series: usize) -> String {
    format!("s{}", series % COLOURS)
}

/// Dashes of the series of that number: the first eight have none.
fn dashes(series: usize) -> &'static str {
    match series / COLOURS {
        0 => "none",
        1 => "6 4",
        2 => "2 3",
        _ => "10 3 2 3",
    }
}

/// A place in the picture.
fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// Begins a picture with what those are told who do not see it. `id` is unique in the page.
fn begin(id: &str, title: &str, height: f64) -> Markup {
    let mut svg = Markup::default();
    let label = format!("{id}-title");
    let view = format!("0 0 {} {}", px(WIDTH), px(height));
    svg.open("svg", &[("viewBox", &view), ("role", &"img"), ("aria-labelledby", &label), ("class", &"plot")]);
    svg.element("title", &[("id", &label)], title);
    svg
}

/// A line of the grid or an axis.
fn rule(svg: &mut Markup, class: &'static str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    svg.empty("line", &[("class", &class), ("x1", &px(x1)), ("y1", &px(y1)), ("x2", &px(x2)), ("y2", &px(y2))]);
}

/// A text that begins, is centred or ends at a place.
fn label(svg: &mut Markup, anchor: &'static str, (x, y): (f64, f64), text: &str) {
    svg.element("text", &[("x", &px(x)), ("y", &px(y)), ("text-anchor", &anchor)], text);
}

/// What a legend shows of the series of that number.
pub(crate) fn swatch(series: usize) -> Markup {
    let mut svg = Markup::default();
    svg.raw("<svg class=\"swatch\" viewBox=\"0 0 28 12\" aria-hidden=\"true\">");
    svg.open("g", &[("class", &class(series))]);
    let dashes = dashes(series);
    svg.empty("polyline", &[("class", &"line"), ("points", &"0,6 28,6"), ("stroke-dasharray", &dashes)]);
    svg.raw("<circle class=\"dot\" cx=\"14\" cy=\"6\" r=\"4\"/></g></svg>");
    svg
}
