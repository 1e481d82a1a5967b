//! Thresholds, `METRIC<LIMIT` and `METRIC>LIMIT`: one grammar for all kinds of comparisons, with the metrics of each.

use std::collections::HashSet;
use std::fmt;

use super::runs::Unit;
use super::{engines, quality, runs, scores, vectors};
use crate::report::document::Check;
use crate::suggest::suggest_by;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Result files of `infa bench`.
    Runs,
    /// Saved vectors.
    Vectors,
    /// Engines on the same texts.
    Engines,
}

/// A metric, and the limits that it takes.
struct Metric {
    name: &'static str,
    alias: &'static str,
    label: &'static str,
    unit: Option<Unit>,
    /// True if a limit may be a change.
    changes: bool,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Runs, Self::Vectors, Self::Engines];

    /// Its subcommand of `infa compare`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Vectors => "vectors",
            Self::Engines => "engines",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Runs => "result files",
            Self::Vectors => "saved vectors",
            Self::Engines => "engines",
        }
    }

    /// Limits that the kind of comparison takes.
    fn limits(self) -> &'static str {
        match self {
            Self::Runs => "a change (tokens_per_s<-5%) or a value (cosine_min<0.999, p99>100ms, memory>2GiB)",
            Self::Vectors => "a value (cosine_min<0.999, nan>0)",
            Self::Engines => "a value (cosine_min<0.999) or, of a figure of a task, a change (ndcg10<-1%)",
        }
    }

    fn metrics(self) -> Vec<Metric> {
        let plain = |name: &'static str| {
            let changes = self == Self::Engines && quality::JUDGED.contains(&name);
            Metric { name, alias: name, label: name, unit: None, changes }
        };
        let vectors = vectors::METRICS.map(|(name, _)| name);
        match self {
            Self::Runs => {
                let metric = |of: &runs::Metric| {
                    let changes = of.scale == runs::Scale::Ratio;
                    Metric { name: of.name, alias: of.field, label: of.label, unit: Some(of.unit), changes }
                };
                runs::METRICS.iter().map(metric).collect()
            }
            Self::Vectors => vectors.into_iter().map(plain).collect(),
            Self::Engines => {
                let (scores, own) = (scores::METRICS.map(|(name, _)| name), engines::METRICS.map(|(name, _)| name));
                let tasks = quality::JUDGED.into_iter().chain(quality::OTHERS);
                let mut names: Vec<&str> = vectors.into_iter().chain(scores).chain(tasks).chain(own).collect();
                let mut seen = HashSet::new();
                names.retain(|name| seen.insert(*name));
                names.into_iter().map(plain).collect()
            }
        }
    }
}

/// Names and labels of the metrics of these kinds of comparisons; of all without one.
pub(crate) fn metrics(kind: Option<Kind>) -> Vec<(&'static str, &'static str)> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for metric in Kind::ALL.into_iter().filter(|of| kind.is_none_or(|kind| kind == *of)).flat_map(Kind::metrics) {
        if !found.iter().any(|(name, _)| *name == metric.name) {
            found.push((metric.name, metric.label));
        }
    }
    found
}

/// A metric that a kind of comparison does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} have no metric {name:?}{}; infa compare {} --help lists their metrics", kind.noun(), self.remark(), kind.name())]
pub struct UnknownMetric {
    kind: Kind,
    name: String,
    /// The one that was probably meant.
    meant: Option<&'static str>,
    /// A kind of comparison that has it.
    other: Option<Kind>,
}

impl UnknownMetric {
    pub fn new(kind: Kind, name: &str) -> Self {
        const MIN_SIMILARITY: f64 = 0.8;
        let has = |kind: &Kind| kind.metrics().iter().any(|metric| metric.name == name);
        let names = kind.metrics().into_iter();
        let names = names.flat_map(|of| [(of.name.to_owned(), of.name), (of.alias.to_owned(), of.name)]);
        let other = Kind::ALL.into_iter().find(has);
        let meant = suggest_by(name, names, MIN_SIMILARITY).filter(|_| other.is_none());
        Self { kind, name: name.to_owned(), meant, other }
    }

