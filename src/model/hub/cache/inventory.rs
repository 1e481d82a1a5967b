//! The models in the Hugging Face cache: list, sizes, removal.
//!
//! A blob may belong to several revisions; removing one revision leaves the blobs of the others. Only files in the
//! model's own folder of the cache are removed: links are removed, not followed.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::repo::{Commit, MAX_REF_BYTES, RepoCache};
use crate::regular_file;

const FOLDER: &str = "models--";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CachedModel {
    /// The repository: `org/name`.
    pub id: String,
    pub directory: PathBuf,
    /// Bytes of its files on the disk, each counted once.
    pub bytes: u64,
    /// Latest first.
    pub revisions: Vec<CachedRevision>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CachedRevision {
    /// 40 hex digits.
    pub commit: String,
    /// Branches and tags that pointed to it when they were last resolved.
    pub names: Vec<String>,
    pub directory: PathBuf,
}

/// The ids of all models in `cache` that have a snapshot, in the order of the alphabet. Sizes are not looked at.
pub(crate) fn ids(cache: &Path) -> Vec<String> {
    let entries = fs::read_dir(cache).into_iter().flatten().flatten();
    let id = |name: OsString| Some(name.to_str()?.strip_prefix(FOLDER)?.replacen("--", "/", 1));
    let ids = entries.filter_map(|entry| id(entry.file_name()));
    let mut ids: Vec<String> = ids.filter(|id| is_id(id) && !RepoCache::new(cache, id).commits().is_empty()).collect();
    ids.sort();
    ids
}

/// True if this id is a name of a folder directly in the cache.
fn is_id(id: &str) -> bool {
    !id.is_empty() && !id.contains("..") && id.matches('/').count() <= 1 && !id.contains('\\')
}

pub(crate) fn models(cache: &Path) -> Vec<CachedModel> {
    ids(cache).into_iter().filter_map(|id| model(cache, &id)).collect()
}

pub(crate) fn model(cache: &Path, id: &str) -> Option<CachedModel> {
    if !is_id(id) {
        return None;
    }
    let repo = RepoCache::new(cache, id);
    let commits = repo.commits();
    if commits.is_empty() {
        return None;
    }
    let names = references(&repo.repo.join("refs"));
    let revision = |commit: &Commit| {
        let named = names.iter().filter(|(_, found)| found == commit).map(|(name, _)| name.clone());
        CachedRevision { commit: commit.to_string(), names: named.collect(), directory: repo.snapshot(commit) }
    };
    let revisions = commits.iter().map(revision).collect();
    Some(CachedModel { id: id.to_owned(), bytes: size(&repo.repo), directory: repo.repo, revisions })
}

/// Branches and tags with the commits they stand for.
fn references(refs: &Path) -> Vec<(String, Commit)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(refs.join(&folder)).into_iter().flatten().flatten() {
            let name = folder.join(entry.file_name());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(name),
                Ok(kind) if kind.is_file() => {
                    let text = regular_file::read_text(&entry.path(), MAX_REF_BYTES).ok();
                    let commit = text.and_then(|text| Commit::parse(text.trim()));
                    found.extend(commit.map(|commit| (name.to_string_lossy().into_owned(), commit)));
                }
                _ => {}
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// Bytes of all ordinary files in a folder; links are not followed.
pub(crate) fn size(folder: &Path) -> u64 {
    files(folder, &mut |_| Ok(()))
        .unwrap_or_default()
        .iter()
        .filter_map(|path| fs::symlink_metadata(path).ok())
        .filter(|m| m.is_file())
        .map(|m| m.len())
        .sum()
}

/// All files and links in a folder and those below it; links are not followed. What cannot be read is left out where
/// `unreadable` lets it pass, and else ends the listing.
fn files(folder: &Path, unreadable: &mut dyn FnMut(io::Error) -> io::Result<()>) -> io::Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) => {
                unreadable(named(&folder, e))?;
                continue;
            }
        };
        for entry in entries {
            match entry.and_then(|entry| Ok((entry.file_type()?, entry.path()))) {
                Ok((kind, path)) if kind.is_dir() => folders.push(path),
                Ok((_, path)) => found.push(path),
                Err(e) => unreadable(named(&folder, e))?,
            }
        }
    }
    Ok(found)
}

