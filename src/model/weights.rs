//! safetensors read in place: the file is mapped, tensors are borrowed from the mapping.
//!
//! Format: <https://huggingface.co/docs/safetensors> — an 8-byte little-endian header length, a JSON header, then the
//! tensors' bytes. The header comes from strangers: the `safetensors` crate checks its size, offsets and overlaps.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;
use safetensors::tensor::Metadata;
use safetensors::{Dtype, SafeTensors};

use super::lora::Adapter;

/// Why weights cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The file could not be opened or mapped.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Not a safetensors file, or a damaged one.
    #[error("{}: not a valid safetensors file: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor the configuration calls for is not there.
    #[error("{}: tensor \"{name}\" is missing", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// A tensor has another shape than the configuration says.
    #[error("{}: tensor \"{name}\" has shape {actual:?}, but config.json calls for {expected:?}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its shape.
        actual: Vec<usize>,
        /// The shape wanted.
        expected: Vec<usize>,
    },
    /// A tensor is of a type that is not a float.
    #[error("{}: tensor \"{name}\" is of type {dtype:?}; F32, F16 and BF16 are supported", path.display())]
    Dtype {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its type.
        dtype: Dtype,
    },
}

impl WeightsError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Io { .. } => "check that the file exists and may be read",
                Self::Malformed { .. } => "the file may be a broken download or a Git LFS pointer: fetch it again",
                Self::Missing { .. } | Self::Shape { .. } => {
                    "config.json and model.safetensors do not belong together: fetch the model again"
                }
                Self::Dtype { .. } => "quantised checkpoints are not read; use the float one",
            }
            .into(),
        )
    }
}

/// What a weight beside which adapters lie has in its name in place of `weight`.
const ADAPTED: &str = "parametrizations.weight.original";

/// The tensors of one safetensors file, mapped into memory.
///
/// The mapping is shared and read-only. Truncating the file while it is in use would end the process (SIGBUS), as with
/// every program that maps its models; replace a model's file by renaming a new one over it.
pub struct Weights {
    path: PathBuf,
    file: PathBuf,
    map: Arc<Mmap>,
    metadata: Metadata,
    /// Where the tensors' bytes begin.
    data_start: usize,
    /// Whose changes the tensors have.
    adapter: Option<Adapter>,
}

/// Numbers of a tensor: borrowed from the mapped file where they can be, owned where they had to be converted.
#[derive(Clone)]
pub enum TensorData {
    /// Bytes `start..end` of the mapped file: little-endian f32, aligned.
    Mapped {
        /// The file.
        map: Arc<Mmap>,
        /// First byte.
        start: usize,
        /// One past the last byte.
        end: usize,
    },
    /// Converted from another type, or copied because the file does not align it.
    Owned(Arc<[f32]>),
}

impl TensorData {
    /// The numbers.
    pub fn as_slice(&self) -> &[f32] {
        match self {
            // Checked when the variant was made; an empty slice can never be wrong about memory.
            Self::Mapped { map, start, end } => bytemuck::try_cast_slice(&map[*start..*end]).unwrap_or(&[]),
            Self::Owned(numbers) => numbers,
        }
    }

    /// Numbers `range` of these; borrowed where these are.
    pub fn slice(&self, range: Range<usize>) -> Self {
        match self {
            Self::Mapped { map, start, .. } => {
                let size = size_of::<f32>();
                Self::Mapped { map: Arc::clone(map), start: start + range.start * size, end: start + range.end * size }
            }
            Self::Owned(numbers) => Self::Owned(numbers[range].into()),
        }
    }
}

