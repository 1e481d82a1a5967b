//! The spec of a dataset: `words:384x255`, `lognormal:median=64,sigma=0.8,count=1000`, `file=texts.jsonl`.

use std::fmt;
use std::path::PathBuf;

use super::error::DatasetError;

/// Texts of the payload of the public comparisons of embedding servers.
pub(super) const PAYLOAD_TEXTS: usize = 255;
/// Words of each of these texts but one.
pub(super) const PAYLOAD_WORDS: usize = 384;

/// The most texts of a dataset, or pairs of query and document.
pub(crate) const MAX_TEXTS: usize = 1_000_000;
/// The longest text, in tokens or words.
pub(crate) const MAX_TEXT_TOKENS: usize = 131_072;
/// The most tokens of a dataset, estimated: some 400 MB of text.
pub(crate) const MAX_TOKENS: u64 = 64_000_000;

/// The spec: `NAME[:KEY=VALUE,…]`, where the first or the first two keys can be left out (`words:384x255`), or
/// `file=PATH`. [`datasets`](super::datasets()) lists the names. `Display` writes every key, so that the text stands
/// for the same dataset even if defaults change.
#[derive(Debug, Clone, PartialEq)]
pub enum DatasetSpec {
    /// A file, which the command reads.
    File(PathBuf),
    Made(Recipe),
}

/// The way in which texts are generated. The values of a spec are within bounds that make sense together; others do no
/// harm.
#[derive(Debug, Clone, PartialEq)]
pub enum Recipe {
    /// Random words.
    Words { length: usize, count: usize },
    /// The shape of the payload of the public comparisons of embedding servers: 384 random words a text, but the second
    /// text is `1`.
    Payload { count: usize },
    /// Random words, all texts of the same number of tokens.
    Fixed {
        /// Tokens a text, specials included.
        tokens: usize,
        count: usize,
    },
    /// Random words, every length equally likely.
    Uniform {
        /// The shortest text in tokens, specials included.
        min: usize,
        /// The longest text in tokens, specials included.
        max: usize,
        count: usize,
    },
    /// Random words, with a log-normal distribution of lengths: many short texts and a few long ones, as in real use.
    Lognormal { lengths: Lengths, count: usize },
    /// The same with repetitions: the text of rank r is repeated in proportion to r^-exponent (Zipf's law).
    Duplicates {
        /// The share of texts that are repetitions, from 0 to below 1.
        share: f64,
        /// The exponent of Zipf's law; 0 repeats all texts alike.
        exponent: f64,
        lengths: Lengths,
        /// The number of texts, repetitions included.
        count: usize,
    },
    /// Queries as people type them into a search box.
    Queries {
        /// The number of texts; beyond the bundled ones they are repeated in another order.
        count: usize,
    },
    /// Sentences and paragraphs in English.
    Passages {
        /// The number of texts; beyond the bundled ones they are repeated in another order.
        count: usize,
    },
    /// Sentences in many languages and scripts.
    Multilingual {
        /// Codes of ISO 639-1; empty for all.
        languages: Vec<String>,
        /// The number of texts; beyond the bundled ones they are repeated in another order.
        count: usize,
    },
    /// Pieces of programs.
    Code {
        /// Names of programming languages; empty for all.
        languages: Vec<String>,
        /// The number of texts; beyond the bundled ones they are repeated in another order.
        count: usize,
    },
    Rerank {
        /// The number of queries; beyond the bundled ones they are repeated in another order.
        queries: usize,
        /// Documents a query: its own, then those of other queries.
        documents: usize,
    },
}

/// A log-normal distribution of lengths: exp(ln(median) + sigma · z) with z of the standard normal distribution,
/// rounded and limited to the range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lengths {
    /// Half of the texts are no longer, in tokens, specials included.
    pub median: usize,
    /// The standard deviation of the logarithm of the length.
    pub sigma: f64,
    /// The shortest text in tokens.
    pub min: usize,
    /// The longest text in tokens.
    pub max: usize,
}

