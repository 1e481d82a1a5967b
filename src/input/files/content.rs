//! The kind of a file by its first bytes: text, compressed text, or binary data.
//!
//! gzip and zstd are decompressed while they are read, so that memory stays bounded: what comes out is cut into records by
//! the same limits as any other text. Everything else that is no text is named and refused; no byte of it becomes a record.
//!
//! Signatures are those of the formats' own specifications (RFC 1952, RFC 8878, Parquet, Arrow, NPY, PKWARE's APPNOTE …).

use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;

use super::reader::Reader;
use crate::input::InputError;
use crate::input::origin::Origin;

const BUFFER: usize = 128 << 10;
/// Bytes of the beginning that are looked at for JSON and for binary data.
const SAMPLE: usize = 4096;
/// Compressed within compressed: more layers than this are a mistake, or an attack.
const LAYERS: usize = 2;

/// The compression of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packed {
    Gzip,
    Zstd,
}

/// The kind of file a signature belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Packed(Packed),
    /// Columns, and a remedy where only text is read.
    Columns(ColumnFormat, &'static str),
    /// Not text: its kind, and a remedy.
    Other(&'static str, &'static str),
}

/// Parquet, or one of the two layouts of Arrow IPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnFormat {
    Parquet,
    ArrowFile,
    ArrowStream,
}

impl ColumnFormat {
    /// Its name in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Parquet => "Parquet",
            Self::ArrowFile => "an Arrow file",
            Self::ArrowStream => "an Arrow stream",
        }
    }
}

const DECOMPRESS: &str = "decompress it first; infa reads gzip and zstd itself";
const CONVERT: &str = "convert it to UTF-8, for example with iconv -f UTF-16 -t UTF-8";
const EXTRACT: &str = "take the texts out of it, as lines, JSON lines, CSV or TSV";
const PARQUET: &str = "save the texts as JSON lines, for example with python3 -c \"import pandas as p; p.read_parquet('FILE').to_json('OUT.jsonl', orient='records', lines=True)\"";
const ARROW: &str = "save the texts as JSON lines, CSV or TSV";
const ARRAY: &str = "it holds numbers, not texts; infa compare reads saved vectors";

/// Longer signatures stand before those they begin with.
const SIGNATURES: &[(&[u8], Kind)] = &[
    (b"\x1f\x8b", Kind::Packed(Packed::Gzip)),
    (b"\x28\xb5\x2f\xfd", Kind::Packed(Packed::Zstd)),
    // A skippable frame, with which files of parallel compressors begin.
    (b"\x50\x2a\x4d\x18", Kind::Packed(Packed::Zstd)),
    (b"BZh91AY&SY", Kind::Other("compressed by bzip2", DECOMPRESS)),
    (b"\xfd7zXZ\x00", Kind::Other("compressed by xz", DECOMPRESS)),
    (b"\x04\x22\x4d\x18", Kind::Other("compressed by lz4", DECOMPRESS)),
    (b"\xff\x06\x00\x00sNaPpY", Kind::Other("compressed by snappy", DECOMPRESS)),
    (b"7z\xbc\xaf\x27\x1c", Kind::Other("a 7z archive", EXTRACT)),
    (b"PK\x03\x04", Kind::Other("a ZIP archive (.npz, .xlsx and .docx are some)", EXTRACT)),
    (b"PK\x05\x06", Kind::Other("an empty ZIP archive", EXTRACT)),
    (b"ARROW1\0\0", Kind::Columns(ColumnFormat::ArrowFile, ARROW)),
    (b"\xff\xff\xff\xff", Kind::Columns(ColumnFormat::ArrowStream, ARROW)),
    (b"Obj\x01", Kind::Other("an Avro file", ARROW)),
    (b"\x93NUMPY", Kind::Other("a NumPy array (.npy)", ARRAY)),
    (b"\x89HDF\r\n\x1a\n", Kind::Other("an HDF5 file", EXTRACT)),
    (b"SQLite format 3\x00", Kind::Other("an SQLite database", EXTRACT)),
    (b"%PDF-1.", Kind::Other("a PDF", "extract its text, for example with pdftotext")),
    (b"%PDF-2.", Kind::Other("a PDF", "extract its text, for example with pdftotext")),
    (b"\x80\x02", Kind::Other("a Python pickle", EXTRACT)),
    (b"\x80\x03", Kind::Other("a Python pickle", EXTRACT)),
    (b"\x80\x04", Kind::Other("a Python pickle", EXTRACT)),
    (b"\x80\x05", Kind::Other("a Python pickle", EXTRACT)),
    (
        b"\xff\xfe\x00\x00",
        Kind::Other("UTF-32, not UTF-8", "convert it to UTF-8, for example with iconv -f UTF-32 -t UTF-8"),
    ),
    (
        b"\x00\x00\xfe\xff",
        Kind::Other("UTF-32, not UTF-8", "convert it to UTF-8, for example with iconv -f UTF-32 -t UTF-8"),
    ),
    (b"\xff\xfe", Kind::Other("UTF-16, not UTF-8", CONVERT)),
    (b"\xfe\xff", Kind::Other("UTF-16, not UTF-8", CONVERT)),
    (
        b"version https://git-lfs.github.com/spec/",
        Kind::Other("a Git LFS pointer, not the file it stands for", "fetch the file itself with git lfs pull"),
    ),
];

