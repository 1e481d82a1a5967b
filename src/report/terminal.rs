//! A page of a terminal: lines with a style, paragraphs with a label, tables as wide as they must be.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, presets};

/// The width where the terminal's is not known.
const WIDTH: u16 = 120;
/// Tables are no narrower.
const NARROW: u16 = 40;
/// Columns of space between two columns of a table.
pub(crate) const GAP: u16 = 2;
/// Columns before a line that goes on.
pub(crate) const INDENT: usize = 4;

/// Options of drawing for a terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TableOptions {
    /// True if escape sequences may be used.
    pub colour: bool,
    /// Columns of the terminal; 120 where they are not known.
    pub width: Option<u16>,
}

/// SGR parameters of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Bold,
    Green,
    Red,
    Yellow,
}

/// A page, line by line.
pub(crate) struct Page {
    /// The text so far.
    pub out: String,
    colour: bool,
    /// Columns of the terminal.
    pub width: u16,
}

impl Page {
    /// An empty one.
    pub(crate) fn new(options: &TableOptions) -> Self {
        // Some terminals report a width of 0.
        let width = options.width.filter(|&width| width > 0).unwrap_or(WIDTH).max(NARROW);
        Self { out: String::new(), colour: options.colour, width }
    }

    /// One line; spaces at its end go.
    pub(crate) fn line(&mut self, style: Style, line: &str) {
        let line = line.trim_end();
        let code = match style {
            _ if !self.colour || line.is_empty() => "",
            Style::Plain => "",
            Style::Bold => "1",
            Style::Green => "32",
            Style::Red => "31",
            Style::Yellow => "33",
        };
        match code {
            "" => self.out.push_str(line),
            code => self.out.extend(["\x1b[", code, "m", line, "\x1b[0m"]),
        }
        self.out.push('\n');
    }

    /// `label` and the text beside it, wrapped.
    pub(crate) fn paragraph(&mut self, style: Style, label: &str, text: &str) {
        for (at, line) in wrapped(text, usize::from(self.width) - label.chars().count()).iter().enumerate() {
            let label = if at == 0 { label.to_owned() } else { " ".repeat(label.chars().count()) };
            self.line(style, &format!("{label}{line}"));
        }
    }
}

/// A table as wide as its content, made of lines per row.
pub(crate) struct Grid {
    table: Table,
    heights: Vec<usize>,
}

impl Grid {
    /// One with this heading.
    pub(crate) fn new<'a>(head: impl Iterator<Item = &'a str>) -> Self {
        let mut table = Table::new();
        let style = presets::NOTHING.header_separator(LineStyle::none().fill('─').junction('─'));
        table.load_style(style).set_content_arrangement(ContentArrangement::Disabled).force_no_tty();
        table.set_header(head.collect::<Vec<_>>());
        Self { table, heights: Vec::new() }
    }

    /// The first cell may have several lines; the others have one.
    pub(crate) fn row<'a>(&mut self, first: &[String], cells: impl Iterator<Item = &'a str>) {
        self.heights.push(first.len().max(1));
        let cells = std::iter::once(first.join("\n")).chain(cells.map(str::to_owned));
        self.table.add_row(cells.collect::<Vec<_>>());
    }

    /// The lines of the heading, and of each row.
    pub(crate) fn lines(mut self) -> (Vec<String>, Vec<Vec<String>>) {
        let columns = self.table.column_count();
        for (at, column) in self.table.column_iter_mut().enumerate() {
            // The line below the heading takes one column of the gap.
            column.set_padding((0, if at + 1 < columns { GAP - 1 } else { 0 }));
            column.set_cell_alignment(if at == 0 { CellAlignment::Left } else { CellAlignment::Right });
        }
        let mut lines = self.table.lines();
        let heading = lines.by_ref().take(2).collect();
        let rows = self.heights.iter().map(|&height| lines.by_ref().take(height).collect()).collect();
        (heading, rows)
    }
}

/// Columns of a terminal that a line takes.
pub(crate) fn width(line: &str) -> u16 {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).add_row([line]);
    table.column_max_content_widths().first().copied().unwrap_or_default()
}

/// Lines of at most `width` columns, broken between words where possible; at least one.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).force_no_tty();
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX)).add_row([text]);
    table.column_iter_mut().for_each(|column| _ = column.set_padding((0, 0)));
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    if lines.is_empty() { vec![String::new()] } else { lines }
}
