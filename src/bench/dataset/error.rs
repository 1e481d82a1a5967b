//! What is wrong with the name of a dataset.

/// What is wrong with a spec.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DatasetError {
    /// There is no such dataset.
    #[error("there is no dataset {name:?}{}; datasets: {known}", suggestion(.like))]
    Unknown {
        /// What was written.
        name: String,
        /// The dataset of the most similar name.
        like: Option<String>,
        /// All of them.
        known: String,
    },
    /// It looks like a path.
    #[error("there is no dataset {0:?}; for a file write file={0}")]
    LooksLikeFile(String),
    /// A file without its path.
    #[error("which file? Write file=PATH")]
    NoPath,
    /// The dataset has no such key.
    #[error("dataset {dataset} has no {key:?}{}; it has: {known}", suggestion(.like))]
    Key {
        /// The dataset.
        dataset: &'static str,
        /// What was written.
        key: String,
        /// The key of the most similar name.
        like: Option<String>,
        /// All of them.
        known: String,
    },
    /// A key has two values.
    #[error("dataset {dataset}: {key} is given twice")]
    Twice {
        /// The dataset.
        dataset: &'static str,
        /// The key.
        key: &'static str,
    },
    /// A value is of the wrong kind.
    #[error("dataset {dataset}: {key}={value} is no {wanted}")]
    Value {
        /// The dataset.
        dataset: &'static str,
        /// The key.
        key: &'static str,
        /// What was written.
        value: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A value is too small or too large.
    #[error("dataset {dataset}: {key}={value} is not within {min} and {max}")]
    Range {
        /// The dataset.
        dataset: &'static str,
        /// The key.
        key: &'static str,
        /// What was written.
        value: String,
        /// The smallest.
        min: String,
        /// The largest.
        max: String,
    },
    /// A value is none of those there are.
    #[error("dataset {dataset}: {key} has no {name:?}{}; there are: {known}", suggestion(.like))]
    Choice {
        /// The dataset.
        dataset: &'static str,
        /// The key.
        key: &'static str,
        /// What was written.
        name: String,
        /// The most similar name.
        like: Option<String>,
        /// All of them.
        known: String,
    },
    /// The shortest text is longer than the longest.
    #[error("dataset {dataset}: min={min} is more than max={max}")]
    Order {
        /// The dataset.
        dataset: &'static str,
        /// The shortest text, in tokens.
        min: usize,
        /// The longest text, in tokens.
        max: usize,
    },
    /// Values that are allowed each by itself are too much together.
    #[error("dataset {dataset} would have about {size} {unit}; at most {limit} are allowed: lower {keys}")]
    TooMuch {
        /// The dataset.
        dataset: &'static str,
        /// How much was asked for.
        size: u64,
        /// Of what.
        unit: &'static str,
        /// How much may be.
        limit: u64,
        /// What would help.
        keys: &'static str,
    },
}

fn suggestion(name: &Option<String>) -> String {
    name.as_ref().map(|name| format!(", did you mean {name:?}?")).unwrap_or_default()
}
