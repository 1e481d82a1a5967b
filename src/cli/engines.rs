//! `infa engines`.

use clap::{Args, Subcommand};

use super::{ListingArgs, PythonArgs};
use crate::engine::EngineKind;

/// Flags of `infa engines`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct EnginesArgs {
    #[command(subcommand)]
    pub command: Option<EnginesCommand>,

    #[command(flatten)]
    pub listing: ListingArgs,

    #[command(flatten)]
    pub python: PythonArgs,
}

/// The subcommands of `infa engines`.
#[derive(Debug, Subcommand)]
pub enum EnginesCommand {
    /// Install the packages of Python engines, in environments inside infa's cache
    ///
    /// Uses uv if it is on PATH, otherwise venv and pip, whose configuration chooses the package index. All Python engines share one environment (PyTorch with CUDA fills 6 GB); Infinity, which needs older packages, has another.
    Install(InstallArgs),
}

/// Flags of `infa engines install`.
#[derive(Debug, Args)]
#[command(mut_arg("python", |arg| arg
    .help("Python interpreter for the environment, 3.10 to 3.12 [default: python3]")
    .long_help(None::<&str>)))]
pub struct InstallArgs {
    /// Engines: torch, onnx-export, openvino, ctranslate2, fastembed, infinity
    #[arg(required = true, value_enum, value_name = "NAME")]
    pub names: Vec<EngineKind>,

    #[command(flatten)]
    pub python: PythonArgs,
}
