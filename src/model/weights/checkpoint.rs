//! The tensors of a checkpoint.

use super::WeightsError;
use super::lora::Adapter;
use super::mapped::{Access, MappedFile};
use safetensors::Dtype;
use safetensors::tensor::Metadata;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The tensors of a checkpoint, in one safetensors file or several.
pub struct Weights {
    /// The file or the index, as the caller named it.
    pub(super) path: PathBuf,
    pub(super) shards: Vec<Shard>,
    /// The shard that holds a tensor, by the tensor's name.
    pub(super) homes: HashMap<String, usize>,
    /// The adapter whose changes the tensors include.
    pub(super) adapter: Option<Adapter>,
}

pub(super) struct Shard {
    pub(super) path: PathBuf,
    pub(super) file: Arc<MappedFile>,
    pub(super) metadata: Metadata,
    /// The offset of the tensors' bytes.
    pub(super) data_start: usize,
}

/// Numbers of a tensor: borrowed from the mapped file where they can be, owned where they had to be converted.
#[derive(Clone)]
pub enum TensorData {
    /// Bytes `start..end` of a mapped file: little-endian f32, aligned.
    Mapped {
        file: Arc<MappedFile>,
        start: usize,
        /// One past the last byte.
        end: usize,
    },
    /// Converted from another type, or copied because the file does not align it.
    Owned(Arc<[f32]>),
    /// 16-bit floats, IEEE 754's or bfloat16, that were made here.
    Halves(Arc<[u16]>),
    /// 8-bit integers that were made here.
    Integers(Arc<[u8]>),
}

/// A tensor as it lies in its file.
pub struct RawTensor<'w> {
    pub dtype: Dtype,
    pub shape: &'w [usize],
    pub file: &'w Arc<MappedFile>,
    /// The bytes of the file that are its numbers, little-endian, perhaps not aligned.
    pub range: Range<usize>,
}

impl<'w> RawTensor<'w> {
    pub fn bytes(&self) -> &'w [u8] {
        &self.file.bytes()[self.range.clone()]
    }
}

impl TensorData {
    /// The file that holds the numbers, and the bytes they are there; `None` if they lie nowhere as they are.
    pub fn place(&self) -> Option<(&Path, Range<usize>)> {
        match self {
            Self::Mapped { file, start, end } => Some((file.path()?, *start..*end)),
            Self::Owned(_) | Self::Halves(_) | Self::Integers(_) => None,
        }
    }

    /// The file in which the numbers are mapped.
    pub fn file(&self) -> Option<&Arc<MappedFile>> {
        match self {
            Self::Mapped { file, .. } => Some(file),
            Self::Owned(_) | Self::Halves(_) | Self::Integers(_) => None,
        }
    }

    /// The same numbers in memory of their own.
    pub fn owned(self) -> Self {
        match &self {
            Self::Mapped { .. } => Self::Owned(self.as_slice().into()),
            Self::Owned(_) | Self::Halves(_) | Self::Integers(_) => self,
        }
    }

    /// The numbers, if they are f32; else none.
    pub fn as_slice(&self) -> &[f32] {
        match self {
            // Checked when the variant was made; an empty slice can never be wrong about memory.
            Self::Mapped { file, start, end } => bytemuck::try_cast_slice(&file.bytes()[*start..*end]).unwrap_or(&[]),
            Self::Owned(numbers) => numbers,
            Self::Halves(_) | Self::Integers(_) => &[],
        }
    }

    /// The numbers as bytes in the order of this machine.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Mapped { file, start, end } => &file.bytes()[*start..*end],
            Self::Owned(numbers) => bytemuck::cast_slice(numbers),
            Self::Halves(numbers) => bytemuck::cast_slice(numbers),
            Self::Integers(numbers) => numbers,
        }
    }

    /// Numbers `range` of these; borrowed where these are.
    pub fn slice(&self, range: Range<usize>) -> Self {
        match self {
            Self::Mapped { file, start, .. } => {
                let at = |number: usize| start + number * size_of::<f32>();
                Self::Mapped { file: Arc::clone(file), start: at(range.start), end: at(range.end) }
            }
            Self::Owned(numbers) => Self::Owned(numbers[range].into()),
            Self::Halves(numbers) => Self::Halves(numbers[range].into()),
            Self::Integers(numbers) => Self::Integers(numbers[range].into()),
        }
    }
}

