//! The report as JSON and back, and its schema.

use serde::Deserialize;

use super::{Report, SCHEMA_VERSION};
use crate::json_words;
#[cfg(test)]
use crate::report::schema_of;

/// The reasons that a text is not a report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// It ends before its last brace: the disk was full, or the copy is incomplete.
    #[error("the report ends too early, in line {line}: it is not whole")]
    Truncated {
        /// Its last line, from 1.
        line: usize,
    },
    #[error("this is not JSON: {message} in line {line}, column {column}")]
    Syntax {
        message: String,
        /// From 1.
        line: usize,
        /// In bytes, from 1.
        column: usize,
    },
    /// It is JSON, but not by infa.
    #[error("this is not a report: it has no schema_version; `infa bench --export-json FILE` writes one")]
    NoReport,
    #[error(
        "this report has schema_version {found}, and infa {} reads {SCHEMA_VERSION}: {}",
        env!("CARGO_PKG_VERSION"),
        if *.found > u64::from(SCHEMA_VERSION) { "a newer infa reads it" } else { "measure again" }
    )]
    Version { found: u64 },
    /// A field is missing, or has a value of another kind.
    #[error("this is not a report of schema_version {SCHEMA_VERSION}: {field}: {message}")]
    Field {
        /// Its path: `engines[2].figures.p99_ms`; `.` is the report itself.
        field: String,
        message: String,
    },
}

/// The report as JSON for files: indented, with a newline at its end.
///
/// # Errors
/// Errors of the serialiser; none is expected.
pub(crate) fn json(report: &Report) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(report).map(|text| text + "\n")
}

/// The schema of reports (JSON Schema, draft 2020-12), published as `docs/bench-report.schema.json`.
#[cfg(test)]
pub(crate) fn schema() -> serde_json::Value {
    schema_of::<Report>("Report of infa bench", SCHEMA_VERSION)
}

/// Reads a report that [`json`] wrote. Unknown fields are ignored.
///
/// # Errors
/// The text is not JSON, incomplete, not a report, or a report of another version.
pub fn parse(text: &str) -> Result<Report, ReportError> {
    /// The part that all versions share.
    #[derive(Deserialize)]
    struct Head {
        schema_version: Option<serde_json::Value>,
    }

    // Byte order marks come from editors.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Syntax first: without JSON there is no field to name.
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| syntax(text, &error))?;
    let head = serde_json::from_str::<Head>(text).map_err(|_| ReportError::NoReport)?;
    match head.schema_version.ok_or(ReportError::NoReport)?.as_u64() {
        Some(version) if version == u64::from(SCHEMA_VERSION) => {}
        Some(found) => return Err(ReportError::Version { found }),
        None => return Err(ReportError::NoReport),
    }
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text)).map_err(|error| {
        ReportError::Field { field: error.path().to_string(), message: json_words::reason(error.inner()) }
    })
}

fn syntax(text: &str, error: &serde_json::Error) -> ReportError {
    let (line, column) = (error.line(), error.column());
    // `0.` at the end is an invalid number for the parser, but may be the first half of a valid one.
    let half = error.to_string().starts_with("invalid number") && text.ends_with(['.', '-', '+', 'e', 'E']);
    if error.is_eof() || half {
        return ReportError::Truncated { line };
    }
    ReportError::Syntax { message: json_words::reason(error), line, column }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::report::snapshots::assert_published;

    fn reports() -> [Report; 7] {
        let empty = sample::of(vec![]);
        let (full, failed) = (sample::full(), sample::failures());
        [empty, full, failed, sample::engines(), sample::sweep(), sample::rerank(), sample::hostile()]
    }

    #[test]
    fn the_published_schema_is_fresh() {
        assert_published("docs/bench-report.schema.json", &schema());
    }

    #[test]
    fn reports_are_as_the_schema_says() {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        for report in reports() {
            let value: serde_json::Value = serde_json::from_str(&json(&report).unwrap()).unwrap();
            let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?}");
        }
        let mut wrong = serde_json::to_value(sample::engines()).unwrap();
        wrong["engines"][1]["state"]["state"] = "quick".into();
        assert!(!validator.is_valid(&wrong));
        wrong = serde_json::to_value(sample::engines()).unwrap();
        wrong["schema_version"] = 2.into();
        assert!(!validator.is_valid(&wrong));
    }

    #[test]
    fn reports_are_read_as_they_are_written() {
        for report in reports() {
            assert_eq!(parse(&json(&report).unwrap()).unwrap(), report);
        }
    }

    #[test]
    fn newer_fields_are_passed_over() {
        let mut value = serde_json::to_value(sample::engines()).unwrap();
        value["engines"][0]["colour"] = "blue".into();
        assert_eq!(parse(&format!("\u{feff}{value}")).unwrap(), sample::engines());
    }

    #[test]
    fn json_that_is_not_a_report_is_refused() {
        let whole = json(&sample::engines()).unwrap();
        let lines = whole.lines().count();
        for (end, line) in [(0, 1), (1, 1), (whole.len() / 2, 0), (whole.len() - 2, lines)] {
            let error = parse(&whole[..end]).unwrap_err();
            assert!(
                matches!(error, ReportError::Truncated { line: found } if line == 0 || found.abs_diff(line) <= 1),
                "{error}"
            );
        }
        let message = |text: &str| parse(text).unwrap_err().to_string();
        assert_eq!(message("{\n  \"a\": nul}"), "this is not JSON: not a JSON value in line 2, column 11");
        assert_eq!(message("{} {}"), "this is not JSON: there is more after the end of the value in line 1, column 4");
        for other in ["{}", "[]", "12", "\"x\"", "null", "{\"schema_version\": \"one\"}", "{\"schema_version\": null}"]
        {
            assert_eq!(parse(other), Err(ReportError::NoReport), "{other}");
        }
        assert_eq!(parse("{\"schema_version\": 0}"), Err(ReportError::Version { found: 0 }));
        assert!(message("{\"schema_version\": 7}").ends_with("reads 1: a newer infa reads it"));

        let mut value = serde_json::to_value(sample::engines()).unwrap();
        value["engines"][2]["figures"]["p99_ms"]["median"] = "fast".into();
        let wrong = message(&value.to_string());
        let expected = "this is not a report of schema_version 1: engines[2].figures.p99_ms.median: expected a number, found a string";
        assert!(wrong.starts_with(expected), "{wrong}");
        assert!(
            message("{\"schema_version\": 1}").contains(": .: missing field `infa`"),
            "{}",
            message("{\"schema_version\": 1}")
        );
    }

    #[test]
    fn nothing_cut_or_changed_makes_it_panic() {
        let whole = json(&sample::sweep()).unwrap();
        for end in (0..whole.len()).step_by(97).filter(|&end| whole.is_char_boundary(end)) {
            let error = parse(&whole[..end]).unwrap_err();
            assert!(matches!(error, ReportError::Truncated { .. }), "{end}: {error}");
        }
        assert!(parse(&"[".repeat(100_000)).is_err());
    }
}