impl Weights {
    /// Maps `path` and checks its header.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let io = |source| WeightsError::Io { path: path.to_owned(), source };
        let malformed = |reason: String| WeightsError::Malformed { path: path.to_owned(), reason };
        let file = File::open(path).map_err(io)?;
        if !file.metadata().map_err(io)?.is_file() {
            return Err(malformed("it is not a regular file".into()));
        }
        // SAFETY: the mapping is private to this process and never written through. The one hazard left, another
        // process truncating the file, is documented on `Weights`.
        let map = unsafe { Mmap::map(&file) }.map_err(io)?;
        // Checks offsets, overlaps and sizes, and that the data is all there.
        let (header, metadata) = SafeTensors::read_metadata(&map).map_err(|e| malformed(e.to_string()))?;
        let file = path.canonicalize().map_err(io)?;
        Ok(Self { path: path.to_owned(), file, map: Arc::new(map), metadata, data_start: header + 8, adapter: None })
    }

    /// From now on tensors have the changes of this adapter.
    pub fn adapt(&mut self, adapter: Adapter) -> Result<(), WeightsError> {
        if !self.metadata.tensors().into_keys().any(|name| name.ends_with("parametrizations.weight.0.lora_A")) {
            return Err(self.missing("…parametrizations.weight.0.lora_A"));
        }
        self.adapter = Some(adapter);
        Ok(())
    }

    /// The file itself: a path in the Hugging Face cache is a link to it.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What stands before `anchor` in the name of a tensor that ends with it: `""`, `"bert."`, …
    pub fn prefix_of(&self, anchor: &str) -> Result<String, WeightsError> {
        self.metadata
            .tensors()
            .into_keys()
            .map(|name| name.replace(ADAPTED, "weight"))
            .filter_map(|name| name.strip_suffix(anchor).map(str::to_owned))
            .filter(|prefix| prefix.is_empty() || prefix.ends_with('.'))
            .min_by_key(String::len)
            .ok_or_else(|| self.missing(anchor))
    }

    /// Whether there is a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.metadata.info(name).is_some() || self.adapted(name).is_some()
    }

    /// The shape of the tensor `name`, if there is one.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        let adapted = self.adapted(name);
        self.metadata.info(adapted.as_deref().unwrap_or(name)).map(|info| info.shape.as_slice())
    }

    /// The name in the file of the weight called `name`, where adapters lie beside it.
    fn adapted(&self, name: &str) -> Option<String> {
        let original = format!("{}{ADAPTED}", name.strip_suffix("weight")?);
        self.metadata.info(&original).is_some().then_some(original)
    }

    /// The tensor `name`, which must have `shape`, as f32, with the changes of the adapter if there is one.
    pub fn float_tensor(&self, name: &str, shape: &[usize]) -> Result<TensorData, WeightsError> {
        let Some(original) = self.adapted(name) else { return self.stored(name, shape) };
        let tensor = self.stored(&original, shape)?;
        let (Some(adapter), &[rows, columns]) = (&self.adapter, shape) else { return Ok(tensor) };
        let stem = original.trim_end_matches("original");
        let (a, b) = (format!("{stem}0.lora_A"), format!("{stem}0.lora_B"));
        let [[linear_a, linear_b], [table_a, table_b]] = adapter.shapes([rows, columns]);
        let (left, right) = if self.metadata.info(&a).is_some_and(|info| info.shape == linear_a) {
            (self.stored(&b, &linear_b)?, self.stored(&a, &linear_a)?)
        } else {
            (self.stored(&a, &table_a)?, self.stored(&b, &table_b)?)
        };
        let merged = adapter.merge(tensor.as_slice(), left.as_slice(), right.as_slice(), columns);
        Ok(TensorData::Owned(merged.into()))
    }

    /// The tensor `name` of the file, which must have `shape`, as f32.
    fn stored(&self, name: &str, shape: &[usize]) -> Result<TensorData, WeightsError> {
        let info = self.metadata.info(name).ok_or_else(|| self.missing(name))?;
        if info.shape != shape {
            return Err(WeightsError::Shape {
                path: self.path.clone(),
                name: name.to_owned(),
                actual: info.shape.clone(),
                expected: shape.to_vec(),
            });
        }
        let (start, end) = (self.data_start + info.data_offsets.0, self.data_start + info.data_offsets.1);
        let bytes = &self.map[start..end];
        Ok(match info.dtype {
            Dtype::F32 if cfg!(target_endian = "little") && bytemuck::try_cast_slice::<u8, f32>(bytes).is_ok() => {
                TensorData::Mapped { map: Arc::clone(&self.map), start, end }
            }
            Dtype::F32 => owned::<4>(bytes, f32::from_le_bytes),
            Dtype::F16 => owned::<2>(bytes, |b| half::f16::from_le_bytes(b).to_f32()),
            Dtype::BF16 => owned::<2>(bytes, |b| half::bf16::from_le_bytes(b).to_f32()),
            dtype => return Err(WeightsError::Dtype { path: self.path.clone(), name: name.to_owned(), dtype }),
        })
    }

    /// Tells the system that the mapped pages are not needed for now: once a session has packed its own copy of the
    /// matrices, their pages need not count as this process's memory. Pages touched again come back from the file.
    pub fn release_pages(&self) {
        #[cfg(unix)]
        {
            // SAFETY: the mapping is read-only and backed by its file: dropped pages are read again when touched.
            let _ = unsafe { self.map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
        }
    }

    fn missing(&self, name: &str) -> WeightsError {
        WeightsError::Missing { path: self.path.clone(), name: name.to_owned() }
    }
}

fn owned<const N: usize>(bytes: &[u8], convert: impl Fn([u8; N]) -> f32) -> TensorData {
    let (numbers, _) = bytes.as_chunks::<N>();
    TensorData::Owned(numbers.iter().map(|&b| convert(b)).collect())
}
