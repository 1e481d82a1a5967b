//! A document as GitHub's Markdown.

use std::fmt::Write;

use super::content::{Document, Line};
use crate::report::markdown::{escaped, table};

/// The document in GitHub's Markdown, with a newline at its end. No text in it becomes markup.
pub(crate) fn markdown(document: &Document) -> String {
    let mut out = String::new();
    labelled(&mut out, &document.facts);
    // Writing to a string does not fail.
    for warning in &document.warnings {
        let _ = writeln!(out, "- **Warning**: {}", escaped(warning));
    }
    for rows in &document.tables {
        let _ = writeln!(out, "\n**{}**\n", rows.title);
        let cells = rows.rows.iter().map(|(_, cells)| cells.iter().map(|cell| escaped(cell)));
        table(&mut out, rows.head.iter().map(|name| escaped(name)), cells);
    }
    for section in &document.sections {
        let _ = writeln!(out, "\n**{}**\n", escaped(&section.title));
        labelled(&mut out, &section.lines);
    }
    if !document.checks.is_empty() {
        out.push('\n');
    }
    for check in &document.checks {
        let text = escaped(&check.text);
        let _ = if check.crossed == Some(false) { writeln!(out, "- {text}") } else { writeln!(out, "- **{text}**") };
    }
    for note in &document.notes {
        let _ = writeln!(out, "\n{}", escaped(note));
    }
    out
}

fn labelled(out: &mut String, lines: &[Line]) {
    for Line { label, text } in lines {
        let label = if label.is_empty() { String::new() } else { format!("{}: ", escaped(label)) };
        let _ = writeln!(out, "- {label}{}", escaped(text));
    }
}
