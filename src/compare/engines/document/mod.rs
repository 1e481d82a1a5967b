//! The report of a comparison of engines for people.

mod charts;
mod content;
mod render;
mod tables;
#[cfg(test)]
mod tests;

pub use render::{html, markdown, table};