/// Signatures that words begin with, too. Text differs from the format in the next byte, which is no control character.
const FOUR_LETTERS: &[(&[u8], Kind)] = &[
    (b"PAR1", Kind::Columns(ColumnFormat::Parquet, PARQUET)),
    (b"PARE", Kind::Other("encrypted Parquet", PARQUET)),
    (b"FEA1", Kind::Other("a Feather file", ARROW)),
];

/// True if the bytes after `head` can still change the result.
fn is_open(head: &[u8]) -> bool {
    let longer = |signature: &[u8]| signature.len() > head.len() && signature.starts_with(head);
    FOUR_LETTERS.iter().any(|&(signature, _)| longer(signature) || head == signature)
        || SIGNATURES.iter().any(|(signature, _)| longer(signature))
}

fn kind_of(head: &[u8]) -> Option<Kind> {
    let is_control = |byte: &u8| *byte < b' ' && !byte.is_ascii_whitespace();
    let four_letters = FOUR_LETTERS
        .iter()
        .find(|(signature, _)| head.strip_prefix(*signature).and_then(|rest| rest.first()).is_some_and(is_control));
    let found = four_letters.or_else(|| SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)));
    found.map(|&(_, kind)| kind)
}

/// The text of a file; marked if it looks like JSON.
pub(crate) struct Content {
    pub reader: Reader,
    pub json: bool,
    /// The first byte that is no white space is `[`, where [`json`](Self::json) is set.
    pub array: bool,
}

/// The content of a file: text, or columns.
pub(crate) enum Found {
    Text(Content),
    Columns {
        format: ColumnFormat,
        reader: Reader,
        /// True if the file itself is of the format, and not what it decompresses to.
        plain: bool,
    },
}

type Bytes = BufReader<Box<dyn Read + Send>>;

/// The text in `inner`, decompressed where it is compressed. `binary_separators`: NUL bytes are part of the text's layout.
///
/// Only as many bytes are awaited as it takes to recognise the file: a first line of one letter is not held back.
pub(crate) fn text(
    inner: Box<dyn Read + Send>,
    name: &Arc<str>,
    binary_separators: bool,
) -> Result<Content, InputError> {
    match find(inner, name, binary_separators, false)? {
        Found::Text(content) => Ok(content),
        Found::Columns { format, .. } => Err(refused(name, format.name(), EXTRACT)),
    }
}

