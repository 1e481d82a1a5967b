//! The tensors in a file of `torch.save`.

use super::pickle::Pickle;
use super::tensor::{Kind, Tensor};
use crate::model::weights::{TensorData, WeightsError};
use crate::regular_file;
use std::collections::HashMap;
use std::io::{Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};
use zip::{CompressionMethod, ZipArchive};

/// The pickle of the number 0x1950a86a20f9469cfc6c, with which files of the old kind begin.
const OLD_MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// Version of the old container.
const OLD_PROTOCOL: i64 = 1001;

/// Most bytes of a file: a Dense layer of 8,192 times 8,192 numbers has 256 MB.
const MAX_BYTES: u64 = 1 << 30;

/// A state dict of a few tensors has about 1 KB.
const MAX_PICKLE_BYTES: u64 = 1 << 20;

#[derive(Debug)]
pub(crate) struct StateDict {
    path: PathBuf,
    contents: Contents,
}

#[derive(Debug)]
struct Contents {
    tensors: HashMap<String, Tensor>,
    /// The numbers that tensors are views of.
    storages: Vec<Vec<f32>>,
}

impl StateDict {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`WeightsError::Torch`] for anything that is not a state dict of plain tensors.
    pub(crate) fn read(path: &Path) -> Result<Self, WeightsError> {
        let io = |source| WeightsError::Io { path: path.to_owned(), source };
        let refuse = |reason: String| WeightsError::Torch { path: path.to_owned(), reason };
        // Read, not mapped: lengths and places in it are looked at more than once, and another process may write to the
        // file or cut it meanwhile.
        let bytes = regular_file::read(path, MAX_BYTES).map_err(|e| match e.kind() {
            ErrorKind::InvalidInput | ErrorKind::FileTooLarge => refuse(e.to_string()),
            _ => io(e),
        })?;
        let contents = parse(&bytes).map_err(refuse)?;
        Ok(Self { path: path.to_owned(), contents })
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.contents.tensors.contains_key(name)
    }

    pub(crate) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.contents.tensors.get(name).map(|tensor| tensor.size.as_slice())
    }

    /// The tensor `name`, which must have `shape`, as f32.
    pub(crate) fn float_tensor(&self, name: &str, shape: &[usize]) -> Result<TensorData, WeightsError> {
        let (path, name) = (self.path.clone(), name.to_owned());
        let Some(tensor) = self.contents.tensors.get(&name) else { return Err(WeightsError::Missing { path, name }) };
        if tensor.size != shape {
            let (actual, expected) = (tensor.size.clone(), shape.to_vec());
            return Err(WeightsError::Shape { path, name, actual, expected });
        }
        match tensor.take(&self.contents.storages[tensor.storage]) {
            Some(numbers) => Ok(TensorData::Owned(numbers.into())),
            None => {
                let reason = format!("tensor \"{name}\" reaches beyond its numbers");
                Err(WeightsError::Torch { path, reason })
            }
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Contents, String> {
    if bytes.starts_with(OLD_MAGIC) {
        return parse_old(bytes);
    }
    if !bytes.starts_with(b"PK\x03\x04") {
        return Err("it was not written by torch.save (or is a Git LFS pointer)".into());
    }
    parse_zip(bytes)
}

fn parse_zip(bytes: &[u8]) -> Result<Contents, String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| format!("a damaged ZIP archive: {e}"))?;
    let names = archive.file_names().map(|name| name.map(|name| name.into_owned()));
    let names: Vec<String> = names.collect::<Result<_, _>>().map_err(|e| format!("a damaged ZIP archive: {e}"))?;
    let root = names.iter().find_map(|name| name.strip_suffix("data.pkl")).ok_or("it holds no data.pkl")?.to_owned();
    if names.iter().any(|name| name.strip_prefix(&root) == Some("byteorder"))
        && member(&mut archive, &format!("{root}byteorder"), 16)? != b"little"
    {
        return Err("its numbers are not little-endian".into());
    }
    let program = member(&mut archive, &format!("{root}data.pkl"), MAX_PICKLE_BYTES)?;
    let pickle = Pickle::read(&program)?.0;
    let mut storages = Vec::new();
    for storage in &pickle.storages {
        let name = format!("{root}data/{}", storage.key);
        let length = storage.bytes().ok_or_else(|| format!("{name} would be too large"))?;
        let bytes = member(&mut archive, &name, length as u64)?;
        if bytes.len() != length {
            return Err(format!("{name} has {} bytes instead of {length}", bytes.len()));
        }
        storages.push(floats(&bytes, storage.kind));
    }
    Ok(Contents { tensors: pickle.tensors.into_iter().collect(), storages })
}

/// The contents of a stored (uncompressed) member of the archive: the file's own size bounds the read.
fn member(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str, limit: u64) -> Result<Vec<u8>, String> {
    let file = archive.by_name(name).map_err(|e| format!("{name}: {e}"))?;
    if file.compression() != CompressionMethod::Stored {
        return Err(format!("{name} is compressed, which torch.save never does"));
    }
    if file.size() > limit {
        return Err(format!("{name} has {} bytes, more than the {limit} expected", file.size()));
    }
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).map_err(|e| format!("{name}: {e}"))?;
    Ok(bytes)
}

fn parse_old(bytes: &[u8]) -> Result<Contents, String> {
    let mut rest = &bytes[OLD_MAGIC.len()..];
    let mut next = || -> Result<Pickle, String> {
        let (pickle, length) = Pickle::read(rest)?;
        rest = &rest[length..];
        Ok(pickle)
    };
    if next()?.integer != Some(OLD_PROTOCOL) {
        return Err("it is of an unknown version of the old format".into());
    }
    if next()?.little_endian == Some(false) {
        return Err("its numbers are not little-endian".into());
    }
    let pickle = next()?;
    let keys = next()?.texts;
    let mut storages: Vec<Vec<f32>> = vec![Vec::new(); pickle.storages.len()];
    for key in keys {
        let position = pickle.storages.iter().position(|storage| storage.key == key);
        let position = position.ok_or_else(|| format!("numbers \"{key}\" belong to no tensor"))?;
        let storage = &pickle.storages[position];
        let (count, after) = rest.split_first_chunk().ok_or("it ends in the middle")?;
        if u64::from_le_bytes(*count) != storage.count as u64 {
            return Err(format!("numbers \"{key}\" are not as many as the tensors say"));
        }
        let length = storage.bytes().ok_or("it ends in the middle")?;
        let (numbers, after) = after.split_at_checked(length).ok_or("it ends in the middle")?;
        storages[position] = floats(numbers, storage.kind);
        rest = after;
    }
    Ok(Contents { tensors: pickle.tensors.into_iter().collect(), storages })
}

fn floats(bytes: &[u8], kind: Kind) -> Vec<f32> {
    fn convert<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        bytes.as_chunks::<N>().0.iter().map(|&b| number(b)).collect()
    }
    match kind {
        Kind::Float => convert(bytes, f32::from_le_bytes),
        Kind::Half => convert(bytes, |b| half::f16::from_le_bytes(b).to_f32()),
        Kind::BFloat16 => convert(bytes, |b| half::bf16::from_le_bytes(b).to_f32()),
        Kind::Double => convert(bytes, |b| f64::from_le_bytes(b) as f32),
    }
}
