use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::engine::EngineReport;
use super::machine::Machine;
use super::workload::{ModelReport, Workload};

/// Version of this format. It rises when a field changes its meaning or is removed; new optional fields do not count.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// A run of `infa bench`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of this format.
    pub schema_version: u32,
    /// Version of infa that measured.
    pub infa: String,
    /// The title of the run, from its config.
    pub title: Option<String>,
    /// The name of the config, by which `--splice` finds its table; `None` in reports of earlier versions.
    pub config: Option<String>,
    /// Start of the run, in UTC (RFC 3339).
    pub started: String,
    /// Duration of the whole run, in seconds.
    pub seconds: f64,
    /// The command line, without secrets.
    pub command: Vec<String>,
    /// The machine that measured.
    pub machine: Machine,
    pub model: ModelReport,
    /// The requests and the load.
    pub workload: Workload,
    /// Name of the engine that speed is compared with.
    pub baseline: Option<String>,
    /// Name of the engine whose vectors or scores the others are compared with.
    pub reference: Option<String>,
    /// Price of an hour of the machine, in dollars.
    pub machine_cost_per_hour: Option<f64>,
    /// The engines, in the order they were given.
    pub engines: Vec<EngineReport>,
    /// The names of the engines of each round, in their order.
    pub order: Vec<Vec<String>>,
    /// True if the user stopped the run before its end.
    pub interrupted: bool,
    /// Notes to the reader.
    pub notes: Vec<String>,
    /// True if tables show all columns.
    #[serde(skip)]
    pub all_columns: bool,
}
