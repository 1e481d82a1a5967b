//! `infa compare` itself.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::super::parse::paragraphs;
use super::{CheckArgs, CompareEnginesArgs, CompareRunsArgs, CompareVectorsArgs, EnginesFlags, RunsFlags};
use super::{engines, runs, vectors};

const EXAMPLES: &str = "\
Examples:
  infa compare base.json new.json --fail-if 'p99>+10%'
  infa compare old.npy new.jsonl
  infa compare --engines onnx,onnx:int8,torch texts.txt";

const GUESS: &str = "\
Without a subcommand, infa compares engines if --engines names some, otherwise saved vectors or results, whichever the files hold. A file called runs, vectors or engines is ./runs and so on.";

const STATUS: &str = "\
Exit status: 0 success, whatever the verdict; 2 wrong usage, files that cannot be compared, or a --fail-if on a change between runs of different workloads; 3 the model cannot be used; 4 an engine failed (its row says why); 5 a threshold was crossed; 130 interrupted, after the partial results have been printed and exported.";

fn long_help() -> String {
    let metrics = format!(
        "Metrics of result files: {} Of saved vectors: {} Of engines: {}",
        runs::METRICS,
        vectors::METRICS,
        engines::METRICS
    );
    paragraphs(&[EXAMPLES, GUESS, &metrics, STATUS])
}

/// Arguments of `infa compare`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, disable_help_subcommand = true)]
#[command(after_help = EXAMPLES, after_long_help = long_help())]
pub struct CompareArgs {
    #[command(subcommand)]
    pub kind: Option<CompareKind>,

    /// Results of infa bench, or saved vectors; with --engines, texts [default: stdin]
    ///
    /// The first is the base of the others, unless --base names it. A single result file compares its own engines.
    #[arg(value_name = "FILE", required_unless_present = "engines")]
    pub files: Vec<PathBuf>,

    #[command(flatten)]
    pub runs: RunsFlags,

    #[command(flatten)]
    pub checks: CheckArgs,

    #[command(flatten)]
    pub engines: EnginesFlags,
}

/// The kinds of comparisons.
#[derive(Debug, Subcommand)]
pub enum CompareKind {
    /// Compare result files of infa bench
    ///
    /// Prints the change of each metric of each engine with a 95 % interval, the smallest change such runs can show, and a verdict: faster, slower, or indistinguishable. Differences of machine, model, workload and versions stand above the numbers.
    Runs(Box<CompareRunsArgs>),
    /// Compare saved vectors of the same inputs
    ///
    /// Prints how similar they are, whether nearest neighbours stay the same, the likely cause of a difference, and a verdict.
    Vectors(Box<CompareVectorsArgs>),
    /// Run several engines on the same texts and compare their results
    ///
    /// Compares their vectors, or the scores of rerankers, with those of a reference; checks whether results depend on what else is in a batch; with judged data (--task sts, retrieval) it compares quality.
    Engines(Box<CompareEnginesArgs>),
}
