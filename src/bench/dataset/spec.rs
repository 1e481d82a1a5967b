//! How a dataset is named: `words:384x255`, `lognormal:median=64,sigma=0.8,count=1000`, `file=texts.jsonl`.

use std::fmt;
use std::path::PathBuf;

use super::error::DatasetError;

/// Texts of the payload with which embedding servers have been compared in public.
pub(super) const PAYLOAD_TEXTS: usize = 255;
/// Words of each, but for one.
pub(super) const PAYLOAD_WORDS: usize = 384;

/// Most texts of a dataset (of rerank sets: pairs of query and document).
pub const MAX_TEXTS: usize = 1_000_000;
/// Longest text, in tokens or words.
pub const MAX_TEXT_TOKENS: usize = 131_072;
/// Most tokens of a dataset, about: some 400 MB of text.
pub const MAX_TOKENS: u64 = 64_000_000;

/// Which texts.
///
/// Written `NAME[:KEY=VALUE,…]`, with the first value or two by themselves in short (`words:384x255`), or `file=PATH`.
/// [`datasets`](super::datasets()) lists them. `Display` writes every key, so that what is written stands for the same
/// texts even if defaults should change.
#[derive(Debug, Clone, PartialEq)]
pub enum DatasetSpec {
    /// A file of the user's, which the command reads.
    File(PathBuf),
    /// What this module makes.
    Made(Recipe),
}

/// How texts are made. What a spec says is within bounds that make sense together; others do no harm.
#[derive(Debug, Clone, PartialEq)]
pub enum Recipe {
    /// Random words.
    Words {
        /// Words a text.
        length: usize,
        /// Texts.
        count: usize,
    },
    /// The shape of the payload with which embedding servers have been compared in public: 384 random words a text, but
    /// the second text is `1`.
    Payload {
        /// Texts.
        count: usize,
    },
    /// Random words, each text of as many tokens as any other.
    Fixed {
        /// Tokens a text, specials included.
        tokens: usize,
        /// Texts.
        count: usize,
    },
    /// Random words, every length as likely as any other.
    Uniform {
        /// Shortest text in tokens, specials included.
        min: usize,
        /// Longest text in tokens, specials included.
        max: usize,
        /// Texts.
        count: usize,
    },
    /// Random words, lengths of a log-normal distribution: many short texts and a few long ones, as in real life.
    Lognormal {
        /// How long the texts are.
        lengths: Lengths,
        /// Texts.
        count: usize,
    },
    /// The same with repetitions: the text of rank r is repeated as often as r^-exponent says (Zipf's law).
    Duplicates {
        /// Part of the texts that were in the dataset already, from 0 to below 1.
        share: f64,
        /// Exponent of Zipf's law; 0 repeats all texts alike.
        exponent: f64,
        /// How long the texts are.
        lengths: Lengths,
        /// Texts, repeated ones included.
        count: usize,
    },
    /// What people type into a search box.
    Queries {
        /// Texts; more than there are come again in another order.
        count: usize,
    },
    /// Sentences and paragraphs in English.
    Passages {
        /// Texts; more than there are come again in another order.
        count: usize,
    },
    /// Sentences in many languages and scripts.
    Multilingual {
        /// Codes of ISO 639-1; empty: all.
        languages: Vec<String>,
        /// Texts; more than there are come again in another order.
        count: usize,
    },
    /// Pieces of programs.
    Code {
        /// Names of programming languages; empty: all.
        languages: Vec<String>,
        /// Texts; more than there are come again in another order.
        count: usize,
    },
    /// Queries with documents.
    Rerank {
        /// Queries; more than there are come again in another order.
        queries: usize,
        /// Documents a query: its own, then those of other queries.
        documents: usize,
    },
}

/// A log-normal distribution of lengths: exp(ln(median) + sigma · z) with z of the standard normal distribution, rounded;
/// what falls outside gets the nearest length allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lengths {
    /// Half of the texts are no longer, in tokens, specials included.
    pub median: usize,
    /// Standard deviation of the logarithm of the length.
    pub sigma: f64,
    /// Shortest text in tokens.
    pub min: usize,
    /// Longest text in tokens.
    pub max: usize,
}

impl Lengths {
    /// The mean without bounds is exp(ln(median) + sigma² / 2).
    fn mean(&self) -> usize {
        let mean = self.median as f64 * libm::exp(self.sigma * self.sigma / 2.0);
        (mean as usize).clamp(self.min, self.max)
    }
}

impl Recipe {
    /// Its name in a spec.
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

    /// Whether tokens are counted while the texts are made.
    pub fn counts_tokens(&self) -> bool {
        matches!(self, Self::Fixed { .. } | Self::Uniform { .. } | Self::Lognormal { .. } | Self::Duplicates { .. })
    }

    /// Whether it makes queries with documents.
    pub fn is_rerank(&self) -> bool {
        matches!(self, Self::Rerank { .. })
    }

    /// What is allowed each by itself may be too much together.
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
