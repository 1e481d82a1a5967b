//! `infa doctor`: what infa would use here, and what is missing. Installs nothing, uses no network.

use serde_json::{Value as Json, json};

use super::gpus;
use super::report::Report;
use crate::cli::ListingArgs;
use crate::commands::{AppContext, Error, Outcome};
use crate::kernels;
use crate::model::cache::HubEnv;
use crate::model::{DEFAULT_MODEL, source};
use crate::runtime::device::{Dtype, Kernels};
use crate::runtime::{ResolvedDevice, Runtime, VERSION, cores, install};

pub(crate) fn run(args: ListingArgs, app: &AppContext) -> Result<Outcome, Error> {
    let mut report = Report::default();
    report.line("infa", env!("CARGO_PKG_VERSION"));
    library(app, &mut report);
    default_model(app, &mut report);

    let hub = HubEnv::from_env();
    report.line("infa's cache", &app.globals.cache.display().to_string());
    report.line("Hugging Face", &format!("{} (endpoint {})", hub.cache.display(), hub.endpoint));
    report.line("Hub token", if hub.token.is_some() { "set" } else { "none (public models only)" });
    report
        .line("network", if app.globals.offline { "forbidden (--offline)" } else { "used when something is missing" });
    report.value("infa_cache", json!(app.globals.cache));
    report.value("hub", json!({"cache": hub.cache, "endpoint": hub.endpoint, "token": hub.token.is_some()}));
    report.value("offline", json!(app.globals.offline));

    let usable = cores::usable();
    let online = cores::online().map_or(String::new(), |n| format!(" of {n} (affinity and cgroup quota honoured)"));
    report.line("cores", &format!("{usable}{online}"));
    report.value("cores", json!({"usable": usable, "online": cores::online()}));
    gpus::describe(&app.globals.search(), &mut report);
    let dtypes = [Dtype::Float32, Dtype::Float16, Dtype::Bfloat16, Dtype::Int8];
    report.line("number formats", &choices(&dtypes, |d| d.resolve(&ResolvedDevice::Cpu).is_ok()));
    report.line("", "on GPUs: float32, float16, bfloat16");
    report.value("dtypes", usable_of(&dtypes, |d| d.resolve(&ResolvedDevice::Cpu).is_ok()));
    let sets: Vec<&str> = kernels::NAMES.into_iter().filter(|name| kernels::Set::named(name).is_some()).collect();
    let of_int8 = Kernels::Auto.resolve(Dtype::Int8).ok().flatten().map_or(Kernels::Builtin.name(), |set| set.name());
    let of_bfloat16 = Kernels::Auto.resolve(Dtype::Bfloat16).ok().flatten().map(|set| set.name());
    let bfloat16 = of_bfloat16.map(|set| format!("; bfloat16: {set}")).unwrap_or_default();
    let forced = sets.join(", ");
    report.line("layers", &format!("int8: {of_int8}{bfloat16}; float32: builtin (--kernels builtin, {forced})"));
    let faster = Kernels::FASTER.map(Kernels::name).join(", ");
    report.line("", &format!("auto: own operators in int8 with {faster}, where they are measured to be faster"));
    report.value("kernels", json!({"usable": sets, "int8": of_int8, "bfloat16": of_bfloat16, "float32": "builtin"}));

    let outcome = if report.missing.is_empty() { Outcome::Done } else { Outcome::Missing };
    let text = if args.is_json() { report.json()? } else { report.text(outcome) };
    app.bars.printer().stdout(&text)?;
    Ok(outcome)
}

fn library(app: &AppContext, report: &mut Report) {
    match app.globals.search().find() {
        Ok(Some(library)) => {
            let tested = if library.version == VERSION { String::new() } else { format!("; tested with {VERSION}") };
            report.line("ONNX Runtime", &format!("{} ({}{tested})", library.version, library.origin));
            report.line("", &library.path.display().to_string());
            let mut value = json!({"version": library.version, "path": library.path});
            match Runtime::load(&library.path) {
                Ok(runtime) => {
                    report.line("providers", &runtime.providers().join(", "));
                    value["providers"] = json!(runtime.providers());
                }
                Err(e) => report.missing.push(format!("a working ONNX Runtime: {e}")),
            }
            report.value("onnxruntime", value);
        }
        Ok(None) => {
            report.line("ONNX Runtime", "none");
            report.value("onnxruntime", Json::Null);
            let python = install::python();
            report.missing.push(format!(
                "ONNX Runtime: the first run installs {VERSION} with `{python} -m pip download` (or give one with --ort-library)"
            ));
        }
        Err(e) => {
            report.line("ONNX Runtime", "unusable");
            report.value("onnxruntime", Json::Null);
            report.missing.push(format!("a working ONNX Runtime: {e}"));
        }
    }
}

fn default_model(app: &AppContext, report: &mut Report) {
    match source::cached_default(HubEnv::from_env(), &app.globals.cache) {
        Some(dir) => {
            report.line("default model", DEFAULT_MODEL);
            report.line("", &dir.display().to_string());
            report.value("default_model", json!({"id": DEFAULT_MODEL, "path": dir}));
        }
        None => {
            report.line("default model", &format!("{DEFAULT_MODEL} (not here)"));
            report.value("default_model", json!({"id": DEFAULT_MODEL, "path": null}));
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
    format!("{} (not available: {})", pick(true), pick(false))
}

/// The names of those that work.
fn usable_of<T: std::fmt::Display>(all: &[T], works: impl Fn(&T) -> bool) -> Json {
    all.iter().filter(|x| works(x)).map(T::to_string).collect::<Vec<_>>().into()
}
