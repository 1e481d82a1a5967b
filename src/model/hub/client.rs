//! Brings the files of a repository into the cache.

use super::cache::{BlobName, Commit, HubEnv, RepoCache, inventory};
use super::error::HubError;
use super::listing::RemoteFile;
use super::listing::{Listing, RawListing};
use crate::fetch::{Context, Download, FetchError, Http, Limits, http, lock, names};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub(crate) const DEFAULT_REVISION: &str = "main";

/// Files whose absence is recorded in the cache: in a snapshot by another program the file could also be missing
/// because that program did not fetch it.
const NOTED_ABSENT: [&str; 1] = ["modules.json"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The directory that holds them under their own names.
    pub dir: PathBuf,
    /// The commit they are from, 40 hex digits.
    pub commit: String,
}

/// The Hub and its cache, as one environment sees them.
#[derive(Debug)]
pub struct Hub {
    pub(super) env: HubEnv,
    pub(super) limits: Limits,
    pub(super) http: OnceLock<Http>,
}

/// One call: a revision of a repository, its cache and the surroundings.
struct Job<'a> {
    repo: &'a str,
    revision: &'a str,
    cache: RepoCache,
    ctx: &'a Context,
}

impl Hub {
    /// A Hub with the default limits. Sends and reads nothing yet.
    pub fn new(env: HubEnv) -> Self {
        Self::with_limits(env, Limits::default())
    }

    pub fn with_limits(env: HubEnv, limits: Limits) -> Self {
        Self { env, limits, http: OnceLock::new() }
    }

    pub fn env(&self) -> &HubEnv {
        &self.env
    }

    /// The directory of a revision (`main` without one) in the cache, if `complete` is content with it. No request.
    pub fn cached(&self, repo: &str, revision: Option<&str>, complete: &dyn Fn(&Path) -> bool) -> Option<PathBuf> {
        let revision = check_names(repo, revision).ok()?;
        cached(&RepoCache::new(&self.env.cache, repo), revision, complete).map(|snapshot| snapshot.dir)
    }

    /// Brings the files of a revision (`main` without one) that `select` picks from the listing.
    ///
    /// When the cache has a snapshot of that revision and `complete` is content with its directory, no request is made.
    /// When the Hub cannot be reached, or must not be, any snapshot `complete` is content with serves for `main`.
    ///
    /// # Errors
    /// See [`HubError`]. After an error the cache is as it was, plus blobs that are whole and partial files that the
    /// next call resumes.
    pub fn fetch(
        &self,
        repo: &str,
        revision: Option<&str>,
        select: &dyn Fn(&[RemoteFile]) -> Vec<String>,
        complete: &dyn Fn(&Path) -> bool,
        ctx: &Context,
    ) -> Result<Snapshot, HubError> {
        let revision = check_names(repo, revision)?;
        let job = Job { repo, revision, cache: RepoCache::new(&self.env.cache, repo), ctx };
        if let Some(snapshot) = cached(&job.cache, revision, complete) {
            return Ok(snapshot);
        }
        if ctx.offline || self.env.offline {
            return any_snapshot(&job, complete).ok_or_else(|| HubError::Offline {
                repo: repo.to_owned(),
                revision: revision.to_owned(),
                cache: self.env.cache.display().to_string(),
                cached: inventory::ids(&self.env.cache),
            });
        }
        match self.list(&job) {
            Ok(listing) => self.bring(&job, &listing, select),
            Err(HubError::Fetch(error)) if error.is_unreachable() => match any_snapshot(&job, complete) {
                Some(snapshot) => {
                    ctx.progress.note(&format!("{error}; using the cached {repo} ({})", snapshot.commit));
                    Ok(snapshot)
                }
                None => {
                    let cached = inventory::ids(&self.env.cache);
                    let (repo, revision) = (repo.to_owned(), revision.to_owned());
                    Err(HubError::Unreachable { repo, revision, error, cached })
                }
            },
            Err(error) => Err(error),
        }
    }

    fn list(&self, job: &Job) -> Result<Listing, HubError> {
        let url = format!(
            "{}/api/models/{}/revision/{}?blobs=true",
            self.env.endpoint,
            names::url_path(job.repo),
            names::url_segment(job.revision)
        );
        let raw: RawListing = self
            .http()?
            .get_json(&url, self.env.token.as_deref(), job.ctx)
            .map_err(|error| self.explain(error, job, None))?;
        raw.check(job.repo, &http::display_url(&url))
    }

