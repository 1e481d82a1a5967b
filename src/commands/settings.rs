//! Settings resolved from flags. Every struct of `cli` is destructured field by field, so that a new flag cannot be
//! forgotten here.

use std::num::NonZero;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once, PoisonError};

use super::Error;
use crate::cli::{CpuArgs, GlobalArgs, GpuArgs, HardwareArgs, InputArgs, ModelArgs, ModelIdArgs, TextArgs, VectorArgs};
use crate::engine::int8::{Int8Options, MAX_CALIBRATION_TEXTS};
use crate::engine::open::LocalOptions;
use crate::engine::{OnnxOptions, TextOptions};
use crate::input;
use crate::model::cache::HubEnv;
use crate::model::source::Request;
use crate::model::weights::Access;
use crate::model::{DEFAULT_MODEL, ModelError, Setting, SettingError, short_names};
use crate::runtime::device::{Device, DeviceKind, Dtype, Kernels};
use crate::runtime::gpu::GpuUse;
use crate::runtime::library::Search;
use crate::runtime::{GpuSettings, ResolvedDevice, cores, install};

/// Settings of every command.
#[derive(Debug, Clone)]
pub(super) struct Globals {
    pub offline: bool,
    pub cache: PathBuf,
    pub ort_library: Option<PathBuf>,
    pub cuda_libraries: Option<PathBuf>,
    /// The GPUs that engines of this run need, as far as their devices are resolved: they decide the one build of ONNX
    /// Runtime, so all devices are resolved before a library is loaded.
    gpu_use: Arc<Mutex<GpuUse>>,
}

impl Globals {
    pub(crate) fn resolve(args: GlobalArgs) -> Result<Self, Error> {
        // The first three have done their work when logging and printing began.
        let GlobalArgs { verbose: _, quiet: _, log_format: _, offline, cache_dir, ort_library, cuda_libraries } = args;
        let cache = match cache_dir.or_else(default_cache) {
            Some(dir) => std::path::absolute(&dir).unwrap_or(dir),
            // A model directory and a library that is named need none. What needs one fails with this path in its error: it
            // can be no directory, not even root's, so nothing is taken from a place that others may write to.
            None => {
                tracing::warn!(
                    "neither XDG_CACHE_HOME nor HOME says where the cache is (--cache-dir): nothing can be installed or kept"
                );
                PathBuf::from("/dev/null/no-cache-directory")
            }
        };
        let offline = offline || HubEnv::from_env().offline;
        let cuda_libraries = cuda_libraries.map(|dir| std::path::absolute(&dir).unwrap_or(dir));
        if let Some(dir) = cuda_libraries.as_ref().filter(|dir| !dir.is_dir()) {
            return Err(Error::flag("--cuda-libraries", format!("{} is not a directory", dir.display())));
        }
        Ok(Self { offline, cache, ort_library, cuda_libraries, gpu_use: Arc::default() })
    }

