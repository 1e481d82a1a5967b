//! Flags of long jobs.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

/// A job that may end early, and what is heard of it.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Job")]
pub struct JobArgs {
    /// Continue the job that was stopped while it wrote --output
    ///
    /// The same model, options and unchanged input files are needed. In jsonl, csv, npy and f32 without compression; stdin cannot be read again. Without an earlier job, it begins at the first row.
    #[arg(long)]
    pub resume: bool,

    /// Discard the rows of a job that was stopped, and begin anew
    #[arg(long, conflicts_with = "resume")]
    pub restart: bool,

    /// End the job when more inputs fail: a number, or a percentage such as 2%
    ///
    /// A percentage counts from the 100th input on. The rows so far can be continued with --resume and a higher limit. [default: no limit]
    #[arg(long, value_name = "N|P%")]
    pub max_failures: Option<MaxFailures>,

    /// Progress on stderr: bar, or json, an object a second
    ///
    /// json has rows, failed, bytes and total_bytes of the input, rows_per_second, seconds and seconds_left.
    #[arg(long, value_enum, value_name = "FORM", default_value_t)]
    pub progress: ProgressForm,

    /// File for the counts of the job as JSON
    ///
    /// Written when the job ends, also early: rows, failed, tokens, truncated, seconds, model, options.
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
}

/// The way in which a job shows how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ProgressForm {
    /// A bar on a terminal
    #[default]
    Bar,
    /// A JSON object a second
    Json,
}

/// The most inputs that may fail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxFailures {
    Inputs(u64),
    /// Percent of the inputs.
    Percent(f64),
}

/// Inputs before a percentage counts: the first alone is all or nothing.
const FIRST_INPUTS: u64 = 100;

impl MaxFailures {
    /// True if `failed` of the first `inputs` are too many; `end`: there are no more.
    pub fn exceeded(self, failed: u64, inputs: u64, end: bool) -> bool {
        match self {
            Self::Inputs(most) => failed > most,
            Self::Percent(most) => (end || inputs >= FIRST_INPUTS) && failed as f64 * 100.0 > most * inputs as f64,
        }
    }
}

impl FromStr for MaxFailures {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let number = match text.strip_suffix('%') {
            Some(percent) => {
                let percent = percent.trim().parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
                percent.map(Self::Percent)
            }
            None => text.parse().ok().map(Self::Inputs),
        };
        number.ok_or_else(|| format!("{text:?} is neither a whole number nor a percentage from 0% to 100%"))
    }
}

impl fmt::Display for MaxFailures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inputs(most) => write!(f, "{most}"),
            Self::Percent(most) => write!(f, "{most}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn limits_of_failures() {
        for (text, limit) in [
            ("0", MaxFailures::Inputs(0)),
            (" 12 ", MaxFailures::Inputs(12)),
            ("2%", MaxFailures::Percent(2.0)),
            ("0.5 %", MaxFailures::Percent(0.5)),
        ] {
            assert_eq!(text.parse::<MaxFailures>().unwrap(), limit, "{text}");
        }
        for text in ["", "%", "-1", "-1%", "101%", "NaN%", "0.5", "two"] {
            assert!(text.parse::<MaxFailures>().is_err(), "{text}");
        }
        let inputs = MaxFailures::Inputs(2);
        assert!(!inputs.exceeded(2, 2, true) && inputs.exceeded(3, 1000, false));
        let percent = MaxFailures::Percent(2.0);
        assert!(!percent.exceeded(99, 99, false) && percent.exceeded(99, 99, true));
        assert!(!percent.exceeded(2, 100, false) && percent.exceeded(3, 100, false));
        assert!(!MaxFailures::Percent(0.0).exceeded(0, 0, true));
    }
}
