//! One report for three readers: a document is filled once, and drawn for a terminal, as Markdown, and as a page.

mod content;
mod html;
mod markdown;
mod terminal;

pub(crate) use content::{Chart, Check, Document, Line, Section, Table};
pub(crate) use html::html;
pub(crate) use markdown::markdown;
pub(crate) use terminal::terminal;
