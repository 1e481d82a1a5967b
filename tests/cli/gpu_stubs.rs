//! Stand-ins for NVIDIA's libraries, compiled by `cc`: a driver that reports GPUs, and CUDA libraries whose every function
//! fails with error 35 (the driver is too old). With them the real provider of ONNX Runtime is loaded on any machine, up to its first call.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::support;

/// NVML as far as infa asks it: driver and GPUs come from `STUB_DRIVER` and `STUB_GPUS` (capabilities, as in `8.9,7.0`);
/// `STUB_SLICE` is the UUID of a slice of the first, and `STUB_MEMORY` an error of queries for memory.
const NVML: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static const char *gpus(void) { const char *text = getenv("STUB_GPUS"); return text ? text : ""; }
static const char *at(unsigned index) {
    const char *text = gpus();
    while (index-- && text) { text = strchr(text, ','); if (text) text++; }
    return text && *text ? text : 0;
}
int nvmlInit_v2(void) { return getenv("STUB_DRIVER") ? 0 : 9; }
int nvmlInitWithFlags(unsigned flags) { return nvmlInit_v2(); }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return "stub"; }
int nvmlSystemGetDriverVersion(char *text, unsigned length) { snprintf(text, length, "%s", getenv("STUB_DRIVER")); return 0; }
int nvmlSystemGetCudaDriverVersion(int *version) { *version = 13000; return 0; }
int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = 13000; return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 0; while (at(*count)) ++*count; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) { *device = (void *)(size_t)(index + 1); return at(index) ? 0 : 2; }
int nvmlDeviceGetName(void *device, char *text, unsigned length) { snprintf(text, length, "NVIDIA Stub %d", (int)(size_t)device); return 0; }
int nvmlDeviceGetUUID(void *device, char *text, unsigned length) { snprintf(text, length, "GPU-stub-%d", (int)(size_t)device); return 0; }
struct memory { unsigned version; unsigned long long total, reserved, free, used; };
int nvmlDeviceGetMemoryInfo_v2(void *device, struct memory *memory) {
    memory->total = ((size_t)device > 99 ? 10ull : 24ull) << 30; memory->free = memory->total - 1;
    return getenv("STUB_MEMORY") ? atoi(getenv("STUB_MEMORY")) : 0;
}
int nvmlDeviceGetHandleByUUID(const char *uuid, void **device) {
    *device = (void *)100;
    return getenv("STUB_SLICE") && !strcmp(uuid, getenv("STUB_SLICE")) ? 0 : 6;
}
int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(void *slice, void **device) { *device = (void *)1; return 0; }
int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor) {
    const char *text = at((unsigned)(size_t)device - 1);
    return text && sscanf(text, "%d.%d", major, minor) == 2 ? 0 : 2;
}
"#;

/// The libraries of CUDA that the provider is linked to, without the driver's.
pub(crate) const CUDA: [&str; 4] = ["libcudart.so.13", "libcublasLt.so.13", "libcublas.so.13", "libcurand.so.10"];
/// The driver's library of CUDA.
pub(crate) const DRIVER: &str = "libcuda.so.1";

/// A folder with the driver's management library; `None`, with a message, where there is no compiler for it.
pub(crate) fn nvml() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let dir = folder("nvml");
            let built = compile(&dir, "libnvidia-ml.so.1", NVML, None);
            skip(built, "no C compiler (cc): the tests of GPUs are skipped").then_some(dir)
        })
        .as_deref()
}

/// ONNX Runtime for GPUs in infa's cache, and a folder with a stub of each library that its provider needs; `None`, with a
/// message, where one of them cannot be had.
pub(crate) fn cuda() -> Option<&'static (PathBuf, PathBuf)> {
    static FOLDERS: OnceLock<Option<(PathBuf, PathBuf)>> = OnceLock::new();
    FOLDERS
        .get_or_init(|| {
            // Names of errors are printed.
            let returned = |function: &str| match function.ends_with("String") || function.ends_with("Name") {
                true => ("const char *", "\"stub\""),
                false => ("int ", "35"),
            };
            compile_all("cuda", "", |function| {
                let (kind, value) = returned(function);
                format!("{kind}{function}(void) {{ return {value}; }}\n")
            })
        })
        .as_ref()
}

