//! The whole program, run as people run it: exit status, stdout and stderr.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod basics;
mod broken_files;
mod broken_inputs;
mod broken_outputs;
mod broken_runtime;
mod broken_shards;
mod broken_tokenizers;
mod broken_weights;
mod cached_models;
mod classify;
mod commands;
mod completions;
mod configurations;
mod environment;
mod fake_cuda;
mod file_kinds;
mod first_words;
mod formats;
mod gpu_stubs;
mod gpus;
mod help;
mod hints;
mod hub;
#[path = "../support/hub_server.rs"]
mod hub_server;
mod int8;
mod interruption;
mod jobs;
mod kernels;
mod models;
mod modules;
mod odd_weights;
mod output_types;
mod rerank;
mod run;
mod search;
#[path = "../support/mod.rs"]
mod support;
mod tables;
mod terminal;
mod vectors;
mod wrong_field;
