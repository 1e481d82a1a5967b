//! `infa engines`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ListingArgs;
use crate::engine::EngineKind;

/// Flags of `infa engines`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct EnginesArgs {
    #[command(subcommand)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub command: Option<EnginesCommand>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub listing: ListingArgs,

    /// Python interpreter of Python engines [default: that of infa engines install, the active environment's, python3]
    #[arg(long, value_name = "FILE", env = "INFA_PYTHON", hide_env = true)]
    pub python: Option<PathBuf>,
}

/// The subcommands of `infa engines`.
#[derive(Debug, Subcommand)]
pub enum EnginesCommand {
    /// Install what Python engines need, in an environment of infa's own
    ///
    /// With uv where it is on PATH, otherwise with venv and pip, whose configuration says where packages come from. All
    /// Python engines share one environment (PyTorch with CUDA fills 6 GB); Infinity, which needs older packages, has
    /// another. Nothing outside of infa's cache is touched.
    Install(InstallArgs),
}

/// Flags of `infa engines install`.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// Engines: torch, onnx-export, openvino, ctranslate2, fastembed, infinity
    #[arg(
        env = "INFA_NAMES",
        hide_env = true,
        required = true,
        value_enum,
        value_name = "NAME",
        hide_possible_values = true
    )]
    pub names: Vec<EngineKind>,

    /// Python interpreter that the environment is made with, 3.10 to 3.12 for all of them [default: python3]
    #[arg(long, value_name = "FILE", env = "INFA_PYTHON", hide_env = true)]
    pub python: Option<PathBuf>,
}