/// ONNX Runtime for GPUs in infa's cache, and the folder `name` with the libraries of [`CUDA`] and of the driver. `common` is
/// source in each, and `body` gives that of a function that the provider takes from a library.
pub(crate) fn compile_all(name: &str, common: &str, body: impl Fn(&str) -> String) -> Option<(PathBuf, PathBuf)> {
    let runtime = support::cache().join("onnxruntime-gpu").join(infa::parts::runtime::VERSION);
    let provider = runtime.join("libonnxruntime_providers_cuda.so");
    if !skip(provider.is_file(), "ONNX Runtime for GPUs is not in infa's cache: its tests are skipped") {
        return None;
    }
    let symbols = Command::new("nm").args(["-D", "--undefined-only"]).arg(&provider).output();
    let symbols = symbols.ok().filter(|output| output.status.success());
    let Some(symbols) = symbols else {
        skip(false, "no nm (binutils): the tests of CUDA's libraries are skipped");
        return None;
    };
    let symbols = String::from_utf8_lossy(&symbols.stdout).into_owned();
    let dir = folder(name);
    let built = CUDA.iter().chain(&[DRIVER]).all(|library| {
        let mut source = format!("int stub_{}(void) {{ return 0; }}\n{common}", library.replace('.', "_"));
        functions(library, &symbols).into_iter().for_each(|function| source.push_str(&body(function)));
        compile(&dir, library, &source, Some(library))
    });
    skip(built, "no C compiler (cc): the tests of CUDA's libraries are skipped").then_some((runtime, dir))
}

/// A folder with the ONNX Runtime at `runtime` and, beside it, a provider for GPUs that is linked to `library` alone; `None`,
/// with a message, where there is no compiler for it.
pub(crate) fn build_for(runtime: &Path, library: &str) -> Option<tempfile::TempDir> {
    let dir = tempfile::tempdir().unwrap();
    let linked = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(runtime, dir.path().join("libonnxruntime.so")).unwrap();
    let mut built = compile(linked.path(), library, "int stub(void) { return 0; }\n", None);
    let source = linked.path().join("provider.c");
    fs::write(&source, "int stub(void); int provider(void) { return stub(); }\n").unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-w", "-Wl,--no-as-needed"]).arg(&source).arg(linked.path().join(library));
    cc.arg("-o").arg(dir.path().join("libonnxruntime_providers_cuda.so")).stderr(Stdio::null());
    built &= cc.status().is_ok_and(|status| status.success());
    skip(built, "no C compiler (cc): the test of a build for another CUDA is skipped").then_some(dir)
}

/// A folder of its own with the stubs but `without`, beside those of the driver.
pub(crate) fn copy(stubs: &Path, names: &[&str], without: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in names.iter().filter(|name| **name != without) {
        fs::copy(stubs.join(name), dir.path().join(name)).unwrap();
    }
    dir
}

#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
fn skip(possible: bool, message: &str) -> bool {
    if !possible {
        eprintln!("skipped: {message}");
    }
    possible
}

/// A folder for all tests of this process.
fn folder(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("infa-stubs-{}-{name}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// The functions that the provider takes from the library `name`. Those of the driver have no version.
fn functions<'s>(name: &str, symbols: &'s str) -> Vec<&'s str> {
    let ending = format!("@{name}");
    let mut functions: Vec<&str> = symbols
        .split_whitespace()
        .filter_map(|symbol| match symbol.strip_suffix(&ending) {
            Some(function) => Some(function.trim_end_matches('@')),
            None if name == DRIVER && symbol.starts_with("cu") && !symbol.contains('@') => Some(symbol),
            None => None,
        })
        .collect();
    functions.sort_unstable();
    functions.dedup();
    functions
}

/// Compiles `source` into the library `name`; its symbols have `version`.
fn compile(dir: &Path, name: &str, source: &str, version: Option<&str>) -> bool {
    let file = dir.join(format!("{name}.c"));
    fs::write(&file, source).unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-w", "-fno-builtin", &format!("-Wl,-soname,{name}")]);
    if let Some(version) = version {
        let map = dir.join(format!("{name}.map"));
        fs::write(&map, format!("{version} {{ global: *; }};\n")).unwrap();
        cc.arg(format!("-Wl,--version-script={}", map.display()));
    }
    cc.arg(&file).arg("-o").arg(dir.join(name)).stderr(Stdio::null());
    cc.status().is_ok_and(|status| status.success())
}
