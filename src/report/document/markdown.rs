//! A document as GitHub's Markdown.

use std::fmt::Write;

use super::content::{Block, Document, Line, Medium, Table};
use crate::report::markdown::{escaped, table};
use crate::report::tone::Tone;

/// The document in GitHub's Markdown, with a newline at its end. No text in it becomes markup.
pub(crate) fn markdown(document: &Document) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    for section in document.sections.iter().filter(|section| section.is_in(Medium::Markdown)) {
        apart(&mut out);
        if !section.title.is_empty() {
            let _ = writeln!(out, "**{}**\n", escaped(&section.title));
        }
        for block in &section.blocks {
            draw(&mut out, block);
        }
    }
    if !document.checks.is_empty() {
        apart(&mut out);
    }
    for check in &document.checks {
        let text = escaped(&check.text);
        let _ = if check.crossed == Some(false) { writeln!(out, "- {text}") } else { writeln!(out, "- **{text}**") };
    }
    while out.ends_with("\n\n") {
        out.pop();
    }
    out
}

/// An empty line, unless there is one or nothing at all.
fn apart(out: &mut String) {
    if !out.is_empty() && !out.ends_with("\n\n") {
        out.push('\n');
    }
}

fn draw(out: &mut String, block: &Block) {
    match block {
        Block::Verdict(_, text, meaning) => {
            let meaning = if meaning.is_empty() { String::new() } else { format!(": {}", escaped(meaning)) };
            let _ = writeln!(out, "- **{}**{meaning}", escaped(text));
        }
        Block::Facts(lines) => {
            // A line without a label belongs to the one above; in a list each has its own.
            let mut last = "";
            for Line { label, text, tone } in lines {
                last = if label.is_empty() { last } else { label };
                let label = last;
                let label = if label.is_empty() { String::new() } else { format!("{}: ", escaped(label)) };
                let text = escaped(text);
                let _ = match tone {
                    Tone::Plain => writeln!(out, "- {label}{text}"),
                    _ => writeln!(out, "- {label}**{text}**"),
                };
            }
        }
        Block::Warnings(texts) => {
            for text in texts {
                let _ = writeln!(out, "- **Warning**: {}", escaped(text));
            }
        }
        Block::Table(rows) => {
            apart(out);
            if !rows.title.is_empty() {
                let _ = writeln!(out, "**{}**\n", rows.title);
            }
            grid(out, rows);
            out.push('\n');
        }
        Block::Charts(_) | Block::Folded(..) => {}
        Block::Notes(texts) => {
            for text in texts {
                let _ = writeln!(out, "- {}", escaped(text));
            }
        }
    }
}

fn grid(out: &mut String, Table { head, rows, words, toned, .. }: &Table) {
    let notes = rows.iter().any(|row| !row.note.is_empty());
    let rows = rows.iter().map(|row| {
        let cells = row.cells.iter().enumerate().map(|(at, cell)| match row.tone {
            Tone::Good | Tone::Bad if at == *toned => format!("**{}**", escaped(cell)),
            _ => escaped(cell),
        });
        cells.chain(notes.then(|| escaped(&row.note)))
    });
    table(out, *words, head.iter().map(|name| escaped(name)).chain(notes.then(String::new)), rows);
}