    fn bring(
        &self,
        job: &Job,
        listing: &Listing,
        select: &dyn Fn(&[RemoteFile]) -> Vec<String>,
    ) -> Result<Snapshot, HubError> {
        let mut wanted = select(&listing.files);
        wanted.sort();
        wanted.dedup();
        if wanted.is_empty() {
            return Err(HubError::NothingUsable { repo: job.repo.to_owned(), revision: job.revision.to_owned() });
        }
        let mut ready = Vec::with_capacity(wanted.len());
        for name in &wanted {
            let file = listing.files.iter().find(|file| file.name == *name);
            let file = file.ok_or_else(|| job.no_entry(name))?;
            ready.push((name, self.blob(job, &listing.commit, file)?));
        }
        // Only now, when all blobs are whole: a snapshot directory never looks more complete than it is.
        for (name, blob) in ready {
            job.cache.point(&listing.commit, name, &blob)?;
        }
        for name in NOTED_ABSENT.iter().filter(|name| listing.files.iter().all(|file| file.name != **name)) {
            job.cache.note_absent(&listing.commit, name)?;
        }
        job.cache.set_ref(job.revision, &listing.commit)?;
        Ok(Snapshot { dir: job.cache.snapshot(&listing.commit), commit: listing.commit.to_string() })
    }

    /// Makes sure that a file's blob is in the cache.
    fn blob(&self, job: &Job, commit: &Commit, file: &RemoteFile) -> Result<BlobName, HubError> {
        let url = format!(
            "{}/{}/resolve/{commit}/{}",
            self.env.endpoint,
            names::url_path(job.repo),
            names::url_path(&file.name)
        );
        // The Hub's listing has the ETag, which saves a request for each file; a mirror's may lack it.
        let (blob, size) = match &file.blob {
            Some(blob) => (blob.clone(), file.size),
            None => self.probe(job, &url, commit, file)?,
        };
        let path = job.cache.blob(&blob);
        let present = || std::fs::metadata(&path).is_ok_and(|m| m.is_file() && size.is_none_or(|size| m.len() == size));
        if present() {
            return Ok(blob);
        }
        let what = format!("{}/{}", job.repo, file.name);
        lock::with_lock(&job.cache.lock(&blob), job.ctx, || {
            // The previous holder of the lock was probably fetching this very file.
            if present() {
                return Ok(());
            }
            let download = Download {
                url: &url,
                token: self.env.token.as_deref(),
                headers: &[],
                destination: &path,
                expected_sha256: blob.sha256(),
                // Only from the listing: the meaning of other ETags with 40 digits is known to their server alone.
                expected_git_blob: file.blob.as_ref().and_then(BlobName::git_blob),
                expected_size: size,
                etag: Some(blob.as_str()),
                label: &what,
            };
            let done = self.http()?.download(download, job.ctx);
            done.map(drop).map_err(|error| self.explain(error, job, Some(&file.name)))
        })?;
        Ok(blob)
    }

    /// Fetches the headers of a file: the ETag that names its blob, and its size.
    fn probe(
        &self,
        job: &Job,
        url: &str,
        commit: &Commit,
        file: &RemoteFile,
    ) -> Result<(BlobName, Option<u64>), HubError> {
        let answers = self
            .http()?
            .head(url, self.env.token.as_deref(), job.ctx)
            .map_err(|error| self.explain(error, job, Some(&file.name)))?;
        let header = |name: &str| {
            answers.iter().find_map(|headers| headers.get(name)).and_then(|v| v.to_str().ok()).map(str::to_owned)
        };
        let malformed = |reason: String| FetchError::Malformed { url: http::display_url(url), reason };
        if let Some(other) = header("x-repo-commit").filter(|c| !c.eq_ignore_ascii_case(&commit.to_string())) {
            return Err(malformed(format!("it is of commit {other:?}, not {commit}")).into());
        }
        // A redirect's own ETag is that of the redirect; the linked one is the file's.
        let etag =
            header("x-linked-etag").or_else(|| header("etag")).ok_or_else(|| malformed("it has no ETag".into()))?;
        let blob = BlobName::parse(&etag).ok_or_else(|| malformed(format!("it has the unsafe ETag {etag:?}")))?;
        let size = header("x-linked-size").and_then(|size| size.parse().ok()).or(file.size);
        Ok((blob, size))
    }

