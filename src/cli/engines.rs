//! `infa engines`.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, Args, Command, Error, Subcommand, ValueEnum};

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
    #[arg(required = true, value_parser = Installable, value_name = "NAME")]
    pub names: Vec<EngineKind>,

    #[command(flatten)]
    pub python: PythonArgs,
}

/// Parses the name of an engine. Those that infa installs are offered; the error of others is the command's.
#[derive(Debug, Clone)]
struct Installable;

fn installable() -> impl Iterator<Item = PossibleValue> {
    let engines = EngineKind::value_variants().iter().filter(|kind| kind.recipe().packages.is_some());
    engines.filter_map(ValueEnum::to_possible_value)
}

impl TypedValueParser for Installable {
    type Value = EngineKind;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<EngineKind, Error> {
        let known = |name: &str| EngineKind::from_str(name, false).ok();
        if let Some(kind) = value.to_str().and_then(known) {
            return Ok(kind);
        }
        let name = PossibleValuesParser::new(installable()).parse_ref(command, arg, value)?;
        known(&name).ok_or_else(|| Error::new(clap::error::ErrorKind::InvalidValue))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(installable()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::CommandFactory;

    use super::installable;
    use crate::cli::Cli;

    #[test]
    fn only_engines_that_infa_installs_are_offered() {
        let parse = |name: &str| Cli::command().try_get_matches_from(["infa", "engines", "install", name]);
        let error = parse("nosuch").unwrap_err().render().to_string();
        let names: Vec<String> = installable().map(|value| value.get_name().to_owned()).collect();
        assert!(error.contains(&format!("{}]", names.join(", "))), "{error}");
        // The command says why these are not installed.
        assert!(parse("tei").is_ok() && parse("onnx").is_ok() && parse("torch").is_ok());
    }
}
