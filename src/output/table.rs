//! Tables for people: as wide as the terminal, a row a line.

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Row, Table, presets};

use super::hit::{Hit, Ranking};

/// The width where stdout is no terminal.
const WIDTH: u16 = 100;
/// Tables are no narrower.
const NARROW: u16 = 40;
/// Characters of a document that are looked at: no terminal is wider.
const SHOWN: usize = 1000;

/// Rows of a ranking.
#[derive(Default)]
pub(super) struct Rows {
    rows: Vec<[String; 4]>,
    ids: bool,
}

impl Rows {
    /// One more document.
    pub(crate) fn push(&mut self, rank: u64, hit: &Hit) {
        self.ids |= hit.id.is_some();
        let name = match &hit.id {
            Some(id) => one_line(id.text()),
            None => hit.index.to_string(),
        };
        let text = |text: &Option<String>| text.as_deref().map(one_line).unwrap_or_default();
        self.rows.push(match &hit.outcome {
            Ok(score) => [rank.to_string(), short(*score), name, text(&hit.document)],
            Err(error) => ["-".into(), "failed".into(), name, one_line(error)],
        });
    }

    /// Appends the table; without rows nothing.
    pub(crate) fn append_to(self, out: &mut Vec<u8>) {
        if self.rows.is_empty() {
            return;
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        // Some terminals report a width of 0.
        let width = table.width().filter(|&width| width >= NARROW).unwrap_or(WIDTH);
        table.set_width(width);
        table.set_truncation_indicator("…").set_header([
            "rank",
            "score",
            if self.ids { "id" } else { "index" },
            "document",
        ]);
        for [rank, score, name, text] in self.rows {
            let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
            let mut row = Row::from([right(rank), right(score), Cell::new(name), Cell::new(text)]);
            row.max_height(1);
            table.add_row(row);
        }
        // Only the last column is shortened.
        for column in table.column_iter_mut().take(3) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
        for line in table.lines() {
            out.extend_from_slice(line.trim_end().as_bytes());
            out.push(b'\n');
        }
    }
}

/// Appends the line above a query's table.
pub(super) fn heading(ranking: &Ranking<'_>, out: &mut Vec<u8>) {
    let name = match ranking.id {
        Some(id) => one_line(id.text()),
        None => ranking.index.to_string(),
    };
    let text = match ranking.outcome {
        Ok(_) => one_line(ranking.query),
        Err(error) => format!("failed: {}", one_line(error)),
    };
    let line = format!("query {name}: {text}\n");
    out.extend_from_slice(line.as_bytes());
}

/// Enough digits to distinguish scores.
fn short(score: f64) -> String {
    let digits = format!("{score:.4}");
    // Near 0 and 1 four digits would make different scores look alike.
    let precise = (score != 0.0 && score.abs() < 0.001) || (score < 1.0 && digits == "1.0000");
    if precise && score > 0.5 {
        format!("{score:.16}").trim_end_matches('0').to_owned()
    } else if precise {
        format!("{score:.3e}")
    } else {
        digits
    }
}

/// `text` as one line without control characters: it goes to a terminal.
fn one_line(text: &str) -> String {
    let words = text.split_whitespace().flat_map(|word| [" ", word]).skip(1);
    let escaped = words
        .flat_map(str::chars)
        .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] });
    escaped.take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn scores_that_differ_look_different() {
        assert_eq!(short(0.73), "0.7300");
        assert_eq!(short(-4.25), "-4.2500");
        assert_eq!(short(0.0), "0.0000");
        assert_eq!(short(1.0), "1.0000");
        assert_eq!(short(0.000_012_34), "1.234e-5");
        assert_eq!(short(0.999_999_999), "0.999999999");
    }

    #[test]
    fn a_row_is_a_line_and_no_wider_than_the_table() {
        let hit =
            |index, document: &str| Hit { index, id: None, outcome: Ok(0.5), document: Some(document.to_owned()) };
        let mut rows = Rows::default();
        rows.push(1, &hit(3, "two\nlines\u{1b}[31m and a tab\t."));
        rows.push(2, &hit(0, &"long ".repeat(100)));
        let failed = Hit { index: 7, id: None, outcome: Err("f:3: bad".into()), document: None };
        rows.push(2, &failed);
        let mut out = Vec::new();
        rows.append_to(&mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("two lines\\u{1b}[31m and a tab ."), "{text}");
        assert!(text.contains('…') && text.contains("failed") && text.contains("f:3: bad"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= usize::from(WIDTH)), "{text}");
        assert_eq!(text.lines().filter(|line| line.contains("long")).count(), 1, "{text}");
    }
}
