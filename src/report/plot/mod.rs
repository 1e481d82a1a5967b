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
mod svg;

pub(crate) use bars::{Bar, bars, columns};
pub(crate) use chart::{Axis, Chart, Point, Series};
pub(crate) use forest::{ForestGroup, ForestRow, Tone, forest};
pub(crate) use histogram::{Bin, Histogram, histogram};
pub(crate) use scale::Scale;
pub(crate) use scatter::{Spot, scatter};
pub(crate) use svg::swatch;
