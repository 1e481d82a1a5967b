//! Columns of the tables of engines: heading, meaning, cells.

use super::{Curve, CurveKind, CurveStep, EngineReport, EngineState, Report};
use crate::report::document::{Row, Table};
use crate::report::numbers::{NOTHING, bytes, cosine, count, figure, figure_as, number, percent, plain};
use crate::report::{Figure, Tone};

/// A column with a value for at least one engine.
pub(super) struct Column {
    pub head: &'static str,
    /// The meaning, as a phrase.
    pub about: &'static str,
    /// True if tables show it by default.
    pub main: bool,
    /// One cell an engine, in the order of engines.
    pub cells: Vec<Option<String>>,
}

/// The condition under which tables show a column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rank {
    /// Shown by default.
    Main,
    /// Shown by default if it is the first of these: rates of the same requests say the same.
    Rate,
    /// With all columns only.
    More,
}

use Rank::{Main, More, Rate};

/// Rank, heading, meaning, and an engine's cell.
struct Kind(Rank, &'static str, &'static str, fn(&Report, &EngineReport) -> Option<String>);

/// The most useful columns first.
const KINDS: &[Kind] = &[
    Kind(
        Rate,
        "tokens/s",
        "tokens of answered inputs a second, counted by one tokenizer for all engines",
        |report, engine| rate(report, engine, engine.figures.tokens_per_second),
    ),
    Kind(Rate, "inputs/s", "answered inputs a second", |report, engine| {
        // With one input a request this is the same as the next column.
        let shown = report.workload.inputs_per_request != 1 || engine.figures.requests_per_second.is_none();
        rate(report, engine, engine.figures.inputs_per_second.filter(|_| shown))
    }),
    Kind(Rate, "requests/s", "answered requests a second", |report, engine| {
        rate(report, engine, engine.figures.requests_per_second)
    }),
    Kind(Main, "best", "highest throughput of the steps under rising load, and the load", |_, engine| best(engine)),
    Kind(Main, "holds", "highest rate, in requests a second, at which the latency was kept", |_, engine| {
        let held = engine.curve.as_ref()?.held?;
        Some(held.holds.map_or_else(|| "none".to_owned(), |rate| format!("{}/s", number(rate))))
    }),
    Kind(Main, "speed-up", "speed relative to the baseline, by rounds that ran one after the other", speed_up),
    Kind(Main, "p50 ms", "median latency, counted from when a request was due", |report, engine| {
        match report.workload.is_open_loop() {
            true => decisive(engine, engine.figures.p50_ms),
            false => show(engine.figures.p50_ms),
        }
    }),
    Kind(Main, "p99 ms", "99th percentile of latencies", |_, engine| show(engine.figures.p99_ms)),
    Kind(Main, "cosine min", "smallest cosine of its vectors with those of the reference", |_, engine| {
        Some(cosine(engine.fidelity.as_ref()?.vectors.as_ref()?.agreement?.cosine_min))
    }),
    Kind(Main, "τ-b min", "smallest Kendall's τ-b of its rankings against those of the reference", |_, engine| {
        Some(cosine(engine.fidelity.as_ref()?.ranking.as_ref()?.tau_min?))
    }),
    Kind(Main, "memory", "most memory of its processes during its rounds", |_, engine| {
        engine.resources.peak_memory_bytes.map(bytes)
    }),
    Kind(Main, "errors", "requests that failed, were dropped or never sent, and their share", |_, engine| {
        errors(engine)
    }),
    // Shown if the price of an hour is given.
    Kind(Main, "$/1M tokens", "dollars for a million tokens, by what an hour of the machine costs", |_, engine| {
        show(engine.figures.dollars_per_million_tokens)
    }),
    Kind(More, "seconds", "length of a round", |_, engine| show(engine.figures.seconds)),
    Kind(More, "cosine mean", "mean cosine of its vectors with those of the reference", |_, engine| {
        Some(cosine(engine.fidelity.as_ref()?.vectors.as_ref()?.agreement?.cosine_mean))
    }),
    Kind(More, "τ-b mean", "mean Kendall's τ-b of its rankings against those of the reference", |_, engine| {
        Some(cosine(engine.fidelity.as_ref()?.ranking.as_ref()?.tau_mean?))
    }),
    Kind(
        More,
        "overlap min/mean",
        "smallest and mean part of the first documents that the reference has among its first",
        |_, engine| {
            let ranking = engine.fidelity.as_ref()?.ranking.as_ref()?;
            Some(format!("{} / {}", percent(ranking.overlap_min?), percent(ranking.overlap_mean?)))
        },
    ),
    Kind(
        More,
        "GFLOP/s (% of float32 peak)",
        "floating-point operations of the model a second, and their share of the machine's peak in float32, of engines \
         that compute in another number format without it",
        |_, engine| {
            let gflops = figure(&engine.figures.gflops?);
            let share = engine.figures.gemm_share.filter(|_| !is_int8(engine));
            Some(gflops + &share.map(|share| format!(" ({})", percent(share.median))).unwrap_or_default())
        },
    ),
    Kind(More, "load s", "time from its start until it was ready, in seconds", |_, engine| {
        engine.load_seconds.map(number)
    }),
    Kind(More, "first answer s", "time from then until its first answer, in seconds", |_, engine| {
        engine.first_answer_seconds.map(number)
    }),
    Kind(More, "mean ms", "mean latency", |_, engine| show(engine.figures.mean_ms)),
    Kind(More, "p90 ms", "90th percentile of latencies", |_, engine| show(engine.figures.p90_ms)),
    Kind(More, "p95 ms", "95th percentile of latencies", |_, engine| show(engine.figures.p95_ms)),
    Kind(More, "max ms", "longest latency", |_, engine| show(engine.figures.max_ms)),
    Kind(More, "GPU memory", "most memory of its processes on GPUs", |_, engine| {
        engine.resources.peak_gpu_memory_bytes.map(bytes)
    }),
    Kind(More, "CPU cores", "processor time a second of its rounds", |_, engine| {
        engine.resources.cpu_cores.map(number)
    }),
    Kind(
        More,
        "invariance",
        "vectors alone against under load: identical, or the largest difference of a number",
        |_, engine| {
            let invariance = engine.fidelity.as_ref()?.invariance.as_ref()?;
            match invariance.max_difference {
                _ if invariance.pairs == 0 => None,
                _ if invariance.identical == invariance.pairs => Some("identical".to_owned()),
                None => Some("incomparable".to_owned()),
                Some(difference) => Some(format!("{difference:.1e}")),
            }
        },
    ),
    Kind(More, "tokens", "tokens of the answered inputs, as counted here", |_, engine| {
        engine.tokens.counted.map(count)
    }),
    Kind(More, "truncated", "texts that the engine cut", |_, engine| engine.tokens.truncated.map(count)),
    Kind(More, "J/1M tokens", "joules of processor packages and GPUs for a million tokens", |_, engine| {
        show(engine.figures.joules_per_million_tokens)
    }),
];

