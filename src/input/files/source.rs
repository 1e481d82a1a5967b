//! The source of bytes: a path or stdin, checked first and opened later, counted as they are read.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::content::{self, ColumnFormat};
use super::reader::Reader;
use crate::input::{Format, InputError};
use crate::standard_streams;

const BUFFER: usize = 128 << 10;

/// One input that exists, not yet open: thousands of files must not need thousands of descriptors.
#[derive(Debug)]
pub(crate) struct Source {
    /// `None` is stdin.
    path: Option<PathBuf>,
    /// For messages.
    pub name: Arc<str>,
    /// The size, where it is known: of regular files.
    pub size: Option<u64>,
}

impl Source {
    /// Checks that `path` (or stdin, for `-`) can be read.
    pub(crate) fn check(path: &Path) -> Result<Self, InputError> {
        if path.as_os_str() == "-" {
            return Ok(Self { path: None, name: "stdin".into(), size: stdin_size() });
        }
        let owned = || path.to_path_buf();
        let metadata = fs::metadata(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => InputError::Missing { path: owned() },
            _ => InputError::Open { path: owned(), source },
        })?;
        let kind = metadata.file_type();
        let size = if kind.is_dir() {
            return Err(InputError::Directory { path: owned() });
        } else if kind.is_file() {
            // Opened and closed again: the one sure way to learn whether it may be read.
            File::open(path).map_err(|source| InputError::Open { path: owned(), source })?;
            Some(metadata.len())
        } else if kind.is_fifo() || kind.is_char_device() {
            // Not opened: that would wait for a pipe's writer, and closing would end it.
            None
        } else {
            return Err(InputError::NotAFile { path: owned() });
        };
        Ok(Self { path: Some(owned()), name: path.display().to_string().into(), size })
    }

    /// True for stdin.
    pub(crate) fn is_stdin(&self) -> bool {
        self.path.is_none()
    }

    /// The file; `None` is stdin.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// True if a second read gives the same bytes.
    pub(crate) fn is_regular_file(&self) -> bool {
        self.path.is_some() && self.size.is_some()
    }

    /// The format that the ending of its name stands for; lines, where it stands for none.
    pub(crate) fn format(&self) -> Format {
        match self.path.as_deref().map(ending_of) {
            Some(Ending::Format(format)) => format,
            _ => Format::Lines,
        }
    }

    /// Opens it without a look at its content; bytes read are added to `counter`.
    pub(crate) fn open(&self, counter: &Arc<AtomicU64>) -> Result<Reader, InputError> {
        Ok(Box::new(BufReader::with_capacity(BUFFER, self.bytes(counter)?)))
    }

    /// Opens it as text, decompressed where it is compressed, with the format it has: `given`, or that which its name's
    /// ending or its first bytes stand for.
    ///
    /// # Errors
    /// It cannot be opened or read, or holds no text.
    pub(crate) fn open_text(
        &self,
        given: Option<Format>,
        counter: &Arc<AtomicU64>,
    ) -> Result<(Reader, Format), InputError> {
        let nul = given == Some(Format::Nul);
        self.text_of(content::text(self.bytes(counter)?, &self.name, nul)?, given)
    }

    /// As [`open_text`](Self::open_text), but Parquet and Arrow are opened, too, unless a format of text is `given`.
    pub(crate) fn open_any(&self, given: Option<Format>, counter: &Arc<AtomicU64>) -> Result<Opened, InputError> {
        let nul = given == Some(Format::Nul);
        match content::find(self.bytes(counter)?, &self.name, nul, given.is_none())? {
            content::Found::Text(content) => {
                self.text_of(content, given).map(|(reader, format)| Opened::Text(reader, format))
            }
            // Its end is read first.
            content::Found::Columns { format: ColumnFormat::Parquet, plain: true, .. } if self.is_regular_file() => {
                let path = self.path.clone().unwrap_or_default();
                let file = File::open(&path).map_err(|source| InputError::Open { path, source })?;
                Ok(Opened::Columns(Columns::File(file)))
            }
            content::Found::Columns { format, reader, .. } => Ok(Opened::Columns(Columns::Stream(format, reader))),
        }
    }

    fn text_of(&self, content: content::Content, given: Option<Format>) -> Result<(Reader, Format), InputError> {
        let content::Content { reader, json, array } = content;
        let ending = self.path.as_deref().map_or(Ending::Unknown(None), ending_of);
        let format = match (given, ending) {
            (Some(format), _) => format,
            // No line of JSON lines is an array.
            (None, Ending::Format(Format::Jsonl)) if array => Format::Json,
            (None, Ending::Format(format)) => format,
            (None, Ending::Binary(ending) | Ending::Columns(ending)) => {
                return Err(InputError::Named { file: self.name.clone(), ending });
            }
            (None, Ending::Unknown(_)) if json => {
                tracing::info!("{}: read as JSON (--input-format lines reads each line as a text)", self.name);
                Format::Json
            }
            (None, Ending::Unknown(_)) => Format::Lines,
        };
        Ok((reader, format))
    }

    fn bytes(&self, counter: &Arc<AtomicU64>) -> Result<Box<dyn Read + Send>, InputError> {
        let inner: Box<dyn Read + Send> = match &self.path {
            None => {
                let open = |source| InputError::Open { path: "stdin".into(), source };
                Box::new(standard_streams::stdin().map_err(open)?)
            }
            Some(path) => Box::new(File::open(path).map_err(|source| InputError::Open { path: path.clone(), source })?),
        };
        Ok(Box::new(Counted { inner, counter: counter.clone() }))
    }
}

