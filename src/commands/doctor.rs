//! `infa doctor`: what infa would use here, and what is missing. Installs nothing, uses no network.

use std::fmt::Write;

use super::{Error, Outcome, World};
use crate::model::cache::HubEnv;
use crate::model::{DEFAULT_MODEL, source};
use crate::runtime::device::{Device, Dtype};
use crate::runtime::{Runtime, VERSION, cores, install};

pub(super) fn run(world: &World) -> Result<Outcome, Error> {
    let mut report = Report::default();
    report.line("infa", env!("CARGO_PKG_VERSION"));
    library(world, &mut report);
    default_model(world, &mut report);

    let hub = HubEnv::from_env();
    report.line("infa's cache", &world.globals.cache.display().to_string());
    report.line("Hugging Face", &format!("{} (endpoint {})", hub.cache.display(), hub.endpoint));
    report.line("Hub token", if hub.token.is_some() { "set" } else { "none (public models only)" });
    report.line(
        "network",
        if world.globals.offline { "forbidden (--offline)" } else { "used when something is missing" },
    );

    let usable = cores::usable();
    let online = cores::online().map_or(String::new(), |n| format!(" of {n} (affinity and cgroup quota honoured)"));
    report.line("cores", &format!("{usable}{online}"));
    report.line("devices", &choices(&[Device::Cpu, Device::Cuda, Device::Tensorrt], |d| d.resolve().is_ok()));
    let dtypes = [Dtype::Float32, Dtype::Float16, Dtype::Bfloat16, Dtype::Int8];
    report.line("number formats", &choices(&dtypes, |d| d.resolve().is_ok()));

    let outcome = if report.missing.is_empty() { Outcome::Done } else { Outcome::Missing };
    for missing in &report.missing {
        let _ = writeln!(report.text, "missing: {missing}");
    }
    if outcome == Outcome::Done {
        report.text.push_str("Everything the default model needs is here.\n");
    }
    world.bars.printer().stdout(&report.text)?;
    Ok(outcome)
}

#[derive(Default)]
struct Report {
    text: String,
    missing: Vec<String>,
}

impl Report {
    fn line(&mut self, label: &str, value: &str) {
        let _ = writeln!(self.text, "{label:<16} {value}");
    }
}

fn library(world: &World, report: &mut Report) {
    match world.globals.search().find() {
        Ok(Some(library)) => {
            let tested = if library.version == VERSION { String::new() } else { format!("; tested with {VERSION}") };
            report.line("ONNX Runtime", &format!("{} ({}{tested})", library.version, library.origin));
            report.line("", &library.path.display().to_string());
            match Runtime::load(&library.path) {
                Ok(runtime) => report.line("providers", &runtime.providers().join(", ")),
                Err(e) => report.missing.push(format!("a working ONNX Runtime: {e}")),
            }
        }
        Ok(None) => {
            report.line("ONNX Runtime", "none");
            let python = install::python();
            report.missing.push(format!(
                "ONNX Runtime: the first run installs {VERSION} with `{python} -m pip download` (or give one with --ort-library)"
            ));
        }
        Err(e) => {
            report.line("ONNX Runtime", "unusable");
            report.missing.push(format!("a working ONNX Runtime: {e}"));
        }
    }
}

fn default_model(world: &World, report: &mut Report) {
    match source::cached_default(HubEnv::from_env(), &world.globals.cache) {
        Some(dir) => {
            report.line("default model", DEFAULT_MODEL);
            report.line("", &dir.display().to_string());
        }
        None => {
            report.line("default model", &format!("{DEFAULT_MODEL} (not here)"));
            report.missing.push("the default model: the first run fetches it (91 MB)".into());
        }
    }
}

/// The choices that work, then those that do not yet.
fn choices<T: std::fmt::Display>(all: &[T], works: impl Fn(&T) -> bool) -> String {
    let pick = |wanted: bool| {
        let names: Vec<String> = all.iter().filter(|x| works(x) == wanted).map(T::to_string).collect();
        names.join(", ")
    };
    format!("{} (not implemented yet: {})", pick(true), pick(false))
}
