//! The sheet on a terminal, and as Markdown.

use std::fmt::Write;

use super::{Rows, Sheet, Tone};
use crate::compare::engines::EnginesReport;
use crate::report::TableOptions;
use crate::report::markdown::escaped;
use crate::report::terminal::{GAP, Grid, Page, Style, width, wrapped};
use crate::report::text::one_line;

/// Columns that labels take.
const LABEL: usize = 12;

/// The report for a terminal, with a newline at its end.
pub fn table(report: &EnginesReport, options: &TableOptions) -> String {
    let sheet = Sheet::of(report);
    let mut page = Page::new(options);
    labelled(&mut page, Style::Plain, &sheet.facts);
    sheet.warnings.iter().for_each(|warning| labelled(&mut page, Style::Yellow, &[("Warning", warning.clone())]));
    for rows in &sheet.tables {
        page.out.push('\n');
        page.line(Style::Bold, rows.title);
        grid(&mut page, rows);
    }
    for (name, lines) in &sheet.sections {
        page.out.push('\n');
        page.line(Style::Bold, &one_line(name));
        labelled(&mut page, Style::Plain, lines);
    }
    if !sheet.checks.is_empty() {
        page.out.push('\n');
    }
    for (crossed, line) in &sheet.checks {
        let style = match crossed {
            Some(true) => Style::Red,
            Some(false) => Style::Green,
            None => Style::Yellow,
        };
        page.paragraph(style, "", &one_line(line));
    }
    for note in &sheet.notes {
        page.out.push('\n');
        page.paragraph(Style::Plain, &padded("Note"), note);
    }
    page.out
}

fn padded(label: &str) -> String {
    format!("{label:<LABEL$}")
}