    fn remark(&self) -> String {
        match (self.other, self.meant) {
            (Some(other), _) => format!(": it is one of {}", other.noun()),
            (None, Some(meant)) => format!(", did you mean {meant}?"),
            (None, None) => String::new(),
        }
    }
}

/// A text that is not a threshold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ThresholdError {
    #[error("a threshold is a metric, < or >, and a limit: {}", .0.limits())]
    Form(Kind),
    #[error(transparent)]
    Metric(#[from] UnknownMetric),
    #[error("{0:?} is not a number; a limit is {limits}", limits = .1.limits())]
    Number(String, Kind),
    #[error("{0} is compared with a value, not with a change: {0}{1}")]
    Relative(&'static str, &'static str),
    #[error("no change at all would be a failure already; did you mean {0}?")]
    Always(String),
}

/// A metric, and a limit to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Threshold {
    pub(super) metric: &'static str,
    /// True if values above the limit are failures, or those below it.
    pub(super) above: bool,
    pub(super) limit: Limit,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Limit {
    /// A change as a share: -0.05.
    Change(f64),
    /// A value in the metric's unit.
    Value(f64),
}

impl Threshold {
    /// Reads a threshold of this kind of comparison.
    pub(crate) fn parse(text: &str, kind: Kind) -> Result<Self, ThresholdError> {
        let at = text.find(['<', '>']).ok_or(ThresholdError::Form(kind))?;
        let (name, rest) = text.split_at(at);
        let (name, above) = (name.trim(), rest.starts_with('>'));
        let limit = rest.get(1..).unwrap_or_default().trim();
        // Noise makes the limit itself no matter.
        let limit = limit.strip_prefix('=').unwrap_or(limit).trim();
        if name.is_empty() || limit.is_empty() {
            return Err(ThresholdError::Form(kind));
        }
        let metric = kind.metrics().into_iter().find(|metric| metric.name == name || metric.alias == name);
        let metric = metric.ok_or_else(|| UnknownMetric::new(kind, name))?;
        let limit = Limit::parse(limit, &metric, kind)?;
        let threshold = Self { metric: metric.name, above, limit };
        match limit {
            Limit::Change(change) if if above { change < 0.0 } else { change > 0.0 } => {
                let meant = Self { limit: Limit::Change(-change), ..threshold };
                Err(ThresholdError::Always(meant.to_string()))
            }
            _ => Ok(threshold),
        }
    }

    pub(crate) fn parse_all(texts: &[String], kind: Kind) -> Result<Vec<Self>, ThresholdError> {
        texts.iter().map(|text| Self::parse(text, kind)).collect()
    }

    /// True for a limit to inputs of one set alone, which allows some.
    pub(super) fn allows_unmatched(&self) -> bool {
        self.metric == "unmatched" && self.above
    }

    /// True if a value is on the wrong side of a limit.
    pub(super) fn beyond(&self, value: f64, limit: f64) -> bool {
        if self.above { value > limit } else { value < limit }
    }

    /// The end of an interval that keeps a value beyond its limit from crossing it, in words; `None` if it is not beyond
    /// it, or certainly.
    pub(super) fn doubt(
        &self,
        value: f64,
        limit: f64,
        interval: (f64, f64),
        write: impl Fn(f64) -> String,
    ) -> Option<String> {
        let end = self.near(interval);
        let word = if self.above { "begins at" } else { "ends at" };
        (self.beyond(value, limit) && !self.beyond(end, limit)).then(|| format!("{word} {}", write(end)))
    }

    /// The end of an interval that is nearer to what is allowed: noise does not cross a threshold.
    pub(super) fn near(&self, (low, high): (f64, f64)) -> f64 {
        if self.above { low } else { high }
    }
}

