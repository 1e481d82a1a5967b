//! `infa rerank`: documents in, documents out in the order in which they answer a query.

mod kept;
mod many;
mod one;
mod run;

pub(super) use kept::Kept;
pub(super) use run::run;
