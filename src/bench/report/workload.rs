//! The requests of a run, and the model.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bench::dataset::LengthHistogram;

/// The task of the engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// One vector a text
    Embed,
    /// One score a document
    Rerank,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelReport {
    /// A repository of the Hub, or a directory.
    pub id: String,
    /// Its revision on the Hub.
    pub revision: Option<String>,
    /// Its architecture, such as `bert`.
    pub architecture: Option<String>,
    /// Length of its vectors, or number of its labels.
    pub dimensions: Option<usize>,
    /// Longest text in tokens, specials included.
    pub max_length: Option<usize>,
    /// Floating-point operations for a token in its matrix products with weights: twice their number of weights.
    /// Attention is extra: `attention_flop_per_token_and_position` for each position a token sees.
    pub flop_per_token: Option<f64>,
    /// Floating-point operations of attention for a token and a position it sees: `4 · layers · hidden size`.
    pub attention_flop_per_token_and_position: Option<f64>,
    pub files: Vec<FileHash>,
}

/// A file of the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileHash {
    /// Its path below the model's directory.
    pub name: String,
    pub bytes: u64,
    /// SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// The requests of a run, and the load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Workload {
    pub task: Task,
    /// The dataset as a spec that stands for the same texts, or the file.
    pub dataset: String,
    /// Seed of the texts, the order of engines, arrivals and samples.
    pub seed: u64,
    /// Texts of the dataset, or pairs of query and document.
    pub texts: usize,
    /// The number of different ones.
    pub distinct: usize,
    /// Inputs of the largest request.
    pub inputs_per_request: usize,
    /// Different requests; they are sent over and over again.
    pub requests: usize,
    /// The load: `offline`, `10 clients`, `50/s (Poisson)` …
    pub load: String,
    /// The end of a round: `10 requests`, `30s`.
    pub end: String,
    /// Fewest and most rounds.
    pub rounds: (usize, usize),
    /// Rounds end when the interval of each engine's figure is within this share of it.
    pub stable: f64,
    /// The model whose tokenizer counts the tokens.
    pub tokenizer: Option<String>,
    /// The lengths of the texts; `None` without a tokenizer.
    pub lengths: Option<LengthHistogram>,
}

impl Workload {
    /// True if requests come independently of replies. Then the load decides the throughput, and latencies distinguish
    /// engines.
    pub fn is_open_loop(&self) -> bool {
        ["constant:", "poisson:", "ramp:"].iter().any(|kind| self.load.starts_with(kind))
    }

    /// True if the load rises in steps: there are no rounds.
    pub fn is_rising(&self) -> bool {
        ["sweep", "search"].iter().any(|kind| self.load.starts_with(kind))
    }
}