impl Limit {
    fn parse(text: &str, metric: &Metric, kind: Kind) -> Result<Self, ThresholdError> {
        let wrong = || ThresholdError::Number(text.to_owned(), kind);
        let number = |text: &str| -> Option<f64> { text.trim().parse().ok().filter(|number: &f64| number.is_finite()) };
        if let Some(percent) = text.strip_suffix('%') {
            let share = number(percent).ok_or_else(wrong)? / 100.0;
            return match metric.unit {
                _ if metric.changes => Ok(Self::Change(share)),
                // A share is a value in per cent; with a sign it would be a change.
                Some(Unit::Share) if !percent.starts_with(['+', '-']) => Ok(Self::Value(share)),
                unit => {
                    let example = if unit == Some(Unit::Share) { ">1%" } else { "<0.999" };
                    Err(ThresholdError::Relative(metric.name, example))
                }
            };
        }
        let value = match metric.unit {
            Some(Unit::Bytes) => text.parse::<bytesize::ByteSize>().ok().map(|size| size.as_u64() as f64),
            Some(Unit::Milliseconds) => match text.strip_suffix("ms") {
                Some(text) => number(text),
                None => text.strip_suffix('s').map_or_else(|| number(text), |text| number(text).map(|s| s * 1e3)),
            },
            Some(Unit::Seconds) => number(text.strip_suffix('s').unwrap_or(text)),
            _ => number(text),
        };
        value.map(Self::Value).ok_or_else(wrong)
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.metric, if self.above { '>' } else { '<' })?;
        match self.limit {
            // The fewest digits that distinguish it: 0.05 is 5.000000000000001 % otherwise.
            Limit::Change(change) => write!(f, "{:+}%", (change * 1e10).round() / 1e8),
            Limit::Value(value) => write!(f, "{value}"),
        }
    }
}

/// The result of a threshold for one engine or set, in the words that all comparisons use. `crossed` is `None` where the
/// noise is not known, or the sides are not `comparable`.
pub(super) fn checked(threshold: &str, crossed: Option<bool>, comparable: bool, subject: &str, found: &str) -> Check {
    let outcome = match crossed {
        Some(true) => "crossed by",
        Some(false) => "not crossed by",
        None if !comparable => "not checked for",
        None => "not checked, since its noise is not known, for",
    };
    Check { crossed, comparable, text: format!("{threshold}: {outcome} {subject}: {}", measured(threshold, found)) }
}

/// As [`checked`], of a value beyond its limit whose interval reaches back across it: `end` is that end of it, such as
/// `begins at +6.5%`.
pub(super) fn doubtful(threshold: &str, subject: &str, found: &str, end: &str) -> Check {
    let found = measured(threshold, found);
    let value = found.split(" (").next().unwrap_or_default();
    let text = format!("{threshold}: not crossed for certain by {subject}: {value}, but the interval {end}");
    Check { crossed: Some(false), comparable: true, text }
}

/// A value with the name of its metric.
fn measured(threshold: &str, found: &str) -> String {
    let metric = threshold.split(['<', '>']).next().unwrap_or_default();
    match found.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-')) {
        true if found.contains('%') => format!("{metric} by {found}"),
        true => format!("{metric} {found}"),
        false => found.to_owned(),
    }
}

