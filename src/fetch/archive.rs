//! Members out of a zip archive (a wheel is one), without trusting its names or its sizes.

use super::{FetchError, names, readable_by_all};
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// More than any wheel we unpack; less than a zip bomb.
const MAX_UNPACKED: u64 = 8 << 30;
const CHUNK: usize = 256 << 10;

/// Unpacks those members that `members` maps to a place below `into`; returns their paths.
///
/// Each file is written beside its place and renamed, so that no other process sees a half-written library. Links in
/// the archive become small text files with the link's target: nothing that points elsewhere is created.
///
/// # Errors
/// `Archive` when the zip is damaged, a wanted member has an unsafe name, or it is larger than it says; `Io` when a file
/// cannot be written.
pub(crate) fn extract(
    archive: &Path,
    into: &Path,
    members: impl Fn(&str) -> Option<PathBuf>,
) -> Result<Vec<PathBuf>, FetchError> {
    let broken = |reason: String| FetchError::Archive { path: archive.to_path_buf(), reason };
    let file = File::open(archive).map_err(FetchError::io(archive))?;
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|error| broken(error.to_string()))?;
    let mut room = MAX_UNPACKED;
    let mut written = Vec::new();
    for index in 0..zip.len() {
        let mut member = zip.by_index(index).map_err(|error| broken(error.to_string()))?;
        let name = member.name().map_err(|error| broken(error.to_string()))?.into_owned();
        if member.is_dir() {
            continue;
        }
        let Some(place) = members(&name) else { continue };
        names::relative(&name).map_err(|reason| broken(format!("member {name:?}: {reason}")))?;
        let place = safe_place(&place).map_err(|reason| broken(format!("{}: {reason}", place.display())))?;
        let size = member.size();
        room = room.checked_sub(size).ok_or_else(|| broken(format!("it unpacks to more than {MAX_UNPACKED} bytes")))?;
        let target = into.join(place);
        let read = |error: std::io::Error| broken(format!("member {name:?}: {error}"));
        unpack(&mut member, size, &target, read)?;
        written.push(target);
    }
    Ok(written)
}

/// The caller's place may be made from a member's name: it passes the same gate.
fn safe_place(place: &Path) -> Result<PathBuf, &'static str> {
    let text = place.to_str().ok_or("it is not Unicode")?;
    names::relative(&text.replace(std::path::MAIN_SEPARATOR, "/"))
}

fn unpack(
    member: &mut impl Read,
    size: u64,
    target: &Path,
    damaged: impl Fn(std::io::Error) -> FetchError,
) -> Result<(), FetchError> {
    let parent = target.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(FetchError::io(parent))?;
    let mut file = tempfile::Builder::new().prefix(".unpack-").tempfile_in(parent).map_err(FetchError::io(parent))?;
    let mut buffer = vec![0; CHUNK];
    let mut position = 0u64;
    loop {
        // The reader checks the CRC-32 when it meets the end.
        let n = match member.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(damaged(error)),
        };
        position += n as u64;
        if position > size {
            return Err(damaged(std::io::Error::other("it is longer than it says")));
        }
        file.write_all(&buffer[..n]).map_err(FetchError::io(target))?;
    }
    if position != size {
        return Err(damaged(std::io::Error::other("it is shorter than it says")));
    }
    file.as_file().sync_all().map_err(FetchError::io(target))?;
    readable_by_all(file.as_file()).map_err(FetchError::io(target))?;
    file.persist(target).map_err(|error| FetchError::io(target)(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use zip::write::{SimpleFileOptions, ZipWriter};

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, bytes) in members {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn unzip(
        bytes: &[u8],
        members: impl Fn(&str) -> Option<PathBuf>,
    ) -> (tempfile::TempDir, Result<Vec<PathBuf>, FetchError>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.whl");
        std::fs::write(&path, bytes).unwrap();
        let outcome = extract(&path, &dir.path().join("out"), members);
        (dir, outcome)
    }

    fn all(name: &str) -> Option<PathBuf> {
        Some(name.into())
    }

    #[test]
    fn wanted_members_arrive_and_others_do_not() {
        let zip = archive(&[("p/capi/lib.so", b"library"), ("p/readme", b"text")]);
        let (dir, outcome) = unzip(&zip, |name| name.strip_prefix("p/capi/").map(PathBuf::from));
        assert_eq!(outcome.unwrap(), [dir.path().join("out/lib.so")]);
        assert_eq!(std::fs::read(dir.path().join("out/lib.so")).unwrap(), b"library");
        assert_eq!(std::fs::read_dir(dir.path().join("out")).unwrap().count(), 1);
    }

    #[test]
    fn names_that_leave_the_directory_are_refused() {
        for name in ["../evil", "/evil", "a/../../evil", "a\\..\\evil"] {
            let (dir, outcome) = unzip(&archive(&[(name, b"x")]), all);
            assert!(matches!(outcome, Err(FetchError::Archive { .. })), "{name}: {outcome:?}");
            assert!(!dir.path().join("evil").exists());
        }
        let (_, outcome) = unzip(&archive(&[("ok", b"x")]), |_| Some("../evil".into()));
        assert!(matches!(outcome, Err(FetchError::Archive { .. })), "{outcome:?}");
    }

    #[test]
    fn every_truncation_and_every_flipped_byte_is_an_error_or_the_truth() {
        let zip = archive(&[("a", b"the quick brown fox jumps over the lazy dog"), ("b", &[7; 500])]);
        for end in 0..zip.len() {
            let (_dir, outcome) = unzip(&zip[..end], all);
            assert!(matches!(outcome, Err(FetchError::Archive { .. })), "cut at {end}: {outcome:?}");
        }
        for at in 0..zip.len() {
            let mut hurt = zip.clone();
            hurt[at] ^= 0x55;
            // Flipped flags and times may still unpack; the test is that nothing panics.
            let _ = unzip(&hurt, all);
        }
    }
}
