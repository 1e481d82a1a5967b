//! The report as a page of HTML.

mod charts;
mod details;
mod page;
mod tables;

pub use page::html;