impl Lengths {
    /// The mean without bounds, exp(ln(median) + sigma² / 2).
    fn mean(&self) -> usize {
        let mean = self.median as f64 * libm::exp(self.sigma * self.sigma / 2.0);
        (mean as usize).clamp(self.min, self.max)
    }
}

impl Recipe {
    /// The name of the dataset in specs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Words { .. } => "words",
            Self::Payload { .. } => "payload",
            Self::Fixed { .. } => "fixed",
            Self::Uniform { .. } => "uniform",
            Self::Lognormal { .. } => "lognormal",
            Self::Duplicates { .. } => "duplicates",
            Self::Queries { .. } => "queries",
            Self::Passages { .. } => "passages",
            Self::Multilingual { .. } => "multilingual",
            Self::Code { .. } => "code",
            Self::Rerank { .. } => "rerank",
        }
    }

    /// True if generation counts tokens.
    pub fn counts_tokens(&self) -> bool {
        matches!(self, Self::Fixed { .. } | Self::Uniform { .. } | Self::Lognormal { .. } | Self::Duplicates { .. })
    }

    pub fn is_rerank(&self) -> bool {
        matches!(self, Self::Rerank { .. })
    }

    /// Refuses values that are allowed each by itself but too much together.
    pub(super) fn check(self) -> Result<Self, DatasetError> {
        let dataset = self.name();
        match self {
            Self::Uniform { min, max, .. }
            | Self::Lognormal { lengths: Lengths { min, max, .. }, .. }
            | Self::Duplicates { lengths: Lengths { min, max, .. }, .. }
                if min > max =>
            {
                return Err(DatasetError::Order { dataset, min, max });
            }
            _ => {}
        }
        let (texts, tokens, keys) = match &self {
            Self::Words { length, count } => (*count, *length, "length or count"),
            Self::Payload { count } => (*count, PAYLOAD_WORDS, "count"),
            Self::Fixed { tokens, count } => (*count, *tokens, "tokens or count"),
            Self::Uniform { min, max, count } => (*count, (min + max) / 2, "max or count"),
            Self::Lognormal { lengths, count } | Self::Duplicates { lengths, count, .. } => {
                (*count, lengths.mean(), "max or count")
            }
            Self::Rerank { queries, documents } => (queries * documents, 0, "queries or documents"),
            Self::Queries { count }
            | Self::Passages { count }
            | Self::Multilingual { count, .. }
            | Self::Code { count, .. } => (*count, 0, "count"),
        };
        let tokens = texts as u64 * tokens as u64;
        if texts > MAX_TEXTS {
            let (size, limit) = (texts as u64, MAX_TEXTS as u64);
            return Err(DatasetError::TooMuch { dataset, size, unit: "texts", limit, keys });
        }
        if tokens > MAX_TOKENS {
            return Err(DatasetError::TooMuch { dataset, size: tokens, unit: "tokens", limit: MAX_TOKENS, keys });
        }
        Ok(self)
    }
}

impl fmt::Display for DatasetSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file={}", path.display()),
            Self::Made(recipe) => recipe.fmt(f),
        }
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.name())?;
        match self {
            Self::Words { length: tokens, count } | Self::Fixed { tokens, count } => write!(f, "{tokens}x{count}"),
            Self::Rerank { queries, documents } => write!(f, "{queries}x{documents}"),
            Self::Payload { count } | Self::Queries { count } | Self::Passages { count } => write!(f, "{count}"),
            Self::Uniform { min, max, count } => write!(f, "min={min},max={max},count={count}"),
            Self::Lognormal { lengths, count } => write!(f, "{lengths},count={count}"),
            Self::Duplicates { share, exponent, lengths, count } => {
                write!(f, "share={share},exponent={exponent},{lengths},count={count}")
            }
            Self::Multilingual { languages, count } | Self::Code { languages, count } if languages.is_empty() => {
                write!(f, "{count}")
            }
            Self::Multilingual { languages, count } | Self::Code { languages, count } => {
                write!(f, "languages={},count={count}", languages.join("+"))
            }
        }
    }
}

impl fmt::Display for Lengths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "median={},sigma={},min={},max={}", self.median, self.sigma, self.min, self.max)
    }
}
