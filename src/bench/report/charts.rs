//! Charts: throughput, latency, load, fidelity, lengths.

use super::{CurveKind, CurveStep, EngineReport, Figures, Report};
use crate::report::Figure;
use crate::report::document::Chart;
use crate::report::numbers::{cosine, figure, number, percent, plain};
use crate::report::plot::{Axis, Bar, LineChart, Point, Scale, Series, bars, columns};
use crate::report::text::one_line;

/// The charts for which the report has figures.
pub(super) fn charts(report: &Report) -> Vec<Chart> {
    [throughput, latencies, load, fidelity, lengths].into_iter().filter_map(|chart| chart(report)).collect()
}

/// A rate of figures, the same of a step, and its unit.
type Rate = (&'static str, fn(&Figures) -> Option<Figure>, fn(&CurveStep) -> Option<f64>);

/// The best one for comparing engines first.
const RATES: [Rate; 3] = [
    ("tokens/s", |figures| figures.tokens_per_second, |step| step.tokens_per_second),
    ("inputs/s", |figures| figures.inputs_per_second, |step| step.inputs_per_second),
    ("requests/s", |figures| figures.requests_per_second, |step| step.requests_per_second),
];

/// The first rate that any engine has.
fn rate(report: &Report) -> Option<Rate> {
    RATES.into_iter().find(|(_, of, _)| report.engines.iter().any(|engine| of(&engine.figures).is_some()))
}

fn throughput(report: &Report) -> Option<Chart> {
    let (unit, of, _) = rate(report)?;
    let bar = |(series, engine): (usize, &EngineReport)| {
        let value = of(&engine.figures)?;
        let (name, text) = (one_line(&engine.name), figure(&value));
        Some(Bar { series, name, value: value.median, interval: value.interval, text })
    };
    let drawn: Vec<Bar> = report.engines.iter().enumerate().filter_map(bar).collect();
    let title = format!("Throughput of each engine in {unit}, with its 95% interval");
    Some(Chart {
        heading: "Throughput".to_owned(),
        about: "Whiskers are 95% intervals of the medians over rounds.".to_owned(),
        picture: bars("throughput", &title, unit, &drawn),
        legend: Vec::new(),
    })
}

fn latencies(report: &Report) -> Option<Chart> {
    let drawn = series(report, true, |engine| {
        let point = |x: f64, y: f64| {
            let title = format!("{}: {} of 100 within {} ms", one_line(&engine.name), plain(x * 100.0), number(y));
            Point { x, y, title }
        };
        engine.latencies.iter().map(|latency| point(latency.quantile, latency.ms)).collect()
    });
    let drawn = drawn?;
    let chart = LineChart {
        id: "latency".to_owned(),
        title: "Latency in milliseconds by the share of requests that took no longer".to_owned(),
        x: Axis { label: "share of requests that took no longer", scale: Scale::nines(drawn.xs()) },
        y: Axis { label: "latency in ms", scale: Scale::fitting(drawn.ys()) },
        series: drawn.0,
    };
    let about = "Latencies count from when a request was due. Each step to the right is one more nine.";
    Some(with_legend(report, "Latency", about, &chart))
}

/// Throughput against latency: the steps of curves if there are any, otherwise a point an engine.
fn load(report: &Report) -> Option<Chart> {
    let steps = report.engines.iter().filter_map(|engine| engine.curve.as_ref()).flat_map(|curve| &curve.steps);
    let steps: Vec<&CurveStep> = steps.collect();
    let known = |(_, of, at): &&Rate| {
        report.engines.iter().any(|engine| of(&engine.figures).is_some()) || steps.iter().any(|step| at(step).is_some())
    };
    let (unit, of, at) = RATES.iter().find(known)?;
    let drawn = series(report, true, |engine| {
        let name = one_line(&engine.name);
        let title = |x: f64, y: f64, load: String| format!("{name}{load}: {} {unit}, p99 {} ms", number(x), number(y));
        let Some(curve) = &engine.curve else {
            let point = of(&engine.figures).zip(engine.figures.p99_ms);
            let point = point.map(|(x, y)| (x.median, y.median));
            return point.map(|(x, y)| Point { x, y, title: title(x, y, String::new()) }).into_iter().collect();
        };
        let mut steps: Vec<&CurveStep> = curve.steps.iter().collect();
        // A search does not go from low to high.
        steps.sort_by(|a, b| a.load.total_cmp(&b.load));
        let point = |step: &&CurveStep| {
            let (x, y) = (at(step)?, step.p99_ms?);
            let load = match curve.kind {
                CurveKind::Concurrency => format!(" with {} clients", plain(step.load)),
                CurveKind::Rate | CurveKind::Search => format!(" at {} requests/s due", plain(step.load)),
            };
            Some(Point { x, y, title: title(x, y, load) })
        };
        steps.iter().filter_map(point).collect()
    });
    let drawn = drawn?;
    let chart = LineChart {
        id: "load".to_owned(),
        title: format!("99th percentile of latencies in milliseconds against throughput in {unit}"),
        x: Axis { label: unit, scale: Scale::linear(drawn.xs()) },
        y: Axis { label: "p99 latency in ms", scale: Scale::fitting(drawn.ys()) },
        series: drawn.0,
    };
    let about = if steps.is_empty() {
        "Right and low is good."
    } else {
        "Points are steps under rising load; right and low is good."
    };
    Some(with_legend(report, "Throughput against latency", about, &chart))
}

/// The fidelity of an engine as one number.
type Measure = fn(&EngineReport) -> Option<f64>;

fn mean_cosine(engine: &EngineReport) -> Option<f64> {
    Some(engine.fidelity.as_ref()?.vectors.as_ref()?.agreement?.cosine_mean)
}

fn mean_tau(engine: &EngineReport) -> Option<f64> {
    engine.fidelity.as_ref()?.ranking.as_ref()?.tau_mean
}

fn fidelity(report: &Report) -> Option<Chart> {
    let (unit, of, _) = rate(report)?;
    let (label, measure): (_, Measure) = if report.engines.iter().any(|engine| mean_cosine(engine).is_some()) {
        ("mean cosine with the reference's vectors", mean_cosine)
    } else {
        ("mean Kendall's τ-b against the reference", mean_tau)
    };
    let drawn = series(report, false, |engine| {
        let point = of(&engine.figures).zip(measure(engine)).map(|(rate, fidelity)| {
            let title = format!("{}: {} {unit}, {}", one_line(&engine.name), number(rate.median), cosine(fidelity));
            Point { x: rate.median, y: fidelity, title }
        });
        point.into_iter().collect()
    });
    let drawn = drawn?;
    let chart = LineChart {
        id: "fidelity".to_owned(),
        title: format!("Fidelity of each engine, as {label}, against its throughput in {unit}"),
        x: Axis { label: unit, scale: Scale::linear(drawn.xs()) },
        y: Axis { label, scale: Scale::nines(drawn.ys()) },
        series: drawn.0,
    };
    let about = "Right and high is good; each step up is one more nine.";
    Some(with_legend(report, "Speed against fidelity", about, &chart))
}

fn lengths(report: &Report) -> Option<Chart> {
    let lengths = report.workload.lengths.as_ref()?;
    let range = |from: usize, to: usize| if from == to { from.to_string() } else { format!("{from}–{to}") };
    let bins: Vec<(String, usize)> = lengths.bins.iter().map(|bin| (range(bin.from, bin.to), bin.texts)).collect();
    let title = "Number of texts of the dataset by their number of tokens";
    let picture = columns("lengths", title, ("tokens of a text", "texts"), &bins);
    let mut about = format!(
        "Median {}, mean {}, longest {} tokens.",
        plain(lengths.median as f64),
        number(lengths.mean),
        plain(lengths.max as f64)
    );
    if let Some(excess) = lengths.excess.filter(|excess| excess.texts > 0) {
        let (texts, share) = (plain(excess.texts as f64), percent(excess.texts as f64 / lengths.texts.max(1) as f64));
        about +=
            &format!(" {texts} texts ({share}) are longer than the {} tokens that the model reads.", excess.max_length);
    }
    Some(Chart { heading: "Lengths of texts".to_owned(), about, picture, legend: Vec::new() })
}

struct Drawn(Vec<Series>);

impl Drawn {
    fn xs(&self) -> impl Iterator<Item = f64> {
        self.0.iter().flat_map(|series| &series.points).map(|point| point.x)
    }

    fn ys(&self) -> impl Iterator<Item = f64> {
        self.0.iter().flat_map(|series| &series.points).map(|point| point.y)
    }
}

/// One series an engine; `None` if no engine has a point.
fn series(report: &Report, joined: bool, points: impl Fn(&EngineReport) -> Vec<Point>) -> Option<Drawn> {
    let all =
        report.engines.iter().enumerate().map(|(number, engine)| Series { number, points: points(engine), joined });
    let drawn: Vec<Series> = all.filter(|series| !series.points.is_empty()).collect();
    (!drawn.is_empty()).then_some(Drawn(drawn))
}

fn with_legend(report: &Report, heading: &str, about: &str, chart: &LineChart) -> Chart {
    let name = |series: &Series| Some((series.number, report.engines.get(series.number)?.name.clone()));
    let legend = chart.series.iter().filter_map(name).collect();
    Chart { heading: heading.to_owned(), about: about.to_owned(), picture: chart.svg(), legend }
}