impl Shard {
    /// Brings `path` into memory and checks its header.
    pub(super) fn open(path: &Path, access: Access) -> Result<Self, WeightsError> {
        let file = MappedFile::open(path, access).map_err(|source| match source.kind() {
            ErrorKind::InvalidInput => WeightsError::Malformed { path: path.to_owned(), reason: source.to_string() },
            _ => WeightsError::Io { path: path.to_owned(), source },
        })?;
        Self::new(path, file)
    }

    /// Checks the header of `file`, which the caller named `path`.
    fn new(path: &Path, file: MappedFile) -> Result<Self, WeightsError> {
        let malformed = |reason: String| WeightsError::Malformed { path: path.to_owned(), reason };
        let header = header(file.bytes()).map_err(malformed)?;
        // Checks offsets, overlaps and sizes.
        let metadata: Metadata =
            serde_json::from_slice(&header).map_err(|e| malformed(format!("its header is broken: {e}")))?;
        let (data_start, size) = (header.len() + LENGTH_BYTES, file.bytes().len());
        if metadata.data_len().checked_add(data_start) != Some(size) {
            let reason =
                format!("its tensors have {} bytes, and {} follow the header", metadata.data_len(), size - data_start);
            return Err(malformed(reason));
        }
        Ok(Self { path: path.to_owned(), file: Arc::new(file), metadata, data_start })
    }
}

/// Most bytes of a header. The largest encoders have some 1,000 tensors with 100 bytes of header each; a header of 90
/// MB takes seconds and a gigabyte of memory to parse.
const MAX_HEADER_BYTES: u64 = 8 << 20;

/// Bytes of the header's length, with which a file begins.
const LENGTH_BYTES: usize = size_of::<u64>();

/// A copy of the header: `bytes` may be those of a mapped file, which another process may write to, and text must stay
/// as it was checked.
pub(super) fn header(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let (length, rest) = bytes.split_first_chunk().ok_or("it is too short for a safetensors file")?;
    // Read once, so that the compared value is the used one.
    let length = std::hint::black_box(u64::from_le_bytes(*length));
    let whole = usize::try_from(length).ok().and_then(|length| rest.get(..length));
    let header = whole.ok_or_else(|| format!("its header has {length} bytes, and {} follow", rest.len()))?;
    if length > MAX_HEADER_BYTES {
        return Err(format!("its header has {length} bytes, at most {MAX_HEADER_BYTES} are read"));
    }
    Ok(header.to_vec())
}

impl Weights {
    /// A checkpoint in memory: `bytes` have the format of a safetensors file, `name` is its name in errors.
    pub fn from_bytes(name: &Path, bytes: &[u8]) -> Result<Self, WeightsError> {
        let io = |source| WeightsError::Io { path: name.to_owned(), source };
        let file = MappedFile::of_bytes(bytes).map_err(io)?;
        let shard = Shard::new(name, file)?;
        let homes = shard.metadata.tensors().into_keys().map(|tensor| (tensor, 0)).collect();
        Ok(Self { path: name.to_owned(), shards: vec![shard], homes, adapter: None })
    }

    pub fn files(&self) -> impl Iterator<Item = &Arc<MappedFile>> {
        self.shards.iter().map(|shard| &shard.file)
    }

    /// The part before `anchor` in the name of a tensor that ends with it: `""`, `"bert."`, …
    pub fn prefix_of(&self, anchor: &str) -> Result<String, WeightsError> {
        self.homes
            .keys()
            .map(|name| name.replace(ORIGINAL, "weight"))
            .filter_map(|name| name.strip_suffix(anchor).map(str::to_owned))
            .filter(|prefix| prefix.is_empty() || prefix.ends_with('.'))
            .min_by_key(String::len)
            .ok_or_else(|| self.missing(anchor))
    }

