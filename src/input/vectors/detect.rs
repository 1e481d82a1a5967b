//! Distinguishes files of saved vectors from files of texts.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::parquet;
use super::read::Kind;
use crate::input::InputError;

/// Bytes of the beginning that are looked at.
const BEGINNING: u64 = 64 << 10;

/// True if the regular file `path` holds vectors, as far as its beginning shows; false for anything else.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn holds_vectors(path: &Path) -> Result<bool, InputError> {
    if !path.is_file() {
        return Ok(false);
    }
    let failed = |source| InputError::Open { path: path.to_path_buf(), source };
    let mut beginning = Vec::new();
    File::open(path).map_err(failed)?.take(BEGINNING).read_to_end(&mut beginning).map_err(failed)?;
    Ok(match Kind::of(&beginning[..beginning.len().min(super::read::HEAD)]) {
        Kind::Npy => true,
        Kind::Parquet => parquet::has_vectors(path).map_err(failed)?,
        Kind::JsonLines => of_object(&beginning),
        Kind::JsonArray => {
            let first = beginning.iter().position(|&byte| byte == b'[').map_or(0, |at| at + 1);
            of_object(&beginning[first..])
        }
        Kind::Csv => of_header(&beginning),
        // The reader of vectors says what an archive is.
        Kind::Other(..) => beginning.starts_with(b"PK"),
        Kind::Nothing => false,
    })
}

/// True if the first JSON object has a field of vectors.
fn of_object(json: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Fields {
        embedding: Option<IgnoredAny>,
        embeddings: Option<IgnoredAny>,
        indices: Option<IgnoredAny>,
        text: Option<IgnoredAny>,
        error: Option<IgnoredAny>,
    }
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    match serde_json::Deserializer::from_slice(json).into_iter::<Fields>().next() {
        Some(Ok(Fields { embedding, embeddings, indices, text, error })) => {
            [embedding, embeddings, indices].iter().any(Option::is_some) || text.is_none() && error.is_some()
        }
        // Longer than the beginning, or malformed.
        _ => json.windows(EMBEDDING.len()).any(|window| window == EMBEDDING),
    }
}

const EMBEDDING: &[u8] = b"\"embedding\":";

/// True if a CSV has the first column of the numbers of vectors.
fn of_header(csv: &[u8]) -> bool {
    let header = csv.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let mut columns = header.split(|&byte| byte == b',');
    columns.any(|column| column.trim_ascii() == b"e0" || column.trim_ascii() == b"\"e0\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_and_texts_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let holds = |bytes: &[u8]| {
            let path = dir.path().join("file");
            std::fs::write(&path, bytes).unwrap();
            holds_vectors(&path).unwrap()
        };
        let long = format!("{{\"index\":0,\"embedding\":[{}1]}}", "0.25,".repeat(50_000));
        for vectors in [
            &b"\x93NUMPY\x01\0"[..],
            b"PAR1 damaged",
            b"PK\x03\x04",
            b"{\"index\":0,\"embedding\":[1]}\n",
            b"\xef\xbb\xbf[\n{\"text\":\"a\",\"embedding\":[1]}]",
            b"{\"index\":0,\"error\":\"too long\"}\n",
            b"{\"indices\":[1],\"values\":[1]}",
            b"{\"embedding\":[NaN]}",
            b"index,id,\"e0\",e1\r\n",
            long.as_bytes(),
        ] {
            assert!(holds(vectors), "{}", String::from_utf8_lossy(&vectors[..vectors.len().min(40)]));
        }
        for texts in [
            &b""[..],
            b"what do cats eat\n",
            b"{\"text\":\"the word embedding\"}\n",
            b"{\"text\":\"a\",\"error\":\"b\"}\n",
            b"[\"a\"]",
            b"[note] a line",
            b"id,text\n1,e0\n",
            b"\x1f\x8b\x08",
        ] {
            assert!(!holds(texts), "{}", String::from_utf8_lossy(texts));
        }
        assert!(!holds_vectors(dir.path()).unwrap() && !holds_vectors(Path::new("-")).unwrap());
    }
}