/// As [`text`], where `columns` are allowed, too.
pub(crate) fn find(
    inner: Box<dyn Read + Send>,
    name: &Arc<str>,
    binary_separators: bool,
    columns: bool,
) -> Result<Found, InputError> {
    let mut reader = BufReader::with_capacity(BUFFER, inner);
    for layer in 0..=LAYERS {
        let head = signature(&mut reader).map_err(|source| failed(name, source))?;
        let packed = match kind_of(&head) {
            None => return plain(reader, head, name, binary_separators).map(Found::Text),
            Some(Kind::Columns(format, _)) if columns => {
                let reader = Box::new(Cursor::new(head).chain(reader));
                return Ok(Found::Columns { format, reader, plain: layer == 0 });
            }
            Some(Kind::Columns(format, hint)) => return Err(refused(name, format.name(), hint)),
            Some(Kind::Other(what, hint)) => return Err(refused(name, what, hint)),
            Some(Kind::Packed(packed)) => packed,
        };
        let whole = Cursor::new(head).chain(reader);
        let inner = packed.decoded(whole).map_err(|source| failed(name, source))?;
        reader = BufReader::with_capacity(BUFFER, inner);
    }
    Err(refused(name, "compressed more than twice", DECOMPRESS))
}

fn failed(name: &Arc<str>, source: io::Error) -> InputError {
    InputError::Read { origin: Origin { file: name.clone(), line: 1 }, source }
}

fn refused(name: &Arc<str>, what: &'static str, hint: &'static str) -> InputError {
    InputError::NotText { file: name.clone(), what, hint }
}

/// Reads as many bytes as it takes to recognise the file.
fn signature(reader: &mut Bytes) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while is_open(&head) {
        let Some(&byte) = reader.fill_buf()?.first() else { break };
        head.push(byte);
        reader.consume(1);
    }
    Ok(head)
}

/// No signature: looks at what has been read already for signs of binary data, and of JSON.
fn plain(
    mut reader: Bytes,
    mut head: Vec<u8>,
    name: &Arc<str>,
    binary_separators: bool,
) -> Result<Content, InputError> {
    let sample = |head: &[u8], reader: &Bytes| {
        let buffered = reader.buffer();
        [head, &buffered[..buffered.len().min(SAMPLE)]].concat()
    };
    let mut seen = sample(&head, &reader);
    if !binary_separators && let Some((what, hint)) = binary(&seen) {
        return Err(refused(name, what, hint));
    }
    let json = loop {
        match looks_like_json(&seen) {
            Some(json) => break json,
            // A bracket alone: the next bytes decide.
            None if head.len() < SAMPLE => {
                let before = head.len();
                head.extend_from_slice(reader.buffer());
                let buffered = reader.buffer().len();
                reader.consume(buffered);
                let more = reader.fill_buf().map_err(|source| failed(name, source))?;
                if more.is_empty() && head.len() == before {
                    break false;
                }
                seen = sample(&head, &reader);
            }
            // A string that goes on and on.
            None => break trimmed(&seen).first() == Some(&b'['),
        }
    };
    let array = json && trimmed(&seen).first() == Some(&b'[');
    Ok(Content { reader: Box::new(Cursor::new(head).chain(reader)), json, array })
}

/// Without a byte order mark and white space at the start.
fn trimmed(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start()
}

/// The kind of binary data, if it is not text.
fn binary(sample: &[u8]) -> Option<(&'static str, &'static str)> {
    if sample.get(257..262) == Some(b"ustar") {
        return Some(("a tar archive", EXTRACT));
    }
    let wide = |text: usize, nul: usize| {
        sample.len() >= 4 && sample[..4].chunks(2).all(|pair| pair[nul] == 0 && pair[text] != 0)
    };
    if wide(0, 1) || wide(1, 0) {
        return Some(("UTF-16 without a byte order mark, not UTF-8", CONVERT));
    }
    // A character that the sample's end cuts in two is no sign of anything.
    let invalid = std::str::from_utf8(sample).err().is_some_and(|error| error.error_len().is_some());
    (invalid && sample.contains(&0)).then_some(("binary data, not text", EXTRACT))
}

/// True if a text begins like JSON objects, or like an array of objects or strings; `None` if more bytes are needed.
///
/// `[1] A footnote`, `{braces}` and `[[links]]` are texts.
fn looks_like_json(sample: &[u8]) -> Option<bool> {
    let text = trimmed(sample);
    match text.split_first() {
        // White space alone is not JSON, and needs no more bytes.
        None => Some(false),
        Some((b'{', rest)) => looks_like_object(rest),
        Some((b'[', rest)) => {
            let rest = rest.trim_ascii_start();
            match rest.split_first() {
                None => None,
                Some((b'{', rest)) => looks_like_object(rest),
                Some((b'"', rest)) => match after_string(rest)?.trim_ascii_start().split_first() {
                    None => None,
                    Some((b',', _)) => Some(true),
                    // An array that ends on this line, without anything after it.
                    Some((b']', rest)) => {
                        let line = rest.split(|&byte| byte == b'\n').next().unwrap_or_default();
                        Some(line.trim_ascii().is_empty())
                    }
                    Some(_) => Some(false),
                },
                Some(_) => Some(false),
            }
        }
        Some(_) => Some(false),
    }
}

