//! infa turns text into embeddings: the library behind the `infa` binary.
//!
//! The map of the house, from the door to the cellar; a module uses only what stands below it:
//!
//! | module | what it is |
//! |---|---|
//! | [`cli`] | what the user may type: clap structs, one file a subcommand |
//! | [`commands`] | one file a subcommand: settings → work → output |
//! | [`input`], [`output`], [`ui`] | leaves that commands use: readers, writers, printer and progress |
//! | [`engine`] | trait `Engine`, and one file an engine |
//! | [`batch`] | grouping by token length and scheduling over workers |
//! | [`graph`] | model weights → ONNX graph |
//! | [`runtime`] | ONNX Runtime: find or install the library, sessions |
//! | [`model`] | what a model is: where it comes from, its files, config, tokenizer, prompts, pooling |
//! | [`fetch`] | downloads that end checked or not at all; cancellation |

pub mod batch;
pub mod cli;
pub mod commands;
pub mod engine;
pub mod fetch;
pub mod graph;
pub mod input;
pub mod model;
pub mod output;
pub mod runtime;
pub mod ui;
