//! Sessions: a graph with its weights, ready to run on one thread.
//!
//! ONNX Runtime is given the weights by address, and packs the matrices for its GEMM into a container that all
//! sessions of a model share: the weights are in memory once, however many workers there are. A GPU gets a copy of them.

use std::path::Path;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use ort::AsPointer;
use ort::logging::LogLevel;
use ort::memory::{Allocator, MemoryInfo};
use ort::session::builder::{GraphOptimizationLevel, PrepackedWeights, SessionBuilder};
use ort::session::{RunOptions, SessionOutputs};
use ort::value::{DynValue, TensorRef};

use super::placement::{self, LoadLog};
use super::{Provider, Runtime, RuntimeError, operators};
use crate::graph::{Element, Graph, Initializer, WEIGHTS_FOLDER, below_root};

/// The folder for external data of a model loaded from memory (onnxruntime_session_options_config_keys.h).
const WEIGHTS_DIR: &str = "session.model_external_initializers_file_folder_path";

static SESSION_BEING_MADE: Mutex<()> = Mutex::new(());

#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// Threads inside one operator. 1 runs everything on the calling thread.
    pub intra_threads: usize,
    pub provider: Provider,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { intra_threads: 1, provider: Provider::Cpu }
    }
}

impl From<Provider> for SessionOptions {
    fn from(provider: Provider) -> Self {
        Self { provider, ..Self::default() }
    }
}

/// The weights of one graph as every session of it uses them.
pub struct SharedWeights {
    packed: PrepackedWeights,
    /// One a weight of `owner`, in its order.
    values: Vec<Arc<DynValue>>,
    /// The numbers that `values` point to.
    owner: Vec<Initializer>,
}

// SAFETY: the values are tensors over memory that is never written; ONNX Runtime guards the container with a mutex.
unsafe impl Send for SharedWeights {}
// SAFETY: as above; sessions only read through these pointers.
unsafe impl Sync for SharedWeights {}

impl Runtime {
    /// Wraps the initializers of a graph without copying them, for all its sessions.
    pub fn share(&self, initializers: Vec<Initializer>) -> Result<Arc<SharedWeights>, RuntimeError> {
        let values = initializers.iter().map(|weight| borrowed_tensor(weight).map(Arc::new));
        let values = values.collect::<Result<_, _>>()?;
        Ok(Arc::new(SharedWeights { packed: PrepackedWeights::new(), values, owner: initializers }))
    }
}

/// An input of a run.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Its name in the model.
    pub name: &'a str,
    /// As many numbers as there are.
    pub shape: &'a [usize],
    pub numbers: Numbers<'a>,
}

