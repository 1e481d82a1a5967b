//! The chain of inputs: checked together, then opened and read one after the other.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::vec;

use super::columnar::{ColumnRows, kept_types};
use super::error::Names;
use super::files::expand::expand;
use super::files::source::{self, Source};
use super::jsonl::{self, parse};
use super::lines::{Lines, Splitter};
use super::object::Fields;
use super::origin::Origin;
use super::queries::{self, Query};
use super::rows::Rows;
use super::{Format, InputError, Options, Record, RecordError, Text};
use crate::kept::KeptColumn;
use arrow_schema::DataType;

type Current<T> = Box<dyn Iterator<Item = Result<Record<T>, InputError>> + Send>;
/// Opens one source; bytes read are added to the counter.
type Open<T> = fn(&Source, &Options, usize, &Arc<AtomicU64>) -> Result<Opened<T>, InputError>;

/// An open source: its records, and the types of the kept columns if the file knows them.
type Opened<T> = (Current<T>, Option<Vec<DataType>>);

/// Records in order, file after file; the first [`InputError`] is the last item.
pub struct Records<T = Text> {
    sources: vec::IntoIter<Source>,
    current: Option<Current<T>>,
    open: Open<T>,
    options: Options,
    max: usize,
    read: Arc<AtomicU64>,
    total: Option<u64>,
    empty: EmptyFiles,
    /// The file that is being read, until its first record.
    fresh: Option<Arc<str>>,
    /// The types of the kept columns in each file that was looked at; text, where the file has none.
    types: Vec<Vec<DataType>>,
}

/// Files without a record.
#[derive(Debug, Clone, Default)]
pub struct EmptyFiles(Arc<Mutex<Vec<Arc<str>>>>);

impl EmptyFiles {
    /// Files that are named; of more the first are.
    const NAMED: usize = 10;

    fn push(&self, name: Arc<str>) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() < Self::NAMED {
            names.push(name);
        }
    }

    /// The names of those that were read so far, as the user named them.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Records at a file's beginning that may all lack a field before that counts as a wrong field's name.
const FIRST_RECORDS: u64 = 100;

impl Records {
    pub(super) fn open(paths: &[PathBuf], options: &Options, max: usize) -> Result<Self, InputError> {
        let mut records = Self::chain(paths, options, max, reader)?;
        let mut types = Vec::new();
        for source in records.sources.as_slice().iter().filter(|source| source.is_regular_file()) {
            // Reads the beginning and no more; its bytes are counted when they are read in earnest.
            let (beginning, of_file) = reader(source, options, max, &Arc::default())?;
            if of_file.is_none() {
                first_records(beginning, &source.name, None)?;
                for (field, flag) in names_of_parts(options) {
                    let part = Options { format: options.format, field: Some(field.clone()), ..Options::default() };
                    first_records(reader(source, &part, max, &Arc::default())?.0, &source.name, Some(flag))?;
                }
            }
            types.push(of_file.unwrap_or_default());
        }
        records.types = types;
        Ok(records)
    }

    pub(super) fn of(texts: Vec<String>, origin: &str) -> Self {
        let file: Arc<str> = origin.into();
        let records = texts.into_iter().zip(1..).map(move |(text, line)| {
            Ok(Record {
                id: None,
                content: Ok(text.into()),
                kept: Vec::new(),
                origin: Origin { file: file.clone(), line },
            })
        });
        Self {
            sources: Vec::new().into_iter(),
            current: Some(Box::new(records)),
            open: reader,
            options: Options::default(),
            max: 0,
            read: Arc::default(),
            total: None,
            empty: EmptyFiles::default(),
            fresh: None,
            types: Vec::new(),
        }
    }

    /// The kept columns with their types, which are known when everything was looked at: for that, a stream that comes first is
    /// opened here.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn kept_columns(&mut self) -> Result<Vec<KeptColumn>, InputError> {
        if self.types.is_empty() && self.current.is_none() && !self.options.keep.is_empty() {
            self.open_next().transpose()?;
        }
        let types = kept_types(&self.types, self.options.keep.len());
        let column = |(name, data_type): (&String, DataType)| KeptColumn { name: name.clone(), data_type };
        Ok(self.options.keep.iter().zip(types).map(column).collect())
    }
}