    fn http(&self) -> Result<&Http, FetchError> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let made = Http::new(self.limits.clone())?;
        Ok(self.http.get_or_init(|| made))
    }

    /// Explains an error status in the Hub's terms, if it is the Hub's and not a CDN's.
    fn explain(&self, error: FetchError, job: &Job, file: Option<&str>) -> HubError {
        let FetchError::Status { url, status, code, message } = &error else { return error.into() };
        let endpoint = http::display_url(&self.env.endpoint);
        if !url.strip_prefix(endpoint.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/')) {
            return error.into();
        }
        let (repo, revision) = (job.repo.to_owned(), job.revision.to_owned());
        let token = self.env.token.is_some();
        let not_found = || HubError::RepoNotFound { repo: job.repo.to_owned(), endpoint: endpoint.clone(), token };
        match (code.as_deref(), *status) {
            (Some("GatedRepo"), _) => HubError::Gated { repo, message: message.clone(), token },
            (Some("RepoNotFound"), _) => not_found(),
            (Some("RevisionNotFound"), _) => HubError::RevisionNotFound { repo, revision },
            (_, 401 | 403) => HubError::Denied { repo, status: *status, message: message.clone(), token },
            (_, 404) => match file {
                Some(file) => job.no_entry(file),
                None => not_found(),
            },
            _ => error.into(),
        }
    }
}

impl Job<'_> {
    fn no_entry(&self, file: &str) -> HubError {
        HubError::EntryNotFound {
            repo: self.repo.to_owned(),
            file: file.to_owned(),
            revision: self.revision.to_owned(),
        }
    }
}

pub(super) fn cached(cache: &RepoCache, revision: &str, complete: &dyn Fn(&Path) -> bool) -> Option<Snapshot> {
    whole(cache, &cache.commit_of(revision)?, complete)
}

fn whole(cache: &RepoCache, commit: &Commit, complete: &dyn Fn(&Path) -> bool) -> Option<Snapshot> {
    let dir = cache.snapshot(commit);
    (dir.is_dir() && complete(&dir)).then(|| Snapshot { dir, commit: commit.to_string() })
}

/// The latest complete snapshot of any commit: good enough for `main`, wrong for a named revision.
fn any_snapshot(job: &Job, complete: &dyn Fn(&Path) -> bool) -> Option<Snapshot> {
    if job.revision != DEFAULT_REVISION {
        return None;
    }
    job.cache.commits().iter().find_map(|commit| whole(&job.cache, commit, complete))
}

/// Checks a repository's name and a revision before they become addresses and paths; `main` is the default.
fn check_names<'a>(repo: &str, revision: Option<&'a str>) -> Result<&'a str, HubError> {
    check_repo_id(repo).map_err(|reason| HubError::BadRepoId { id: repo.to_owned(), reason })?;
    let revision = revision.unwrap_or(DEFAULT_REVISION);
    names::relative(revision).map_err(|reason| HubError::BadRevision { revision: revision.to_owned(), reason })?;
    Ok(revision)
}

/// Checks that this can be a repository on the Hub: `name` or `org/name`. Source: huggingface_hub, `validate_repo_id`.
///
/// # Errors
/// The reason, in words.
pub(crate) fn check_repo_id(id: &str) -> Result<(), &'static str> {
    if id.is_empty() {
        return Err("it is empty");
    }
    if id.len() > 200 {
        return Err("it is too long");
    }
    if id.split('/').count() > 2 {
        return Err("it has more than one slash");
    }
    if id.contains("--") || id.contains("..") {
        return Err("it holds -- or ..");
    }
    for part in id.split('/') {
        if part.is_empty() {
            return Err("a part before or after the slash is missing");
        }
        if !part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) {
            return Err("it holds characters other than letters, digits, -, _ and .");
        }
        if part.starts_with(['-', '.']) || part.ends_with(['-', '.']) {
            return Err("a part begins or ends with - or .");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_of_repositories() {
        for id in ["gpt2", "intfloat/e5-small-v2", "sentence-transformers/all-MiniLM-L6-v2", "a_b/c.d", "BAAI/bge-m3"] {
            assert_eq!(check_repo_id(id), Ok(()), "{id}");
        }
        for id in [
            "",
            "/",
            "a/",
            "/b",
            "a/b/c",
            "../x",
            "a/..",
            "a--b/c",
            "-a/b",
            "a/b.",
            "./model",
            "a b",
            "a\\b",
            "é/b",
            "a/b\0",
            "http://x/y",
        ] {
            assert!(check_repo_id(id).is_err(), "{id:?}");
        }
    }
}
