//! The list of engines as text of some width: lines break at blanks, never inside of a word.

use console::measure_text_width;

/// A row of the list.
pub(super) struct Row {
    pub engine: String,
    pub usable: String,
    pub version: String,
    pub place: String,
    /// The command that installs it, or nothing.
    pub install: String,
}

/// Titles of the columns.
const TITLES: [&str; 5] = ["engine", "usable", "version", "where", "install with"];
/// Between columns.
const GAP: usize = 2;
/// The column "where" is at least this wide; where there is less room, its text stands below the row.
const NARROWEST: usize = 36;
/// The column "version" is at most this wide.
const VERSION: usize = 32;

/// The list: a table, if it fits with the commands that install beside or below the rows; else a few lines an engine.
pub(super) fn list(rows: &[Row], width: usize) -> String {
    let lines = table(rows, width, true).or_else(|| table(rows, width, false)).unwrap_or_else(|| stacked(rows, width));
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// A table. `None` where the column "where" would be too narrow.
fn table(rows: &[Row], width: usize, beside: bool) -> Option<Vec<String>> {
    let of = |title: usize, cell: fn(&Row) -> &str| {
        let cells = rows.iter().map(|row| measure_text_width(cell(row)));
        cells.chain([TITLES[title].len()]).max().unwrap_or_default()
    };
    let longest = |cell: fn(&Row) -> &str| {
        let words = rows.iter().flat_map(|row| cell(row).split_whitespace()).map(measure_text_width);
        words.max().unwrap_or_default()
    };
    let engine = of(0, |row| &row.engine);
    let usable = of(1, |row| &row.usable);
    let version = of(2, |row| &row.version).min(VERSION).max(longest(|row| &row.version));
    let install = if beside { of(4, |row| &row.install) + GAP } else { 0 };
    let left = engine + usable + version + 3 * GAP;
    let place = width.checked_sub(left + install)?;
    if place < NARROWEST.max(longest(|row| &row.place)) {
        return None;
    }
    let place = place.min(of(3, |row| &row.place));
    let widths = [engine, usable, version, place];
    let columns = if beside { 5 } else { 4 };
    let mut lines = vec![joined(&TITLES[..columns], &widths)];
    for row in rows {
        let (versions, places) = (wrapped(&row.version, version), wrapped(&row.place, place));
        for at in 0..versions.len().max(places.len()).max(1) {
            let first = |text: &'static str, cell| if at == 0 { cell } else { text };
            let of = |lines: &[String]| lines.get(at).cloned().unwrap_or_default();
            let (versions, places) = (of(&versions), of(&places));
            let cells =
                [first("", row.engine.as_str()), first("", &row.usable), &versions, &places, first("", &row.install)];
            lines.push(joined(&cells[..columns], &widths));
        }
        if !beside {
            lines.extend(install_below(row, left, width));
        }
    }
    Some(lines)
}

/// A line with what is short, and the rest below it.
fn stacked(rows: &[Row], width: usize) -> Vec<String> {
    let engine = rows.iter().map(|row| measure_text_width(&row.engine)).max().unwrap_or_default();
    let usable = rows.iter().map(|row| measure_text_width(&row.usable)).max().unwrap_or_default();
    let indent = 4.min(width / 4);
    let mut lines = Vec::new();
    for row in rows {
        lines.push(joined(&[&row.engine, &row.usable, &row.version], &[engine, usable]));
        lines.extend(indented(&row.place, indent, width));
        lines.extend(install_below(row, indent, width));
    }
    lines
}

fn install_below(row: &Row, indent: usize, width: usize) -> Vec<String> {
    if row.install.is_empty() { Vec::new() } else { indented(&format!("install with: {}", row.install), indent, width) }
}

fn indented(text: &str, indent: usize, width: usize) -> Vec<String> {
    let lines = wrapped(text, width.saturating_sub(indent));
    lines.into_iter().map(|line| format!("{:indent$}{line}", "")).collect()
}

/// Cells side by side; the last has no width.
fn joined(cells: &[&str], widths: &[usize]) -> String {
    let mut line = String::new();
    for (at, cell) in cells.iter().enumerate() {
        line.push_str(cell);
        if let Some(width) = widths.get(at).filter(|_| at + 1 < cells.len()) {
            line.push_str(&" ".repeat((width + GAP).saturating_sub(measure_text_width(cell))));
        }
    }
    line
}

/// Lines of at most `width` columns, broken at blanks. A longer word has a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if measure_text_width(line) + 1 + measure_text_width(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let row = |cells: [&str; 5]| {
            let [engine, usable, version, place, install] = cells.map(str::to_owned);
            Row { engine, usable, version, place, install }
        };
        vec![
            row(["onnx", "yes", "onnxruntime 1.31.1", "in this process", ""]),
            row([
                "torch",
                "no",
                "",
                "a Python process; missing: sentence-transformers (of /usr/bin/python3)",
                "infa engines install torch",
            ]),
            row([
                "openvino",
                "yes",
                "openvino 2026.1, optimum-intel 1.30",
                "/home/me/.cache/infa/python/bin/python",
                "",
            ]),
            row(["openai", "with a URL", "", "a server: openai=URL", ""]),
            row([
                "infinity",
                "with a URL",
                "",
                "a server: infinity=URL, or started by infa bench",
                "infa engines install infinity",
            ]),
        ]
    }

    #[test]
    fn no_word_is_broken_at_any_width() {
        let rows = rows();
        for width in [20, 40, 60, 80, 100, 120, 200] {
            let text = list(&rows, width);
            for row in &rows {
                let cells = [&row.engine, &row.usable, &row.version, &row.place, &row.install];
                for word in cells.into_iter().flat_map(|cell| cell.split_whitespace()) {
                    assert!(text.split_whitespace().any(|found| found == word), "{width}: no {word} in\n{text}");
                }
            }
            if width >= 60 {
                for line in text.lines() {
                    assert!(measure_text_width(line) <= width, "{width}: {line:?}");
                    assert_eq!(line, line.trim_end());
                }
            }
        }
    }

    #[test]
    fn a_few_lines_an_engine_are_enough() {
        let rows = rows();
        for (width, most) in [(60, 16), (80, 14), (100, 12), (120, 10), (160, 7)] {
            let lines = list(&rows, width).lines().count();
            assert!(lines <= most, "{width}: {lines}\n{}", list(&rows, width));
        }
    }

    #[test]
    fn install_commands_stand_beside_or_below() {
        let wide = list(&rows(), 200);
        assert!(wide.lines().next().unwrap().ends_with("install with"));
        assert!(wide.lines().any(|line| line.starts_with("torch") && line.ends_with("infa engines install torch")));
        for width in [60, 80, 100] {
            let narrow = list(&rows(), width);
            let below = narrow.lines().any(|line| line.trim() == "install with: infa engines install torch");
            assert!(below, "{width}:\n{narrow}");
        }
    }
}
