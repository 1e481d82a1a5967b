//! Flags of `infa compare --engines`.

use std::num::NonZero;
use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::{EngineEntry, Span};
use crate::input;
use crate::runtime::device::Device;

/// What several engines are asked for, and how.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Engines on the same texts")]
pub struct CompareEnginesArgs {
    /// The engines, with commas between them, each SPEC or NAME=SPEC, as infa bench has them: onnx, torch,
    /// prod=tei=http://…
    // Strings, since a message about what cannot be parsed would show passwords.
    #[arg(long, value_delimiter = ',', value_name = "[NAME=]SPEC,…", env = "INFA_ENGINES", hide_env = true)]
    pub engines: Option<Vec<EngineEntry>>,

    /// What FILE holds: texts to embed; queries with documents to rerank, as infa rerank reads them; scored pairs (sts);
    /// or, of a directory in the layout of BEIR, a corpus to search (retrieval) [default: embed]
    #[arg(
        long,
        value_enum,
        value_name = "embed|rerank|sts|retrieval",
        hide_possible_values = true,
        env = "INFA_TASK",
        hide_env = true
    )]
    pub task: Option<CompareTask>,

    /// The model: a repository, a directory, or a .onnx file [default: sentence-transformers/all-MiniLM-L6-v2]
    #[arg(short, long, alias = "model", value_name = "MODEL", env = "INFA_MODEL_ID", hide_env = true)]
    pub model_id: Option<String>,

    /// Branch, tag or commit of the repository [default: main]
    #[arg(long, value_name = "REV", env = "INFA_REVISION", hide_env = true)]
    pub revision: Option<String>,

    /// Where engines of this machine compute [default: auto]
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        value_name = "auto|cpu|cuda|tensorrt",
        env = "INFA_DEVICE",
        hide_env = true
    )]
    pub device: Option<Device>,

    /// Threads of each engine of this machine [default: the physical cores that may be used]
    #[arg(long, value_name = "N", env = "INFA_THREADS", hide_env = true)]
    pub threads: Option<NonZero<usize>>,

    /// Copy the weights of engines in this process into memory, so that a change of the model's files cannot harm; takes
    /// their size in memory
    #[arg(long, value_parser = BoolishValueParser::new(), env = "INFA_COPY_WEIGHTS", hide_env = true)]
    pub copy_weights: bool,

    /// The Python that torch, openvino … run in [default: the one that infa engines install has made]
    #[arg(long, value_name = "PATH", env = "INFA_PYTHON", hide_env = true)]
    pub python: Option<PathBuf>,

    /// The engine the others are compared with [default: torch, else onnx, else the first]
    #[arg(long, value_name = "NAME", env = "INFA_REFERENCE", hide_env = true)]
    pub reference: Option<String>,

    /// Texts in a request [default: 32]
    #[arg(long, value_name = "N", env = "INFA_BATCH", hide_env = true)]
    pub batch: Option<NonZero<usize>>,

    /// Requests at a time, where many come at once [default: 4]
    #[arg(long, value_name = "N", env = "INFA_CONCURRENCY", hide_env = true)]
    pub concurrency: Option<NonZero<usize>>,

    /// Texts that each engine is asked for alone, and among many at once, too; of queries, those whose documents are
    /// [default: 64, of queries 8]
    #[arg(long, value_name = "N", env = "INFA_SAMPLES", hide_env = true)]
    pub samples: Option<usize>,

    /// Decides which those are, and what comes beside them [default: 0]
    #[arg(long, value_name = "N", env = "INFA_SEED", hide_env = true)]
    pub seed: Option<u64>,

    /// Longest wait for an answer [default: 60s]
    #[arg(long, value_name = "TIME", env = "INFA_REQUEST_TIMEOUT", hide_env = true)]
    pub request_timeout: Option<Span>,

    /// Longest wait until an engine is ready [default: 10m]
    #[arg(long, value_name = "TIME", env = "INFA_STARTUP_TIMEOUT", hide_env = true)]
    pub startup_timeout: Option<Span>,

    /// Ask a server again, up to N times a request, after failures that may pass [default: 2]
    #[arg(long, value_name = "N", env = "INFA_RETRIES", hide_env = true)]
    pub retries: Option<u32>,

    /// Format of the input: lines, jsonl, json, csv, tsv, nul [default: by the file's ending and first bytes]
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        value_name = "FORMAT",
        env = "INFA_INPUT_FORMAT",
        hide_env = true
    )]
    pub input_format: Option<input::Format>,

    /// Field or column that holds the text; of sts the first of a pair [default: text; sentence1 and its like]
    #[arg(long, value_name = "NAME", env = "INFA_FIELD", hide_env = true)]
    pub field: Option<String>,

    /// Field or column that holds the id [default: id, where there is one]
    #[arg(long, value_name = "NAME", env = "INFA_ID_FIELD", hide_env = true)]
    pub id_field: Option<String>,

    /// Of sts: field or column that holds the second text of a pair [default: sentence2 and its like]
    #[arg(long, value_name = "NAME", env = "INFA_PAIR_FIELD", hide_env = true)]
    pub pair_field: Option<String>,

    /// Of sts: field or column that holds how alike the two are [default: score and its like]
    #[arg(long, value_name = "NAME", env = "INFA_SCORE_FIELD", hide_env = true)]
    pub score_field: Option<String>,

    /// Of sts: the split to read, where a column tells it [default: test]
    #[arg(long, value_name = "NAME", env = "INFA_SPLIT", hide_env = true)]
    pub split: Option<String>,

    /// Of retrieval: the judgements [default: qrels/test.tsv in the directory]
    #[arg(long, value_name = "FILE", env = "INFA_QRELS", hide_env = true)]
    pub qrels: Option<PathBuf>,
}

/// What engines are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum CompareTask {
    /// Vectors of texts
    Embed,
    /// Scores of documents
    Rerank,
    /// Vectors of pairs of texts that people have scored
    Sts,
    /// Vectors of queries and documents that people have judged
    Retrieval,
}

impl CompareTask {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Embed => "embed",
            Self::Rerank => "rerank",
            Self::Sts => "sts",
            Self::Retrieval => "retrieval",
        }
    }
}
