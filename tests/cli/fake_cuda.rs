//! Every architecture on a GPU that computes nothing: CUDA's functions succeed, memory is the host's, and kernels are launched
//! without doing anything. The real provider of ONNX Runtime makes sessions with it and runs them, so that an operator
//! without a kernel for its type, a shape that a kernel refuses, or one that needs cuDNN fails here. Numbers mean nothing.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

use crate::gpu_stubs::{self, CUDA, DRIVER};
use crate::gpus::{cache_with, with_libraries};
use crate::run::infa;
use crate::support::fixture;

/// Functions with results; those that are not here return 0, which is success. The offsets are those of CUDA 13, for 64 bits:
/// `cudaDeviceProp` has 1,008 bytes, `cudaFuncAttributes` 144, `cudaPointerAttributes` 88.
const SOURCE: &str = r#"
#include <stdlib.h>
#include <string.h>
struct extent { unsigned x, y, z; };
static _Thread_local struct { struct extent grid, block; size_t shared; void *stream; } next;
static _Thread_local int last;
static void *object(void) { return calloc(1, 64); }
static void number(char *at, int value) { memcpy(at, &value, sizeof value); }
static void size(char *at, size_t value) { memcpy(at, &value, sizeof value); }
static int allocated(void **memory, size_t bytes) {
    bytes = (bytes / 256 + 1) * 256;
    *memory = aligned_alloc(256, bytes);
    if (!*memory) return 2;
    memset(*memory, 0, bytes);
    return 0;
}
static int launched(struct extent grid, struct extent block) {
    int fits = grid.x && grid.y && grid.z && grid.x <= 2147483647u && grid.y <= 65535 && grid.z <= 65535;
    int threads = (int)(block.x * block.y * block.z);
    return last = fits && threads && threads <= 1024 ? 0 : 9;
}
int cudaGetDeviceCount(int *count) { *count = 1; return 0; }
int cudaGetDevice(int *device) { *device = 0; return 0; }
int cudaGetDeviceProperties(char *properties, int device) {
    memset(properties, 0, 1008);
    strcpy(properties, "NVIDIA Fake");
    size(properties + 288, 24ull << 30);
    size(properties + 296, 49152);
    number(properties + 304, 65536);
    number(properties + 308, 32);
    int block[] = { 1024, 1024, 1024, 64 }, grid[] = { 2147483647, 65535, 65535 };
    memcpy(properties + 320, block, sizeof block);
    memcpy(properties + 336, grid, sizeof grid);
    number(properties + 360, 8);
    number(properties + 364, 9);
    number(properties + 384, 58);
    number(properties + 596, 48 << 20);
    number(properties + 604, 1536);
    size(properties + 624, 102400);
    number(properties + 632, 65536);
    size(properties + 672, 101376);
    return 0;
}
int cudaDeviceGetAttribute(int *value, int attribute, int device) {
    switch (attribute) {
    case 1: *value = 1024; break;
    case 5: *value = 2147483647; break;
    case 8: *value = 49152; break;
    case 10: *value = 32; break;
    case 16: *value = 58; break;
    case 39: *value = 1536; break;
    case 75: *value = 8; break;
    case 76: *value = 9; break;
    case 97: *value = 101376; break;
    default: *value = 65535;
    }
    return 0;
}
int cudaFuncGetAttributes(char *attributes, const void *function) {
    memset(attributes, 0, 144);
    number(attributes + 24, 1024);
    number(attributes + 28, 32);
    number(attributes + 32, 89);
    number(attributes + 36, 89);
    return 0;
}
int cudaPointerGetAttributes(char *attributes, void *pointer) {
    memset(attributes, 0, 88);
    number(attributes, 2);
    memcpy(attributes + 8, &pointer, sizeof pointer);
    return 0;
}
int cudaDriverGetVersion(int *version) { *version = 13000; return 0; }
int cudaRuntimeGetVersion(int *version) { *version = 13000; return 0; }
int cudaMemGetInfo(size_t *free, size_t *total) { *free = 23ull << 30; *total = 24ull << 30; return 0; }
int cudaMalloc(void **memory, size_t bytes) { return allocated(memory, bytes); }
int cudaMallocHost(void **memory, size_t bytes) { return allocated(memory, bytes); }
int cudaHostAlloc(void **memory, size_t bytes, unsigned flags) { return allocated(memory, bytes); }
int cudaMallocFromPoolAsync(void **memory, size_t bytes, void *pool, void *stream) { return allocated(memory, bytes); }
int cudaFree(void *memory) { free(memory); return 0; }
int cudaFreeAsync(void *memory, void *stream) { free(memory); return 0; }
int cudaFreeHost(void *memory) { free(memory); return 0; }
int cudaMemcpy(void *to, const void *from, size_t bytes, int kind) { memmove(to, from, bytes); return 0; }
int cudaMemcpyAsync(void *to, const void *from, size_t bytes, int kind, void *stream) { memmove(to, from, bytes); return 0; }
int cudaMemset(void *memory, int value, size_t bytes) { memset(memory, value, bytes); return 0; }
int cudaMemsetAsync(void *memory, int value, size_t bytes, void *stream) { memset(memory, value, bytes); return 0; }
int cudaStreamCreate(void **stream) { *stream = object(); return 0; }
int cudaStreamCreateWithFlags(void **stream, unsigned flags) { *stream = object(); return 0; }
int cudaStreamIsCapturing(void *stream, int *status) { *status = 0; return 0; }
int cudaEventCreate(void **event) { *event = object(); return 0; }
int cudaEventCreateWithFlags(void **event, unsigned flags) { *event = object(); return 0; }
int cudaMemPoolCreate(void **pool, const void *properties) { *pool = object(); return 0; }
int cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, const void *function, int threads, size_t shared, unsigned flags) { *blocks = 2; return 0; }
int cudaGetLastError(void) { int error = last; last = 0; return error; }
int cudaPeekAtLastError(void) { return last; }
void **__cudaRegisterFatBinary(void *binary) { return object(); }
int __cudaGetKernel(const void **kernel, const void *function) { *kernel = function; return 0; }
unsigned __cudaPushCallConfiguration(struct extent grid, struct extent block, size_t shared, void *stream) {
    next.grid = grid; next.block = block; next.shared = shared; next.stream = stream;
    return 0;
}
int __cudaPopCallConfiguration(struct extent *grid, struct extent *block, size_t *shared, void **stream) {
    *grid = next.grid; *block = next.block; *shared = next.shared; *stream = next.stream;
    return 0;
}
int __cudaLaunchKernel(const void *kernel, struct extent grid, struct extent block, void **values, size_t shared, void *stream) { return launched(grid, block); }
int cudaLaunchKernel(const void *kernel, struct extent grid, struct extent block, void **values, size_t shared, void *stream) { return launched(grid, block); }
int cublasCreate_v2(void **handle) { *handle = object(); return 0; }
int cublasLtCreate(void **handle) { *handle = object(); return 0; }
int cublasGetMathMode(void *handle, int *mode) { *mode = 0; return 0; }
"#;

