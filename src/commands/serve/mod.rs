//! `infa serve`: models over HTTP.

mod load;
mod open_files;
mod run;
mod settings;
mod tei;

pub(super) use run::run;