    pub(crate) fn search(&self) -> Search {
        Search {
            flag: self.ort_library.clone(),
            environment: std::env::var_os("ORT_DYLIB_PATH").filter(|v| !v.is_empty()).map(PathBuf::from),
            cache: self.cache.clone(),
            ask_python: true,
            cuda_libraries: self.cuda_libraries.clone(),
            gpu_use: *self.gpu_use.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Notes that an engine of this run computes on `device`.
    fn uses(&self, device: &ResolvedDevice) {
        let mut gpu_use = self.gpu_use.lock().unwrap_or_else(PoisonError::into_inner);
        *gpu_use = device.gpu_use().max(*gpu_use);
    }
}

/// The default cache folder; `None` without a home directory.
pub(super) fn default_cache() -> Option<PathBuf> {
    let absolute = |dir: &PathBuf| dir.is_absolute();
    let xdg = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(absolute);
    // Without HOME the user's entry in the system's list of users says it.
    let home = || Some(std::env::home_dir().filter(absolute)?.join(".cache"));
    Some(xdg.or_else(home)?.join("infa"))
}

/// More workers than any machine has cores; far more would exhaust its memory, and threads fail ungracefully then.
const MAX_THREADS: usize = 1024;

/// The threads that flags ask for, or all usable cores.
pub(super) fn threads(given: Option<NonZero<usize>>) -> Result<NonZero<usize>, Error> {
    if let Some(many) = given.filter(|n| n.get() > MAX_THREADS) {
        let reason = format!("{many} is more than {MAX_THREADS}, the most that can be of use");
        return Err(Error::Flag { flag: "--threads", reason });
    }
    Ok(given.or(NonZero::new(cores::usable())).unwrap_or(NonZero::<usize>::MIN))
}

pub(super) fn model_request(
    ModelIdArgs { model_id, revision }: ModelIdArgs,
    globals: &Globals,
) -> Result<Request, ModelError> {
    let model_id = model_id.unwrap_or_else(|| DEFAULT_MODEL.to_owned());
    let model_id = short_names::full_id(&model_id, &HubEnv::from_env(), &globals.cache)?;
    Ok(Request { model_id, revision, onnx_file: None, cache: globals.cache.clone(), python: install::python() })
}

/// A model, and the hardware and number format it computes with.
pub(super) fn local_model(
    id: ModelIdArgs,
    hardware: HardwareArgs,
    dtype: Option<Dtype>,
    globals: &Globals,
) -> Result<LocalOptions, Error> {
    // Before anything is fetched: what cannot work fails without a download.
    let device = device_of(&hardware, dtype, globals)?;
    let HardwareArgs { device: _, gpu, cpu: CpuArgs { threads: given, copy_weights, kernels } } = hardware;
    let threads = threads(given)?;
    let dtype = dtype.unwrap_or_default().resolve(&device)?;
    let kernels = match kernels {
        Some(set) if device.is_gpu() && set != Kernels::Auto => {
            let reason = format!("they are those of the CPU, not of {}", device.name());
            return Err(SettingError::new(Setting::Kernels, reason)
                .value(set.name())
                .hint("leave --kernels out")
                .into());
        }
        _ if device.is_gpu() => None,
        kernels => kernels.unwrap_or_default().resolve(dtype)?,
    };
    let gpu = gpu_settings(gpu, &device, dtype)?;
    let access = if copy_weights { Access::Copy } else { Access::Map };
    let int8 = Int8Options { cache: Some(globals.cache.clone()), ..Int8Options::default() };
    Ok(LocalOptions {
        request: model_request(id, globals)?,
        hub: None,
        onnx: OnnxOptions { device, gpu, dtype, kernels, threads, access, int8, ..OnnxOptions::default() },
        text: TextOptions::default(),
    })
}

/// The least memory for activations that something can be computed in, and more than a GPU has.
const GPU_MEMORY: std::ops::RangeInclusive<u64> = (64 << 20)..=(16 << 40);

/// The settings of GPUs. A run may have engines on the CPU, too, so flags without effect on them are no errors.
fn gpu_settings(
    GpuArgs { gpu_memory, tf32 }: GpuArgs,
    device: &ResolvedDevice,
    dtype: Dtype,
) -> Result<GpuSettings, Error> {
    static MEMORY: Once = Once::new();
    static TF32: Once = Once::new();
    let memory_limit = gpu_memory.map(|size| size.as_u64());
    if let Some(bytes) = memory_limit.filter(|bytes| !GPU_MEMORY.contains(bytes)) {
        let reason = format!("{bytes} bytes: give at least 64MiB, and at most 16TiB, such as 2GiB");
        return Err(Error::flag("--gpu-memory", reason));
    }
    if memory_limit.is_some() && !device.is_gpu() {
        MEMORY.call_once(|| tracing::warn!("--gpu-memory has no effect on the CPU: it is for GPUs"));
    }
    if tf32 && !device.is_gpu() {
        TF32.call_once(|| tracing::warn!("--tf32 has no effect on the CPU: it is for GPUs"));
    } else if tf32 && matches!(dtype, Dtype::Float16 | Dtype::Bfloat16) {
        TF32.call_once(|| tracing::warn!("--tf32 has no effect with --dtype {dtype}: it is for float32"));
    }
    Ok(GpuSettings { memory_limit, tf32 })
}

/// The device that a model computes on. What only the CPU does makes `auto` the CPU.
pub(super) fn device_of(
    hardware: &HardwareArgs,
    dtype: Option<Dtype>,
    globals: &Globals,
) -> Result<ResolvedDevice, Error> {
    let device = hardware.device.unwrap_or_default();
    let kernels = hardware.cpu.kernels.unwrap_or_default();
    let cpu_alone = dtype == Some(Dtype::Int8) || kernels != Kernels::Auto;
    let device = if device.kind == DeviceKind::Auto && cpu_alone { Device::CPU } else { device };
    let device = device.resolve(&globals.search())?;
    globals.uses(&device);
    Ok(device)
}

/// The model that flags describe, and how it computes.
pub(super) fn local_options(model: ModelArgs, text: TextArgs, globals: &Globals) -> Result<LocalOptions, Error> {
    let ModelArgs { id, onnx_file, hardware, dtype, calibrate, batch_tokens } = model;
    let mut options = local_model(id, hardware, dtype, globals)?;
    options.request.onnx_file = onnx_file;
    options.text = text_options(text);
    options.onnx.batch_tokens = batch_tokens;
    options.onnx.int8.texts = calibrate.map(|path| calibration_texts(path, options.onnx.dtype)).transpose()?;
    Ok(options)
}

/// The settings of embedding from flags.
pub(super) fn text_options(args: TextArgs) -> TextOptions {
    let TextArgs { pooling, vectors: VectorArgs { normalize, no_normalize, dimensions }, input } = args;
    let InputArgs { prompt, prompt_name, truncate, max_length } = input;
    TextOptions {
        max_length,
        truncate,
        pooling,
        normalize: match (normalize, no_normalize) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        },
        dimensions,
        prompt,
        prompt_name,
        prompt_queries: false,
    }
}

/// The texts of the file that int8 is to be calibrated by.
pub(super) fn calibration_texts(path: PathBuf, dtype: Dtype) -> Result<Arc<[String]>, Error> {
    const FLAG: &str = "--calibrate";
    let refuse = |reason: String| Error::Flag { flag: FLAG, reason };
    if dtype != Dtype::Int8 {
        return Err(refuse("it is for --dtype int8 alone".into()));
    }
    let file = path.display().to_string();
    // A device may never end.
    if path.metadata().is_ok_and(|about| about.file_type().is_char_device()) {
        return Err(refuse(format!("{file} is a device, not a file of texts")));
    }
    let mut texts: Vec<String> = Vec::new();
    for record in input::open(&[path], &input::Options::default())? {
        match record?.content {
            Ok(text) if text.text.trim().is_empty() => {}
            Ok(text) if texts.len() < MAX_CALIBRATION_TEXTS => texts.push(text.text),
            Ok(_) => {
                tracing::info!("{file}: the first {MAX_CALIBRATION_TEXTS} texts are used");
                break;
            }
            Err(e) => tracing::warn!("{file}: {e}"),
        }
    }
    if texts.is_empty() {
        return Err(refuse(format!("there is no text in {file}")));
    }
    Ok(texts.into())
}
