//! The last messages of a comparison, and its exit status.

use crate::commands::{AppContext, Error, Outcome};
use crate::compare::threshold::{Kind, Threshold};
use crate::report::document::Check;

pub(super) fn thresholds(texts: &[String], kind: Kind) -> Result<Vec<Threshold>, Error> {
    Threshold::parse_all(texts, kind).map_err(|e| Error::Flag { flag: "--fail-if", reason: e.to_string() })
}

/// Prints each threshold that was crossed or could not be checked. One that could not be checked because the sides are not
/// comparable is no success; one that was crossed counts more.
pub(super) fn judge(checks: &[Check], app: &AppContext) -> Outcome {
    let printer = app.bars.printer();
    let mut outcome = Outcome::Done;
    for Check { crossed, comparable, text } in checks {
        match crossed {
            Some(true) => {
                outcome = Outcome::ThresholdCrossed;
                printer.error(text, None);
            }
            Some(false) => {}
            None if !comparable => {
                if outcome == Outcome::Done {
                    outcome = Outcome::NotComparable;
                }
                printer.error(text, Some("compare runs of the same workload, or add --force"));
            }
            None => printer.warning(text),
        }
    }
    outcome
}
