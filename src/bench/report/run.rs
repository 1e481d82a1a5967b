//! The report of a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::engine::EngineReport;
use super::machine::Machine;
use super::workload::{ModelReport, Workload};

/// Version of this format. It rises when a field changes its meaning or goes; new optional fields do not count.
pub const SCHEMA_VERSION: u32 = 1;

/// A run of `infa bench`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of this format.
    pub schema_version: u32,
    /// Version of infa that measured.
    pub infa: String,
    /// What the run is called, as its config says.
    pub title: Option<String>,
    /// The name of the config that was run, by which `--splice` finds its table; `None` in reports of earlier versions.
    pub config: Option<String>,
    /// When it began, in UTC (RFC 3339).
    pub started: String,
    /// How long it took as a whole, in seconds.
    pub seconds: f64,
    /// The command line, without secrets.
    pub command: Vec<String>,
    /// Where it ran.
    pub machine: Machine,
    /// Which model.
    pub model: ModelReport,
    /// What was asked, and how.
    pub workload: Workload,
    /// The engine whose speed the others are compared with, by its name.
    pub baseline: Option<String>,
    /// The engine whose vectors or scores the others are compared with, by its name.
    pub reference: Option<String>,
    /// What one hour of the machine costs, in dollars.
    pub machine_cost_per_hour: Option<f64>,
    /// The engines, in the order they were given.
    pub engines: Vec<EngineReport>,
    /// Of each round, the names of the engines in the order they had it.
    pub order: Vec<Vec<String>>,
    /// Whether somebody stopped the run before its end.
    pub interrupted: bool,
    /// What a reader must know to judge the figures.
    pub notes: Vec<String>,
    /// Whether tables show every column there is.
    #[serde(skip)]
    pub all_columns: bool,
}
