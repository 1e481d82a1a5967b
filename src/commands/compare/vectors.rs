//! Saved vectors against one another: files → comparison → table, exports.

use std::path::PathBuf;

use super::files::expect_vectors;
use super::outcome::{judge, thresholds};
use crate::cli::{CheckArgs, CompareVectorsArgs};
use crate::commands::exports::Exports;
use crate::commands::{AppContext, Error, Outcome};
use crate::compare::threshold::Kind;
use crate::compare::vectors::{self, SCHEMA_VERSION, VectorSetReport, VectorsReport};
use crate::input::vectors::read;

/// Compares the first file with each of the others.
pub(super) fn run(args: CompareVectorsArgs, app: &AppContext) -> Result<Outcome, Error> {
    let CompareVectorsArgs { files, checks: CheckArgs { fail_if, exports } } = args;
    let fail_if = thresholds(&fail_if, Kind::Vectors)?;
    expect_vectors(&files)?;
    let exports = Exports::of_report(exports, vectors::document)?;
    let mut report = compare(&files, app)?;
    report.check(&fail_if);
    exports.finish(&report, vectors::document, app)?;
    Ok(judge(&report.thresholds, app))
}

/// Holds one candidate in memory at a time.
fn compare(files: &[PathBuf], app: &AppContext) -> Result<VectorsReport, Error> {
    let [first, others @ ..] = files else {
        return Err(Error::Flag { flag: "FILE", reason: "no file to compare".into() });
    };
    let reference = read(first)?;
    let mut comparisons = Vec::with_capacity(others.len());
    for file in others {
        let candidate = read(file)?;
        comparisons.push(vectors::compare(&reference, &candidate)?);
        if app.cancel.is_cancelled() {
            return Err(Error::Interrupted);
        }
    }
    let (infa, reference) = (env!("CARGO_PKG_VERSION").to_owned(), VectorSetReport::of(&reference));
    Ok(VectorsReport { schema_version: SCHEMA_VERSION, infa, reference, comparisons, thresholds: Vec::new() })
}
