//! The sink of bytes: stdout, a device, or a file that takes its name when it is complete.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::compression::{Compression, Encoder};
use super::part::Part;
use super::place::{Behind, behind_links, duplicate};
use crate::output::{Destination, OutputError};
use crate::standard_streams;

/// Bytes that are buffered before a system call.
const BUFFER: usize = 128 << 10;

/// An output being written. Rows are encoded straight into its buffer.
pub(crate) struct Sink {
    name: String,
    target: Target,
    buffer: Vec<u8>,
    /// A write failed: the output must not pass for complete.
    failed: bool,
    /// Between the buffer and the file.
    encoder: Option<Encoder>,
}

pub(super) enum Target {
    /// Written as it comes: stdout, a device, a pipe.
    Direct(File),
    /// Written beside its place and renamed at the end.
    Replacing { part: Part, place: PathBuf },
}

impl Sink {
    pub(crate) fn open(destination: &Destination) -> Result<Self, OutputError> {
        match destination {
            // Not std's Stdout, which would flush at every newline.
            Destination::Stdout => match standard_streams::stdout() {
                Ok(file) => Ok(Self::direct("stdout".into(), file)),
                Err(source) => Err(OutputError::Write { name: "stdout".into(), source }),
            },
            Destination::File(path) => Self::file(path),
        }
    }

    /// A sink that writes to `file` as it comes.
    pub(crate) fn direct(name: String, file: File) -> Self {
        Self::new(name, Target::Direct(file))
    }

    fn new(name: String, target: Target) -> Self {
        Self { name, target, buffer: Vec::with_capacity(BUFFER), failed: false, encoder: None }
    }

    fn file(path: &Path) -> Result<Self, OutputError> {
        let name = path.display().to_string();
        let failed = |source| OutputError::Open { path: path.to_path_buf(), source };
        let Replaced { place, directory, file_name, mode } = match Target::of(path)? {
            Found::Direct(file) => return Ok(Self::direct(name, file)),
            Found::Replaced(replaced) => replaced,
        };
        let part = Part::create(&directory, &file_name, mode.unwrap_or(0o666));
        let mut part = part.map_err(|error| failed(without_path(error)))?;
        if let Some(mode) = mode {
            part.file().set_permissions(Permissions::from_mode(mode)).map_err(failed)?;
        }
        Ok(Self::replacing(name, part, place))
    }

    /// A sink that appends to `part`, which will take the place of `place`.
    pub(super) fn replacing(name: String, part: Part, place: PathBuf) -> Self {
        Self::new(name, Target::Replacing { part, place })
    }

    /// The same output, with all that is written to it compressed.
    pub(crate) fn compressed(mut self, compression: Compression) -> Result<Self, OutputError> {
        let encoder = Encoder::new(compression);
        self.encoder = encoder.map_err(|source| OutputError::Write { name: self.name.clone(), source })?;
        Ok(self)
    }

    /// The bytes not yet written, to append to.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Writes the buffer out once it is full.
    pub(crate) fn settle(&mut self) -> Result<(), OutputError> {
        if self.buffer.len() < BUFFER { Ok(()) } else { self.write_out(false) }
    }

    /// Writes the buffer out.
    pub(crate) fn flush(&mut self) -> Result<(), OutputError> {
        // In a file no reader sees the rows so far, and each flush costs compression.
        let visible = matches!(self.target, Target::Direct(_));
        self.write_out(visible)
    }

    fn write_out(&mut self, visible: bool) -> Result<(), OutputError> {
        let file = file(&mut self.target);
        let result = match &mut self.encoder {
            Some(encoder) => encoder.encode(&self.buffer, visible).and_then(|bytes| file.write_all(&bytes)),
            None => file.write_all(&self.buffer),
        };
        // Cleared either way: after a failure it is unknown how much of it went out.
        self.buffer.clear();
        self.check(result)
    }

    /// True if [`rewrite_start`](Self::rewrite_start) can work.
    pub(crate) fn can_rewrite(&self) -> bool {
        matches!(self.target, Target::Replacing { .. }) && self.encoder.is_none()
    }

