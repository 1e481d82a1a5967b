//! `infa serve`.

mod args;
mod infinity;
mod tei;
mod values;

pub(crate) use args::{LifeArgs, LimitArgs, ListenArgs, ModelsArgs, ServeArgs};
pub(crate) use infinity::{InfinityArgs, default_model, variable, variables};
pub(crate) use tei::{TeiArgs, TeiEnv};
pub(crate) use values::{ApiKey, LogLevel, ServeEngine};
