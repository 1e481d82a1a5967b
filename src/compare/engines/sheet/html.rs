//! The sheet as one page that needs nothing else, with charts.

use super::{Rows, Sheet, Tone};
use crate::compare::engines::{EngineOnTexts, EnginesReport};
use crate::compare::vectors::{cosines, farthest};
use crate::report::html::frame::frame;
use crate::report::html::parts::{begin_table, checks, definitions, end_table, figure, warnings};
use crate::report::markup::Markup;
use crate::report::numbers::{NOTHING, seconds, several};
use crate::report::plot::{Axis, Scale, Spot, scatter};
use crate::report::text::one_line;

/// Columns of tables that are of words: the engine's name, and what it was asked for or how it is.
const WORDS: usize = 2;
/// Engines that a heading has room for.
const NAMED: usize = 4;

/// The report as a page of HTML in one file: verdicts, thresholds, tables, how cosines are spread, speed against
/// fidelity, each engine. It loads and runs nothing, and every text is escaped.
pub fn html(report: &EnginesReport) -> String {
    let sheet = Sheet::of(report);
    let mut page = Markup::default();
    warnings(&mut page, &lines(&sheet.warnings));
    if !sheet.checks.is_empty() {
        page.raw("<section><h2>Thresholds</h2>");
        checks(&mut page, sheet.checks.iter().map(|(crossed, line)| (*crossed, one_line(line))).collect());
        page.raw("</section>");
    }
    page.raw("<section><h2>Engines</h2>");
    sheet.tables.iter().for_each(|rows| self::rows(&mut page, rows));
    for note in lines(&sheet.notes) {
        page.element("p", &[("class", &"hint")], note);
    }
    page.raw("</section>");
    charts(&mut page, report);
    page.raw("<section><h2>What was compared</h2>");
    labelled(&mut page, &sheet.facts);
    page.raw("</section>");
    if !sheet.sections.is_empty() {
        page.raw("<section><h2>Each engine</h2>");
        for (name, lines) in &sheet.sections {
            page.element("h3", &[], one_line(name));
            labelled(&mut page, lines);
        }
        page.raw("</section>");
    }
    asked(&mut page, report);
    let names: Vec<String> = report.engines.iter().map(|engine| one_line(&engine.name)).collect();
    let title = match names.len() {
        1..=NAMED => names.join(", "),
        many => several(many as u64, "engine", "engines"),
    };
    let (model, infa, started) = (one_line(&report.model.id), one_line(&report.infa), one_line(&report.started));
    frame(&title, &format!("{model}, on the same inputs, compared by infa {infa}, {started}"), page)
}

fn lines(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| one_line(text)).collect()
}

fn labelled(page: &mut Markup, lines: &[(&'static str, String)]) {
    definitions(page, lines.iter().map(|(label, text)| (label, one_line(text))));
}

/// What the style knows a tone by.
fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Good => "good",
        Tone::Doubtful => "fair",
        Tone::Bad => "bad",
    }
}

/// A table; where it has verdicts they have the tone of their row, otherwise its last cell has.
fn rows(page: &mut Markup, Rows { title, head, rows }: &Rows) {
    let loud = head.iter().position(|head| *head == "verdict").unwrap_or(head.len().saturating_sub(1));
    begin_table(page, title, head, WORDS);
    for (tone, cells) in rows {
        page.raw("<tr>");
        for (at, cell) in cells.iter().enumerate() {
            let place = if at < WORDS { "label" } else { "figure" };
            match at {
                0 => page.element("th", &[("scope", &"row")], one_line(cell)),
                _ if at == loud => {
                    let class = format!("{place} {}", class(*tone));
                    page.element("td", &[("class", &class)], one_line(cell))
                }
                _ => page.element("td", &[("class", &place)], one_line(cell)),
            };
        }
        page.raw("</tr>");
    }
    end_table(page);
}

fn charts(page: &mut Markup, report: &EnginesReport) {
    let mut inner = Markup::default();
    let drawn = speeds(&mut inner, report);
    let histogram = |engine: &EngineOnTexts| engine.against.as_ref().and_then(|found| found.cosines.clone());
    let histograms: Vec<_> = report.engines.iter().map(histogram).collect();
    // All on one axis, so that they can be held against one another.
    let from = farthest(histograms.iter().flatten());
    for (at, (engine, histogram)) in report.engines.iter().zip(&histograms).enumerate() {
        if let Some(histogram) = histogram {
            let heading = format!("How cosines of {} are spread", one_line(&engine.name));
            cosines(&mut inner, &format!("cosines-{at}"), &heading, at, histogram, from);
        }
    }
    if drawn || histograms.iter().any(Option::is_some) {
        page.raw("<section><h2>Charts</h2><div class=\"charts\">").append(inner).raw("</div></section>");
    }
}

type Rate = fn(&EngineOnTexts) -> Option<f64>;
/// By falling worth for comparing engines.
const RATES: [(&str, Rate); 2] =
    [("tokens/s", |engine| engine.tokens_per_s), ("inputs/s", |engine| engine.inputs_per_s)];
const AGREEMENTS: [(&str, &str); 2] = [
    ("cosine_min", "smallest cosine with the reference's vectors"),
    ("tau_min", "smallest Kendall's τ-b against the reference"),
];