    /// Writes `bytes` over the start of a file.
    pub(crate) fn rewrite_start(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        self.flush()?;
        let file = file(&mut self.target);
        let result = file
            .seek(SeekFrom::Start(0))
            .and_then(|_| file.write_all(bytes))
            .and_then(|()| file.seek(SeekFrom::End(0)).map(drop));
        self.check(result)
    }

    /// Appends everything that `from` holds.
    pub(crate) fn copy(&mut self, from: &mut File) -> Result<(), OutputError> {
        self.flush()?;
        let result = io::copy(from, file(&mut self.target)).map(drop);
        self.check(result)
    }

    /// Writes the buffer out and moves a file to its place.
    pub(crate) fn finish(mut self) -> Result<(), OutputError> {
        self.flush()?;
        if let Some(encoder) = self.encoder.take() {
            let result = encoder.finish().and_then(|bytes| file(&mut self.target).write_all(&bytes));
            self.check(result)?;
        }
        if self.failed {
            let source = io::Error::other("an earlier write failed");
            return Err(OutputError::Write { name: self.name, source });
        }
        match self.target {
            Target::Direct(_) => Ok(()),
            Target::Replacing { part, place } => {
                part.persist(&place).map_err(|source| OutputError::Write { name: self.name, source })
            }
        }
    }

    fn check(&mut self, result: io::Result<()>) -> Result<(), OutputError> {
        result.map_err(|source| {
            self.failed = true;
            OutputError::Write { name: self.name.clone(), source }
        })
    }
}

/// The target of an output, by its path.
pub(super) enum Found {
    /// Written as it comes.
    Direct(File),
    Replaced(Replaced),
}

/// A file that is replaced when everything is written.
pub(super) struct Replaced {
    pub place: PathBuf,
    pub directory: PathBuf,
    pub file_name: OsString,
    /// The permissions of the file that is there. They are kept, lest a private file become public.
    pub mode: Option<u32>,
}

