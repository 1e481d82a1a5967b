//! The shape of the sources: which room may use which, and what a room looks like inside.
#![allow(clippy::unwrap_used)]

mod budgets;
mod circles;
mod floors;
mod rooms;
mod source;
mod words;
