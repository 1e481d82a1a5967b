//! What is not allowed of vectors: `cosine_min<0.999`, `nan>0`.

use std::fmt;
use std::str::FromStr;

use super::{METRICS, VectorComparison};

/// A figure of a comparison, and a limit to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VectorThreshold {
    /// One of [`METRICS`].
    pub metric: &'static str,
    /// Whether what lies above the limit is not allowed, or what lies below it.
    above: bool,
    limit: f64,
}

/// Why a text is no threshold of vectors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VectorThresholdError {
    /// It has another form.
    #[error("a threshold of vectors is a metric, < or >, and a number: cosine_min<0.999, nan>0")]
    Form,
    /// There is no such metric.
    #[error("vectors have no metric {0:?}; they have: {known}", known = METRICS.join(", "))]
    Metric(String),
    /// Its limit is no number.
    #[error("{0:?} is no number; a limit of vectors is a value: cosine_min<0.999, nan>0")]
    Number(String),
}

impl FromStr for VectorThreshold {
    type Err = VectorThresholdError;

    fn from_str(text: &str) -> Result<Self, VectorThresholdError> {
        let at = text.find(['<', '>']).ok_or(VectorThresholdError::Form)?;
        let (name, rest) = text.split_at(at);
        let (name, above) = (name.trim(), rest.starts_with('>'));
        let metric = METRICS.into_iter().find(|metric| *metric == name);
        let metric = metric.ok_or_else(|| VectorThresholdError::Metric(name.to_owned()))?;
        let limit = rest.get(1..).unwrap_or_default().trim();
        let number = limit.parse().ok().filter(|number: &f64| number.is_finite());
        let limit = number.ok_or_else(|| VectorThresholdError::Number(limit.to_owned()))?;
        Ok(Self { metric, above, limit })
    }
}

impl fmt::Display for VectorThreshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.metric, if self.above { '>' } else { '<' }, self.limit)
    }
}

impl VectorThreshold {
    /// Whether it is crossed, and the figure. One that is not known counts as crossed: of vectors that cannot be compared
    /// nobody can say that they are near enough.
    pub fn crossed(&self, comparison: &VectorComparison) -> (bool, Option<f64>) {
        let figure = comparison.metric(self.metric);
        let beyond = |figure: f64| if self.above { figure > self.limit } else { figure < self.limit };
        (figure.is_none_or(beyond), figure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (text, shown) in
            [("cosine_min<0.999", "cosine_min<0.999"), (" nan > 0", "nan>0"), ("top10<.95", "top10<0.95")]
        {
            assert_eq!(text.parse::<VectorThreshold>().unwrap().to_string(), shown);
        }
        let error = |text: &str| text.parse::<VectorThreshold>().unwrap_err().to_string();
        assert!(error("speed<1").starts_with("vectors have no metric \"speed\"; they have: cosine_min, cosine_p1, "));
        assert!(error("cosine_min").starts_with("a threshold of vectors is"));
        for text in ["nan>", "nan>5%", "nan>NaN", "cosine_min<inf", "cosine_min<x"] {
            assert!(error(text).contains("is no number"), "{text}");
        }
    }
}
