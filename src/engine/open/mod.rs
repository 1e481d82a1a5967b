//! From a spec and options to an open engine: models are found, processes started and servers connected to.
//!
//! ```text
//! options   the four kinds of engines, opened through one door
//! purpose   what an engine is opened for
//! opened    an open engine, and facts about it
//! local     a model of this process: its files, ONNX Runtime, its workers
//! python    a model in a Python process
//! server    a server
//! launched  a server that infa starts
//! host      where files and libraries come from
//! ```

mod host;
mod launched;
mod local;
mod opened;
mod options;
mod purpose;
mod python;
mod server;

pub(crate) use host::Host;
pub(crate) use launched::LaunchOptions;
pub(crate) use local::LocalOptions;
pub(crate) use opened::{EngineFacts, OpenedEngine, Processes};
pub(crate) use options::EngineOptions;
pub(crate) use purpose::Purpose;
pub(crate) use python::PythonModelOptions;
pub(crate) use server::ServerOptions;
