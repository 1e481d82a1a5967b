//! The reasons that result files cannot be compared.

use crate::bench::report::{ReportError, Task};

/// The reason that result files cannot be compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunsError {
    #[error("{file}: {source}")]
    Read { file: String, source: std::io::Error },
    #[error("{file}: not a report of infa bench: it has more than {} MiB", limit >> 20)]
    Large {
        file: String,
        /// The largest that is read, in bytes.
        limit: u64,
    },
    #[error("{file}: the file is empty")]
    Empty { file: String },
    #[error("{file}: not a report of infa bench: it is not UTF-8 text")]
    Binary { file: String },
    #[error("{file}: not a report of infa bench: {error}")]
    Report { file: String, error: ReportError },
    #[error("{file}: one file with {engines} is nothing to compare")]
    Alone {
        file: String,
        /// `one engine`, `no engine`.
        engines: &'static str,
    },
    #[error("{base} measured {}, {new} measured {}: their figures have nothing in common", task(*base_task), task(*new_task))]
    Tasks {
        base: String,
        base_task: Task,
        /// A file that is compared with it.
        new: String,
        new_task: Task,
    },
    #[error("no engine is both in {base} ({base_engines}) and in {new} ({new_engines})")]
    Engines {
        base: String,
        base_engines: String,
        /// Files that are compared with it.
        new: String,
        new_engines: String,
    },
    #[error("no workload is on both sides: {base} in the base, {new} in the files that are compared with it")]
    Workloads {
        /// Names of the base.
        base: String,
        new: String,
    },
    #[error("--baseline: {file} has no engine {name:?}; its engines are {known}")]
    Baseline { file: String, name: String, known: String },
    #[error("--fail-if {threshold}: no engine has {metric} on both sides, so that it cannot be checked")]
    Unchecked { threshold: String, metric: &'static str },
}

pub(super) fn task(task: Task) -> &'static str {
    match task {
        Task::Embed => "embedding",
        Task::Rerank => "reranking",
    }
}

impl RunsError {
    pub(crate) fn hint(&self) -> Option<String> {
        let written = "infa bench --export-json FILE writes such a file";
        Some(match self {
            Self::Read { source, .. } => match source.kind() {
                std::io::ErrorKind::NotFound => "check the path; - reads stdin".into(),
                std::io::ErrorKind::IsADirectory => "name the files in it".into(),
                _ => return None,
            },
            Self::Tasks { .. } => return None,
            Self::Report { error: ReportError::Truncated { .. }, .. } => {
                "the disk may have been full, or the copy or the run may not be finished: measure or copy again".into()
            }
            Self::Report { error: ReportError::NoReport | ReportError::Version { .. }, .. } => return None,
            Self::Empty { .. } | Self::Large { .. } | Self::Binary { .. } | Self::Report { .. } => written.into(),
            Self::Alone { .. } => "name a second file: infa compare BASE.json NEW.json".into(),
            Self::Engines { .. } => {
                "engines are matched by their names; infa bench --engines NAME=SPEC gives one that stays the same"
                    .into()
            }
            Self::Workloads { .. } => {
                "runs are matched by task, model, dataset, load and inputs a request; without --base the first file is \
                 the base whatever it measured"
                    .into()
            }
            Self::Baseline { .. } => return None,
            Self::Unchecked { .. } => "--metrics all shows what the files have".into(),
        })
    }
}
