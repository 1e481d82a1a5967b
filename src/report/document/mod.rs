//! One report for three readers: a document is filled once, and drawn for a terminal, as Markdown, and as a page.

#[cfg(test)]
pub(crate) mod check;
mod content;
mod html;
mod markdown;
mod terminal;
#[cfg(test)]
mod tests;

pub(crate) use content::{Block, Chart, Check, Document, Line, Medium, Row, Section, Table, listed};
pub(crate) use html::html;
pub(crate) use markdown::markdown;
pub(crate) use terminal::terminal;
