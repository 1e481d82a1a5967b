//! The format of an output by the ending of its file's name.

use std::path::Path;

use super::{Compression, Format, LabelsFormat, OutputError, RankingFormat};

/// Endings, and what each stands for; the first of each format is the usual one.
type Endings<F> = &'static [(&'static str, F)];

const VECTORS: Endings<Format> = &[
    ("jsonl", Format::Jsonl),
    ("json", Format::Json),
    ("csv", Format::Csv),
    ("npy", Format::Npy),
    ("npz", Format::Npz),
    ("parquet", Format::Parquet),
    ("arrow", Format::Arrow),
    ("f32", Format::F32),
    ("arrows", Format::Arrow),
    ("ndjson", Format::Jsonl),
];
const LABELS: Endings<LabelsFormat> = &[
    ("jsonl", LabelsFormat::Jsonl),
    ("json", LabelsFormat::Json),
    ("csv", LabelsFormat::Csv),
    ("ndjson", LabelsFormat::Jsonl),
];
const RANKINGS: Endings<RankingFormat> = &[
    ("jsonl", RankingFormat::Jsonl),
    ("json", RankingFormat::Json),
    ("csv", RankingFormat::Csv),
    ("txt", RankingFormat::Table),
    ("ndjson", RankingFormat::Jsonl),
];

impl Format {
    /// The format that the ending of `path` stands for, that of compression left out; `None` without an ending, and for special
    /// files.
    ///
    /// # Errors
    /// The ending stands for no format of vectors.
    pub fn of_file(path: &Path) -> Result<Option<Self>, OutputError> {
        match Compression::of_file(path) {
            Compression::None => of_file(path, VECTORS),
            _ if is_special(path) => Ok(None),
            // vectors.gz: compressed JSON lines.
            _ => of_file(&path.with_extension(""), VECTORS).map_err(|error| match error {
                OutputError::Ending { ending, known, .. } => {
                    OutputError::Ending { path: path.to_owned(), ending, known }
                }
                other => other,
            }),
        }
    }
}

impl Compression {
    /// The compression that the ending of `path` stands for.
    pub(crate) fn of_file(path: &Path) -> Self {
        match path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).as_deref() {
            _ if is_special(path) => Self::None,
            Some("gz" | "gzip") => Self::Gzip,
            Some("zst" | "zstd") => Self::Zstd,
            _ => Self::None,
        }
    }
}

impl LabelsFormat {
    /// As [`Format::of_file`], for labels.
    ///
    /// # Errors
    /// The ending stands for no format of labels.
    pub fn of_file(path: &Path) -> Result<Option<Self>, OutputError> {
        of_file(path, LABELS)
    }
}

impl RankingFormat {
    /// As [`Format::of_file`], for rankings.
    ///
    /// # Errors
    /// The ending stands for no format of rankings.
    pub fn of_file(path: &Path) -> Result<Option<Self>, OutputError> {
        of_file(path, RANKINGS)
    }
}

/// A directory is refused as that where it is opened, and a device takes any format.
fn is_special(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file())
}

fn of_file<F: Copy>(path: &Path, known: Endings<F>) -> Result<Option<F>, OutputError> {
    let Some(ending) = path.extension().filter(|_| !is_special(path)) else { return Ok(None) };
    let ending = ending.to_string_lossy().to_ascii_lowercase();
    match known.iter().find(|(name, _)| *name == ending) {
        Some(&(_, format)) => Ok(Some(format)),
        None => {
            let known =
                known.iter().map(|(name, _)| *name).filter(|name| !["ndjson", "arrows"].contains(name)).collect();
            Err(OutputError::Ending { path: path.to_owned(), ending, known })
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn endings_stand_for_formats_whatever_their_case() {
        let vectors = |name: &str| Format::of_file(Path::new(name)).unwrap();
        assert_eq!(vectors("v.npy"), Some(Format::Npy));
        assert_eq!(vectors("a.b/v.JSON"), Some(Format::Json));
        assert_eq!(vectors("v.ndjson"), Some(Format::Jsonl));
        assert_eq!(vectors("v.jsonl.GZ"), Some(Format::Jsonl));
        assert_eq!(vectors("v.csv.zst"), Some(Format::Csv));
        assert_eq!(vectors("v.parquet"), Some(Format::Parquet));
        assert_eq!(vectors("v.gz"), None);
        let compression = |name: &str| Compression::of_file(Path::new(name));
        assert_eq!(
            [compression("v.csv.Gz"), compression("v.zst"), compression("gz")],
            [Compression::Gzip, Compression::Zstd, Compression::None]
        );
        for none in ["v", ".jsonl", "a.b/v", "/dev/null", "/dev/stdout", "-", "/tmp"] {
            assert_eq!(vectors(none), None, "{none}");
        }
        assert_eq!(LabelsFormat::of_file(Path::new("l.csv")).unwrap(), Some(LabelsFormat::Csv));
        assert_eq!(RankingFormat::of_file(Path::new("r.txt")).unwrap(), Some(RankingFormat::Table));
    }

    #[test]
    fn others_are_refused_with_those_there_are() {
        for name in ["v.pdf", "v.txt", "v."] {
            let error = Format::of_file(Path::new(name)).unwrap_err();
            assert!(error.to_string().starts_with(name), "{error}");
            assert!(error.hint().unwrap().contains(".npy") && error.hint().unwrap().contains("--format"), "{error}");
        }
        let hint = LabelsFormat::of_file(Path::new("l.npy")).unwrap_err().hint().unwrap();
        assert!(hint.contains(".csv") && !hint.contains(".npy"), "{hint}");
    }
}