fn labelled(page: &mut Page, style: Style, lines: &[(&'static str, String)]) {
    for (label, text) in lines {
        page.paragraph(style, &padded(label), &one_line(text));
    }
}

/// As many tables as the width asks for; each begins with the engine's name.
fn grid(page: &mut Page, rows: &Rows) {
    let limit = usize::from(page.width / 3).min(32);
    let names: Vec<Vec<String>> = rows
        .rows
        .iter()
        .map(|(_, cells)| wrapped(&cells.first().map(|name| one_line(name)).unwrap_or_default(), limit))
        .collect();
    let name_width = names.iter().flatten().map(|line| width(line)).max().unwrap_or_default().max(6);
    let columns = rows.head.len();
    let mut from = 1;
    while from < columns {
        let mut room = page.width.saturating_sub(name_width);
        let fit = (from..columns).take_while(|&at| {
            let cells =
                rows.rows.iter().filter_map(|(_, cells)| cells.get(at).map(String::as_str)).chain([rows.head[at]]);
            let wide = cells.map(width).max().unwrap_or_default().saturating_add(GAP);
            let fits = wide <= room;
            room = room.saturating_sub(wide);
            fits
        });
        // One that is wider than the terminal stands alone.
        let to = from + fit.count().max(1);
        let mut grid = Grid::new(std::iter::once(rows.head[0]).chain(rows.head[from..to].iter().copied()));
        for (name, (_, cells)) in names.iter().zip(&rows.rows) {
            grid.row(name, cells.iter().skip(from).take(to - from).map(String::as_str));
        }
        let (heading, lines) = grid.lines();
        heading.iter().for_each(|line| page.line(Style::Bold, line));
        for ((tone, _), lines) in rows.rows.iter().zip(lines) {
            let style = match tone {
                Tone::Plain => Style::Plain,
                Tone::Good => Style::Green,
                Tone::Doubtful => Style::Yellow,
                Tone::Bad => Style::Red,
            };
            lines.iter().for_each(|line| page.line(style, line));
        }
        from = to;
        if from < columns {
            page.out.push('\n');
        }
    }
}

/// The report in GitHub's Markdown, with a newline at its end. Nothing in it is taken for markup that was not written
/// here.
pub fn markdown(report: &EnginesReport) -> String {
    let sheet = Sheet::of(report);
    let mut out = String::new();
    // Writing to a string does not fail.
    for (label, text) in &sheet.facts {
        let _ = writeln!(out, "- {label}: {}", escaped(text));
    }
    for warning in &sheet.warnings {
        let _ = writeln!(out, "- **Warning**: {}", escaped(warning));
    }
    for Rows { title, head, rows } in &sheet.tables {
        let names: Vec<String> = head.iter().map(|name| escaped(name)).collect();
        let _ = writeln!(out, "\n**{title}**\n\n| {} |", names.join(" | "));
        let rule = (0..head.len()).map(|at| if at == 0 { "---" } else { "---:" });
        let _ = writeln!(out, "| {} |", rule.collect::<Vec<_>>().join(" | "));
        for (_, cells) in rows {
            let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
            let _ = writeln!(out, "| {} |", cells.join(" | "));
        }
    }
    for (name, lines) in &sheet.sections {
        let _ = writeln!(out, "\n**{}**\n", escaped(name));
        for (label, text) in lines {
            let label = if label.is_empty() { String::new() } else { format!("{label}: ") };
            let _ = writeln!(out, "- {label}{}", escaped(text));
        }
    }
    if !sheet.checks.is_empty() {
        out.push('\n');
    }
    for (crossed, line) in &sheet.checks {
        let line = escaped(line);
        let _ = if *crossed == Some(false) { writeln!(out, "- {line}") } else { writeln!(out, "- **{line}**") };
    }
    for note in &sheet.notes {
        let _ = writeln!(out, "\n{note}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::engines::sample;
    use crate::report::snapshots::compare_in;
    use crate::report::terminal::width;

    #[test]
    fn every_engine_has_a_row_at_every_width() {
        for width in [None, Some(0), Some(20), Some(80), Some(200)] {
            let text = table(&sample::report(), &TableOptions { colour: false, width });
            for words in ["onnx:int8", "interchangeable", "reference", "failed", "not asked", "tei"] {
                assert!(text.contains(words), "{width:?} {words}: {text}");
            }
            assert!(!text.contains('\x1b') && text.ends_with('\n') && !text.contains("NaN"));
        }
        let wide = table(&sample::report(), &TableOptions { colour: false, width: Some(120) });
        let longest = wide.lines().map(width).max();
        assert!(longest <= Some(120), "{longest:?} {wide}");
    }

    #[test]
    fn snapshots() {
        let drawn = |width, colour| table(&sample::report(), &TableOptions { colour, width: Some(width) });
        compare_in("compare-engines", "engines.txt", &drawn(120, false));
        compare_in("compare-engines", "engines-60.txt", &drawn(60, true));
        compare_in("compare-engines", "engines.md", &markdown(&sample::report()));
    }

    #[test]
    fn colours_tell_verdicts_apart() {
        let text = table(&sample::report(), &TableOptions { colour: true, width: Some(200) });
        let line = |words: &str| text.lines().find(|line| line.contains(words)).unwrap_or_default();
        assert!(line("interchangeable").starts_with("\x1b[32m"), "{text}");
        assert!(line("crossed by onnx:int8").starts_with("\x1b[31m"), "{text}");
        assert!(line("cannot be told of tei").starts_with("\x1b[33m"), "{text}");
    }

    #[test]
    fn texts_from_elsewhere_are_no_markup() {
        let mut report = sample::report();
        report.engines[1].name = "a | b\n<b>*x*\x1b[2J".to_owned();
        report.warnings.push("| <i>".to_owned());
        let text = markdown(&report);
        assert!(!text.contains("<b>") && !text.contains("<i>") && !text.contains('\x1b'), "{text}");
        let tables: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).collect();
        assert!(tables.len() > 10 && !text.contains("\n<"), "{text}");
        for table in tables.chunk_by(|a, b| bars(a) == bars(b)) {
            assert!(table.len() > 2, "{table:?}");
        }
        assert!(!table(&report, &TableOptions { colour: true, width: None }).contains("\x1b[2J"));
    }

    /// Bars that are not escaped.
    fn bars(line: &str) -> usize {
        line.matches('|').count() - line.matches("\\|").count()
    }
}
