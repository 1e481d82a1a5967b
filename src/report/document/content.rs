//! The content of a document.

use crate::report::markup::Markup;
use crate::report::tone::Tone;

/// A report for people, before it is drawn. Texts may come from elsewhere: each renderer makes them safe for its format.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// The heading of a page.
    pub title: String,
    /// The line below it.
    pub subtitle: String,
    /// The subject: models, inputs, the reference.
    pub facts: Vec<Line>,
    /// Warnings to read before the figures.
    pub warnings: Vec<String>,
    /// The heading of the tables on a page.
    pub tables_heading: &'static str,
    /// Figures.
    pub tables: Vec<Table>,
    /// Charts, which only pages show.
    pub charts: Vec<Chart>,
    /// The heading of the sections on a page.
    pub sections_heading: &'static str,
    /// One part for each thing that the report is about.
    pub sections: Vec<Section>,
    /// Thresholds.
    pub checks: Vec<Check>,
    /// Remarks below the figures.
    pub notes: Vec<String>,
    /// Sections that only pages have room for.
    pub appendix: Vec<Section>,
}

/// A label and its text. A line without a label continues the one above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// A word or two.
    pub label: String,
    /// A sentence.
    pub text: String,
}

/// A title with lines.
#[derive(Debug)]
pub(crate) struct Section {
    /// The name of what it is about.
    pub title: String,
    /// In the order of reading.
    pub lines: Vec<Line>,
}

/// A table whose first column names the rows.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its caption.
    pub title: &'static str,
    /// Names of the columns.
    pub head: Vec<&'static str>,
    /// Leading columns that hold words; the others hold figures.
    pub words: usize,
    /// The column that shows a row's tone where not the whole row can.
    pub toned: usize,
    /// Rows of as many cells as the head has.
    pub rows: Vec<(Tone, Vec<String>)>,
}

/// A threshold, and whether it was crossed.
#[derive(Debug)]
pub(crate) struct Check {
    /// `None` where it is not known.
    pub crossed: Option<bool>,
    /// The threshold and what was found.
    pub text: String,
}

/// A chart.
#[derive(Debug)]
pub(crate) struct Chart {
    /// Its title.
    pub heading: String,
    /// An explanation for readers.
    pub about: String,
    /// The picture, in SVG.
    pub picture: Markup,
    /// The names of its series, by their numbers.
    pub legend: Vec<(usize, String)>,
}

impl<L: Into<String>> From<(L, String)> for Line {
    fn from((label, text): (L, String)) -> Self {
        Self { label: label.into(), text }
    }
}

impl Section {
    /// A section of labels and texts.
    pub fn new<L: Into<String>>(title: impl Into<String>, lines: impl IntoIterator<Item = (L, String)>) -> Self {
        Self { title: title.into(), lines: lines.into_iter().map(Line::from).collect() }
    }
}