/// The fields of a template and the kept ones, each with its flag.
fn names_of_parts(options: &Options) -> Vec<(&String, &'static str)> {
    let fields = options.template.iter().flat_map(|template| template.fields()).map(|field| (field, "--template"));
    fields.chain(options.keep.iter().map(|field| (field, "--keep"))).collect()
}

impl Records<Query> {
    pub(super) fn open_queries(paths: &[PathBuf], options: &Options, max: usize) -> Result<Self, InputError> {
        let records = Self::chain(paths, options, max, |source, options, max, counter| {
            let (bytes, format) = source.open_text(options.format, counter)?;
            let lines = format != Format::Json;
            let fields = Fields::of(options);
            let parse = move |line: &[u8], origin: &Origin| queries::parse(line, &fields, origin);
            Ok((jsonl::records(bytes, lines, max, source.name.clone(), parse)?, None))
        })?;
        for source in records.sources.as_slice().iter().filter(|source| source.is_regular_file()) {
            drop(source.open_text(options.format, &Arc::default())?);
        }
        Ok(records)
    }
}

/// Refuses a file whose first records, or all, lack a field: its name is wrong.
fn first_records(records: Current<Text>, file: &Arc<str>, flag: Option<&'static str>) -> Result<(), InputError> {
    let mut missing = Missing::default();
    for record in records.take(FIRST_RECORDS as usize) {
        match record {
            Ok(Record { content: Err(error), .. }) if error.missing_field().is_some() => missing.push(&error),
            // Other errors are reported with their record.
            _ => return Ok(()),
        }
    }
    if let (Some(flag), Some((_, _, given))) = (flag, &mut missing.first) {
        *given = flag;
    }
    missing.error(file).map_or(Ok(()), Err)
}

/// Records that lack a field, one after the other from a file's beginning.
#[derive(Default)]
struct Missing {
    count: u64,
    /// The first one's field, the fields it has, and the flag that names the field.
    first: Option<(String, Names, &'static str)>,
}

impl Missing {
    /// Counts a broken record.
    fn push(&mut self, error: &RecordError) {
        self.count += 1;
        if self.first.is_none() {
            self.first = error.missing_field().map(|(field, present, flag)| (field.to_owned(), present.clone(), flag));
        }
    }

    fn error(self, file: &Arc<str>) -> Option<InputError> {
        let (field, present, flag) = self.first?;
        let (file, rows, all) = (file.clone(), self.count, self.count < FIRST_RECORDS);
        Some(InputError::FieldInNone { file, rows, all, field, present, flag })
    }
}

/// The records of a stream, which cannot be looked at before it is read: it ends after the first [`FIRST_RECORDS`] if
/// all lack a field.
struct Watched {
    records: Current<Text>,
    file: Arc<str>,
    /// `None` once a record was as it should be, or failed for another reason.
    missing: Option<Missing>,
}

impl Watched {
    fn new(records: Current<Text>, file: Arc<str>) -> Self {
        Self { records, file, missing: Some(Missing::default()) }
    }
}

impl Iterator for Watched {
    type Item = Result<Record, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        let full = self.missing.as_ref().is_some_and(|missing| missing.count >= FIRST_RECORDS);
        let next = if full { None } else { self.records.next() };
        let Some(missing) = &mut self.missing else { return next };
        match &next {
            Some(Ok(Record { content: Err(error), .. })) if error.missing_field().is_some() => missing.push(error),
            None if full => return self.missing.take().and_then(|missing| missing.error(&self.file)).map(Err),
            // The records so far have been reported one by one.
            None => {}
            Some(_) => self.missing = None,
        }
        next
    }
}

impl<T> Records<T> {
    fn chain(paths: &[PathBuf], options: &Options, max: usize, open: Open<T>) -> Result<Self, InputError> {
        let sources = match paths {
            [] => vec![Source::check(Path::new("-"))?],
            paths => expand(paths)?.iter().map(|path| Source::check(path)).collect::<Result<Vec<_>, _>>()?,
        };
        if sources.iter().filter(|source| source.is_stdin()).count() > 1 {
            return Err(InputError::StdinTwice);
        }
        let total = sources.iter().map(|source| source.size).sum();
        let (read, options) = (Arc::default(), options.clone());
        Ok(Self {
            sources: sources.into_iter(),
            current: None,
            open,
            options,
            max,
            read,
            total,
            empty: EmptyFiles::default(),
            fresh: None,
            types: Vec::new(),
        })
    }

