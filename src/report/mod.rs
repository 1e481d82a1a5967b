//! What reports are made of: figures and how they are written, pages of a terminal, Markdown and HTML, charts, schemas.
//!
//! ```text
//! figure, numbers, text   values, how they are written, and texts from elsewhere made safe
//! terminal                lines with a style, paragraphs, tables as wide as they must be
//! markdown                tables of GitHub's Markdown
//! markup                  HTML and SVG in which no text becomes markup
//!   ├ html                the frame of a page, and its pieces
//!   └ plot                charts
//! schema                  JSON Schemas of documents
//! ```
//!
//! A leaf: it knows no report, and uses nothing else of the crate but [`stats`](crate::stats).

mod figure;
pub(crate) mod html;
pub(crate) mod markdown;
pub(crate) mod markup;
pub(crate) mod numbers;
pub(crate) mod plot;
mod schema;
#[cfg(test)]
pub(crate) mod snapshots;
pub(crate) mod terminal;
pub(crate) mod text;

pub use figure::Figure;
pub(crate) use schema::schema_of;
pub use terminal::TableOptions;
