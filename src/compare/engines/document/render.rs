//! A comparison of engines for its three readers.

use super::content::document_of;
use crate::compare::engines::EnginesReport;
use crate::report::{TableOptions, document};

/// The report for a terminal, with a newline at its end.
pub fn table(report: &EnginesReport, options: &TableOptions) -> String {
    document::terminal(&document_of(report), options)
}

/// The report in GitHub's Markdown, with a newline at its end. No text in it becomes markup.
pub fn markdown(report: &EnginesReport) -> String {
    document::markdown(&document_of(report))
}

/// The report as a page of HTML in one file: verdicts, thresholds, tables, the distribution of cosines, speed against
/// fidelity, each engine. It loads and runs nothing, and every text is escaped.
pub fn html(report: &EnginesReport) -> String {
    document::html(document_of(report))
}