/// Seven digits: a cosine of 0.99987 is not 1.
pub(super) fn digits(value: f64) -> String {
    let rounded: f64 = format!("{value:.6e}").parse().unwrap_or(value);
    rounded.to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_read_and_written() {
        for (kind, text, written) in [
            (Kind::Runs, "tokens_per_s<-5%", "tokens_per_s<-5%"),
            (Kind::Runs, " p99 > +10 % ", "p99>+10%"),
            (Kind::Runs, "p99_ms>10%", "p99>+10%"),
            (Kind::Runs, "p99>=100ms", "p99>100"),
            (Kind::Runs, "p50>1.5s", "p50>1500"),
            (Kind::Runs, "memory>2GiB", "memory>2147483648"),
            (Kind::Runs, "memory>+12.5%", "memory>+12.5%"),
            (Kind::Runs, "cosine_min<0.999", "cosine_min<0.999"),
            (Kind::Runs, "errors>1%", "errors>0.01"),
            (Kind::Runs, "errors>0", "errors>0"),
            (Kind::Runs, "load>3s", "load>3"),
            (Kind::Runs, "tokens_per_s<0%", "tokens_per_s<+0%"),
            (Kind::Vectors, " nan > 0", "nan>0"),
            (Kind::Vectors, "top10<.95", "top10<0.95"),
            (Kind::Engines, " ndcg10 < -1 %", "ndcg10<-1%"),
            (Kind::Engines, "spearman<0%", "spearman<+0%"),
            (Kind::Engines, "alone_max_difference>1e-6", "alone_max_difference>0.000001"),
            (Kind::Engines, "tau_min<=.9", "tau_min<0.9"),
        ] {
            let parsed = |text: &str| Threshold::parse(text, kind).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(parsed(text).to_string(), written);
            assert_eq!(parsed(written).to_string(), written);
        }
    }

    #[test]
    fn other_texts_are_refused_with_what_was_probably_meant() {
        for (kind, text, words) in [
            (Kind::Runs, "", "a metric, < or >"),
            (Kind::Runs, "p99", "a metric, < or >"),
            (Kind::Runs, "p99>", "a metric, < or >"),
            (Kind::Runs, "<5%", "a metric, < or >"),
            (Kind::Engines, "nan>", "a metric, < or >"),
            (Kind::Runs, "p99>fast", "\"fast\" is not a number"),
            (Kind::Runs, "p99>NaN", "is not a number"),
            (Kind::Runs, "p99>inf%", "is not a number"),
            (Kind::Runs, "memory>2 parrots", "is not a number"),
            (Kind::Vectors, "nan>NaN", "is not a number"),
            (Kind::Engines, "ndcg10<x%", "\"x%\" is not a number"),
            (Kind::Engines, "ndcg10<inf", "is not a number"),
            (Kind::Runs, "cosine_min<-1%", "cosine_min<0.999"),
            (Kind::Runs, "errors>+1%", "errors>1%"),
            (Kind::Vectors, "nan>5%", "nan is compared with a value, not with a change"),
            (Kind::Engines, "cosine_min<-1%", "cosine_min is compared with a value"),
            (Kind::Runs, "tokens_per_s<5%", "did you mean tokens_per_s<-5%?"),
            (Kind::Runs, "p99>-10%", "did you mean p99>+10%?"),
            (Kind::Engines, "spearman>-2%", "did you mean spearman>+2%?"),
            (
                Kind::Runs,
                "token_per_s<-5%",
                "result files have no metric \"token_per_s\", did you mean tokens_per_s?; infa compare runs --help",
            ),
            (Kind::Runs, "colour<-5%", "no metric \"colour\"; infa compare runs --help lists their metrics"),
            (
                Kind::Vectors,
                "p99>1",
                "saved vectors have no metric \"p99\": it is one of result files; infa compare vectors --help",
            ),
            (Kind::Engines, "memory>1GiB", "engines have no metric \"memory\": it is one of result files"),
            (Kind::Engines, "concurent_cosine_min<1", "did you mean concurrent_cosine_min?"),
        ] {
            let error = Threshold::parse(text, kind).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
            assert!(error.len() < 200, "{error}");
        }
    }

    #[test]
    fn results_have_the_same_words_everywhere() {
        let text = |crossed, comparable, found| checked("cosine_min<0.9", crossed, comparable, "onnx", found).text;
        assert_eq!(text(Some(true), true, "0.85"), "cosine_min<0.9: crossed by onnx: cosine_min 0.85");
        assert_eq!(text(Some(false), true, "cosine_min 0.95"), "cosine_min<0.9: not crossed by onnx: cosine_min 0.95");
        assert_eq!(text(Some(true), true, "it is not known"), "cosine_min<0.9: crossed by onnx: it is not known");
        assert_eq!(
            doubtful("p99>+10%", "onnx", "+14.0% (+6.5% … +22.1%)", "begins at +6.5%").text,
            "p99>+10%: not crossed for certain by onnx: p99 by +14.0%, but the interval begins at +6.5%"
        );
        assert_eq!(text(None, false, "-3.0% (x)"), "cosine_min<0.9: not checked for onnx: cosine_min by -3.0% (x)");
    }
}
