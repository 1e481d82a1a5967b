//! The format of an output by the ending of its file's name.

use std::path::Path;

use super::{Format, LabelsFormat, OutputError, RankingFormat};

/// Endings, and what each stands for; the first of each format is the usual one.
type Endings<F> = &'static [(&'static str, F)];

const VECTORS: Endings<Format> = &[
    ("jsonl", Format::Jsonl),
    ("json", Format::Json),
    ("csv", Format::Csv),
    ("npy", Format::Npy),
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
    /// The format that the ending of `path` stands for; `None` without an ending, and for special files.
    ///
    /// # Errors
    /// The ending stands for no format of vectors.
    pub fn of_file(path: &Path) -> Result<Option<Self>, OutputError> {
        of_file(path, VECTORS)
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

fn of_file<F: Copy>(path: &Path, known: Endings<F>) -> Result<Option<F>, OutputError> {
    // A directory is refused as that where it is opened, and a device takes any format.
    let special = std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
    let Some(ending) = path.extension().filter(|_| !special) else { return Ok(None) };
    let ending = ending.to_string_lossy().to_ascii_lowercase();
    match known.iter().find(|(name, _)| *name == ending) {
        Some(&(_, format)) => Ok(Some(format)),
        None => {
            let known = known.iter().map(|(name, _)| *name).filter(|name| *name != "ndjson").collect();
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
        for none in ["v", ".jsonl", "a.b/v", "/dev/null", "/dev/stdout", "-", "/tmp"] {
            assert_eq!(vectors(none), None, "{none}");
        }
        assert_eq!(LabelsFormat::of_file(Path::new("l.csv")).unwrap(), Some(LabelsFormat::Csv));
        assert_eq!(RankingFormat::of_file(Path::new("r.txt")).unwrap(), Some(RankingFormat::Table));
    }

    #[test]
    fn others_are_refused_with_those_there_are() {
        for name in ["v.parquet", "v.jsonl.gz", "v.txt", "v."] {
            let error = Format::of_file(Path::new(name)).unwrap_err();
            assert!(error.to_string().starts_with(name), "{error}");
            assert!(error.hint().unwrap().contains(".npy") && error.hint().unwrap().contains("--format"), "{error}");
        }
        let hint = LabelsFormat::of_file(Path::new("l.npy")).unwrap_err().hint().unwrap();
        assert!(hint.contains(".csv") && !hint.contains(".npy"), "{hint}");
    }
}
