//! The report of a comparison of engines for people.

mod charts;
mod content;
mod tables;
#[cfg(test)]
mod tests;

pub(crate) use content::{checks, document};