/// The columns with values.
pub(super) fn columns(report: &Report) -> Vec<Column> {
    let mut rate = false;
    let mut columns = Vec::new();
    for Kind(rank, head, about, cell) in KINDS {
        let cells: Vec<Option<String>> = report.engines.iter().map(|engine| cell(report, engine)).collect();
        if cells.iter().all(Option::is_none) {
            continue;
        }
        let main = match rank {
            Main => true,
            Rate => !std::mem::replace(&mut rate, true),
            More => false,
        };
        columns.push(Column { head, about, main, cells });
    }
    columns
}

/// A rate. Unless the load decides it, it is the figure by which rounds agree or not.
fn rate(report: &Report, engine: &EngineReport, value: Option<Figure>) -> Option<String> {
    if report.workload.is_open_loop() { show(value) } else { decisive(engine, value) }
}

/// The figure by which rounds agree or not, with its deciding half-width, which warnings name, too.
fn decisive(engine: &EngineReport, value: Option<Figure>) -> Option<String> {
    let value = value?;
    match engine.state {
        EngineState::Stable { half_width } | EngineState::Unstable { half_width: Some(half_width) } => {
            let factor = 1.0 + half_width;
            let interval = Some((value.median / factor, value.median * factor));
            Some(figure(&Figure { interval, ..value }))
        }
        _ => Some(figure(&value)),
    }
}

