//! What was measured, beside what was wanted: the tables, and the record.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use comfy_table::Table;
use serde::Serialize;

use crate::bench::Bench;
use crate::load::{Latencies, milliseconds};
use crate::machine::Machine;
use crate::shared::table::{Spread, table};

/// Everything of one run.
#[derive(Serialize)]
pub(crate) struct Report {
    machine: Machine,
    /// Of this program, as they were given.
    arguments: Vec<String>,
    texts: usize,
    scenarios: Vec<(String, Measured)>,
}

/// What one scenario measured.
#[derive(Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Measured(Vec<Row>);

#[derive(Serialize)]
struct Row {
    what: String,
    unit: &'static str,
    /// Over the rounds, or all three the same.
    median: f64,
    min: f64,
    max: f64,
    #[serde(skip)]
    digits: usize,
    /// What the median should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Target>,
    #[serde(skip_serializing_if = "Option::is_none")]
    met: Option<bool>,
}

/// What is wanted of a number.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    fn met(self, number: f64) -> bool {
        match self {
            Self::AtLeast(least) => number >= least,
            Self::AtMost(most) => number <= most,
        }
    }
}

impl Measured {
    /// A number for each round.
    pub(crate) fn rounds(&mut self, what: impl Into<String>, unit: &'static str, digits: usize, rounds: &[f64]) {
        self.row(what.into(), unit, digits, rounds, None);
    }

    /// A number for each round; their median has a target.
    pub(crate) fn wanted(
        &mut self,
        what: impl Into<String>,
        unit: &'static str,
        digits: usize,
        rounds: &[f64],
        target: Target,
    ) {
        self.row(what.into(), unit, digits, rounds, Some(target));
    }

    /// Median and tail of latencies.
    pub(crate) fn latencies(&mut self, whose: &str, latencies: &Latencies) {
        for (name, quantile) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)] {
            self.rounds(format!("{whose}, {name}"), "ms", 2, &[milliseconds(latencies, quantile)]);
        }
    }

    fn row(&mut self, what: String, unit: &'static str, digits: usize, rounds: &[f64], target: Option<Target>) {
        let Spread { median, min, max } = Spread::of(rounds.iter().copied());
        let met = target.map(|target| target.met(median));
        self.0.push(Row { what, unit, median, min, max, digits, target, met });
    }

    pub(crate) fn table(&self) -> Table {
        let mut table = table(&["", "median (min–max)", "unit", "target", ""]);
        for Row { what, unit, median, min, max, digits, target, met } in &self.0 {
            let digits = *digits;
            let value = match min == max {
                true if *median > 0.0 && *median < 1e-3 => format!("{median:.1e}"),
                true => format!("{median:.digits$}"),
                false => Spread { median: *median, min: *min, max: *max }.show(digits),
            };
            let target = match target {
                Some(Target::AtLeast(least)) => format!("≥ {least:.digits$}"),
                Some(Target::AtMost(most)) if (1e-9..1e-3).contains(most) => format!("≤ {most:.0e}"),
                Some(Target::AtMost(most)) => format!("≤ {most:.digits$}"),
                None => String::new(),
            };
            let met = met.map_or("", |met| if met { "met" } else { "MISSED" });
            table.add_row([what.clone(), value, (*unit).to_owned(), target, met.to_owned()]);
        }
        table
    }
}

impl Report {
    pub(crate) fn new(bench: &Bench) -> Result<Self> {
        let arguments = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
        Ok(Self { machine: Machine::this(&bench.library)?, arguments, texts: bench.texts.len(), scenarios: Vec::new() })
    }

    pub(crate) fn add(&mut self, scenario: String, measured: Measured) {
        self.scenarios.push((scenario, measured));
    }

    /// Writes the record, as far as it goes.
    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let record = serde_json::to_string_pretty(self)? + "\n";
        fs::write(file, record).with_context(|| file.display().to_string())
    }

    /// Whether no target was missed.
    pub(crate) fn all_met(&self) -> bool {
        let mut rows = self.scenarios.iter().flat_map(|(_, Measured(rows))| rows);
        rows.all(|row| row.met != Some(false))
    }
}
