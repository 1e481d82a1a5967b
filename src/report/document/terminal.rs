//! A document on a terminal.

use super::content::{Document, Line, Table};
use crate::report::terminal::{GAP, Grid, Page, Style, TableOptions, width, wrapped};
use crate::report::text::one_line;
use crate::report::tone::Tone;

/// Columns that labels take.
const LABEL: usize = 12;
/// The most columns of a terminal that names of rows take; of a narrow one, a third.
const NAMES: usize = 32;
/// The fewest columns that names of rows take.
const SHORTEST_NAME: u16 = 6;

/// The document for a terminal, with a newline at its end.
pub(crate) fn terminal(document: &Document, options: &TableOptions) -> String {
    let mut page = Page::new(options);
    labelled(&mut page, &document.facts);
    for warning in &document.warnings {
        page.paragraph(Style::Yellow, &padded("Warning"), &one_line(warning));
    }
    for table in &document.tables {
        page.out.push('\n');
        page.line(Style::Bold, table.title);
        grid(&mut page, table);
    }
    for section in &document.sections {
        page.out.push('\n');
        page.line(Style::Bold, &one_line(&section.title));
        labelled(&mut page, &section.lines);
    }
    if !document.checks.is_empty() {
        page.out.push('\n');
    }
    for check in &document.checks {
        let style = match check.crossed {
            Some(true) => Style::Red,
            Some(false) => Style::Green,
            None => Style::Yellow,
        };
        page.paragraph(style, "", &one_line(&check.text));
    }
    for note in &document.notes {
        page.out.push('\n');
        page.paragraph(Style::Plain, &padded("Note"), &one_line(note));
    }
    page.out
}

fn padded(label: &str) -> String {
    format!("{label:<LABEL$}")
}

fn labelled(page: &mut Page, lines: &[Line]) {
    for Line { label, text } in lines {
        page.paragraph(Style::Plain, &padded(&one_line(label)), &one_line(text));
    }
}

fn style(tone: Tone) -> Style {
    match tone {
        Tone::Plain => Style::Plain,
        Tone::Good => Style::Green,
        Tone::Doubtful => Style::Yellow,
        Tone::Bad => Style::Red,
    }
}

/// Draws as many tables as the width needs; each begins with the names of the rows.
fn grid(page: &mut Page, table: &Table) {
    let limit = usize::from(page.width / 3).min(NAMES);
    let name = |cells: &[String]| wrapped(&cells.first().map(|name| one_line(name)).unwrap_or_default(), limit);
    let names: Vec<Vec<String>> = table.rows.iter().map(|(_, cells)| name(cells)).collect();
    let name_width = names.iter().flatten().map(|line| width(line)).max().unwrap_or_default().max(SHORTEST_NAME);
    let columns = table.head.len();
    let mut from = 1;
    while from < columns {
        let to = from + fitting(table, from, page.width.saturating_sub(name_width));
        let head = table.head.iter().take(1).chain(&table.head[from..to]);
        let mut grid = Grid::new(head.copied());
        for (name, (_, cells)) in names.iter().zip(&table.rows) {
            grid.row(name, cells.iter().skip(from).take(to - from).map(String::as_str));
        }
        let (heading, lines) = grid.lines();
        heading.iter().for_each(|line| page.line(Style::Bold, line));
        for ((tone, _), lines) in table.rows.iter().zip(lines) {
            lines.iter().for_each(|line| page.line(style(*tone), line));
        }
        from = to;
        if from < columns {
            page.out.push('\n');
        }
    }
}

/// The number of columns from `from` on that fit beside the names: at least one, even if it is wider than the terminal.
fn fitting(table: &Table, from: usize, mut room: u16) -> usize {
    let fits = (from..table.head.len()).take_while(|&at| {
        let cells = table.rows.iter().filter_map(|(_, cells)| cells.get(at).map(String::as_str));
        let widest = cells.chain([table.head[at]]).map(width).max().unwrap_or_default().saturating_add(GAP);
        let fits = widest <= room;
        room = room.saturating_sub(widest);
        fits
    });
    fits.count().max(1)
}