impl Target {
    /// Finds what `path` stands for.
    pub(super) fn of(path: &Path) -> Result<Found, OutputError> {
        let failed = |source| OutputError::Open { path: path.to_path_buf(), source };
        // Behind a symbolic link the file is replaced, not the link.
        let place = match behind_links(path).map_err(failed)? {
            Behind::Descriptor(number) => return duplicate(number).map(Found::Direct).map_err(failed),
            Behind::File(place) => place,
        };
        let old = match fs::metadata(&place) {
            Ok(metadata) if metadata.is_dir() => {
                return Err(OutputError::Directory { path: path.to_path_buf() });
            }
            Ok(metadata) => Some(metadata),
            // A slash at the end means a directory, even if it does not exist.
            Err(_) if path.as_os_str().as_encoded_bytes().ends_with(b"/") => {
                return Err(OutputError::Directory { path: path.to_path_buf() });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        if old.is_some() {
            // A file that may not be written may not be replaced either.
            let file = OpenOptions::new().write(true).open(&place).map_err(failed)?;
            if old.as_ref().is_some_and(|old| !old.is_file()) {
                return Ok(Found::Direct(file));
            }
        }
        let (Some(file_name), Some(directory)) = (place.file_name().map(OsStr::to_os_string), place.parent()) else {
            return Err(failed(io::Error::from(io::ErrorKind::InvalidInput)));
        };
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let directory = directory.to_path_buf();
        if !directory.is_dir() {
            return Err(OutputError::MissingDirectory { path: path.to_path_buf(), directory });
        }
        let mode = old.map(|old| old.permissions().mode() & 0o777);
        Ok(Found::Replaced(Replaced { place, directory, file_name, mode }))
    }
}

fn file(target: &mut Target) -> &mut File {
    match target {
        Target::Direct(file) => file,
        Target::Replacing { part, .. } => part.file(),
    }
}

/// An error of tempfile's without the name of the temporary file, which means nothing to the user.
pub(crate) fn without_path(error: io::Error) -> io::Error {
    use io::ErrorKind::{NotFound, PermissionDenied, ReadOnlyFilesystem, StorageFull};
    match error.kind() {
        kind @ (NotFound | PermissionDenied | ReadOnlyFilesystem | StorageFull) => kind.into(),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Read;
    use std::os::fd::AsRawFd;

    fn write(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
        let mut sink = Sink::open(&Destination::File(path.into()))?;
        sink.buffer().extend(bytes);
        sink.finish()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_file_has_ordinary_permissions_and_an_old_one_keeps_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let (ordinary, path) = (folder.path().join("ordinary"), folder.path().join("out"));
        File::create(&ordinary).unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(mode(&path), mode(&ordinary));
        fs::set_permissions(&path, Permissions::from_mode(0o660)).unwrap();
        write(&path, b"newer").unwrap();
        assert_eq!(mode(&path), 0o660);
        assert_eq!(fs::read(&path).unwrap(), b"newer");
    }

    #[test]
    fn the_part_lies_beside_its_place_and_is_named_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let sink = Sink::open(&Destination::File(folder.path().join("out.csv"))).unwrap();
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(names.len() == 1 && names[0].to_str().unwrap().starts_with("out.csv."), "{names:?}");
        drop(sink);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn sink_errors_name_the_path() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(write(folder.path(), b""), Err(OutputError::Directory { .. })));
        assert!(matches!(write(&folder.path().join("new/"), b""), Err(OutputError::Directory { .. })));
        let path = folder.path().join("no/where");
        let error = write(&path, b"").unwrap_err();
        assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
        assert!(error.hint().unwrap().contains("mkdir"), "{error}");
        let file = folder.path().join("file");
        File::create(&file).unwrap();
        let error = write(&file.join("below"), b"").unwrap_err();
        assert!(error.to_string().contains("file/below"), "{error}");
    }

    #[test]
    fn behind_a_link_the_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (link, file) = (folder.path().join("link"), folder.path().join("file"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        write(&link, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert!(link.is_symlink());
    }

    #[test]
    fn behind_a_link_to_nothing_the_file_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let link = |name: &str, to: &str| std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
        link("first", "second");
        link("second", "new");
        write(&folder.path().join("first"), b"new").unwrap();
        assert_eq!(fs::read(folder.path().join("new")).unwrap(), b"new");
        assert!(folder.path().join("first").is_symlink() && folder.path().join("second").is_symlink());
        link("nowhere", "no/where");
        let error = write(&folder.path().join("nowhere"), b"").unwrap_err();
        assert!(matches!(error, OutputError::MissingDirectory { .. }), "{error}");
        link("circle", "circle");
        write(&folder.path().join("circle"), b"").unwrap_err();
    }

    #[test]
    fn an_open_descriptor_is_written_to_where_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = File::create(&path).unwrap();
        log.write_all(b"before\n").unwrap();
        let number = log.as_raw_fd();
        for path in [format!("/dev/fd/{number}"), format!("/proc/self/fd/{number}")] {
            if Path::new(&path).exists() {
                write(Path::new(&path), b"row\n").unwrap();
            } else {
                log.write_all(b"row\n").unwrap();
            }
        }
        log.write_all(b"after\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"before\nrow\nrow\nafter\n");
        let closed = write(Path::new("/dev/fd/987"), b"").unwrap_err();
        assert!(closed.to_string().contains("/dev/fd/987"), "{closed}");
    }

    #[test]
    fn names_as_long_as_the_system_allows_can_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n".repeat(255));
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn devices_are_written_to_and_stay() {
        write(Path::new("/dev/null"), b"gone").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn pipes_get_what_is_flushed_and_their_end_is_noticed() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut sink = Sink::direct("stdout".into(), File::from(std::os::fd::OwnedFd::from(writer)));
        sink.buffer().extend(b"abc\n");
        sink.settle().unwrap();
        sink.flush().unwrap();
        let mut bytes = [0; 4];
        reader.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"abc\n");
        drop(reader);
        sink.buffer().extend(b"more");
        let error = sink.flush().unwrap_err();
        assert!(error.is_broken_pipe(), "{error}");
        assert!(sink.finish().is_err(), "what lost bytes must not finish well");
    }
}
