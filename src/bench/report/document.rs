//! The report for people: the engines in a table, steps under rising load, remarks, and on pages charts and all details.

use super::charts::charts;
use super::columns::{Column, columns, fidelity, mark, outcome, steps};
use super::sentence::sentence;
use super::{EngineReport, EngineState, Report, RoundReport, summary};
use crate::report::document::{Block, Document, Line, Medium, Row, Section, Table, listed};
use crate::report::numbers::{NOTHING, bytes, count, number, plain, seconds};
use crate::report::{Figure, Tone};

/// The report, to be drawn for a terminal, as Markdown, or as a page.
pub(crate) fn document(report: &Report) -> Document {
    let result = sentence(report).unwrap_or_default();
    let verdict = || Block::Verdict(Tone::Plain, result.clone(), String::new());
    let warnings = || Block::Warnings(summary::warnings(report));
    let only = |only: &'static [Medium], blocks: Vec<Block>| Section { only, ..Section::new("", blocks) };
    let mut sections = vec![only(&[Medium::Page], vec![verdict(), warnings()]), engines(report)];
    sections.extend(report.engines.iter().filter_map(curve));
    sections.push(only(&[Medium::Markdown], vec![verdict(), warnings()]));
    sections.push(Section::on_pages("Charts", [Block::Charts(charts(report))]));
    sections.push(Section {
        page_title: "What was measured",
        ..Section::new("", [Block::facts(summary::lines(report)), Block::Notes(report.notes.clone())])
    });
    let each = report.engines.iter().map(|engine| Block::Folded(label(engine), details(engine)));
    sections.push(Section::on_pages("Each engine", each));
    sections.push(Section::on_pages("To do it again", again(report)));
    // The last lines are the ones beside the next prompt.
    sections.push(only(&[Medium::Terminal], vec![warnings()]));
    sections.push(only(&[Medium::Terminal], vec![verdict()]));
    let machine = report.machine.cpu.as_deref().unwrap_or(&report.machine.architecture);
    Document {
        title: summary::title(report),
        subtitle: format!("{}, {machine}, infa {}, {}", report.model.id, report.infa, report.started),
        sections,
        checks: Vec::new(),
    }
}

/// The engines in a table, the rest of their figures, and why engines or requests failed.
fn engines(report: &Report) -> Section {
    if report.engines.is_empty() {
        return Section::new("", [Block::Notes(vec!["No engine was measured.".to_owned()])]);
    }
    let all = columns(report);
    let meanings = Block::facts(all.iter().map(|column| (column.head, column.about.to_owned())));
    let (shown, more): (Vec<Column>, Vec<Column>) =
        all.into_iter().partition(|column| column.main || report.all_columns);
    let intervals = "Medians of rounds; ± is the 95% interval, from the median to its farther end.";
    let more = (!more.is_empty()).then(|| Block::Table(table(report, &more)));
    let blocks = [
        Block::Table(table(report, &shown)),
        Block::Facts(failures(report)),
        Block::Folded("More figures".to_owned(), more.into_iter().collect()),
        Block::Folded("Meaning of the columns".to_owned(), vec![Block::Notes(vec![intervals.to_owned()]), meanings]),
    ];
    Section { page_title: "Engines", ..Section::new("", blocks) }
}

/// A row an engine.
fn table(report: &Report, columns: &[Column]) -> Table {
    let row = |(at, engine): (usize, &EngineReport)| {
        let tone = match engine.state {
            EngineState::Failed { .. } => Tone::Bad,
            EngineState::Unstable { .. } | EngineState::NotMeasured => Tone::Doubtful,
            EngineState::Stable { .. } | EngineState::Once => Tone::Plain,
        };
        let mark = mark(engine).map(|mark| format!(" ({mark})")).unwrap_or_default();
        let cells = columns.iter().map(|column| column.cells.get(at).cloned().flatten());
        let name = format!("{}{mark}", engine.name);
        let cells = cells.map(|cell| cell.unwrap_or_else(|| NOTHING.to_owned()));
        Row::from((tone, std::iter::once(name).chain(cells).collect::<Vec<_>>()))
    };
    let head = std::iter::once("Engine").chain(columns.iter().map(|column| column.head)).collect();
    Table { head, words: 1, rows: report.engines.iter().enumerate().map(row).collect(), ..Table::default() }
}

