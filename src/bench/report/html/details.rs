//! What stands below tables and charts: everything else that a report holds.

use super::super::columns::{fidelity, mark, outcome, steps};
use super::super::{EngineReport, Report, RoundReport, summary};
use crate::report::html::parts::{definitions, table};
use crate::report::markup::Markup;
use crate::report::numbers::{NOTHING, bytes, count, number, plain, seconds};
use crate::report::text::one_line;

/// Each engine, folded.
pub(super) fn engines(page: &mut Markup, report: &Report) {
    if report.engines.is_empty() {
        return;
    }
    page.raw("<section><h2>Each engine</h2>");
    for engine in &report.engines {
        page.raw("<details><summary>").text(one_line(&engine.name));
        if let Some(version) = &engine.version {
            page.raw(" ").element("span", &[("class", &"spread")], one_line(version));
        }
        if let Some(mark) = mark(engine) {
            page.raw(" ").element("span", &[("class", &"badge bad")], mark);
        }
        page.raw("</summary>");
        self::engine(page, engine);
        page.raw("</details>");
    }
    page.raw("</section>");
}

fn engine(page: &mut Markup, engine: &EngineReport) {
    if let Some(reason) = summary::reason(engine) {
        page.element("p", &[("class", &"reason")], reason);
    }
    let mut facts = vec![("spec".to_owned(), one_line(&engine.spec))];
    facts.extend(engine.details.iter().map(|(key, value)| (one_line(key), one_line(value))));
    facts.extend(engine.load_seconds.map(|load| ("load".to_owned(), seconds(load))));
    facts.extend(engine.first_answer_seconds.map(|first| ("first answer".to_owned(), seconds(first))));
    facts.push(("answered requests".to_owned(), count(engine.answered)));
    if let Some(counted) = engine.tokens.counted {
        facts.push(("tokens counted here".to_owned(), count(counted)));
    }
    if let Some(reported) = engine.tokens.reported {
        facts.push(("tokens by its own count".to_owned(), count(reported)));
    }
    facts.extend(fidelity(engine).into_iter().map(|(name, value)| (name.to_owned(), value)));
    definitions(page, facts.into_iter().filter(|(_, fact)| !fact.is_empty()));
    let failures: Vec<String> = summary::failures(engine).collect();
    if !failures.is_empty() {
        page.raw("<h3>Failures</h3><ul>");
        for failure in failures {
            page.element("li", &[], failure);
        }
        page.raw("</ul>");
    }
    figures(page, engine);
    rounds(page, engine);
    if let Some(curve) = &engine.curve {
        page.element("p", &[], outcome(curve));
        let columns = steps(curve);
        let head: Vec<&'static str> = columns.iter().map(|(head, _)| *head).collect();
        let row = |at: usize| columns.iter().map(|(_, cells)| cells.get(at).cloned().unwrap_or_default()).collect();
        let rows: Vec<Vec<String>> = (0..curve.steps.len()).map(row).collect();
        table(page, "Steps", &head, &rows);
    }
}

fn figures(page: &mut Markup, engine: &EngineReport) {
    let row = |(name, figure): (&'static str, Option<crate::report::Figure>)| {
        let figure = figure?;
        let interval = figure.interval.map(|(low, high)| format!("{} – {}", number(low), number(high)));
        Some(vec![
            name.replace('_', " "),
            number(figure.median),
            number(figure.min),
            number(figure.max),
            interval.unwrap_or_else(|| NOTHING.to_owned()),
            plain(figure.count as f64),
        ])
    };
    let rows: Vec<Vec<String>> = engine.figures.all().into_iter().filter_map(row).collect();
    if !rows.is_empty() {
        table(page, "Figures", &["figure", "median", "least", "most", "95% interval", "rounds"], &rows);
    }
}

fn rounds(page: &mut Markup, engine: &EngineReport) {
    if engine.rounds.is_empty() {
        return;
    }
    let cell = |value: Option<f64>| value.map_or_else(|| NOTHING.to_owned(), number);
    let row = |round: &RoundReport| {
        vec![
            count(round.round as u64 + 1),
            number(round.seconds),
            count(round.requests),
            count(round.failed),
            cell(round.requests_per_second),
            cell(round.tokens_per_second),
            cell(round.p50_ms),
            cell(round.p99_ms),
            cell(round.max_ms),
            cell(round.lateness_p99_ms),
        ]
    };
    let rows: Vec<Vec<String>> = engine.rounds.iter().map(row).collect();
    let head = ["round", "seconds", "requests", "failed", "requests/s", "tokens/s", "p50 ms", "p99 ms", "max ms"];
    let head: Vec<&'static str> = head.into_iter().chain(["client late, p99 ms"]).collect();
    table(page, "Rounds", &head, &rows);
}

/// The machine, the model's files, and how to do it again.
pub(super) fn run(page: &mut Markup, report: &Report) {
    let machine = &report.machine;
    page.raw("<section><h2>The machine</h2>");
    let mut facts = vec![
        ("processor", machine.cpu.as_deref().map_or_else(|| NOTHING.to_owned(), one_line)),
        ("instruction set", one_line(&machine.architecture)),
        ("instructions", one_line(&machine.cpu_flags.join(" "))),
        ("cores allowed", plain(machine.cores_allowed as f64)),
        ("cores", plain(machine.cores as f64)),
        ("memory", bytes(machine.memory_bytes)),
        ("system", one_line(&machine.system)),
        ("virtual machine", machine.virtual_machine.map_or(NOTHING, |yes| if yes { "yes" } else { "no" }).to_owned()),
    ];
    facts.extend(
        machine.load_average.map(|loads| ("load average before", loads.map(|load| format!("{load:.2}")).join(" "))),
    );
    facts.extend(machine.gemm_gflops.map(|peak| ("float32 matrix products", format!("{} GFLOP/s", number(peak)))));
    facts.extend(machine.onnxruntime.as_deref().map(|version| ("ONNX Runtime", one_line(version))));
    for gpu in &machine.gpus {
        let cuda = gpu.cuda.as_deref().map(|cuda| format!(", CUDA {}", one_line(cuda))).unwrap_or_default();
        let (name, driver) = (one_line(&gpu.name), one_line(&gpu.driver));
        facts.push(("GPU", format!("{name}, {}, driver {driver}{cuda}", bytes(gpu.memory_bytes))));
    }
    definitions(page, facts.into_iter().filter(|(_, fact)| !fact.is_empty()));
    page.raw("</section><section><h2>To do it again</h2>");
    if !report.command.is_empty() {
        let command: Vec<String> = report.command.iter().map(|word| one_line(word)).collect();
        page.raw("<pre>").element("code", &[], command.join(" ")).raw("</pre>");
    }
    let rows: Vec<Vec<String>> = report
        .model
        .files
        .iter()
        .map(|file| vec![one_line(&file.name), bytes(file.bytes), one_line(&file.sha256)])
        .collect();
    if !rows.is_empty() {
        table(page, "Files of the model", &["file", "size", "SHA-256"], &rows);
    }
    if !report.order.is_empty() {
        page.raw("<details><summary>Order of engines in each round</summary><ol>");
        for round in &report.order {
            page.element("li", &[], round.iter().map(|name| one_line(name)).collect::<Vec<_>>().join(", "));
        }
        page.raw("</ol></details>");
    }
    page.raw("</section>");
}
