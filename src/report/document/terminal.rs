//! A document on a terminal.

use super::content::{Block, Document, Line, Medium, Table};
use crate::report::terminal::{GAP, Grid, INDENT, Page, Style, TableOptions, width, wrapped};
use crate::report::text::one_line;
use crate::report::tone::Tone;

/// Columns that labels take.
const LABEL: usize = 12;
/// The most columns of a terminal that names of rows take; of a narrow one, a third.
const NAMES: usize = 32;
/// The fewest columns that names of rows take.
const SHORTEST_NAME: u16 = 6;
/// Stands before the first column where names have lines of their own.
const BELOW_NAME: &str = "  ";

/// The document for a terminal, with a newline at its end.
pub(crate) fn terminal(document: &Document, options: &TableOptions) -> String {
    let mut page = Page::new(options);
    for section in document.sections.iter().filter(|section| section.is_in(Medium::Terminal)) {
        apart(&mut page);
        if !section.title.is_empty() {
            page.paragraph(Style::Bold, "", &one_line(&section.title));
        }
        section.blocks.iter().for_each(|block| draw(&mut page, block));
    }
    if !document.checks.is_empty() {
        apart(&mut page);
    }
    for check in &document.checks {
        let style = match check.crossed {
            Some(true) => Style::Red,
            Some(false) => Style::Green,
            None => Style::Yellow,
        };
        page.paragraph(style, &padded("Threshold"), &one_line(&check.text));
    }
    while page.out.ends_with("\n\n") {
        page.out.pop();
    }
    page.out
}

/// An empty line, unless there is one or nothing at all.
fn apart(page: &mut Page) {
    if !page.out.is_empty() && !page.out.ends_with("\n\n") {
        page.out.push('\n');
    }
}

fn draw(page: &mut Page, block: &Block) {
    match block {
        Block::Verdict(tone, text, meaning) => {
            let text = if meaning.is_empty() { one_line(text) } else { one_line(&format!("{text}: {meaning}")) };
            page.paragraph(style(*tone), &padded("Verdict"), &text);
        }
        Block::Facts(lines) => {
            for Line { label, text, tone } in lines {
                page.paragraph(style(*tone), &padded(&one_line(label)), &one_line(text));
            }
        }
        Block::Warnings(texts) => {
            texts.iter().for_each(|text| page.paragraph(Style::Yellow, &padded("Warning"), &one_line(text)));
        }
        Block::Table(table) => {
            apart(page);
            if !table.title.is_empty() {
                page.line(Style::Bold, table.title);
            }
            tables(page, table);
            page.out.push('\n');
        }
        Block::Charts(_) | Block::Folded(..) => {}
        Block::Notes(texts) => {
            texts.iter().for_each(|text| page.paragraph(Style::Plain, &padded("Note"), &one_line(text)));
        }
    }
}

fn padded(label: &str) -> String {
    format!("{label:<LABEL$}")
}

fn style(tone: Tone) -> Style {
    match tone {
        Tone::Plain => Style::Plain,
        Tone::Good => Style::Green,
        Tone::Doubtful => Style::Yellow,
        Tone::Bad => Style::Red,
    }
}

/// Draws a table, or as many as the width needs, each with the names of the rows.
fn tables(page: &mut Page, table: &Table) {
    let limit = usize::from(page.width / 3).min(NAMES);
    let name = |cells: &[String]| wrapped(&cells.first().map(|name| one_line(name)).unwrap_or_default(), limit);
    let names: Vec<Vec<String>> = table.rows.iter().map(|row| name(&row.cells)).collect();
    let name_width = names.iter().flatten().map(|line| width(line)).max().unwrap_or_default().max(SHORTEST_NAME);
    let widths: Vec<u16> = (0..table.head.len())
        .map(|at| {
            let cells = table.rows.iter().filter_map(|row| row.cells.get(at).map(String::as_str));
            cells.chain(table.head.get(at).copied()).map(width).max().unwrap_or_default().saturating_add(GAP)
        })
        .collect();
    let taken = |first: u16, columns: &[usize]| {
        columns.iter().filter_map(|&at| widths.get(at)).fold(first, |sum, column| sum.saturating_add(*column))
    };
    let mut columns: Vec<usize> = (1..table.head.len()).collect();
    if table.grouped && taken(name_width, &columns) > page.width {
        let mut gone = Vec::new();
        for &at in table.optional {
            // The first column has no gap before it, but stands below the name.
            if taken(0, &columns) > page.width {
                columns.retain(|&column| column != at);
                gone.extend(table.head.get(at).copied());
            }
        }
        grid(page, table, None, &columns, true);
        if !gone.is_empty() {
            let gone = gone.join(", ");
            let text = format!("no room for {gone}; a wider terminal or --export-markdown shows all columns");
            page.paragraph(Style::Plain, &padded("Columns"), &text);
        }
        return;
    }
    let mut rest = columns.as_slice();
    let mut first = true;
    while first || !rest.is_empty() {
        if !first {
            page.out.push('\n');
        }
        // One that is wider than the terminal stands alone.
        let fits = (1..=rest.len()).take_while(|&many| taken(name_width, &rest[..many]) <= page.width).count();
        let (block, left) = rest.split_at(fits.max(1).min(rest.len()));
        grid(page, table, Some(&names), block, first);
        (rest, first) = (left, false);
    }
}

/// Columns of a table beside the names of the rows, or below them.
fn grid(page: &mut Page, table: &Table, names: Option<&[Vec<String>]>, columns: &[usize], notes: bool) {
    let (first, others) = match (names, columns.split_first()) {
        (None, Some((first, others))) => (*first, others),
        _ => (0, columns),
    };
    let head = std::iter::once(&first).chain(others).filter_map(|&at| table.head.get(at).copied());
    let mut grid = Grid::new(head);
    for (at, row) in table.rows.iter().enumerate() {
        let cell = |&at: &usize| row.cells.get(at).map_or("", String::as_str);
        let below = || vec![format!("{BELOW_NAME}{}", cell(&first))];
        let name = names.map_or_else(below, |names| names.get(at).cloned().unwrap_or_default());
        grid.row(&name, others.iter().map(cell));
    }
    let (heading, lines) = grid.lines();
    heading.iter().for_each(|line| page.line(Style::Bold, line));
    for (row, lines) in table.rows.iter().zip(lines) {
        match row.cells.first() {
            Some(name) if names.is_none() && !name.is_empty() => page.paragraph(Style::Plain, "", &one_line(name)),
            _ => {}
        }
        lines.iter().for_each(|line| page.line(style(row.tone), line));
        if notes && !row.note.is_empty() {
            page.paragraph(style(row.tone), &" ".repeat(INDENT), &one_line(&row.note));
        }
    }
}
