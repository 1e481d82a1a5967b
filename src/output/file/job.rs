//! The partial file of a job and its manifest, from which a later process continues.
//!
//! `FILE.infa-part` holds rows; `FILE.infa-job` names the job, and how many rows and bytes of the partial file are on the
//! disk for sure. What lies behind them, a torn row or what a power cut left, is cut off before the job goes on. A partial
//! file without a manifest cannot be continued, and the next job of the same output writes over it.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::part::{self, Kept, Part, SUFFIX};
use super::sink::{Found, Replaced, Sink, Target, without_path};
use crate::output::{Destination, OutputError};

/// The ending of manifests.
const MANIFEST: &str = ".infa-job";
/// The form of the manifest.
const VERSION: u32 = 1;
/// Most bytes of a file's name.
const MAX_NAME: usize = 255;
/// The time between two checkpoints is at least this multiple of the time that one takes.
const SHARE: u32 = 50;
/// Time between two checkpoints.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// The manifest of a partial file.
#[derive(Serialize, Deserialize)]
struct Manifest {
    version: u32,
    /// The facts that decide the rows: model, options, input.
    job: Map<String, Json>,
    /// Rows that are done, and the bytes that hold them.
    rows: u64,
    bytes: u64,
    /// The caller's counts of these rows.
    counts: Json,
}

/// An output that belongs to this process until it is dropped.
pub(crate) struct Claim {
    /// The output as the user named it.
    name: PathBuf,
    place: PathBuf,
    mode: Option<u32>,
    part: Part,
    manifest: PathBuf,
    left: Option<Manifest>,
}

impl Claim {
    /// Claims an output; `None` if it is no file that is replaced, or its name has no room for an ending. `restart` discards
    /// what an earlier job left.
    ///
    /// # Errors
    /// [`OutputError::Busy`] if another process writes it, [`OutputError::Manifest`] if it is unclear what an earlier job
    /// left, and errors of the place.
    pub(crate) fn of(destination: &Destination, restart: bool) -> Result<Option<Self>, OutputError> {
        let Some(path) = destination.replaced() else { return Ok(None) };
        let Found::Replaced(Replaced { place, directory, mut file_name, mode }) = Target::of(path)? else {
            return Ok(None);
        };
        if file_name.len() + SUFFIX.len() > MAX_NAME {
            return Ok(None);
        }
        let mut part = file_name.clone();
        part.push(SUFFIX);
        file_name.push(MANIFEST);
        let (part, manifest) = (directory.join(part), directory.join(file_name));
        let mut part = Part::claim(part, mode.unwrap_or(0o666)).map_err(|source| match source.kind() {
            ErrorKind::WouldBlock => OutputError::Busy { path: path.to_owned() },
            _ => OutputError::Open { path: path.to_owned(), source: without_path(source) },
        })?;
        let length =
            part.file().metadata().map_err(|source| OutputError::Open { path: path.to_owned(), source })?.len();
        let mut left = None;
        // Beside an empty file lies the manifest of a job that ended when its output had its name already.
        if length > 0 && !restart {
            // Kept even if the manifest cannot be read.
            part.kept().set(part.path(), manifest.exists());
            left = read(&manifest)?;
            if left.as_ref().is_some_and(|left| left.bytes > length) {
                let reason = "the partial file is shorter".to_owned();
                return Err(OutputError::Manifest { path: manifest, reason });
            }
        }
        Ok(Some(Self { name: path.to_owned(), place, mode, part, manifest, left }))
    }

    /// The rows that an earlier job left.
    pub(crate) fn left(&self) -> Option<u64> {
        self.left.as_ref().map(|left| left.rows)
    }

    /// The error of a job that is to decide what becomes of them.
    pub(crate) fn undecided(&self, rows: u64) -> OutputError {
        OutputError::Left { path: self.name.clone(), part: self.part.path().to_owned(), rows }
    }

