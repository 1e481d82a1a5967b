//! `infa engines`: which engines can be used here, and what the others need.

mod interpreters;
mod layout;
mod list;

pub(super) use interpreters::Interpreters;
pub(super) use list::run;
