//! Checks of documents, for tests.

use super::{Document, html, markdown, terminal};
use crate::report::TableOptions;
use crate::report::html::check::assert_sound;
use crate::report::terminal::width;

/// Asserts that a document can be drawn for any terminal, as Markdown and as a page, and that texts from elsewhere do
/// nothing there. Returns the page.
#[track_caller]
pub(crate) fn assert_drawable(document: impl Fn() -> Document) -> String {
    for columns in [None, Some(0), Some(1), Some(20), Some(40), Some(80), Some(120), Some(u16::MAX)] {
        let text = terminal(&document(), &TableOptions { colour: false, width: columns });
        assert!(text.ends_with('\n') && text.chars().all(|c| c == '\n' || !c.is_control()), "{columns:?} {text}");
        assert!(!text.contains('\u{202e}'), "{text}");
        let widest = text.lines().map(width).max();
        assert!(columns.is_none_or(|columns| columns < 80 || widest <= Some(columns)), "{columns:?} {text}");
    }
    let text = markdown(&document());
    assert!(!text.contains('<') && text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
    for block in text.split("\n\n").filter(|block| block.starts_with('|')) {
        let cells = |line: &str| line.replace("\\\\", "").replace("\\|", "").matches('|').count();
        let table: Vec<&str> = block.lines().take_while(|line| line.starts_with('|')).collect();
        assert!(table.len() > 2 && table.iter().all(|line| cells(line) == cells(table[0])), "{text}");
    }
    let page = html(document());
    assert_sound(&page);
    page
}
