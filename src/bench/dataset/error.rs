//! Errors of dataset specs.

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DatasetError {
    #[error("unknown dataset {name:?}{}; datasets: {known}", suggestion(.like))]
    Unknown {
        name: String,
        /// The dataset with the most similar name.
        like: Option<String>,
        known: String,
    },
    /// The name looks like a path.
    #[error("unknown dataset {0:?}; for a file write file={0}")]
    LooksLikeFile(String),
    #[error("the path is missing: write file=PATH")]
    NoPath,
    #[error("dataset {dataset} has no key {key:?}{}; keys: {known}", suggestion(.like))]
    Key {
        dataset: &'static str,
        key: String,
        /// The key with the most similar name.
        like: Option<String>,
        known: String,
    },
    #[error("dataset {dataset}: {key} is given twice")]
    Twice { dataset: &'static str, key: &'static str },
    /// The value is of the wrong kind.
    #[error("dataset {dataset}: {key}={value} is not a {wanted}")]
    Value {
        dataset: &'static str,
        key: &'static str,
        value: String,
        /// The kind of value that the key takes.
        wanted: &'static str,
    },
    #[error("dataset {dataset}: {key}={value} is not within {min} and {max}")]
    Range { dataset: &'static str, key: &'static str, value: String, min: String, max: String },
    /// The key takes names, and this is not one of them.
    #[error("dataset {dataset}: {key} has no {name:?}{}; known: {known}", suggestion(.like))]
    Choice {
        dataset: &'static str,
        key: &'static str,
        name: String,
        /// The most similar name.
        like: Option<String>,
        known: String,
    },
    #[error("dataset {dataset}: min={min} is more than max={max}")]
    Order { dataset: &'static str, min: usize, max: usize },
    /// Each value is allowed, but together they are too much.
    #[error("dataset {dataset} would have about {size} {unit}; at most {limit} are allowed: lower {keys}")]
    TooMuch {
        dataset: &'static str,
        size: u64,
        unit: &'static str,
        limit: u64,
        /// The keys whose values can be lowered.
        keys: &'static str,
    },
}

fn suggestion(name: &Option<String>) -> String {
    name.as_ref().map(|name| format!(", did you mean {name:?}?")).unwrap_or_default()
}
