//! Charts as SVG: scales, axes and series.
//!
//! Colours, fonts and widths of lines are the page's (`html/style.css`). Series differ by the classes `s0` to `s7`, and
//! from the ninth on by dashes.

mod bars;
mod chart;
mod forest;
mod histogram;
mod scale;
mod scatter;
mod svg;

pub(crate) use bars::{Bar, bars, columns};
pub(crate) use chart::{Axis, LineChart, Point, Series};
pub(crate) use forest::{ForestGroup, ForestRow, forest};
pub(crate) use histogram::{Bin, Histogram, histogram};
pub(crate) use scale::Scale;
pub(crate) use scatter::{Spot, scatter};
pub(crate) use svg::swatch;
