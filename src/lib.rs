//! infa turns text into embeddings: the library behind the `infa` binary.
//!
//! The map of the house, from the door to the cellar. A module uses only what stands below it; `tests/architecture/`
//! holds the code to it. [`server`] and [`bench`](mod@bench) do not use each other.
//!
//! | module | what it is |
//! |---|---|
//! | [`commands`] | one module a subcommand: settings → work → output |
//! | [`cli`] | what the user may type: clap structs, one module a subcommand |
//! | [`compare`] | for `infa compare`: results and vectors against one another, thresholds |
//! | [`server`] | `infa serve`: HTTP routes, schemas, errors, limits, metrics, shutdown |
//! | [`bench`](mod@bench) | for `infa bench`: datasets, engines as targets, load models, rounds, the machine, the report |
//! | [`engine`] | trait `Engine`; the table of engines; models of this process, Python processes, servers, and what starts those; reranking and classification by any of them; the stream that drives one through a long job |
//! | [`batch`] | grouping by token length, and workers that share a queue |
//! | [`runtime`] | ONNX Runtime: find or install the library, sessions |
//! | [`graph`] | model weights → ONNX graph, one file an architecture; int8 |
//! | [`kernels`] | operators of our own, for layers of encoders on CPUs |
//! | [`model`] | what a model is: where it comes from, its files, tokenizer, prompts, pooling |
//! | [`fetch`] | downloads that end checked or not at all; cancellation |
//!
//! [`input`], [`output`] and [`ui`] are leaves: readers, writers, and what people see. So are [`report`], which draws tables,
//! charts and pages, and [`stats`]: intervals, correlations, fidelity. [`bench`](mod@bench) and [`compare`] share them.
//!
//! For all: [`panic_guard`], which turns panics into errors; [`regular_file`], which reads files up to a limit;
//! [`json_words`], which says why JSON cannot be read; [`suggest`](mod@suggest), which finds similar names;
//! [`threads`], which starts threads or returns why it cannot; [`plural`], which counts nouns; [`standard_streams`],
//! stdin and stdout with their errors; and [`record_id`] and [`kept`], which keep the ids and columns of inputs as they
//! are written.

mod batch;
mod bench;
mod cli;
mod commands;
mod compare;
mod engine;
mod entry;
mod fetch;
mod graph;
mod input;
mod json_words;
mod kept;
mod model;
mod output;
mod panic_guard;
#[doc(hidden)]
pub mod parts;
mod plural;
mod record_id;
mod regular_file;
mod report;
mod runtime;
mod server;
mod standard_streams;
mod stats;
mod suggest;
mod threads;
mod ui;

pub(crate) use infa_kernels as kernels;

pub use entry::main;
