//! Engines that are Python: each model runs in a process of its own, which infa starts and talks to over its pipes.
//!
//! The process runs `worker.py`, one script for all of them; `wire` says how they talk. It ends with the last clone of
//! its [`Worker`], and when infa ends, however that comes about: its stdin is closed then.

mod engine;
mod environment;
mod error;
mod install;
mod interpreter;
mod options;
mod process;
mod wire;
mod worker;

pub use self::engine::PythonEngine;
pub(crate) use self::environment::{Environment, environment, programs};
pub use self::error::PythonError;
pub(crate) use self::install::{InstallError, install};
pub(crate) use self::interpreter::{Interpreter, candidates};
pub use self::options::{PythonOptions, PythonTask};
pub use self::worker::Worker;
