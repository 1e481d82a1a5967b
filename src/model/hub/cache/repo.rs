//! The cache of one repository.

use crate::fetch::{FetchError, digest, names, readable_by_all};
use crate::regular_file;
use hf_hub::{Repo, RepoType};
use std::fmt;
use std::io::{ErrorKind, Write};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

/// A Git commit: 40 hex digits, so it is safe as a directory's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commit(String);

impl Commit {
    /// The commit, if the text is one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        digest::is_hex(text, 40).then(|| Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a blob: the ETag of its file, a SHA-256 for large files and a Git object id for small ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BlobName(String);

impl BlobName {
    /// The name in an ETag as servers send it: quotes and the weakness mark are dropped, anything but letters,
    /// digits, `-`, `_` and inner dots is refused.
    pub(crate) fn parse(etag: &str) -> Option<Self> {
        let bare = etag.trim();
        let bare = bare.strip_prefix("W/").unwrap_or(bare);
        let bare = bare.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(bare);
        let fine = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        let whole = (1..=128).contains(&bare.len()) && bare.bytes().all(fine);
        (whole && !bare.starts_with('.') && !bare.ends_with(".incomplete")).then(|| Self(bare.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The SHA-256 it is, when it is one.
    pub(crate) fn sha256(&self) -> Option<&str> {
        digest::is_hex(&self.0, 64).then_some(self.0.as_str())
    }

    /// The id of a blob in Git it is, when it can be one.
    pub(crate) fn git_blob(&self) -> Option<&str> {
        digest::is_hex(&self.0, 40).then_some(self.0.as_str())
    }
}

/// One model's part of the cache.
#[derive(Debug, Clone)]
pub(crate) struct RepoCache {
    pub(super) repo: PathBuf,
    pub(super) locks: PathBuf,
}

impl RepoCache {
    /// The part of `cache` that belongs to the model `id`, an id that was checked before.
    pub(crate) fn new(cache: &Path, id: &str) -> Self {
        let folder = Repo::new(id.to_owned(), RepoType::Model).folder_name();
        Self { repo: cache.join(&folder), locks: cache.join(".locks").join(&folder) }
    }

    /// The path of a blob, which may not exist yet.
    pub(crate) fn blob(&self, name: &BlobName) -> PathBuf {
        self.repo.join("blobs").join(&name.0)
    }

    /// The lock for bringing a blob; huggingface_hub takes the same one.
    pub(crate) fn lock(&self, name: &BlobName) -> PathBuf {
        self.locks.join(format!("{}.lock", name.0))
    }

    pub(crate) fn snapshot(&self, commit: &Commit) -> PathBuf {
        self.repo.join("snapshots").join(&commit.0)
    }

    /// The commit a revision pointed to when it was last resolved. A commit is its own.
    pub(crate) fn commit_of(&self, revision: &str) -> Option<Commit> {
        if let Some(commit) = Commit::parse(revision) {
            return Some(commit);
        }
        let path = self.repo.join("refs").join(names::relative(revision).ok()?);
        Commit::parse(regular_file::read_text(&path, MAX_REF_BYTES).ok()?.trim())
    }

    /// All commits with a snapshot, the latest written first.
    pub(crate) fn commits(&self) -> Vec<Commit> {
        let Ok(entries) = std::fs::read_dir(self.repo.join("snapshots")) else { return Vec::new() };
        let mut commits: Vec<(SystemTime, Commit)> = entries
            .flatten()
            .filter_map(|entry| {
                let commit = Commit::parse(entry.file_name().to_str()?)?;
                let time = entry.metadata().and_then(|meta| meta.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
                Some((time, commit))
            })
            .collect();
        commits.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.0.cmp(&b.1.0)));
        commits.into_iter().map(|(_, commit)| commit).collect()
    }

    /// Puts a blob into a snapshot under its file's name; a name that is there already is replaced in one step.
    ///
    /// # Errors
    /// `Io` when the file system refuses.
    pub(crate) fn point(&self, commit: &Commit, name: &str, blob: &BlobName) -> Result<(), FetchError> {
        let snapshot = self.snapshot(commit);
        let refused = |reason| FetchError::io(&snapshot)(std::io::Error::new(ErrorKind::InvalidInput, reason));
        let relative = names::relative(name).map_err(refused)?;
        let pointer = snapshot.join(&relative);
        let up = relative.components().filter(|part| matches!(part, Component::Normal(_))).count() + 1;
        let target: PathBuf = std::iter::repeat_n("..", up).chain(["blobs", &blob.0]).collect();
        if std::fs::read_link(&pointer).is_ok_and(|present| present == target) {
            return Ok(());
        }
        let parent = pointer.parent().unwrap_or(&snapshot);
        std::fs::create_dir_all(parent).map_err(FetchError::io(parent))?;
        let stage =
            tempfile::Builder::new().prefix(".point-").tempdir_in(&self.repo).map_err(FetchError::io(&self.repo))?;
        let staged = stage.path().join("file");
        if symlink(&target, &staged).is_err() {
            // FAT, some network file systems, Windows without developer mode: huggingface_hub copies there too.
            std::fs::copy(self.blob(blob), &staged).map_err(FetchError::io(&pointer))?;
        }
        std::fs::rename(&staged, &pointer).map_err(FetchError::io(&pointer))
    }

    /// Notes that a commit has no file of this name, as huggingface_hub does after a 404.
    ///
    /// # Errors
    /// `Io` when the file system refuses.
    pub(crate) fn note_absent(&self, commit: &Commit, name: &str) -> Result<(), FetchError> {
        let path = self.repo.join(".no_exist").join(&commit.0);
        let refused = |reason| FetchError::io(&path)(std::io::Error::new(ErrorKind::InvalidInput, reason));
        let path = path.join(names::relative(name).map_err(refused)?);
        let parent = path.parent().unwrap_or(&path);
        std::fs::create_dir_all(parent).map_err(FetchError::io(parent))?;
        std::fs::write(&path, "").map_err(FetchError::io(&path))
    }

    /// Notes which commit a revision stands for, in one step. Commits need no note.
    ///
    /// # Errors
    /// `Io` when the file system refuses.
    pub(crate) fn set_ref(&self, revision: &str, commit: &Commit) -> Result<(), FetchError> {
        let refs = self.repo.join("refs");
        let refused = |reason| FetchError::io(&refs)(std::io::Error::new(ErrorKind::InvalidInput, reason));
        let path = refs.join(names::relative(revision).map_err(refused)?);
        if Commit::parse(revision).is_some() || self.commit_of(revision).as_ref() == Some(commit) {
            return Ok(());
        }
        let parent = path.parent().unwrap_or(&refs);
        std::fs::create_dir_all(parent).map_err(FetchError::io(parent))?;
        // Beside `refs`, not in it: huggingface_hub lists every file below `refs` as a revision.
        let mut file =
            tempfile::Builder::new().prefix(".ref-").tempfile_in(&self.repo).map_err(FetchError::io(&self.repo))?;
        file.write_all(commit.0.as_bytes()).map_err(FetchError::io(&path))?;
        readable_by_all(file.as_file()).map_err(FetchError::io(&path))?;
        file.persist(&path).map_err(|error| FetchError::io(&path)(error.error))?;
        Ok(())
    }
}

/// A file below `refs` has 40 digits, perhaps with a line break.
pub(super) const MAX_REF_BYTES: u64 = 1024;

/// The commit of this snapshot directory, if it is one.
pub(crate) fn commit_of_snapshot(dir: &Path) -> Option<Commit> {
    dir.parent().filter(|parent| parent.ends_with("snapshots"))?;
    Commit::parse(dir.file_name()?.to_str()?)
}

/// True if the cache notes that the commit of this snapshot directory has no file `name`.
pub fn is_known_absent(snapshot: &Path, name: &str) -> bool {
    let note = || {
        let commit = commit_of_snapshot(snapshot)?;
        let repo = snapshot.parent()?.parent()?;
        Some(repo.join(".no_exist").join(commit.0).join(names::relative(name).ok()?))
    };
    note().is_some_and(|path| path.is_file())
}

#[cfg(unix)]
pub(super) fn symlink(target: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
pub(super) fn symlink(target: &Path, link: &Path) -> std::io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_safe_names_become_blobs_and_commits() {
        let sha = "a".repeat(64);
        assert_eq!(BlobName::parse(&format!("\"{sha}\"")).unwrap().sha256(), Some(sha.as_str()));
        assert_eq!(BlobName::parse("W/\"abc-2\"").unwrap().as_str(), "abc-2");
        for etag in ["", "\"\"", "..", "../x", "\"../../x\"", "a/b", "a\\b", ".hidden", "a b", "a\0", "x.incomplete"] {
            assert_eq!(BlobName::parse(etag), None, "{etag:?}");
        }
        assert_eq!(BlobName::parse(&"a".repeat(129)), None);
        assert!(Commit::parse(&"0A".repeat(20)).is_some());
        for commit in ["", "main", "../../../../../../../../../../../../xxx", &"g".repeat(40), &"a".repeat(41)] {
            assert_eq!(Commit::parse(commit), None, "{commit:?}");
        }
    }

    #[test]
    fn refs_are_read_and_written_like_pythons() {
        let dir = tempfile::tempdir().unwrap();
        let cache = RepoCache::new(dir.path(), "org/name");
        let commit = Commit::parse(&"ab".repeat(20)).unwrap();
        std::fs::create_dir_all(dir.path().join("models--org--name")).unwrap();
        cache.set_ref("refs/pr/1", &commit).unwrap();
        let written = std::fs::read_to_string(dir.path().join("models--org--name/refs/refs/pr/1")).unwrap();
        assert_eq!(written, "ab".repeat(20));
        assert_eq!(cache.commit_of("refs/pr/1"), Some(commit.clone()));
        assert_eq!(cache.commit_of("main"), None);
        assert_eq!(cache.commit_of("../../x"), None);
        assert_eq!(cache.commit_of(&"ab".repeat(20)), Some(commit.clone()));
        assert!(cache.set_ref("../x", &commit).is_err());
        std::fs::write(dir.path().join("models--org--name/refs/evil"), "../../../etc").unwrap();
        assert_eq!(cache.commit_of("evil"), None);
    }

    #[cfg(unix)]
    #[test]
    fn pointers_are_relative_links_and_replace_what_was_there() {
        let dir = tempfile::tempdir().unwrap();
        let cache = RepoCache::new(dir.path(), "name");
        let commit = Commit::parse(&"1".repeat(40)).unwrap();
        let (old, new) = (BlobName::parse("old").unwrap(), BlobName::parse("new").unwrap());
        std::fs::create_dir_all(dir.path().join("models--name/blobs")).unwrap();
        std::fs::write(cache.blob(&new), "new").unwrap();
        cache.point(&commit, "a/b.json", &old).unwrap();
        cache.point(&commit, "a/b.json", &new).unwrap();
        cache.point(&commit, "a/b.json", &new).unwrap();
        let pointer = cache.snapshot(&commit).join("a/b.json");
        assert_eq!(std::fs::read_link(&pointer).unwrap(), Path::new("../../../blobs/new"));
        assert_eq!(std::fs::read_to_string(&pointer).unwrap(), "new");
        assert!(cache.point(&commit, "../x", &new).is_err());
        assert!(!is_known_absent(&cache.snapshot(&commit), "x/modules.json"));
        cache.note_absent(&commit, "x/modules.json").unwrap();
        assert!(is_known_absent(&cache.snapshot(&commit), "x/modules.json"));
        assert!(!is_known_absent(dir.path(), "x/modules.json"));
        assert!(cache.note_absent(&commit, "../x").is_err());
        assert_eq!(cache.commits(), [commit]);
    }
}
