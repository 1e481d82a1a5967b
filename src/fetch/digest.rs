//! SHA-256 of what arrives and of what lies on the disk: what makes a download "checked".

use super::{Cancel, FetchError};
use crate::regular_file;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::Path;

/// A SHA-256 that grows with the bytes it is shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hasher(Sha256);

impl Hasher {
    /// An empty hasher.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Shows it the next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The sum of all it saw, as 64 lower-case hex digits.
    pub(crate) fn finish(self) -> String {
        hex(&self.0.finalize())
    }

    /// Hashes the rest of `reader`; returns its length in bytes.
    ///
    /// # Errors
    /// `Io` naming `path` when reading fails, `Cancelled` on cancellation.
    pub(crate) fn absorb(&mut self, reader: &mut impl Read, path: &Path, cancel: &Cancel) -> Result<u64, FetchError> {
        let mut buffer = vec![0; 1 << 20];
        let mut total = 0;
        loop {
            cancel.check()?;
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(total),
                Ok(n) => {
                    self.update(&buffer[..n]);
                    total += n as u64;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(FetchError::io(path)(error)),
            }
        }
    }
}

/// The SHA-256 of a file, as 64 lower-case hex digits.
///
/// # Errors
/// `Io` when the file cannot be read, `Cancelled` on cancellation.
pub(crate) fn sha256_file(path: &Path, cancel: &Cancel) -> Result<String, FetchError> {
    let mut file = regular_file::open(path).map_err(FetchError::io(path))?;
    let mut hasher = Hasher::new();
    hasher.absorb(&mut file, path, cancel)?;
    Ok(hasher.finish())
}

/// The name that Git gives a file by its contents: the SHA-1 of `blob SIZE`, NUL and the contents, as 40 lower-case hex
/// digits. Good against damage and careless changes, not against a deliberate SHA-1 collision (nor is Git).
///
/// # Errors
/// As [`sha256_file`].
pub(crate) fn git_blob_file(path: &Path, cancel: &Cancel) -> Result<String, FetchError> {
    let mut file = regular_file::open(path).map_err(FetchError::io(path))?;
    let size = file.metadata().map_err(FetchError::io(path))?.len();
    let mut hasher = sha1::Sha1::new();
    hasher.update(format!("blob {size}\0"));
    let mut buffer = vec![0; 64 << 10];
    loop {
        cancel.check()?;
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hex(&hasher.finalize())),
            Ok(n) => hasher.update(&buffer[..n]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(FetchError::io(path)(error)),
        }
    }
}

/// Checks a file against the sum it should have (hex, either case).
///
/// # Errors
/// `Checksum` when it has another one; `Io` when it cannot be read.
pub(crate) fn verify(path: &Path, expected: &str) -> Result<(), FetchError> {
    let actual = sha256_file(path, &Cancel::new())?;
    if actual.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(FetchError::Checksum { what: path.display().to_string(), expected: expected.to_owned(), actual })
}

/// Bytes as lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]).map(char::from).collect()
}

/// True if `text` has exactly `digits` characters, all of them hex digits.
pub(crate) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_file_has_the_published_sum_of_abc() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        assert_eq!(sha256_file(file.path(), &Cancel::new()).unwrap(), ABC);
        verify(file.path(), &ABC.to_uppercase()).unwrap();
        let wrong = verify(file.path(), &"0".repeat(64)).unwrap_err();
        assert!(matches!(wrong, FetchError::Checksum { .. }), "{wrong}");
    }

    #[test]
    fn a_file_has_the_name_that_git_gives_it() {
        // The expected values are those of git hash-object.
        for (text, name) in
            [("", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"), ("hello\n", "ce013625030ba8dba906f756967f9e9ca394464a")]
        {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            assert_eq!(git_blob_file(file.path(), &Cancel::new()).unwrap(), name);
        }
    }

    #[test]
    fn a_cancelled_sum_stops() {
        let cancel = Cancel::new();
        cancel.cancel();
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(sha256_file(file.path(), &cancel), Err(FetchError::Cancelled)));
    }
}
