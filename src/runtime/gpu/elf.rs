//! The names of the libraries that a library needs, from its own headers.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::regular_file;
use crate::runtime::integrity::number;

const PT_LOAD: u64 = 1;
const PT_DYNAMIC: u64 = 2;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_STRSZ: u64 = 10;
const DT_SONAME: u64 = 14;
/// More than any table of segments, entries or strings of a library has.
const MAX: u64 = 64 << 20;

/// The names in the headers of a library.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// Its own (`DT_SONAME`).
    pub soname: Option<String>,
    /// Those of the libraries that it needs (`DT_NEEDED`), in its order.
    pub needed: Vec<String>,
}

/// The names in a 64-bit little-endian ELF file.
///
/// <https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.dynamic.html>
///
/// # Errors
/// It cannot be read, or is not such a file.
pub(super) fn names(path: &Path) -> io::Result<Names> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "it is not a library of this system");
    let mut file = regular_file::open(path)?;
    let header = read(&mut file, 0, 64).map_err(|_| wrong())?;
    if !header.starts_with(b"\x7fELF\x02\x01") {
        return Err(wrong());
    }
    let (table, length, count) = (number(&header, 32, 8), number(&header, 54, 2), number(&header, 56, 2));
    if length < 56 {
        return Err(wrong());
    }
    let table = read(&mut file, table, length * count)?;
    let segments: Vec<&[u8]> = table.chunks_exact(usize::try_from(length).unwrap_or(usize::MAX)).collect();
    let of_kind = |kind: u64| segments.iter().filter(move |segment| number(segment, 0, 4) == kind);
    let Some(dynamic) = of_kind(PT_DYNAMIC).next() else { return Ok(Names::default()) };
    let dynamic = read(&mut file, number(dynamic, 8, 8), number(dynamic, 32, 8))?;
    let entries: Vec<(u64, u64)> =
        dynamic.chunks_exact(16).map(|entry| (number(entry, 0, 8), number(entry, 8, 8))).collect();
    let value = |tag: u64| entries.iter().find(|entry| entry.0 == tag).map(|entry| entry.1);
    let (address, size) = (value(DT_STRTAB).ok_or_else(wrong)?, value(DT_STRSZ).ok_or_else(wrong)?);
    // The entry has an address in memory; the segment that holds it says where that is in the file.
    let offset = of_kind(PT_LOAD).find_map(|segment| {
        let (offset, start, length) = (number(segment, 8, 8), number(segment, 16, 8), number(segment, 32, 8));
        let inside = address.checked_sub(start).filter(|&inside| inside < length)?;
        offset.checked_add(inside)
    });
    let strings = read(&mut file, offset.ok_or_else(wrong)?, size)?;
    let string = |at: u64| {
        let text = strings.get(usize::try_from(at).ok()?..)?;
        let end = text.iter().position(|&byte| byte == 0)?;
        Some(String::from_utf8_lossy(&text[..end]).into_owned())
    };
    let soname = value(DT_SONAME).and_then(string);
    let needed = entries.iter().filter(|entry| entry.0 == DT_NEEDED).map(|entry| string(entry.1).ok_or_else(wrong));
    Ok(Names { soname, needed: needed.collect::<io::Result<_>>()? })
}

fn read(file: &mut File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    if length > MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "its tables are too long"));
    }
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    #[cfg(all(target_os = "linux", target_endian = "little", target_pointer_width = "64"))]
    fn the_libraries_of_this_program() {
        let Names { needed, .. } = names(&std::env::current_exe().unwrap()).unwrap();
        assert!(needed.iter().any(|name| name.starts_with("libc.")), "{needed:?}");
        assert!(needed.iter().all(|name| name.contains(".so")), "{needed:?}");
    }

    #[test]
    fn other_files_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lib.so");
        assert!(names(&path).is_err());
        let mut endless = b"\x7fELF\x02\x01".to_vec();
        endless.resize(64, 0xff);
        for content in [&b""[..], b"text", b"\x7fELF\x02\x01", &endless] {
            std::fs::write(&path, content).unwrap();
            assert!(names(&path).is_err(), "{content:?}");
        }
    }
}