    /// Opens the output behind what an earlier job left, or from its beginning. With `job`, what decides the rows, it can be
    /// continued later.
    ///
    /// # Errors
    /// [`OutputError::OtherJob`] if the rows that are left are another job's; errors of the file. Nothing is changed then.
    pub(crate) fn begin(self, job: Option<Map<String, Json>>) -> Result<(Sink, Option<Job>), OutputError> {
        let Self { name, place, mode, mut part, manifest, left } = self;
        let path = part.path().to_owned();
        if let (Some(left), Some(job)) = (&left, &job) {
            let differences = differences(&left.job, job);
            if !differences.is_empty() {
                return Err(OutputError::OtherJob { part: path, differences });
            }
        }
        let failed = |source| OutputError::Open { path: name.clone(), source };
        let (rows, bytes, counts) = left.map_or((0, 0, Json::Null), |left| (left.rows, left.bytes, left.counts));
        if rows == 0 {
            // First the manifest: without it no later job takes the rest for rows.
            remove(&manifest).map_err(failed)?;
            part.kept().set(&path, false);
        }
        let file = part.file();
        file.set_len(bytes).and_then(|()| file.seek(SeekFrom::Start(bytes))).map_err(failed)?;
        if let Some(mode) = mode {
            file.set_permissions(Permissions::from_mode(mode)).map_err(failed)?;
        }
        let job = match job {
            None => None,
            Some(job) => {
                let (file, kept) = (part.file().try_clone().map_err(failed)?, part.kept().clone());
                let now = Instant::now();
                let sure = Manifest { version: VERSION, job, rows, bytes, counts };
                Some(Job { name: name.clone(), file, path, kept, manifest, sure, due: now })
            }
        };
        Ok((Sink::replacing(name.display().to_string(), part, place), job))
    }
}

/// A job that can be continued.
pub(crate) struct Job {
    name: PathBuf,
    /// The partial file.
    file: File,
    path: PathBuf,
    kept: Kept,
    manifest: PathBuf,
    /// The rows that are on the disk for sure.
    sure: Manifest,
    /// The time of the next checkpoint.
    due: Instant,
}

impl Job {
    /// Rows that are on the disk for sure.
    pub(crate) fn rows(&self) -> u64 {
        self.sure.rows
    }

    /// The counts at that point; null at the beginning.
    pub(crate) fn counts(&self) -> &Json {
        &self.sure.counts
    }

    /// The partial file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// True if it is time for a checkpoint.
    pub(crate) fn is_due(&self) -> bool {
        Instant::now() >= self.due
    }

    /// Brings to the disk the rows that the system has, `rows` of them.
    ///
    /// # Errors
    /// The disk's; the checkpoint before stays.
    pub(crate) fn checkpoint(&mut self, rows: u64, counts: Json) -> Result<(), OutputError> {
        if rows == self.sure.rows {
            return Ok(());
        }
        let begin = Instant::now();
        let (old, old_counts) = ((self.sure.rows, self.sure.bytes), std::mem::replace(&mut self.sure.counts, counts));
        let result = part::sync(&self.file).and_then(|()| {
            self.sure.rows = rows;
            self.sure.bytes = self.file.metadata()?.len();
            self.write_manifest()
        });
        if let Err(source) = result {
            (self.sure.rows, self.sure.bytes) = old;
            self.sure.counts = old_counts;
            return Err(OutputError::Write { name: self.name.display().to_string(), source });
        }
        self.kept.set(&self.path, true);
        self.due = Instant::now() + (begin.elapsed() * SHARE).clamp(PAUSE.0, PAUSE.1);
        Ok(())
    }

    /// Replaces the manifest as a whole.
    fn write_manifest(&self) -> io::Result<()> {
        let mut new = self.manifest.clone().into_os_string();
        new.push("~");
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(&serde_json::to_vec_pretty(&self.sure)?)?;
            part::sync(&file)?;
            fs::rename(&new, &self.manifest)
        };
        write().inspect_err(|_| _ = fs::remove_file(&new))
    }

    /// The output has its name: nothing is left to continue.
    pub(crate) fn finish(self) {
        // What stays lies beside no partial file, and the next job removes it.
        let _ = remove(&self.manifest);
    }

    /// The rows are worth nothing: they go with the sink.
    pub(crate) fn discard(self) {
        if remove(&self.manifest).is_ok() {
            self.kept.set(&self.path, false);
        }
    }
}

fn read(path: &Path) -> Result<Option<Manifest>, OutputError> {
    let wrong = |reason: String| OutputError::Manifest { path: path.to_owned(), reason };
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(|error| wrong(error.to_string()))?,
    };
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    if manifest.version != VERSION {
        return Err(wrong(format!("it has the form {}, this infa reads {VERSION}", manifest.version)));
    }
    Ok(Some(manifest))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The names of what two jobs do not have in common.