    /// Bytes read so far: ahead of the records by the buffered ones.
    pub fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// The counter behind [`bytes_read`](Self::bytes_read), for a progress bar on another thread.
    pub fn bytes_counter(&self) -> Arc<AtomicU64> {
        self.read.clone()
    }

    /// The files that turn out to have no record, for a warning when all is read.
    pub fn empty_files(&self) -> EmptyFiles {
        self.empty.clone()
    }

    /// The size of everything, where all of it lies in regular files: the end of a progress bar.
    pub fn total_bytes(&self) -> Option<u64> {
        self.total
    }

    /// The next record, or an error that ends the reading.
    fn advance(&mut self) -> Option<Result<Record<T>, InputError>> {
        loop {
            if let Some(current) = &mut self.current {
                if let Some(record) = current.next() {
                    self.fresh = None;
                    return Some(record);
                }
                self.current = None;
                if let Some(name) = self.fresh.take() {
                    self.empty.push(name);
                }
            }
            if let Err(error) = self.open_next()? {
                return Some(Err(error));
            }
        }
    }

    /// Opens the next source, if there is one.
    fn open_next(&mut self) -> Option<Result<(), InputError>> {
        let source = self.sources.next()?;
        Some((self.open)(&source, &self.options, self.max, &self.read).map(|(opened, types)| {
            self.current = Some(opened);
            self.fresh = Some(source.name.clone());
            if self.types.is_empty() {
                self.types.push(types.unwrap_or_default());
            }
        }))
    }
}

impl<T> Iterator for Records<T> {
    type Item = Result<Record<T>, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance();
        if matches!(next, Some(Err(_))) {
            self.sources = Vec::new().into_iter();
            self.current = None;
        }
        next
    }
}

