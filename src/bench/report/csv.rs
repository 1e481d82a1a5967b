//! The report for spreadsheets and data frames: a row an engine.

use super::columns::failed;
use super::{CurveKind, EngineReport, EngineState, Report};
use crate::report::Figure;

/// The report as CSV (RFC 4180, but lines end in a newline alone), with a heading. Cells of unknown values are empty.
/// Texts that a spreadsheet would take for a formula have a `'` before them.
///
/// # Errors
/// Errors of the writer; none is expected, as it writes into memory.
pub(crate) fn csv(report: &Report) -> Result<String, ::csv::Error> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    // The heading is the same in all reports, and present without engines.
    writer.write_record(cells(report, &EngineReport::new("", "")).iter().map(|(name, _)| name))?;
    for engine in &report.engines {
        writer.write_record(cells(report, engine).iter().map(|(_, cell)| cell))?;
    }
    let bytes = writer.into_inner().map_err(|error| ::csv::Error::from(error.into_error()))?;
    String::from_utf8(bytes).map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error).into())
}

/// Columns with their names, in order.
type Cells = Vec<(String, String)>;

/// The same columns for every engine.
fn cells(report: &Report, engine: &EngineReport) -> Cells {
    let mut cells = Cells::new();
    state(&mut cells, engine);
    for (name, figure) in engine.figures.all() {
        spread(&mut cells, name, figure);
    }
    let (tokens, resources) = (&engine.tokens, &engine.resources);
    let mut push = |name: &str, cell: String| cells.push((name.to_owned(), cell));
    push("tokens_counted", known(tokens.counted));
    push("tokens_reported", known(tokens.reported));
    push("texts_truncated", known(tokens.truncated));
    push("peak_memory_bytes", known(resources.peak_memory_bytes));
    push("peak_gpu_memory_bytes", known(resources.peak_gpu_memory_bytes));
    push("cpu_cores", known(resources.cpu_cores));
    fidelity(&mut cells, engine);
    curve(&mut cells, engine);
    origin(&mut cells, report);
    cells
}

fn state(cells: &mut Cells, engine: &EngineReport) {
    let mut push = |name: &str, cell: String| cells.push((name.to_owned(), cell));
    push("engine", text(&engine.name));
    push("spec", text(&engine.spec));
    push("version", text(engine.version.as_deref().unwrap_or_default()));
    let nothing = ["", "", ""];
    let (state, half_width, [stage, kind, message]) = match &engine.state {
        EngineState::Stable { half_width } => ("stable", Some(*half_width), nothing),
        EngineState::Unstable { half_width } => ("unstable", *half_width, nothing),
        EngineState::Once => ("once", None, nothing),
        EngineState::NotMeasured => ("not_measured", None, nothing),
        EngineState::Failed { stage, kind, message } => ("failed", None, [stage, kind, message].map(String::as_str)),
    };
    push("state", state.to_owned());
    push("half_width", known(half_width));
    push("failed_stage", text(stage));
    push("failed_kind", text(kind));
    push("failed_message", text(message));
    push("load_seconds", known(engine.load_seconds));
    push("first_answer_seconds", known(engine.first_answer_seconds));
    push("rounds", engine.rounds.len().to_string());
    push("answered", engine.answered.to_string());
    push("failed", failed(engine).to_string());
    push("dropped", engine.dropped.to_string());
}

fn spread(cells: &mut Cells, name: &str, figure: Option<Figure>) {
    let interval = figure.and_then(|figure| figure.interval);
    for (part, value) in [
        ("median", figure.map(|figure| figure.median)),
        ("min", figure.map(|figure| figure.min)),
        ("max", figure.map(|figure| figure.max)),
        ("low", interval.map(|(low, _)| low)),
        ("high", interval.map(|(_, high)| high)),
    ] {
        cells.push((format!("{name}_{part}"), known(value)));
    }
}

fn fidelity(cells: &mut Cells, engine: &EngineReport) {
    let mut push = |name: &str, cell: String| cells.push((name.to_owned(), cell));
    let fidelity = engine.fidelity.as_ref();
    let vectors = fidelity.and_then(|fidelity| fidelity.vectors.as_ref());
    let agreement = vectors.and_then(|vectors| vectors.agreement);
    push("vectors_pairs", known(vectors.map(|vectors| vectors.pairs)));
    push("vectors_nan", known(vectors.map(|vectors| vectors.nan)));
    push("vectors_infinite", known(vectors.map(|vectors| vectors.infinite)));
    push("vectors_zero", known(vectors.map(|vectors| vectors.zero)));
    push("vectors_dimension_mismatches", known(vectors.map(|vectors| vectors.dimension_mismatches)));
    push("cosine_min", known(agreement.map(|agreement| agreement.cosine_min)));
    push("cosine_p1", known(agreement.map(|agreement| agreement.cosine_p1)));
    push("cosine_mean", known(agreement.map(|agreement| agreement.cosine_mean)));
    push("vectors_max_difference", known(agreement.map(|agreement| agreement.max_difference)));
    push("norm_drift_max", known(agreement.map(|agreement| agreement.norm_drift_max)));
    push("norm_drift_mean", known(agreement.map(|agreement| agreement.norm_drift_mean)));
    let ranking = fidelity.and_then(|fidelity| fidelity.ranking.as_ref());
    push("queries", known(ranking.map(|ranking| ranking.queries)));
    push("queries_nan", known(ranking.map(|ranking| ranking.nan)));
    push("tau_min", known(ranking.and_then(|ranking| ranking.tau_min)));
    push("tau_mean", known(ranking.and_then(|ranking| ranking.tau_mean)));
    push("overlap_top_k", known(ranking.map(|ranking| ranking.top_k)));
    push("overlap_min", known(ranking.and_then(|ranking| ranking.overlap_min)));
    push("overlap_mean", known(ranking.and_then(|ranking| ranking.overlap_mean)));
    push("scores_max_difference", known(ranking.and_then(|ranking| ranking.max_difference)));
    let invariance = fidelity.and_then(|fidelity| fidelity.invariance.as_ref());
    push("invariance_pairs", known(invariance.map(|invariance| invariance.pairs)));
    push("invariance_identical", known(invariance.map(|invariance| invariance.identical)));
    push("invariance_max_difference", known(invariance.and_then(|invariance| invariance.max_difference)));
    push("invariance_cosine_min", known(invariance.and_then(|invariance| invariance.cosine_min)));
}