/// The error, with the folder in which it came up.
fn named(folder: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", folder.display()))
}

/// Removes a model from `cache`, with all its revisions.
///
/// # Errors
/// Its folder is a link, or the file system refuses.
pub(crate) fn remove(cache: &Path, model: &CachedModel) -> io::Result<()> {
    let repo = RepoCache::new(cache, &model.id);
    if fs::symlink_metadata(&repo.repo)?.is_symlink() {
        let reason = "it is a link to another place; remove the link and what it points to yourself";
        return Err(io::Error::new(ErrorKind::InvalidInput, reason));
    }
    fs::remove_dir_all(&repo.repo)?;
    if fs::symlink_metadata(&repo.locks).is_ok_and(|locks| locks.is_dir()) {
        fs::remove_dir_all(&repo.locks)?;
    }
    Ok(())
}

/// Removes one revision of a model, and the blobs that no other revision needs.
///
/// # Errors
/// The file system refuses. If the files of another revision cannot be listed, nothing is removed, as they may need the
/// same blobs.
pub(crate) fn remove_revision(cache: &Path, model: &CachedModel, revision: &CachedRevision) -> io::Result<()> {
    if model.revisions.len() == 1 {
        return remove(cache, model);
    }
    let mut needed = BTreeSet::new();
    for other in model.revisions.iter().filter(|other| other.commit != revision.commit) {
        needed.extend(blobs_of(&other.directory)?);
    }
    let repo = RepoCache::new(cache, &model.id);
    let gone = blobs_of(&revision.directory)?;
    for name in &revision.names {
        fs::remove_file(repo.repo.join("refs").join(name))?;
    }
    match fs::symlink_metadata(&revision.directory)?.is_symlink() {
        true => fs::remove_file(&revision.directory)?,
        false => fs::remove_dir_all(&revision.directory)?,
    }
    let absent = repo.repo.join(".no_exist").join(&revision.commit);
    if absent.is_dir() {
        fs::remove_dir_all(absent)?;
    }
    let blobs = fs::canonicalize(repo.repo.join("blobs"));
    for blob in gone.difference(&needed) {
        // Only what lies in this model's own folder of blobs.
        if blobs.as_ref().is_ok_and(|blobs| blob.parent() == Some(blobs)) {
            fs::remove_file(blob)?;
        }
    }
    Ok(())
}

