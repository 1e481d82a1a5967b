//! What was asked, and of which model.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bench::dataset::LengthHistogram;

/// What engines are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// One vector a text
    Embed,
    /// One score a document
    Rerank,
}

/// The model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelReport {
    /// Its name: a repository of the Hub, or a directory.
    pub id: String,
    /// Its revision there.
    pub revision: Option<String>,
    /// Its architecture, such as `bert`.
    pub architecture: Option<String>,
    /// Length of its vectors, or number of its labels.
    pub dimensions: Option<usize>,
    /// Longest text in tokens, specials included.
    pub max_length: Option<usize>,
    /// Floating-point operations for a token in its matrix products with weights: twice their number of weights.
    /// Attention comes on top, `attention_flop_per_token_and_position` for each position a token sees.
    pub flop_per_token: Option<f64>,
    /// Floating-point operations of attention for a token and a position it sees: `4 · layers · hidden size`.
    pub attention_flop_per_token_and_position: Option<f64>,
    /// Its files.
    pub files: Vec<FileHash>,
}

/// A file, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileHash {
    /// Its path below the model's directory.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// What was asked, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Workload {
    /// What engines were asked for.
    pub task: Task,
    /// The dataset as a spec that stands for the same texts, or the file.
    pub dataset: String,
    /// Decides what is random: texts, order of engines, arrivals, samples.
    pub seed: u64,
    /// Texts of the dataset; of queries, pairs of query and document.
    pub texts: usize,
    /// How many of them are different from one another.
    pub distinct: usize,
    /// Inputs of a request.
    pub inputs_per_request: usize,
    /// Different requests; they are sent round and round.
    pub requests: usize,
    /// How requests come: `offline`, `10 clients`, `50/s (Poisson)` …
    pub load: String,
    /// When a round ends: `10 requests`, `30s`.
    pub end: String,
    /// Fewest and most rounds.
    pub rounds: (usize, usize),
    /// Rounds end when the interval of each engine's figure reaches no further than this share to either side.
    pub stable: f64,
    /// By whose tokenizer tokens are counted.
    pub tokenizer: Option<String>,
    /// How long the texts are; `None` without a tokenizer.
    pub lengths: Option<LengthHistogram>,
}

impl Workload {
    /// Whether requests came whether or not the last ones were answered. Then the load decides the throughput, and
    /// latencies tell engines apart.
    pub fn is_open_loop(&self) -> bool {
        ["constant:", "poisson:", "ramp:"].iter().any(|kind| self.load.starts_with(kind))
    }
}