/// True if `rest`, after a brace, is that of an object: a key with its colon, or the closing brace.
fn looks_like_object(rest: &[u8]) -> Option<bool> {
    match rest.trim_ascii_start().split_first() {
        None => None,
        Some((b'}', _)) => Some(true),
        Some((b'"', rest)) => after_string(rest)?.trim_ascii_start().first().map(|&byte| byte == b':'),
        Some(_) => Some(false),
    }
}

/// The bytes after the quote that ends a string.
fn after_string(bytes: &[u8]) -> Option<&[u8]> {
    let mut escaped = false;
    let end = bytes.iter().position(|&byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map(|end| &bytes[end + 1..])
}

impl Packed {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    fn decoded(self, packed: impl BufRead + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
        let inner: Box<dyn Read + Send> = match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(packed)),
            // Its window is bounded by the library, at 128 MiB.
            Self::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(packed)?),
        };
        Ok(Box::new(Decoded { inner, packed: self }))
    }
}

/// A decompressing reader whose errors name the format.
struct Decoded {
    inner: Box<dyn Read + Send>,
    packed: Packed,
}

impl Read for Decoded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| match error.raw_os_error() {
            Some(_) => error,
            None => {
                let message = format!("the {} data is damaged or cut short: {error}", self.packed.name());
                io::Error::new(error.kind(), message)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Write;

    fn open(bytes: &[u8]) -> Result<Content, InputError> {
        text(Box::new(Cursor::new(bytes.to_vec())), &"f".into(), false)
    }

    fn read(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        open(bytes).unwrap().reader.read_to_end(&mut out).unwrap();
        out
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::stream::encode_all(bytes, 1).unwrap()
    }

    #[test]
    fn text_comes_as_it_is() {
        let texts = [
            "",
            "a",
            "P",
            "PAR",
            "PAR1",
            "PAR1 is not Parquet",
            "PARE",
            "PARENT\n",
            "PAREIL \u{e0} lui-m\u{ea}me",
            "PARE\nthe next word\n",
            "ORC\nELF\n",
            "ORCHESTRA",
            "FEA1 x",
            "FEA1\n",
            "ARROW1",
            "ARROW1 points left\n",
            "PK",
            "(a",
            "Obj",
            "%PDF is a format",
            "BZh9",
            "\u{feff}x",
        ];
        for text in texts {
            assert_eq!(read(text.as_bytes()), text.as_bytes(), "{text:?}");
        }
        // Latin-1 is text, if not ours: its lines are errors of their own.
        assert_eq!(read(b"caf\xe9\n"), b"caf\xe9\n");
    }

    #[test]
    fn compressed_text_is_decompressed() {
        let text = "many words\n".repeat(50_000);
        assert_eq!(read(&gzip(text.as_bytes())), text.as_bytes());
        assert_eq!(read(&zstd(text.as_bytes())), text.as_bytes());
        assert_eq!(read(&[gzip(b"a\n"), gzip(b"b\n")].concat()), b"a\nb\n");
        assert_eq!(read(&[zstd(b"a\n"), zstd(b"b\n")].concat()), b"a\nb\n");
        assert_eq!(read(&gzip(&zstd(b"a\n"))), b"a\n");
        assert!(matches!(open(&gzip(&gzip(&gzip(b"a")))), Err(InputError::NotText { .. })));
        // The decompressed bytes are checked, too.
        assert!(matches!(open(&gzip(b"PAR1\x15\x04")), Err(InputError::NotText { what: "Parquet", .. })));
        assert!(open(&zstd(b"[{\"text\": 1}]")).unwrap().json);
    }

    #[test]
    fn cut_off_content_is_an_error() {
        for whole in [gzip("words and more\n".repeat(9999).as_bytes()), zstd("words\n".repeat(9999).as_bytes())] {
            let mut reader = match open(&whole[..whole.len() / 2]) {
                Ok(content) => content.reader,
                Err(InputError::Read { .. }) => continue,
                Err(other) => panic!("{other}"),
            };
            let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
            assert!(error.to_string().contains("damaged or cut short"), "{error}");
        }
    }

    #[test]
    fn content_that_is_not_text_is_named() {
        let mut tar = vec![b'a'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        let cases: [(&[u8], &str); 18] = [
            (b"PAR1\x15\x00", "Parquet"),
            (b"PARE\x15\x04", "encrypted Parquet"),
            (b"FEA1\0\0\0\0", "Feather"),
            // An ORC file has no signature that text cannot begin with.
            (b"ORC\n\x02\x00\xff\x80", "binary"),
            (b"PAR1\x0e", "Parquet"),
            (b"ARROW1\0\0\xff", "Arrow"),
            (b"\xff\xff\xff\xff\x10\0\0\0", "Arrow"),
            (b"\x93NUMPY\x01\0", "NumPy"),
            (b"PK\x03\x04\x14\0", "ZIP"),
            (b"\xff\xfea\0\n\0", "UTF-16"),
            (b"\xfe\xff\0a", "UTF-16"),
            (b"a\0b\0\n\0", "UTF-16"),
            (b"\0a\0b\0\n", "UTF-16"),
            (b"\xff\xfe\0\0a\0\0\0", "UTF-32"),
            (b"\xfd7zXZ\0\0", "xz"),
            (b"words\0\xff\xfe", "binary"),
            (b"version https://git-lfs.github.com/spec/v1\noid", "LFS"),
            (&tar, "tar"),
        ];
        for (bytes, name) in cases {
            let Err(error) = open(bytes) else { panic!("{name} is read as text") };
            assert!(error.to_string().contains(name), "{name}: {error}");
            assert!(error.hint().is_some());
        }
    }

    #[test]
    fn json_is_distinguished_from_texts_with_brackets() {
        let json = [
            "{\"text\":\"a\"}\n",
            " {\n  \"text\": 1",
            "{}",
            "[{\"text\":\"a\"}]",
            "[\n  {\n \"a\":",
            "[\"a\", \"b\"]",
            "[\"a\"]\n",
            "\u{feff}{\"a\\\"\": 1}",
        ];
        let texts = [
            "",
            "\n",
            "[1] A footnote",
            "{braces}",
            "{",
            "[",
            "[[link]]",
            "[\"Quoted\"] by",
            "{\"set\"} of",
            "\"quoted\"",
        ];
        for text in json {
            assert!(open(text.as_bytes()).unwrap().json, "{text:?}");
        }
        for text in texts {
            assert!(!open(text.as_bytes()).unwrap().json, "{text:?}");
            assert_eq!(read(text.as_bytes()), text.as_bytes(), "{text:?}");
        }
    }

    /// Yields one byte a call, as a slow pipe does.
    struct Drip(Cursor<Vec<u8>>);

    impl Read for Drip {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let one = buffer.len().min(1);
            self.0.read(&mut buffer[..one])
        }
    }

    #[test]
    fn a_slow_pipe_is_the_same_text() {
        for bytes in [&b"[\n{\"text\":\"a\"}]"[..], b"plain", b"{ \"a\" : 1}", b"PAR1 text", b"PARENT", b"PARE"] {
            let drip = Box::new(Drip(Cursor::new(bytes.to_vec())));
            let mut content = text(drip, &"f".into(), false).unwrap();
            let mut out = Vec::new();
            content.reader.read_to_end(&mut out).unwrap();
            assert_eq!(out, bytes);
            assert_eq!(content.json, bytes[0] != b'p' && bytes[0] != b'P');
        }
        let packed = Box::new(Drip(Cursor::new(gzip(b"a\n"))));
        let mut out = Vec::new();
        text(packed, &"f".into(), false).unwrap().reader.read_to_end(&mut out).unwrap();
        assert_eq!(out, b"a\n");
    }
}