/// The targets of the links in a snapshot. Dangling links need no blob.
fn blobs_of(snapshot: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let mut blobs = BTreeSet::new();
    for link in files(snapshot, &mut Err)?.into_iter().filter(|path| path.is_symlink()) {
        match fs::canonicalize(&link) {
            Ok(blob) => _ = blobs.insert(blob),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(e) if e.raw_os_error() == Some(libc::ELOOP) => {}
            Err(e) => return Err(named(&link, e)),
        }
    }
    Ok(blobs)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::hub::cache::repo::BlobName;

    /// A cache with a model of two revisions that share a blob.
    fn cache() -> (tempfile::TempDir, [Commit; 2]) {
        let dir = tempfile::tempdir().unwrap();
        let repo = RepoCache::new(dir.path(), "org/name");
        let commits = ["1", "2"].map(|digit| Commit::parse(&digit.repeat(40)).unwrap());
        fs::create_dir_all(dir.path().join("models--org--name/blobs")).unwrap();
        for (blob, content) in [("shared", "12345"), ("old", "123"), ("new", "1")] {
            fs::write(repo.blob(&BlobName::parse(blob).unwrap()), content).unwrap();
        }
        for (commit, blob) in [(&commits[0], "old"), (&commits[1], "new")] {
            repo.point(commit, "1_Pooling/config.json", &BlobName::parse("shared").unwrap()).unwrap();
            repo.point(commit, "model.safetensors", &BlobName::parse(blob).unwrap()).unwrap();
        }
        repo.set_ref("main", &commits[1]).unwrap();
        repo.set_ref("refs/pr/1", &commits[0]).unwrap();
        (dir, commits)
    }

    #[test]
    fn models_with_their_sizes_and_revisions() {
        let (dir, commits) = cache();
        fs::create_dir_all(dir.path().join("models--no--snapshot/blobs")).unwrap();
        fs::create_dir_all(dir.path().join("datasets--org--name/snapshots").join("1".repeat(40))).unwrap();
        assert_eq!(ids(dir.path()), ["org/name"]);
        let found = models(dir.path()).remove(0);
        assert_eq!(found.revisions.len(), 2);
        let of =
            |commit: &Commit| found.revisions.iter().find(|r| r.commit == commit.to_string()).unwrap().names.clone();
        assert_eq!((of(&commits[0]), of(&commits[1])), (vec!["refs/pr/1".to_owned()], vec!["main".to_owned()]));
        // The blobs and the two references.
        assert_eq!(found.bytes, 5 + 3 + 1 + 2 * 40);
        assert_eq!(model(dir.path(), "org/other"), None);
        assert_eq!(model(dir.path(), "../org"), None);
    }

    #[test]
    fn a_revision_goes_without_what_others_need() {
        let (dir, commits) = cache();
        let found = model(dir.path(), "org/name").unwrap();
        let old = found.revisions.iter().find(|r| r.commit == commits[0].to_string()).unwrap();
        remove_revision(dir.path(), &found, old).unwrap();
        let repo = RepoCache::new(dir.path(), "org/name");
        let blob = |name: &str| repo.blob(&BlobName::parse(name).unwrap()).exists();
        assert_eq!((blob("shared"), blob("old"), blob("new")), (true, false, true));
        assert_eq!(repo.commit_of("refs/pr/1"), None);
        assert_eq!(fs::read_to_string(repo.snapshot(&commits[1]).join("1_Pooling/config.json")).unwrap(), "12345");
        let found = model(dir.path(), "org/name").unwrap();
        remove_revision(dir.path(), &found, &found.revisions[0]).unwrap();
        assert!(ids(dir.path()).is_empty() && !dir.path().join("models--org--name").exists());
    }

    #[test]
    fn nothing_is_removed_where_another_revision_cannot_be_listed() {
        let (dir, commits) = cache();
        let found = model(dir.path(), "org/name").unwrap();
        let old = found.revisions.iter().find(|r| r.commit == commits[0].to_string()).unwrap();
        let repo = RepoCache::new(dir.path(), "org/name");
        // A file in place of the other revision's folder: it cannot be listed, by the superuser either.
        let other = repo.snapshot(&commits[1]);
        fs::rename(&other, dir.path().join("aside")).unwrap();
        fs::write(&other, "").unwrap();
        let error = remove_revision(dir.path(), &found, old).unwrap_err().to_string();
        assert!(error.contains(&commits[1].to_string()), "{error}");
        let blob = |name: &str| repo.blob(&BlobName::parse(name).unwrap()).exists();
        assert_eq!((blob("shared"), blob("old"), blob("new")), (true, true, true));
        assert!(old.directory.join("model.safetensors").exists() && repo.commit_of("refs/pr/1").is_some());
    }

    #[test]
    fn nothing_outside_of_the_cache_is_removed() {
        let (dir, commits) = cache();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("precious"), "x").unwrap();
        let snapshot = dir.path().join("models--org--name/snapshots").join(commits[0].to_string());
        std::os::unix::fs::symlink(outside.path().join("precious"), snapshot.join("link")).unwrap();
        let found = model(dir.path(), "org/name").unwrap();
        let old = found.revisions.iter().find(|r| r.commit == commits[0].to_string()).unwrap();
        remove_revision(dir.path(), &found, old).unwrap();
        assert!(outside.path().join("precious").exists());
        // A model whose folder is a link is left to its owner.
        let repo = dir.path().join("models--org--name");
        fs::rename(&repo, outside.path().join("moved")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("moved"), &repo).unwrap();
        let found = model(dir.path(), "org/name").unwrap();
        assert!(remove(dir.path(), &found).is_err());
        assert!(outside.path().join("moved/blobs").is_dir());
    }
}
