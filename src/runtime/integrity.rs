//! Damage to a library, found before it is loaded: loading a file that is cut off ends the process by a signal.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::fetch::digest::sha256_file;
use crate::fetch::{Cancel, FetchError, readable_by_all};
use crate::regular_file;

/// The file beside an installed library that says what it must be like.
const RECORD: &str = "library.json";

/// The damage that the file's own headers show.
pub(super) const CUT_OFF: &str = "it is cut off: its own headers say that it is longer";

/// The size and the sum of an installed library.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    bytes: u64,
    sha256: String,
    /// Seconds since 1970 of its last change, when its sum was last found right.
    modified: Option<u64>,
}

/// Writes down the size and the sum of the library at `path`, beside it.
///
/// # Errors
/// `Io`.
pub(in crate::runtime) fn write_record(path: &Path) -> Result<(), FetchError> {
    let sha256 = sha256_file(path, &Cancel::new())?;
    let (bytes, modified) = size_and_time(path).map_err(FetchError::io(path))?;
    save(path, &Record { bytes, sha256, modified }).map_err(FetchError::io(&record_of(path)))
}

fn save(path: &Path, record: &Record) -> std::io::Result<()> {
    let place = record_of(path);
    let mut file = tempfile::NamedTempFile::new_in(place.parent().unwrap_or(Path::new(".")))?;
    serde_json::to_writer(&mut file, record)?;
    readable_by_all(file.as_file())?;
    file.as_file().sync_all()?;
    file.persist(&place).map_err(|error| error.error)?;
    Ok(())
}

/// The damage to the installed library at `path`, if there is any. The sum is computed only where the file was changed
/// since it was last found right. A library that was installed without a record is taken as it is.
pub(super) fn damage(path: &Path) -> Option<String> {
    if regular_file::open(path).and_then(|mut file| is_cut_off(&mut file)).is_ok_and(|cut| cut) {
        return Some(CUT_OFF.into());
    }
    let record = regular_file::read(&record_of(path), regular_file::SETTINGS).ok()?;
    // A record that cannot be read proves nothing about the library.
    let record: Record = serde_json::from_slice(&record).ok()?;
    let (bytes, modified) = match size_and_time(path) {
        Ok(found) => found,
        Err(error) => return Some(error.to_string()),
    };
    if bytes != record.bytes {
        return Some(format!("it has {bytes} bytes instead of {}", record.bytes));
    }
    if modified == record.modified {
        return None;
    }
    match sha256_file(path, &Cancel::new()) {
        Ok(sum) if sum == record.sha256 => {
            // Saves the sum next time; where nothing can be written, it is computed again.
            let _ = save(path, &Record { modified, ..record });
            None
        }
        Ok(_) => Some("it has another SHA-256 than when it was installed".into()),
        Err(error) => Some(error.to_string()),
    }
}

fn record_of(path: &Path) -> PathBuf {
    path.with_file_name(RECORD)
}

fn size_and_time(path: &Path) -> std::io::Result<(u64, Option<u64>)> {
    let metadata = std::fs::metadata(path)?;
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Ok((metadata.len(), modified.map(|time| time.as_secs())))
}

/// True if a 64-bit little-endian ELF file is shorter than its own headers say. Other files pass: what they are shows
/// when they are loaded.
///
/// <https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.pheader.html>
pub(super) fn is_cut_off(file: &mut (impl Read + Seek)) -> std::io::Result<bool> {
    const HEADER: usize = 64;
    const SEGMENT: usize = 56;
    let size = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    let mut header = Vec::with_capacity(HEADER);
    file.by_ref().take(HEADER as u64).read_to_end(&mut header)?;
    // Magic number, class and byte order.
    if !header.starts_with(b"\x7fELF\x02\x01") {
        return Ok(false);
    }
    if header.len() < HEADER {
        return Ok(true);
    }
    let (segments, length, count) = (number(&header, 32, 8), number(&header, 54, 2), number(&header, 56, 2));
    if length != SEGMENT as u64 {
        return Ok(false);
    }
    if segments.checked_add(length * count).is_none_or(|end| end > size) {
        return Ok(true);
    }
    file.seek(SeekFrom::Start(segments))?;
    let mut table = Vec::new();
    file.take(length * count).read_to_end(&mut table)?;
    let beyond =
        |segment: &[u8]| number(segment, 8, 8).checked_add(number(segment, 32, 8)).is_none_or(|end| end > size);
    Ok(table.chunks_exact(SEGMENT).any(beyond))
}

/// The little-endian number of `length` bytes at `at`; bytes that are not there are 0.
pub(super) fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    let digits = bytes.iter().skip(at).take(length).rev();
    digits.fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs::File;
    use std::io::Cursor;
    use std::time::{Duration, SystemTime};

    use super::*;

    /// The binary of this test, which is an ELF file on Linux.
    #[test]
    #[cfg(all(target_os = "linux", target_endian = "little", target_pointer_width = "64"))]
    fn a_library_that_is_cut_off_is_known() {
        let mut whole = File::open(std::env::current_exe().unwrap()).unwrap();
        assert!(!is_cut_off(&mut whole).unwrap());
        let mut head = vec![0; 4 << 20];
        whole.seek(SeekFrom::Start(0)).unwrap();
        whole.read_exact(&mut head).unwrap();
        for length in [6, 63, 64, 100, 4096, 1 << 20, 4 << 20] {
            assert!(is_cut_off(&mut Cursor::new(&head[..length])).unwrap(), "{length}");
        }
        // What is no ELF file is for the loader to say.
        for other in [&b""[..], b"MZ", b"\x7fEL", b"text", b"\xcf\xfa\xed\xfe"] {
            assert!(!is_cut_off(&mut Cursor::new(other)).unwrap(), "{other:?}");
        }
        // Numbers of which the sum is beyond 64 bits.
        head[32..40].fill(0xff);
        assert!(is_cut_off(&mut Cursor::new(&head)).unwrap());
    }

    #[test]
    fn damage_is_found_by_the_size_and_by_the_sum() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("libonnxruntime.so.1");
        std::fs::write(&path, "a library").unwrap();
        assert_eq!(damage(&path), None, "without a record");
        write_record(&path).unwrap();
        assert_eq!(damage(&path), None);
        let touch = |seconds| {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        };
        // A copy has another time, which is written down.
        touch(1_000_000);
        assert_eq!(damage(&path), None);
        let record: Record = serde_json::from_slice(&std::fs::read(record_of(&path)).unwrap()).unwrap();
        assert_eq!(record.modified, Some(1_000_000));
        std::fs::write(&path, "a lib").unwrap();
        assert_eq!(damage(&path).unwrap(), "it has 5 bytes instead of 9");
        std::fs::write(&path, "a l\0\0\0\0ry").unwrap();
        touch(2_000_000);
        assert!(damage(&path).unwrap().contains("SHA-256"));
        // A damaged record says nothing.
        std::fs::write(record_of(&path), "{").unwrap();
        assert_eq!(damage(&path), None);
    }
}