fn curve(cells: &mut Cells, engine: &EngineReport) {
    let mut push = |name: &str, cell: String| cells.push((name.to_owned(), cell));
    let curve = engine.curve.as_ref();
    let best = curve.and_then(|curve| curve.steps.get(curve.best?));
    let held = curve.and_then(|curve| curve.held);
    let kind = |kind| match kind {
        CurveKind::Concurrency => "concurrency",
        CurveKind::Rate => "rate",
        CurveKind::Search => "search",
    };
    push("curve", curve.map(|curve| kind(curve.kind)).unwrap_or_default().to_owned());
    push("curve_steps", known(curve.map(|curve| curve.steps.len())));
    push("best_load", known(best.map(|step| step.load)));
    push("best_requests_per_second", known(best.and_then(|step| step.requests_per_second)));
    push("best_tokens_per_second", known(best.and_then(|step| step.tokens_per_second)));
    push("held_quantile", known(held.map(|held| held.quantile)));
    push("held_latency_ms", known(held.map(|held| held.latency_ms)));
    push("held_requests_per_second", known(held.and_then(|held| held.holds)));
    push("fails_requests_per_second", known(held.and_then(|held| held.fails)));
}

/// The columns that distinguish rows of several reports.
fn origin(cells: &mut Cells, report: &Report) {
    let mut push = |name: &str, cell: String| cells.push((name.to_owned(), cell));
    push("title", text(report.title.as_deref().unwrap_or_default()));
    push("started", text(&report.started));
    push("infa", text(&report.infa));
    push("model", text(&report.model.id));
    push("dataset", text(&report.workload.dataset));
    push("load", text(&report.workload.load));
    push("inputs_per_request", report.workload.inputs_per_request.to_string());
    push("seed", report.workload.seed.to_string());
    push("cpu", text(report.machine.cpu.as_deref().unwrap_or_default()));
    push("cores", report.machine.cores_allowed.to_string());
}

fn known(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// The text without the beginning of a formula (OWASP, CSV Injection), and without NUL, which ends the texts of some
/// readers.
fn text(text: &str) -> String {
    let text = text.replace('\0', "");
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use super::super::sample;
    use super::*;

    fn read(text: &str) -> (Vec<String>, Vec<HashMap<String, String>>) {
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let head: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        let rows = reader.deserialize().map(|row| row.unwrap()).collect();
        (head, rows)
    }

    #[test]
    fn a_row_an_engine() {
        sample::compare("engines.csv", &csv(&sample::engines()).unwrap());
        let (_, rows) = read(&csv(&sample::sweep()).unwrap());
        assert_eq!((rows[0]["best_load"].as_str(), rows[0]["curve"].as_str()), ("8", "concurrency"));
        assert_eq!((rows[1]["held_requests_per_second"].as_str(), rows[1]["best_load"].as_str()), ("30", ""));
        let (_, rows) = read(&csv(&sample::rerank()).unwrap());
        assert_eq!((rows[1]["tau_mean"].as_str(), rows[1]["cosine_min"].as_str()), ("0.9375", ""));
    }

    #[test]
    fn the_heading_is_that_of_every_report() {
        let empty = csv(&sample::of(vec![])).unwrap();
        let (head, rows) = read(&empty);
        assert!(rows.is_empty() && empty.lines().count() == 1);
        assert_eq!(head.iter().collect::<BTreeSet<_>>().len(), head.len(), "names are unique");
        assert!(head.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')));
        for report in [sample::full(), sample::hostile(), sample::failures()] {
            let (found, rows) = read(&csv(&report).unwrap());
            assert_eq!((found, rows.len()), (head.clone(), report.engines.len()));
        }
    }

    #[test]
    fn texts_come_back_and_are_no_formulas() {
        let mut report = sample::engines();
        report.engines[0].name = "a,\"b\"\r\nc\0".to_owned();
        report.engines[1].name = "=HYPERLINK(\"http://x\")".to_owned();
        report.engines[2].name = "-1".to_owned();
        let (_, rows) = read(&csv(&report).unwrap());
        assert_eq!(rows[0]["engine"], "a,\"b\"\r\nc");
        assert_eq!(rows[1]["engine"], "'=HYPERLINK(\"http://x\")");
        assert_eq!(rows[2]["engine"], "'-1");
    }
}
