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
    /// In the order of reading. On a page, thresholds come after the first one.
    pub sections: Vec<Section>,
    /// Thresholds; below all sections, but on a page.
    pub checks: Vec<Check>,
}

/// A format that documents are drawn in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Medium {
    Terminal,
    Markdown,
    Page,
}

/// A heading and what stands below it.
#[derive(Debug, Default)]
pub(crate) struct Section {
    /// The heading; none if it is empty.
    pub title: String,
    /// The heading of a page where the title is empty, as lines of text need none.
    pub page_title: &'static str,
    /// The media that show it; all if it is empty.
    pub only: &'static [Medium],
    /// In the order of reading.
    pub blocks: Vec<Block>,
}

/// A part of a section.
#[derive(Debug)]
pub(crate) enum Block {
    /// The result in a word or a sentence, and its meaning or reasons, which may be empty.
    Verdict(Tone, String, String),
    /// Labels and texts.
    Facts(Vec<Line>),
    /// To be read before the figures.
    Warnings(Vec<String>),
    /// Figures.
    Table(Table),
    /// Only pages show them.
    Charts(Vec<Chart>),
    /// A heading with blocks that a click unfolds; only pages show it.
    Folded(String, Vec<Block>),
    /// Remarks on the figures above.
    Notes(Vec<String>),
}

/// A label and its text. A line without a label continues the one above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// A word or two.
    pub label: String,
    /// A sentence.
    pub text: String,
    /// The colour of the value.
    pub tone: Tone,
}

/// A table whose first column names the rows.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub title: &'static str,
    /// Names of the columns.
    pub head: Vec<&'static str>,
    /// Leading columns that hold words; the others hold figures.
    pub words: usize,
    /// The column that shows a row's tone where not the whole row can.
    pub toned: usize,
    /// True if rows without a name belong to the one above. On a narrow terminal names then have lines of their own.
    pub grouped: bool,
    /// Columns of a grouped table that a narrow terminal leaves out, the first one first. The other tables are broken
    /// into several.
    pub optional: &'static [usize],
    pub rows: Vec<Row>,
}

/// A row of a table.
#[derive(Debug)]
pub(crate) struct Row {
    /// The colour of the row.
    pub tone: Tone,
    /// As many as the table has columns.
    pub cells: Vec<String>,
    /// A sentence or a text below the row; may be empty.
    pub note: String,
}

/// A threshold, and whether it was crossed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Check {
    /// `None` where it is not known.
    pub crossed: Option<bool>,
    /// True if the sides can be compared by it.
    pub comparable: bool,
    /// The threshold and what was found.
    pub text: String,
}

#[derive(Debug)]
pub(crate) struct Chart {
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
        Self { label: label.into(), text, tone: Tone::Plain }
    }
}

impl From<(Tone, Vec<String>)> for Row {
    fn from((tone, cells): (Tone, Vec<String>)) -> Self {
        Self { tone, cells, note: String::new() }
    }
}

impl Section {
    /// A section of these blocks, without those that are empty.
    pub(crate) fn new(title: impl Into<String>, blocks: impl IntoIterator<Item = Block>) -> Self {
        let blocks = blocks.into_iter().filter(|block| !block.is_empty()).collect();
        Self { title: title.into(), blocks, ..Self::default() }
    }

    /// A section that only pages have room for.
    pub(crate) fn on_pages(title: &str, blocks: impl IntoIterator<Item = Block>) -> Self {
        Self { only: &[Medium::Page], ..Self::new(title, blocks) }
    }

    /// True if there is something to show in this medium.
    pub(crate) fn is_in(&self, medium: Medium) -> bool {
        (self.only.is_empty() || self.only.contains(&medium)) && !self.blocks.is_empty()
    }
}

impl Block {
    /// Labels and texts.
    pub(crate) fn facts<L: Into<String>>(lines: impl IntoIterator<Item = (L, String)>) -> Self {
        Self::Facts(lines.into_iter().map(Line::from).collect())
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Verdict(_, text, _) => text.is_empty(),
            Self::Facts(lines) => lines.is_empty(),
            Self::Warnings(texts) | Self::Notes(texts) => texts.is_empty(),
            Self::Table(table) => table.rows.is_empty(),
            Self::Charts(charts) => charts.is_empty(),
            Self::Folded(_, blocks) => blocks.iter().all(Self::is_empty),
        }
    }
}

/// The same label for several texts: all lines but the first continue it.
pub(crate) fn listed<L: Into<String>>(label: L, texts: impl IntoIterator<Item = String>) -> Vec<Line> {
    let mut label = label.into();
    texts.into_iter().map(|text| Line::from((std::mem::take(&mut label), text))).collect()
}
