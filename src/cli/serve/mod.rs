//! `infa serve`.

mod args;
mod infinity;
mod tei;
mod values;

pub use args::{LifeArgs, LimitArgs, ListenArgs, ModelsArgs, ServeArgs};
pub use infinity::{InfinityArgs, default_model, variable, variables};
pub use tei::{TeiArgs, TeiEnv};
pub use values::{ApiKey, LogLevel, ServeEngine};
