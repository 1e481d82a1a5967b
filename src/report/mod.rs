//! The report kit: figures and numbers, pages of a terminal, Markdown and HTML, charts, schemas.
//!
//! ```text
//! figure, numbers, text   values, numbers for people, and texts from elsewhere made safe
//! terminal                lines with a style, paragraphs, tables as wide as they must be
//! markdown                tables of GitHub's Markdown
//! markup                  HTML and SVG in which no text becomes markup
//!   ├ html                the frame of a page, and its pieces
//!   └ plot                charts
//! document                a report for people: filled once, drawn for a terminal, as Markdown, as a page
//! schema                  JSON Schemas of documents
//! ```
//!
//! A leaf: it knows no particular report, and uses only [`stats`](crate::stats) of the crate.

pub(crate) mod document;
mod figure;
pub(crate) mod html;
pub(crate) mod markdown;
pub(crate) mod markup;
pub(crate) mod numbers;
pub(crate) mod plot;
#[cfg(test)]
mod schema;
#[cfg(test)]
pub(crate) mod snapshots;
pub(crate) mod terminal;
pub(crate) mod text;
mod tone;

pub(crate) use figure::Figure;
#[cfg(test)]
pub(crate) use schema::schema_of;
pub(crate) use terminal::TableOptions;
pub(crate) use tone::Tone;