/// The reason of each engine that failed, and the kinds of failed requests with an example each.
fn failures(report: &Report) -> Vec<Line> {
    // A model that no engine can run fails for all of them alike.
    let mut reasons: Vec<(Vec<&str>, String)> = Vec::new();
    for engine in &report.engines {
        let Some(reason) = summary::reason(engine) else { continue };
        match reasons.iter_mut().find(|(_, other)| *other == reason) {
            Some((names, _)) => names.push(&engine.name),
            None => reasons.push((vec![&engine.name], reason)),
        }
    }
    let reasons = reasons.into_iter().map(|(names, reason)| format!("{} {reason}", names.join(", ")));
    let mut lines = listed("Failed", reasons);
    let requests = report
        .engines
        .iter()
        .flat_map(|engine| summary::failures(engine).map(move |failure| format!("{}: {failure}", engine.name)));
    lines.extend(listed("Failures", requests));
    lines.iter_mut().for_each(|line| line.tone = Tone::Bad);
    lines
}

fn curve(engine: &EngineReport) -> Option<Section> {
    let curve = engine.curve.as_ref()?;
    Some(Section::new(format!("{}: {}", engine.name, outcome(curve)), [Block::Table(steps(curve))]))
}

/// The name, the version and the state of an engine.
fn label(engine: &EngineReport) -> String {
    let version = engine.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    let mark = mark(engine).map(|mark| format!(" ({mark})")).unwrap_or_default();
    format!("{}{version}{mark}", engine.name)
}

fn details(engine: &EngineReport) -> Vec<Block> {
    let mut facts = vec![("spec".to_owned(), engine.spec.clone())];
    facts.extend(engine.details.clone());
    let mut push = |name: &str, value: Option<String>| facts.extend(value.map(|value| (name.to_owned(), value)));
    push("load", engine.load_seconds.map(seconds));
    push("first answer", engine.first_answer_seconds.map(seconds));
    push("answered requests", Some(count(engine.answered)));
    push("tokens counted here", engine.tokens.counted.map(count));
    push("tokens counted by the engine", engine.tokens.reported.map(count));
    fidelity(engine).into_iter().for_each(|(name, value)| push(name, Some(value)));
    let facts = facts.into_iter().filter(|(_, fact)| !fact.is_empty());
    vec![
        Block::Facts(listed("failed", summary::reason(engine))),
        Block::facts(facts),
        Block::Facts(listed("failures", summary::failures(engine))),
        Block::Table(figures(engine)),
        Block::Table(rounds(engine)),
    ]
}

fn figures(engine: &EngineReport) -> Table {
    let row = |(name, figure): (&'static str, Option<Figure>)| {
        let figure = figure?;
        let interval = figure.interval.map(|(low, high)| format!("{} – {}", number(low), number(high)));
        let cells = vec![
            name.replace('_', " "),
            number(figure.median),
            number(figure.min),
            number(figure.max),
            interval.unwrap_or_else(|| NOTHING.to_owned()),
            plain(figure.count as f64),
        ];
        Some(Row::from((Tone::Plain, cells)))
    };
    let rows = engine.figures.all().into_iter().filter_map(row).collect();
    let head = vec!["figure", "median", "least", "most", "95% interval", "rounds"];
    Table { title: "Figures", head, words: 1, rows, ..Table::default() }
}

fn rounds(engine: &EngineReport) -> Table {
    let row = |round: &RoundReport| {
        let figures = [
            round.requests_per_second,
            round.tokens_per_second,
            round.p50_ms,
            round.p99_ms,
            round.max_ms,
            round.lateness_p99_ms,
        ];
        let mut cells = vec![count(round.round as u64 + 1), number(round.seconds)];
        cells.extend([count(round.requests), count(round.failed)]);
        cells.extend(figures.map(|value| value.map_or_else(|| NOTHING.to_owned(), number)));
        Row::from((Tone::Plain, cells))
    };
    let head = ["round", "seconds", "requests", "failed", "requests/s", "tokens/s", "p50 ms", "p99 ms", "max ms"];
    let head = head.into_iter().chain(["client late, p99 ms"]).collect();
    let rows = engine.rounds.iter().map(row).collect();
    Table { title: "Rounds", head, words: 1, rows, ..Table::default() }
}

