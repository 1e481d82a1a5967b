//! Files out of pinned wheels into a folder of the cache, all at once or not at all.

use std::path::{Path, PathBuf};

use super::names::python;
use crate::fetch::{self, Context, FetchError, pip};

/// A wheel, and the members that are unpacked.
pub(super) struct Wheel {
    /// Package and version, such as `name==1.2`.
    pub requirement: &'static str,
    /// Arguments that choose the file.
    pub tags: &'static [&'static str],
    pub sha256: &'static str,
    pub bytes: u64,
    /// The place of a member below the folder; `None` if it is not unpacked.
    pub place: fn(&str) -> Option<String>,
}

/// Unpacks `wheels` into `target`, which other processes see only when it is whole. `finish` is given the unpacked folder.
///
/// # Errors
/// As [`pip::download_wheel`] and [`pip::extract`].
pub(super) fn unpack(
    wheels: &[Wheel],
    target: &Path,
    context: &Context,
    finish: impl FnOnce(&Path) -> Result<(), FetchError>,
) -> Result<(), FetchError> {
    let staging = fetch::staging_directory(target)?;
    for &Wheel { requirement, tags, sha256, bytes, place } in wheels {
        let pinned = pip::Wheel { requirement, tags, sha256, bytes };
        let file = pip::download_wheel(pinned, python().as_ref(), staging.path(), context)?;
        let unpacked = pip::extract(&file, staging.path(), |member| place(member).map(PathBuf::from))?;
        fetch::remove_file(&file)?;
        if unpacked.is_empty() {
            let reason = "the wheel holds no library".into();
            return Err(FetchError::Malformed { url: requirement.to_owned(), reason });
        }
    }
    finish(staging.path())?;
    fetch::publish(staging, target)
}

/// The file name of a member.
pub(super) fn file_name(member: &str) -> Option<&str> {
    Path::new(member).file_name()?.to_str()
}