fn speeds(page: &mut Markup, report: &EnginesReport) -> bool {
    let pairs = RATES.iter().flat_map(|rate| AGREEMENTS.iter().map(move |agreement| (rate, agreement)));
    let mut found = pairs.filter(|((_, rate), (agreement, _))| {
        report.engines.iter().any(|engine| rate(engine).is_some() && engine.metric(agreement).is_some())
    });
    let Some(((unit, rate), (agreement, label))) = found.next() else { return false };
    let spot = |(series, engine): (usize, &EngineOnTexts)| {
        let hollow = report.reference.as_ref() == Some(&engine.name);
        // With itself the reference agrees.
        let y = engine.metric(agreement).or(hollow.then_some(1.0))?;
        let (x, label) = (rate(engine)?, one_line(&engine.name));
        let title = format!("{label}: {} {unit}, {}", super::number(x), super::cosine(y));
        Some(Spot { label, series, x, y, hollow, title })
    };
    let spots: Vec<Spot> = report.engines.iter().enumerate().filter_map(spot).collect();
    let axes = (
        Axis { label: unit, scale: Scale::fitting(spots.iter().map(|spot| spot.x)) },
        Axis { label, scale: Scale::nines(spots.iter().map(|spot| spot.y)) },
    );
    let title = format!("Fidelity of each engine, as {label}, against its speed in {unit}");
    let chart = scatter("speed", &title, axes, &spots);
    let about = "Right and high is good; each step up is one more nine. The ring is the reference. Speed was seen in \
                 passing.";
    let legend: Vec<(usize, String)> = spots.into_iter().map(|spot| (spot.series, spot.label)).collect();
    figure(page, "Speed against fidelity", about, chart, &legend);
    true
}

/// Which engines they were, and where.
fn asked(page: &mut Markup, report: &EnginesReport) {
    if !report.engines.is_empty() {
        page.raw("<section><h2>What was asked</h2>");
        let line = |engine: &EngineOnTexts| {
            let version = engine.version.as_ref().map(|version| format!("version {version}"));
            let load = engine.load_seconds.map(|load| format!("loaded in {}", seconds(load)));
            let details = engine.details.iter().map(|(key, value)| format!("{key} {value}"));
            let facts: Vec<String> =
                [engine.spec.clone()].into_iter().chain(version).chain(load).chain(details).collect();
            (one_line(&engine.name), one_line(&facts.join(", ")))
        };
        definitions(page, report.engines.iter().map(line));
        page.raw("</section>");
    }
    let machine = &report.machine;
    page.raw("<section><h2>The machine</h2>");
    let mut facts = vec![
        ("processor", machine.cpu.as_deref().map_or_else(|| NOTHING.to_owned(), one_line)),
        ("cores", format!("{} of {}", machine.cores_allowed, machine.cores)),
        ("system", one_line(&machine.system)),
    ];
    facts.extend(machine.onnxruntime.as_deref().map(|version| ("ONNX Runtime", one_line(version))));
    facts.extend(machine.gpus.iter().map(|gpu| ("GPU", one_line(&gpu.name))));
    definitions(page, facts);
    page.raw("</section>");
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::compare::engines::sample::report;
    use crate::report::html::check::{assert_finite, assert_sound, readable};
    use crate::report::snapshots::compare_in;

    #[test]
    fn what_there_is_is_shown() {
        let page = html(&report());
        assert_sound(&page);
        assert_finite(&page);
        for text in ["id=\"speed-title\"", "id=\"cosines-1-title\"", "id=\"cosines-2-title\"", "connection refused"] {
            assert_eq!(page.matches(text).count(), 1, "{text}");
        }
        assert!(page.contains("<td class=\"label good\">interchangeable</td>"), "{page}");
        assert!(page.contains("<td class=\"label bad\">failed</td>") && page.contains("reference</td>"));
        // The reference as a ring, and those that have both figures.
        assert_eq!((page.matches("class=\"ring\"").count(), page.matches("class=\"dot\" cx").count()), (1, 2 + 3));
        compare_in("compare-engines", "engines.html", &readable(&page));
        if let Some(dir) = std::env::var_os("INFA_WRITE_PAGES") {
            std::fs::write(std::path::PathBuf::from(dir).join("compare-engines.html"), page).unwrap();
        }
    }

    #[test]
    fn texts_from_elsewhere_do_nothing() {
        let mut report = report();
        let hostile = "\"><script>x</script>\u{202e}' onload='";
        report.model.id = hostile.to_owned();
        report.warnings.push(hostile.to_owned());
        report.workload.files.push(hostile.to_owned());
        report.thresholds[0].checked[1].found = hostile.to_owned();
        let engine = &mut report.engines[1];
        (engine.name, engine.spec, engine.version) = (hostile.to_owned(), hostile.to_owned(), Some(hostile.to_owned()));
        engine.details.insert(hostile.to_owned(), hostile.to_owned());
        let page = html(&report);
        assert_sound(&page);
        assert!(page.matches("&lt;script&gt;x&lt;/script&gt;").count() > 9 && !page.contains("<script"), "{page}");
    }

    #[test]
    fn no_engine_at_all() {
        let mut report = report();
        report.engines.truncate(1);
        assert_sound(&html(&report));
        report.engines.clear();
        (report.reference, report.thresholds) = (None, vec![]);
        let page = html(&report);
        assert_sound(&page);
        assert!(!page.contains("<figure") && page.contains("<h1>0 engines</h1>"));
    }
}