/// Opens one source in its format.
fn reader(
    source: &Source,
    options: &Options,
    max: usize,
    counter: &Arc<AtomicU64>,
) -> Result<Opened<Text>, InputError> {
    let name = source.name.clone();
    let (bytes, format) = match source.open_any(options.format, counter)? {
        source::Opened::Text(bytes, format) => (bytes, format),
        source::Opened::Columns(columns) => {
            let (rows, types) = ColumnRows::new(columns, Fields::of(options), max, name, counter)?;
            return Ok((Box::new(rows), Some(types)));
        }
    };
    let records: Current<Text> = match format {
        Format::Lines | Format::Nul => {
            if let Some(flag) = options.field_flag() {
                return Err(InputError::NoFields { file: name, flag });
            }
            let separator = if format == Format::Nul { 0 } else { b'\n' };
            Box::new(Lines(Splitter::new(bytes, separator, max, name)))
        }
        Format::Jsonl | Format::Json => {
            let fields = Fields::of(options);
            let parse = move |value: &[u8], origin: &Origin| parse(value, &fields, origin);
            let records = jsonl::records(bytes, format == Format::Jsonl, max, name.clone(), parse)?;
            if source.is_regular_file() { records } else { Box::new(Watched::new(records, name)) }
        }
        Format::Csv => Box::new(Rows::new(bytes, b',', max, name, options)?),
        Format::Tsv => Box::new(Rows::new(bytes, b'\t', max, name, options)?),
    };
    Ok((records, None))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;
    use std::io::Write;
    use std::os::fd::AsRawFd;

    fn files(contents: &[(&str, &[u8])]) -> (tempfile::TempDir, Vec<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let paths = contents.iter().map(|(name, bytes)| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        });
        let paths = paths.collect();
        (folder, paths)
    }

    fn open(paths: &[PathBuf]) -> Result<Records, InputError> {
        Records::open(paths, &Options::default(), 1000)
    }

    #[test]
    fn files_follow_one_another_each_in_its_format() {
        let (_folder, paths) = files(&[
            ("a.txt", b"one\ntwo"),
            ("empty.txt", b""),
            ("b.jsonl", b"{\"text\":\"three\",\"id\":3}\n"),
            ("c.csv", b"id,text\n4,four\n"),
            ("d.tsv", b"text\tx\nfive\t,\n"),
        ]);
        let mut records = open(&paths).unwrap();
        assert_eq!(records.total_bytes(), Some(7 + 24 + 15 + 14));
        assert_eq!(records.bytes_read(), 0);
        let texts: Vec<_> = records.by_ref().map(|r| r.unwrap().content.unwrap().text).collect();
        assert_eq!(texts, ["one", "two", "three", "four", "five"]);
        assert_eq!(records.bytes_read(), 60);
        assert_eq!(records.empty_files().names(), [paths[1].to_string_lossy().into()]);
    }

    #[test]
    fn a_format_that_is_given_beats_the_extension() {
        let (_folder, paths) = files(&[("a.csv", b"x\0y\nz\0")]);
        let options = Options { format: Some(Format::Nul), ..Options::default() };
        let records = Records::open(&paths, &options, 1000).unwrap();
        let texts: Vec<_> = records.map(|r| r.unwrap().content.unwrap().text).collect();
        assert_eq!(texts, ["x", "y\nz"]);
    }

    #[test]
    fn every_path_is_checked_first() {
        let (folder, mut paths) = files(&[("a.txt", b"x"), ("b.csv", b"p,q\n1,2\n")]);
        assert!(matches!(open(&paths), Err(InputError::Column { .. })));
        paths[1] = folder.path().join("nope.txt");
        let error = open(&paths).err().unwrap();
        assert_eq!(error.to_string(), format!("{}: no such file", paths[1].display()));
        assert!(error.hint().is_some());
        let empty = tempfile::tempdir().unwrap();
        paths[1] = empty.path().into();
        assert!(matches!(open(&paths), Err(InputError::EmptyDirectory { .. })));
        // The files of a directory, as if each were named.
        paths[1] = folder.path().into();
        assert!(matches!(open(&paths), Err(InputError::Column { .. })));
        assert!(matches!(open(&["-".into(), "-".into()]), Err(InputError::StdinTwice)));
    }

    #[test]
    fn a_file_that_goes_away_ends_the_reading() {
        let (_folder, paths) = files(&[("a.txt", b"x"), ("b.txt", b"y"), ("c.txt", b"z")]);
        let mut records = open(&paths).unwrap();
        fs::remove_file(&paths[1]).unwrap();
        assert!(records.next().unwrap().is_ok());
        assert!(matches!(records.next(), Some(Err(InputError::Open { .. }))));
        assert!(records.next().is_none());
    }

    /// Writes record after record into a pipe that stays open, and reads each at once.
    #[test]
    fn a_record_comes_out_as_soon_as_it_is_complete() {
        let cases: [(Format, &str, &[&str]); 5] = [
            (Format::Lines, "", &["a\n", "b\r\n"]),
            (Format::Nul, "", &["a\0", "b\0"]),
            (Format::Jsonl, "", &["\"a\"\n", "{\"text\":\"b\"}\n"]),
            (Format::Csv, "text\n", &["a\n", "\"b\"\r\n"]),
            (Format::Tsv, "\u{feff}text\tx\r\n", &["a\t\r\n", "b\t\n"]),
        ];
        for (format, head, pieces) in cases {
            let (pipe, mut writer) = std::io::pipe().unwrap();
            let options = Options { format: Some(format), ..Options::default() };
            let path = PathBuf::from(format!("/dev/fd/{}", pipe.as_raw_fd()));
            let mut records = Records::open(&[path], &options, 1000).unwrap();
            assert_eq!(records.total_bytes(), None);
            writer.write_all(head.as_bytes()).unwrap();
            for (piece, text) in pieces.iter().zip(["a", "b"]) {
                writer.write_all(piece.as_bytes()).unwrap();
                assert_eq!(records.next().unwrap().unwrap().content.unwrap().text, text, "{format:?}");
            }
            drop(writer);
            assert!(records.next().is_none(), "{format:?}");
        }
    }

    #[test]
    fn records_can_move_to_another_thread() {
        fn check<T: Send>() {}
        check::<Records>();
    }
}
