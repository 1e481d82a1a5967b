//! `infa model`: what a model is, and what becomes of it.

mod export;
mod find;
mod inspect;
mod list;
mod pull;
mod remove;
mod run;
mod summary;
mod uses;

use find::find;
pub(super) use run::run;
use uses::{Use, uses};