/// ONNX Runtime for GPUs, and a folder with the libraries.
fn fake() -> Option<&'static (PathBuf, PathBuf)> {
    static FOLDERS: OnceLock<Option<(PathBuf, PathBuf)>> = OnceLock::new();
    let body =
        |function: &str| match SOURCE.contains(&format!(" {function}(")) || SOURCE.contains(&format!("*{function}(")) {
            true => String::new(),
            false if function.ends_with("String") || function.ends_with("Name") => {
                format!("const char *{function}(void) {{ return \"fake\"; }}\n")
            }
            false => format!("int {function}(void) {{ return 0; }}\n"),
        };
    FOLDERS.get_or_init(|| gpu_stubs::compile_all("fake-cuda", SOURCE, body)).as_ref()
}

/// Models that `infa serve` loads: all fixtures with the answers of the reference.
fn models() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(fixture("architectures")).unwrap().map(|entry| entry.unwrap().path());
    let mut models: Vec<PathBuf> = entries.filter(|dir| dir.join("model.safetensors").is_file()).collect();
    models.sort();
    assert!(models.len() > 60);
    models
}

/// Loads all models in this format, each of which computes its largest batch, and texts of several lengths.
#[track_caller]
fn check(dtype: &str) {
    let (Some(nvml), Some((runtime, libraries))) = (gpu_stubs::nvml(), fake()) else { return };
    let cache = cache_with(runtime);
    let driver = gpu_stubs::copy(libraries, &[DRIVER], "");
    let cuda = gpu_stubs::copy(libraries, &CUDA, "");
    let models = models();
    let mut serve = infa(["serve", "--offline", "--host", "127.0.0.1", "--port", "0", "--device", "cuda"]);
    serve = serve.args(["--threads", "1", "--max-batch-tokens", "256", "--dtype", dtype]);
    for model in &models {
        serve = serve.arg("-m").arg(model);
    }
    let mut running = with_libraries(serve, cache.path(), cuda.path(), driver.path(), nvml).spawn();
    let (lines, received) = mpsc::channel();
    let stderr = BufReader::new(running.0.stderr.take().unwrap());
    let reader = std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
    let (mut ready, mut said) = (0, Vec::new());
    while ready < models.len() {
        let Ok(line) = received.recv_timeout(Duration::from_secs(120)) else { break };
        ready += usize::from(line.contains("model ready"));
        said.push(line);
    }
    drop(received);
    drop(running);
    let _ = reader.join();
    let failures: Vec<&String> = said.iter().filter(|line| !line.contains("INFO")).collect();
    assert_eq!(ready, models.len(), "{dtype}: {failures:#?}");
}

#[test]
fn every_architecture_runs_on_gpus_without_cudnn_in_float32() {
    check("float32");
}

#[test]
fn every_architecture_runs_on_gpus_without_cudnn_in_float16() {
    check("float16");
}

#[test]
fn every_architecture_runs_on_gpus_without_cudnn_in_bfloat16() {
    check("bfloat16");
}