/// The numbers of an input, in row-major order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Numbers<'a> {
    I64(&'a [i64]),
    F32(&'a [f32]),
}

/// A model loaded into ONNX Runtime, for one caller at a time.
pub struct Session {
    inner: ort::session::Session,
    run_options: Option<RunOptions>,
    /// After `inner`, so that it is dropped after it: the session reads this memory as long as it lives.
    _weights: Option<Arc<SharedWeights>>,
}

impl Runtime {
    /// A session over a graph built here. On a GPU it has copies of the weights, and no node may fall back to the CPU.
    ///
    /// # Errors
    /// [`RuntimeError::Load`]; [`RuntimeError::NoKernel`] names the operators that a GPU does not have.
    pub fn session(
        &self,
        graph: &Graph,
        weights: &Arc<SharedWeights>,
        options: SessionOptions,
    ) -> Result<Session, RuntimeError> {
        // One session at a time: each packs all matrices once more before it finds that they are packed already, and
        // what it then gives back stays with the allocator's per-thread pools unless they are trimmed.
        let _turn = SESSION_BEING_MADE.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = match self.built(graph, weights, &options, None) {
            // The error names no node; the log of a second attempt does.
            Err(error) if placement::is_fallback(&error) => {
                let log = LoadLog::default();
                let again = self.built(graph, weights, &options, Some(&log));
                let operators = log.placement().cpu_operators;
                return Err(match again {
                    Err(_) if !operators.is_empty() => RuntimeError::NoKernel { operators },
                    _ => RuntimeError::Load { model: "the graph".into(), source: error },
                });
            }
            loaded => loaded.map_err(|source| RuntimeError::Load { model: "the graph".into(), source })?,
        };
        trim();
        // CUDA has copied the weights. TensorRT may read them again, for an engine of other shapes.
        let kept = !matches!(options.provider, Provider::Cuda(_));
        Ok(Session { inner: loaded, run_options: None, _weights: kept.then(|| Arc::clone(weights)) })
    }

    fn built(
        &self,
        graph: &Graph,
        weights: &SharedWeights,
        options: &SessionOptions,
        log: Option<&LoadLog>,
    ) -> ort::Result<ort::session::Session> {
        let mut builder = self
            .builder(options, true)?
            // The graph is written as it should run: there is nothing to optimise, and start-up is faster without.
            .with_optimization_level(GraphOptimizationLevel::Disable)?
            .with_config_entry(WEIGHTS_DIR, WEIGHTS_FOLDER)?;
        let gpu = options.provider.is_gpu();
        builder = match (gpu, &options.provider) {
            (false, _) => builder.with_prepacked_weights(&weights.packed)?,
            // In memory of their own: the arena would round them up, and count them against its limit.
            (true, Provider::Cuda(_)) => builder.with_device_allocated_initializers()?.with_disable_cpu_fallback()?,
            (true, _) => builder.with_device_allocated_initializers()?,
        };
        if let Some(log) = log {
            builder = log.listen(builder)?;
        }
        if !graph.operators.is_empty() {
            builder = builder.with_operators(operators::domain(&graph.operators)?)?;
        }
        for (Initializer { name, data, .. }, value) in weights.owner.iter().zip(&weights.values) {
            // Weights without a file and offset in the graph are passed by address, which costs a copy.
            if gpu || data.place().and_then(|(path, _)| below_root(path)).is_none() {
                builder = builder.with_external_initializer(name, Arc::clone(value))?;
            }
            // Given by address, a weight is known to be shared, and so is what is packed from it. A GPU takes only copies.
            if !gpu {
                builder = builder.with_initializer(name, Arc::clone(value))?;
            }
        }
        builder.commit_from_memory(&graph.model)
    }

    /// A session over a ready `.onnx` file. On a GPU, nodes without a kernel there are computed on the CPU, with a warning
    /// that counts them.
    pub fn session_from_file(&self, path: &Path, options: SessionOptions) -> Result<Session, RuntimeError> {
        let load = |source| RuntimeError::Load { model: path.display().to_string(), source };
        let mut builder = self.builder(&options, false).map_err(load)?;
        if !options.provider.is_gpu() {
            let inner = builder.commit_from_file(path).map_err(load)?;
            return Ok(Session { inner, run_options: None, _weights: None });
        }
        let log = LoadLog::default();
        let inner = log.listen(builder).and_then(|mut builder| builder.commit_from_file(path)).map_err(load)?;
        if let Some(warning) = log.placement().warning() {
            tracing::warn!("{}: {warning}", path.display());
        }
        // The session's log level is that of its runs, too.
        let mut run_options = RunOptions::new()?;
        run_options.set_log_level(LogLevel::Warning)?;
        Ok(Session { inner, run_options: Some(run_options), _weights: None })
    }

    fn builder(&self, options: &SessionOptions, built_here: bool) -> ort::Result<SessionBuilder> {
        Ok(ort::session::Session::builder(self.environment())?
            .with_intra_threads(options.intra_threads)?
            .with_inter_threads(1)?
            .with_intra_op_spinning(options.intra_threads > 1)?
            // Shapes change from group to group: a plan for one shape would be memory for nothing.
            .with_memory_pattern(false)?
            .with_execution_providers(options.provider.dispatch(self.version(), built_here))?)
    }
}

impl Session {
    /// Runs the model and hands output number `output` (shape and numbers, borrowed from the runtime) to `read`.
    pub fn run<T>(
        &mut self,
        inputs: &[Input<'_>],
        output: usize,
        read: impl FnOnce(&[i64], &[f32]) -> T,
    ) -> Result<T, RuntimeError> {
        let outputs = self.outputs_of(inputs)?;
        let (shape, numbers) = outputs[output].try_extract_tensor::<f32>()?;
        Ok(read(shape, numbers))
    }

    /// As [`Session::run`], with all outputs, which must be f32.
    pub fn run_all<T>(
        &mut self,
        inputs: &[Input<'_>],
        read: impl FnOnce(&[(&[i64], &[f32])]) -> T,
    ) -> Result<T, RuntimeError> {
        let outputs = self.outputs_of(inputs)?;
        let extract = |number: usize| {
            let (shape, numbers) = outputs[number].try_extract_tensor::<f32>()?;
            Ok((&shape[..], numbers))
        };
        let all = (0..outputs.len()).map(extract).collect::<Result<Vec<_>, RuntimeError>>()?;
        Ok(read(&all))
    }

    fn outputs_of(&mut self, inputs: &[Input<'_>]) -> Result<SessionOutputs<'_>, RuntimeError> {
        let mut values = Vec::with_capacity(inputs.len());
        for &Input { name, shape, numbers } in inputs {
            let value = match numbers {
                Numbers::I64(numbers) => TensorRef::from_array_view((shape, numbers))?.into_dyn(),
                Numbers::F32(numbers) => TensorRef::from_array_view((shape, numbers))?.into_dyn(),
            };
            values.push((name, value));
        }
        Ok(match &self.run_options {
            Some(options) => self.inner.run_with_options(values, options)?,
            None => self.inner.run(values)?,
        })
    }

    /// Names and shapes (-1 where it varies) of the inputs; no shape for what is not a tensor.
    pub fn inputs(&self) -> Vec<(String, Option<Vec<i64>>)> {
        self.inner.inputs().iter().map(outlet).collect()
    }

    /// Names and shapes of the outputs, as for [`Session::inputs`].
    pub fn outputs(&self) -> Vec<(String, Option<Vec<i64>>)> {
        self.inner.outputs().iter().map(outlet).collect()
    }
}

/// Gives memory that was freed back to the system.
fn trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: takes no pointers, and may be called at any time from any thread (malloc_trim(3)).
    unsafe {
        libc::malloc_trim(0);
    }
}

fn outlet(outlet: &ort::value::Outlet) -> (String, Option<Vec<i64>>) {
    (outlet.name().to_owned(), outlet.dtype().tensor_shape().map(|shape| shape.to_vec()))
}

/// A tensor over the initializer's memory; `ort` itself offers owned tensors only over memory it owns.
fn borrowed_tensor(initializer: &Initializer) -> Result<DynValue, RuntimeError> {
    let numbers = initializer.data.bytes();
    let element = match initializer.element {
        Element::F32 => ort::sys::ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
        Element::F16 => ort::sys::ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16,
        Element::Bf16 => ort::sys::ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16,
        Element::I8 => ort::sys::ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8,
    };
    let memory = MemoryInfo::default();
    let mut pointer = std::ptr::null_mut();
    // SAFETY: shape and length describe `numbers` exactly (float_tensor checked the one against the other); the
    // runtime only reads initializers, so the cast from const is never used for writing; the memory lives as
    // long as a session reads it: one on the CPU or TensorRT holds `SharedWeights`, and one on CUDA has copied all weights
    // when it is made, as no node of its graph may run on the CPU.
    let status = unsafe {
        (ort::api().CreateTensorWithDataAsOrtValue)(
            memory.ptr(),
            numbers.as_ptr().cast_mut().cast(),
            numbers.len(),
            initializer.shape.as_ptr(),
            initializer.shape.len(),
            element,
            &mut pointer,
        )
    };
    // SAFETY: the status is the one the call above returned, and is used once.
    unsafe { ort::Error::result_from_status(status) }?;
    let pointer = NonNull::new(pointer)
        .ok_or_else(|| RuntimeError::Run(ort::Error::new("no tensor came back for an initializer")))?;
    // SAFETY: a valid OrtValue without another owner; the allocator is a formality, as the value does not own its data.
    Ok(unsafe { DynValue::from_ptr(pointer, Some(&Allocator::default())) })
}
