//! `infa search`: a query and texts or saved vectors in, the nearest documents out.

mod error;
mod queries;
mod results;
mod run;
mod saved;
mod scorer;
mod texts;
mod top;

pub(super) use error::SearchError;
pub(super) use run::run;