/// True if an engine computes in int8, which the peak of float32 does not limit.
fn is_int8(engine: &EngineReport) -> bool {
    let spec = engine.spec.split('=').next().unwrap_or_default();
    spec.split(':').skip(1).any(|option| option.starts_with("int8"))
        || engine.details.get("dtype").is_some_and(|dtype| dtype.starts_with("int8"))
}

/// The mark beside the name of an engine whose figures need a warning.
pub(super) fn mark(engine: &EngineReport) -> Option<&'static str> {
    match engine.state {
        EngineState::Stable { .. } | EngineState::Once => None,
        EngineState::Unstable { .. } => Some("unstable"),
        EngineState::NotMeasured => Some("not measured"),
        EngineState::Failed { .. } => Some("failed"),
    }
}

/// Requests that failed, were dropped or never sent.
pub(super) fn failed(engine: &EngineReport) -> u64 {
    engine.failures.iter().map(|failure| failure.count).fold(engine.dropped, u64::saturating_add)
}

type StepFigure = fn(&CurveStep) -> Option<f64>;

/// The steps of a curve, a row each; columns without values are left out.
pub(super) fn steps(curve: &Curve) -> Table {
    let load = match curve.kind {
        CurveKind::Concurrency => "clients",
        CurveKind::Rate | CurveKind::Search => "due/s",
    };
    let figures: [(&'static str, StepFigure); 6] = [
        ("requests/s", |step| step.requests_per_second),
        ("inputs/s", |step| step.inputs_per_second),
        ("tokens/s", |step| step.tokens_per_second),
        ("p50 ms", |step| step.p50_ms),
        ("p99 ms", |step| step.p99_ms),
        ("max ms", |step| step.max_ms),
    ];
    let known = |(_, value): &(_, StepFigure)| curve.steps.iter().any(|step| value(step).is_some());
    let figures: Vec<_> = figures.into_iter().filter(known).collect();
    let mut head: Vec<&'static str> = std::iter::once(load).chain(figures.iter().map(|(head, _)| *head)).collect();
    head.push("failed");
    head.extend(curve.best.map(|_| ""));
    let row = |(at, step): (usize, &CurveStep)| {
        let mut cells = vec![plain(step.load)];
        cells.extend(figures.iter().map(|(_, value)| value(step).map_or_else(|| NOTHING.to_owned(), number)));
        cells.push(percent(step.failure_rate));
        let best = curve.best == Some(at);
        cells.extend(curve.best.map(|_| if best { "best" } else { "" }.to_owned()));
        Row::from((if best { Tone::Good } else { Tone::Plain }, cells))
    };
    let rows = curve.steps.iter().enumerate().map(row).collect();
    Table { toned: head.len() - 1, head, words: 1, rows, ..Table::default() }
}

/// The kind of a curve, and its result.
pub(super) fn outcome(curve: &Curve) -> String {
    let what = match curve.kind {
        CurveKind::Concurrency => "sweep over clients",
        CurveKind::Rate => "sweep over rates",
        CurveKind::Search => "search for the highest rate",
    };
    let found = curve.held.map(|held| {
        let goal = format!("p{} ≤ {} ms", plain((held.quantile * 1e6).round() / 1e4), plain(held.latency_ms));
        match (held.holds, held.fails) {
            (Some(holds), Some(fails)) => {
                format!("; {goal} holds up to {} requests/s, fails at {}", number(holds), number(fails))
            }
            (Some(holds), None) => {
                format!("; {goal} holds up to {} requests/s, the most that was tried", number(holds))
            }
            (None, Some(fails)) => format!("; {goal} fails at {} requests/s already", number(fails)),
            (None, None) => format!("; nothing is known of {goal}"),
        }
    });
    let stop = match curve.stop.as_str() {
        "found" | "" => String::new(),
        other => format!(" (ended by: {other})"),
    };
    format!("{what}{}{stop}", found.unwrap_or_default())
}

fn show(value: Option<Figure>) -> Option<String> {
    value.map(|value| figure(&value))
}

fn speed_up(report: &Report, engine: &EngineReport) -> Option<String> {
    let times = |value: f64| format!("{}×", number(value));
    match engine.figures.speed_up {
        // The baseline is exactly as fast as itself; without other engines the column is empty.
        _ if report.baseline.as_ref() == Some(&engine.name) => {
            let compared =
                report.engines.iter().any(|other| other.name != engine.name && other.figures.speed_up.is_some());
            engine.figures.seconds.filter(|_| compared).map(|_| "1×".to_owned())
        }
        value => Some(figure_as(&value?, times)),
    }
}

fn errors(engine: &EngineReport) -> Option<String> {
    let failed = failed(engine);
    let all = engine.answered.saturating_add(failed);
    match (all, failed) {
        (0, _) => None,
        (_, 0) => Some("0".to_owned()),
        _ => Some(format!("{} ({})", count(failed), percent(failed as f64 / all as f64))),
    }
}

fn best(engine: &EngineReport) -> Option<String> {
    // Of a search the column "holds" shows it.
    let curve = engine.curve.as_ref().filter(|curve| curve.kind != CurveKind::Search)?;
    let step = curve.steps.get(curve.best?)?;
    let load = match curve.kind {
        CurveKind::Concurrency => format!("{} clients", plain(step.load)),
        CurveKind::Rate | CurveKind::Search => format!("{}/s due", plain(step.load)),
    };
    Some(format!("{}/s at {load}", number(step.requests_per_second?)))
}

/// An engine's fidelity in full: names and values.
pub(super) fn fidelity(engine: &EngineReport) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let Some(fidelity) = &engine.fidelity else { return rows };
    if let Some(vectors) = &fidelity.vectors {
        rows.push(("vectors compared", plain(vectors.pairs as f64)));
        if let Some(agreement) = vectors.agreement {
            rows.push(("cosine: least", cosine(agreement.cosine_min)));
            rows.push(("cosine: first percentile", cosine(agreement.cosine_p1)));
            rows.push(("cosine: mean", cosine(agreement.cosine_mean)));
            rows.push(("largest difference of a number", number(agreement.max_difference)));
            rows.push(("norm drift: largest", number(agreement.norm_drift_max)));
            rows.push(("norm drift: mean", number(agreement.norm_drift_mean)));
        }
        if let Some(norms) = vectors.norms {
            rows.push(("distance of norms from 1: largest", number(norms.deviation_max)));
        }
    }
    if let Some(ranking) = &fidelity.ranking {
        rows.push(("queries compared", plain(ranking.queries as f64)));
        rows.extend(ranking.tau_min.map(|tau| ("Kendall τ-b: least", cosine(tau))));
        rows.extend(ranking.tau_mean.map(|tau| ("Kendall τ-b: mean", cosine(tau))));
        rows.push(("documents in the overlap", plain(ranking.top_k as f64)));
        rows.extend(ranking.overlap_min.map(|overlap| ("overlap: least", percent(overlap))));
        rows.extend(ranking.overlap_mean.map(|overlap| ("overlap: mean", percent(overlap))));
        rows.extend(ranking.max_difference.map(|difference| ("largest difference of a score", number(difference))));
    }
    if let Some(invariance) = &fidelity.invariance {
        let of = format!("{} of {}", plain(invariance.identical as f64), plain(invariance.pairs as f64));
        rows.push(("identical alone and under load", of));
        rows.extend(invariance.max_difference.map(|value| ("largest difference alone and under load", number(value))));
        rows.extend(invariance.cosine_min.map(|value| ("least cosine alone and under load", cosine(value))));
    }
    rows
}