/// The command, the model's files, and the order of the engines in each round.
fn again(report: &Report) -> [Block; 3] {
    let command = (!report.command.is_empty()).then(|| ("command", report.command.join(" ")));
    let files = report
        .model
        .files
        .iter()
        .map(|file| Row::from((Tone::Plain, vec![file.name.clone(), bytes(file.bytes), file.sha256.clone()])));
    let head = vec!["file", "size", "SHA-256"];
    let order =
        report.order.iter().enumerate().map(|(round, names)| (format!("round {}", round + 1), names.join(", ")));
    [
        Block::facts(command),
        Block::Table(Table { title: "Files of the model", head, words: 1, rows: files.collect(), ..Table::default() }),
        Block::Folded("Order of engines in each round".to_owned(), vec![Block::facts(order)]),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::report::TableOptions;
    use crate::report::document::check::assert_drawable;
    use crate::report::document::{html, markdown, terminal};
    use crate::report::html::check;

    fn drawn(report: &Report, width: Option<u16>) -> String {
        terminal(&document(report), &TableOptions { colour: false, width })
    }

    fn many() -> Report {
        sample::of((0..30).map(|at| sample::engine(&format!("engine {at}"), 100.0 * f64::from(at))).collect())
    }

    fn all() -> [Report; 9] {
        let (one, none) = (sample::of(vec![sample::engine("onnx", 8700.0)]), sample::of(vec![]));
        let (engines, failures) = (sample::engines(), sample::failures());
        let (full, hostile) = (sample::full(), sample::hostile());
        [one, none, many(), engines, failures, full, hostile, sample::sweep(), sample::rerank()]
    }

    #[test]
    fn reports_on_a_terminal_and_as_markdown() {
        for (name, report) in [
            ("engines", sample::engines()),
            ("failures", sample::failures()),
            ("sweep", sample::sweep()),
            ("rerank", sample::rerank()),
        ] {
            sample::compare(&format!("{name}.txt"), &drawn(&report, None));
            sample::compare(&format!("{name}.md"), &markdown(&document(&report)));
        }
        sample::compare("engines-80.txt", &drawn(&sample::engines(), Some(80)));
    }

    #[test]
    fn a_page_has_every_detail() {
        let page = html(document(&sample::full()));
        for text in ["<h1>bge-small on a CPU</h1>", "8,700", "failed at start: not available", "0.9801", "NVIDIA L4"] {
            assert!(page.contains(text), "{text}");
        }
        for chart in ["throughput", "latency", "load", "lengths", "fidelity"] {
            assert!(page.contains(&format!("id=\"{chart}-title\"")), "{chart}");
        }
        sample::compare("failures.html", &check::readable(&html(document(&sample::failures()))));
        // Writes pages to look at.
        if let Some(dir) = std::env::var_os("INFA_WRITE_PAGES") {
            for (at, report) in all().into_iter().enumerate() {
                std::fs::write(std::path::Path::new(&dir).join(format!("{at}.html")), html(document(&report))).unwrap();
            }
        }
    }

    #[test]
    fn every_report_can_be_drawn() {
        let mut long = sample::engines();
        long.engines[1].name = "an-engine-with-a-very-long-name-and-nowhere-to-break-it".repeat(3);
        long.engines[2].name = "日本語の名前".repeat(20);
        for report in all().into_iter().chain([long]) {
            check::assert_finite(&assert_drawable(|| document(&report)));
        }
    }

    #[test]
    fn the_table_has_a_row_for_every_engine() {
        let rows = |text: &str| text.lines().take_while(|line| !line.is_empty()).count() - 2;
        let text = drawn(&sample::of(vec![]), None);
        assert!(text.starts_with("Note        No engine was measured.\n\nWorkload"), "{text}");
        let one = drawn(&sample::of(vec![sample::engine("onnx", 8700.0)]), None);
        assert!(rows(&one) == 1 && !one.contains("speed-up"), "{one}");
        assert_eq!(rows(&drawn(&many(), None)), 30);
    }

    #[test]
    fn a_reason_that_engines_share_stands_once() {
        let failed = |name: &str, kind: &str, message: &str| {
            let (stage, kind, message) = ("start".to_owned(), kind.to_owned(), message.to_owned());
            let state = EngineState::Failed { stage, kind, message };
            EngineReport { state, ..EngineReport::new(name, name.to_owned()) }
        };
        let engines = vec![
            failed("onnx", "error", "clf is a classifier"),
            failed("tei", "no connection", "refused"),
            failed("onnx:int8", "error", "clf is a classifier"),
        ];
        let text = drawn(&sample::of(engines), None);
        let lines = "Failed      onnx, onnx:int8 failed at start: clf is a classifier\n            \
                     tei failed at start: no connection: refused\n";
        assert!(text.contains(lines), "{text}");
    }

    #[test]
    fn failed_engines_are_red() {
        let coloured = terminal(&document(&sample::failures()), &TableOptions { colour: true, width: None });
        assert!(coloured.contains("\x1b[1mEngine") && coloured.contains("\x1b[31mtei (failed)"), "{coloured}");
        let codes = ["\x1b[1m", "\x1b[31m", "\x1b[33m", "\x1b[0m"];
        let plain = codes.iter().fold(coloured, |text, code| text.replace(code, ""));
        assert_eq!(plain, drawn(&sample::failures(), None));
    }
}