/// The kind of file that an ending of a name stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// A format of texts.
    Format(Format),
    /// A format that holds no text to read: this one.
    Binary(String),
    /// Parquet or Arrow.
    Columns(String),
    /// Nothing known.
    Unknown(Option<String>),
}

/// A source that is open.
pub(crate) enum Opened {
    Text(Reader, Format),
    Columns(Columns),
}

impl Columns {
    /// The name of the format in messages.
    pub(crate) fn what(&self) -> &'static str {
        match self {
            Self::File(_) => ColumnFormat::Parquet.name(),
            Self::Stream(format, _) => format.name(),
        }
    }
}

/// Columns of a source.
pub(crate) enum Columns {
    /// Parquet that can be read at any place.
    File(File),
    Stream(ColumnFormat, Reader),
}

/// Endings of compressed files, below which lies another ending.
const COMPRESSED: [&str; 4] = ["gz", "gzip", "zst", "zstd"];
/// Endings of files that hold no text.
const BINARY: [&str; 20] = [
    "avro",
    "bin",
    "db",
    "docx",
    "h5",
    "hdf5",
    "npy",
    "npz",
    "onnx",
    "orc",
    "pdf",
    "pickle",
    "pkl",
    "pt",
    "safetensors",
    "sqlite",
    "sqlite3",
    "tar",
    "xlsx",
    "zip",
];

/// Endings of Parquet and Arrow.
const COLUMNS: [&str; 5] = ["arrow", "arrows", "feather", "ipc", "parquet"];

/// The kind of file that the ending of `path` stands for, without that of compression.
pub(crate) fn ending_of(path: &Path) -> Ending {
    let lower = |path: &Path| Some(path.extension()?.to_str()?.to_ascii_lowercase());
    let ending = match lower(path) {
        Some(ending) if COMPRESSED.contains(&ending.as_str()) => {
            path.file_stem().and_then(|stem| lower(Path::new(stem)))
        }
        ending => ending,
    };
    match ending.as_deref() {
        Some("jsonl" | "ndjson") => Ending::Format(Format::Jsonl),
        Some("json") => Ending::Format(Format::Json),
        Some("csv") => Ending::Format(Format::Csv),
        Some("tsv" | "tab") => Ending::Format(Format::Tsv),
        Some(ending) if BINARY.contains(&ending) => Ending::Binary(ending.to_owned()),
        Some(ending) if COLUMNS.contains(&ending) => Ending::Columns(ending.to_owned()),
        ending => Ending::Unknown(ending.map(str::to_owned)),
    }
}

/// The remaining bytes of stdin if it is a regular file, as in `infa embed < texts.txt`.
fn stdin_size() -> Option<u64> {
    use std::io::Seek;
    let mut file = standard_streams::stdin().ok()?;
    let metadata = file.metadata().ok().filter(|m| m.is_file())?;
    Some(metadata.len().saturating_sub(file.stream_position().ok()?))
}

/// Counts bytes for progress bars, and reads again after a signal.
struct Counted {
    inner: Box<dyn Read + Send>,
    counter: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(buffer) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
                Ok(n) => {
                    self.counter.fetch_add(n as u64, Ordering::Relaxed);
                    return Ok(n);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::reader::without_bom;
    use super::*;

    fn stripped(bytes: &'static [u8]) -> Vec<u8> {
        let mut out = Vec::new();
        without_bom(Box::new(bytes)).unwrap().read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn only_a_whole_mark_at_the_start_is_taken_off() {
        assert_eq!(stripped(b"\xef\xbb\xbfa"), b"a");
        assert_eq!(stripped(b"\xef\xbb\xbf"), b"");
        assert_eq!(stripped(b"\xef\xbbx rest"), b"\xef\xbbx rest");
        assert_eq!(stripped(b"\xef"), b"\xef");
        assert_eq!(stripped(b""), b"");
        assert_eq!(stripped(b"a\xef\xbb\xbf"), b"a\xef\xbb\xbf");
    }

    #[test]
    fn extensions_speak_whatever_their_case() {
        let format = |name: &str| Source { path: Some(name.into()), name: name.into(), size: None }.format();
        assert_eq!(format("a.jsonl"), Format::Jsonl);
        assert_eq!(format("a.NDJSON"), Format::Jsonl);
        assert_eq!(format("a.csv"), Format::Csv);
        assert_eq!(format("a.b.tab"), Format::Tsv);
        assert_eq!(format("a.tsv"), Format::Tsv);
        assert_eq!(format("a.json"), Format::Json);
        assert_eq!(format("a.jsonl.gz"), Format::Jsonl);
        assert_eq!(format("a.csv.ZST"), Format::Csv);
        assert_eq!(format("a.txt"), Format::Lines);
        assert_eq!(format("a.gz"), Format::Lines);
        assert_eq!(format("csv"), Format::Lines);
        assert_eq!(ending_of(Path::new("x.parquet")), Ending::Columns("parquet".into()));
        assert_eq!(ending_of(Path::new("x.tar.gz")), Ending::Binary("tar".into()));
    }

    #[test]
    fn devices_and_directories() {
        assert!(matches!(Source::check(Path::new("/")), Err(InputError::Directory { .. })));
        let null = Source::check(Path::new("/dev/null")).unwrap();
        assert_eq!(null.size, None);
        assert!(!null.is_regular_file());
    }
}