    pub fn has(&self, name: &str) -> bool {
        self.homes.contains_key(name) || self.adapted(name).is_some()
    }

    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        let adapted = self.adapted(name);
        self.raw(adapted.as_deref().unwrap_or(name)).map(|tensor| tensor.shape)
    }

    /// All tensors as they lie in their files, by their names.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, RawTensor<'_>)> {
        self.homes.keys().filter_map(|name| Some((name.as_str(), self.raw(name)?)))
    }

    /// The tensor `name` as it lies in its file.
    pub fn raw(&self, name: &str) -> Option<RawTensor<'_>> {
        let shard = &self.shards[*self.homes.get(name)?];
        let info = shard.metadata.info(name)?;
        let (start, end) = info.data_offsets;
        let range = shard.data_start + start..shard.data_start + end;
        Some(RawTensor { dtype: info.dtype, shape: &info.shape, file: &shard.file, range })
    }

    /// Checks that tensor `name` exists and has this shape, without reading it.
    pub fn check(&self, name: &str, shape: &[usize]) -> Result<(), WeightsError> {
        let adapted = self.adapted(name);
        self.shaped(adapted.as_deref().unwrap_or(name), shape).map(drop)
    }

    /// The tensor `name` as it lies in its file, which must have `shape`, and that file.
    fn shaped(&self, name: &str, shape: &[usize]) -> Result<(PathBuf, RawTensor<'_>), WeightsError> {
        let home = self.homes.get(name).map(|&home| self.shards[home].path.clone());
        let (path, tensor) = home.zip(self.raw(name)).ok_or_else(|| self.missing(name))?;
        if tensor.shape != shape {
            let (actual, expected) = (tensor.shape.to_vec(), shape.to_vec());
            return Err(WeightsError::Shape { path, name: name.to_owned(), actual, expected });
        }
        Ok((path, tensor))
    }

    /// The tensor `name` of the files, which must have `shape`, as f32.
    pub(super) fn stored(&self, name: &str, shape: &[usize]) -> Result<TensorData, WeightsError> {
        let (path, tensor) = self.shaped(name, shape)?;
        let bytes = tensor.bytes();
        Ok(match tensor.dtype {
            Dtype::F32 if cfg!(target_endian = "little") && bytemuck::try_cast_slice::<u8, f32>(bytes).is_ok() => {
                let Range { start, end } = tensor.range;
                TensorData::Mapped { file: Arc::clone(tensor.file), start, end }
            }
            Dtype::F32 => owned::<4>(bytes, f32::from_le_bytes),
            Dtype::F16 => owned::<2>(bytes, |b| half::f16::from_le_bytes(b).to_f32()),
            Dtype::BF16 => owned::<2>(bytes, |b| half::bf16::from_le_bytes(b).to_f32()),
            dtype => return Err(WeightsError::Dtype { path, name: name.to_owned(), dtype }),
        })
    }

    /// Advises the system that the mapped pages are not needed for now: once a session has packed its own copy of the
    /// matrices, their pages need not count as this process's memory. Pages touched again come back from the file.
    pub fn release_pages(&self) {
        self.shards.iter().for_each(|shard| shard.file.release_pages());
    }

    pub(super) fn missing(&self, name: &str) -> WeightsError {
        WeightsError::Missing { path: self.path.clone(), name: name.to_owned() }
    }
}

fn owned<const N: usize>(bytes: &[u8], convert: impl Fn([u8; N]) -> f32) -> TensorData {
    let (numbers, _) = bytes.as_chunks::<N>();
    TensorData::Owned(numbers.iter().map(|&b| convert(b)).collect())
}

/// The part of such a weight's name that replaces `weight`.
pub(super) const ORIGINAL: &str = "parametrizations.weight.original";