fn differences(left: &Map<String, Json>, job: &Map<String, Json>) -> Vec<String> {
    let gone = left.keys().filter(|name| !job.contains_key(*name));
    job.keys().filter(|name| left.get(*name) != job.get(*name)).chain(gone).cloned().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn job(model: &str) -> Option<Map<String, Json>> {
        json!({"model": model, "input": ["a"]}).as_object().cloned()
    }

    fn claim(path: &Path) -> Claim {
        Claim::of(&Destination::File(path.into()), false).unwrap().unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Writes two rows, of which one is sure, and ends as a killed process does.
    fn killed(path: &Path) {
        let (mut sink, job) = claim(path).begin(job("m")).unwrap();
        let mut job = job.unwrap();
        sink.buffer().extend(b"one\n");
        sink.flush().unwrap();
        job.checkpoint(1, json!(7)).unwrap();
        sink.buffer().extend(b"two");
        sink.flush().unwrap();
    }

    #[test]
    fn a_job_goes_on_behind_its_last_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        killed(&path);
        assert_eq!(names(folder.path()), ["out.infa-job", "out.infa-part"]);
        let found = claim(&path);
        assert_eq!(found.left(), Some(1));
        let (mut sink, job) = found.begin(job("m")).unwrap();
        let job = job.unwrap();
        assert_eq!((job.rows(), job.counts()), (1, &json!(7)));
        sink.buffer().extend(b"2\n");
        sink.finish().unwrap();
        job.finish();
        assert_eq!(fs::read(&path).unwrap(), b"one\n2\n");
        assert_eq!(names(folder.path()), ["out"]);
    }

    #[test]
    fn another_job_is_refused_and_nothing_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        killed(&path);
        let before = fs::read(folder.path().join("out.infa-part")).unwrap();
        let error = claim(&path).begin(job("n")).err().unwrap();
        assert!(error.to_string().ends_with("out.infa-part: it was begun with another model"), "{error}");
        drop(claim(&path));
        assert_eq!(fs::read(folder.path().join("out.infa-part")).unwrap(), before);
        assert_eq!(claim(&path).left(), Some(1));
        // Neither is what cannot be read.
        for (manifest, reason) in
            [("{", "EOF"), ("{\"version\":2,\"job\":{},\"rows\":1,\"bytes\":1,\"counts\":0}", "form 2")]
        {
            fs::write(folder.path().join("out.infa-job"), manifest).unwrap();
            let error = Claim::of(&Destination::File(path.clone()), false).err().unwrap();
            assert!(error.to_string().contains(reason) && error.hint().unwrap().contains("--restart"), "{error}");
        }
        assert_eq!(fs::read(folder.path().join("out.infa-part")).unwrap(), before);
        let (sink, _) = Claim::of(&Destination::File(path.clone()), true).unwrap().unwrap().begin(job("n")).unwrap();
        drop(sink);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_partial_file_that_lost_bytes_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        killed(&path);
        fs::write(folder.path().join("out.infa-part"), "on").unwrap();
        let error = Claim::of(&Destination::File(path), false).err().unwrap();
        assert!(matches!(error, OutputError::Manifest { .. }), "{error}");
    }

    #[test]
    fn one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let first = claim(&path);
        let second = Claim::of(&Destination::File(path.clone()), true).err().unwrap();
        assert!(matches!(second, OutputError::Busy { .. }), "{second}");
        drop(first);
        assert!(names(folder.path()).is_empty());
        // What a job that cannot be continued left is written over, and so is an old manifest.
        fs::write(folder.path().join("out.infa-part"), "half a row").unwrap();
        assert_eq!(claim(&path).left(), None);
        fs::write(folder.path().join("out.infa-job"), "old").unwrap();
        let (sink, _) = claim(&path).begin(None).unwrap();
        sink.finish().unwrap();
        assert_eq!((names(folder.path()), fs::read(&path).unwrap()), (vec!["out".to_owned()], Vec::new()));
    }

    #[test]
    fn worthless_rows_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        killed(&path);
        let (sink, job) = claim(&path).begin(job("m")).unwrap();
        job.unwrap().discard();
        drop(sink);
        assert!(names(folder.path()).is_empty());
    }
}
