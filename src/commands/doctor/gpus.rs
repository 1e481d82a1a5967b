//! The driver, the GPUs, and the libraries that they need.

use serde_json::{Value as Json, json};

use super::report::Report;
use crate::runtime::device::{Device, DeviceKind};
use crate::runtime::gpu::{self, Found, GpuUse, Libraries, Place};
use crate::runtime::library::Search;
use crate::runtime::{RuntimeError, VERSION, install};

/// Adds the lines and values of GPUs. Without a GPU there is one line.
pub(super) fn describe(search: &Search, report: &mut Report) {
    let ready = search.ready_gpu();
    let gpus = found(search, report);
    let tensorrt = if gpus > 0 { libraries(search, report) } else { false };
    let auto = match &ready {
        Ok(gpu) => format!("cuda:{}", gpu.id),
        Err(_) => "cpu".into(),
    };
    let reason = ready.err().flatten().or_else(|| match gpu::found() {
        // auto says nothing of it where a model runs: the user did it.
        Found::Gpus { total: 1.., visible, .. } if visible.is_empty() => {
            gpu::choose(Device::CUDA, gpu::found(), search.build()).err().map(|error| error.to_string())
        }
        _ => None,
    });
    let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    report.line("--device auto", &format!("{auto}{reason}"));
    let usable = |kind: DeviceKind| Device { kind, ..Device::CUDA }.resolve(search).is_ok();
    let devices =
        [("cpu", true), ("cuda", usable(DeviceKind::Cuda)), ("tensorrt", tensorrt && usable(DeviceKind::Tensorrt))];
    let names: Vec<&str> = devices.into_iter().filter(|&(_, usable)| usable).map(|(name, _)| name).collect();
    report.line("devices", &names.join(", "));
    report.value("devices", json!(names));
    report.value("auto", json!(auto));
}

/// The driver and the GPUs; returns their number.
fn found(search: &Search, report: &mut Report) -> usize {
    let (driver, total, visible) = match gpu::found() {
        Found::NoDriver(reason) => {
            report.line("GPUs", &format!("none: no working NVIDIA driver ({reason})"));
            report.value("gpus", json!({"driver": null, "reason": reason, "found": []}));
            return 0;
        }
        Found::Gpus { driver, total, visible } => (driver, *total, visible),
    };
    let cuda = visible.first().and_then(|gpu| gpu.cuda.as_ref());
    let cuda = cuda.map(|cuda| format!(", up to CUDA {cuda}")).unwrap_or_default();
    report.line("GPUs", &format!("{} of {total} visible; driver {driver}{cuda}", visible.len()));
    let build = search.build();
    let described: Vec<Json> = visible
        .iter()
        .map(|gpu| {
            let capability = gpu.capability.map(|(major, minor)| format!("{major}.{minor}"));
            let error = gpu::check(gpu, build).err();
            let refused = error.as_ref().map(ToString::to_string);
            let shown = capability.as_deref().unwrap_or("unknown");
            let memory = match gpu.memory {
                Some(bytes) => format!("{:.0} GiB", bytes as f64 / f64::from(1 << 30)),
                None => "memory unknown".into(),
            };
            let usable = refused.as_ref().map_or_else(|| "usable".to_owned(), |why| format!("not usable: {why}"));
            report.line("", &format!("{}: {}, {memory}, capability {shown}; {usable}", gpu.id, gpu.name));
            if let Some(error) = error {
                report.line("", &format!("   {}", error.hint()));
            }
            json!({
                "id": gpu.id,
                "name": gpu.name,
                "memory_bytes": gpu.memory,
                "capability": capability,
                "usable": refused.is_none(),
                "reason": refused,
            })
        })
        .collect();
    report.value("gpus", json!({"driver": driver, "reason": null, "found": described}));
    visible.len()
}

/// The libraries that GPUs need; true if TensorRT is here.
fn libraries(search: &Search, report: &mut Report) -> bool {
    let cuda = search.clone().on(GpuUse::Cuda);
    let library = match cuda.find() {
        Ok(library) => library,
        Err(error) => {
            report.line("for GPUs", &format!("ONNX Runtime cannot be used: {error}"));
            report.value("gpu_libraries", Json::Null);
            return false;
        }
    };
    let megabytes = install::BYTES / 1_000_000;
    match &library {
        Some(library) => {
            report.line("for GPUs", &format!("ONNX Runtime {} ({})", library.version, library.origin));
            report.line("", &library.path.display().to_string());
        }
        None => report.line(
            "for GPUs",
            &format!(
                "ONNX Runtime is not here; --device cuda installs {VERSION} with CUDA's libraries ({megabytes} MB)"
            ),
        ),
    }
    let path = library.as_ref().map(|library| library.path.as_path());
    let (needed, here) = describe_those(cuda.libraries(path), &Vec::new(), report);
    let (of_tensorrt, both) = describe_those(search.clone().on(GpuUse::Tensorrt).libraries(path), &needed, report);
    let tensorrt = library.is_some() && here && both;
    report.line("TensorRT", if tensorrt { "yes" } else { "no: infa finds it, but does not install it" });
    let all: Vec<Json> = needed.into_iter().chain(of_tensorrt).map(|(_, json)| json).collect();
    let onnxruntime = library.map(|library| json!({"version": library.version, "path": library.path}));
    report.value("gpu_libraries", json!({"onnxruntime": onnxruntime, "libraries": all, "tensorrt": tensorrt}));
    tensorrt
}

/// Names and values of libraries.
type Described = Vec<(String, Json)>;

/// Describes those that are not among `known`; true if all of them are here.
fn describe_those(
    libraries: Result<Option<Libraries>, RuntimeError>,
    known: &Described,
    report: &mut Report,
) -> (Described, bool) {
    let libraries = match libraries {
        Ok(Some(libraries)) => libraries,
        Ok(None) => return (Vec::new(), false),
        Err(error) => {
            report.line("", &error.to_string());
            return (Vec::new(), false);
        }
    };
    let mut described = Vec::new();
    let mut complete = true;
    for library in libraries.needed.iter().filter(|library| known.iter().all(|(name, _)| *name != library.name)) {
        let name = library.name.as_str();
        let place = library.place();
        let here = matches!(place, Place::At(_) | Place::System);
        complete &= here;
        let brings = match (library.is_installed_by(&place), library.package) {
            (true, Some(package)) if place == Place::Missing => format!("the package {package} brings it"),
            (true, _) => "--device cuda installs it again".into(),
            (false, Some(package)) => format!("the package {package} brings it"),
            (false, None) => "NVIDIA's driver brings it".into(),
        };
        let (path, text) = match place {
            Place::At(path) => (Some(path.clone()), path.display().to_string()),
            Place::System => (None, "in the system's folders".into()),
            Place::Damaged(path, reason) => (Some(path.clone()), format!("{}: {reason}; {brings}", path.display())),
            Place::Missing => (None, format!("missing; {brings}")),
        };
        report.line("", &format!("{name}: {text}"));
        let value = json!({
            "name": name,
            "here": here,
            "path": path,
            "package": library.package,
        });
        described.push((name.to_owned(), value));
    }
    (described, complete)
}
