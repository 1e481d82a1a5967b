#![allow(clippy::unwrap_used)]

use super::*;
use crate::compare::engines::{EnginesReport, sample};
use crate::report::html::check::{assert_finite, assert_sound, readable};
use crate::report::snapshots::compare_in;
use crate::report::terminal::width;
use crate::report::{TableOptions, document as draw};

fn table(report: &EnginesReport, options: &TableOptions) -> String {
    draw::terminal(&document(report), options)
}

fn markdown(report: &EnginesReport) -> String {
    draw::markdown(&document(report))
}

fn html(report: &EnginesReport) -> String {
    draw::html(document(report))
}

#[test]
fn every_engine_has_a_row_at_every_width() {
    for width in [None, Some(0), Some(20), Some(80), Some(200)] {
        let text = table(&sample::report(), &TableOptions { colour: false, width });
        for words in ["onnx:int8", "interchangeable", "reference", "failed", "not run", "tei"] {
            assert!(text.contains(words), "{width:?} {words}: {text}");
        }
        assert!(!text.contains('\x1b') && text.ends_with('\n') && !text.contains("NaN"));
    }
    let wide = table(&sample::report(), &TableOptions { colour: false, width: Some(120) });
    let longest = wide.lines().map(width).max();
    assert!(longest <= Some(120), "{longest:?} {wide}");
}

#[test]
fn snapshots() {
    let drawn = |width, colour| table(&sample::report(), &TableOptions { colour, width: Some(width) });
    compare_in("compare-engines", "engines.txt", &drawn(120, false));
    compare_in("compare-engines", "engines-60.txt", &drawn(60, true));
    compare_in("compare-engines", "engines.md", &markdown(&sample::report()));
}

#[test]
fn colours_tell_verdicts_apart() {
    let text = table(&sample::report(), &TableOptions { colour: true, width: Some(200) });
    let line = |words: &str| text.lines().find(|line| line.contains(words)).unwrap_or_default();
    assert!(line("interchangeable").starts_with("\x1b[32m"), "{text}");
    assert!(line("crossed by onnx:int8").starts_with("\x1b[31m"), "{text}");
    assert!(line("not checked, since its noise is not known, for tei").starts_with("\x1b[33m"), "{text}");
}

#[test]
fn texts_from_elsewhere_are_no_markup() {
    let mut report = sample::report();
    report.engines[1].name = "a | b\n<b>*x*\x1b[2J".to_owned();
    report.warnings.push("| <i>".to_owned());
    let text = markdown(&report);
    assert!(!text.contains("<b>") && !text.contains("<i>") && !text.contains('\x1b'), "{text}");
    let tables: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).collect();
    assert!(tables.len() > 10 && !text.contains("\n<"), "{text}");
    for table in tables.chunk_by(|a, b| bars(a) == bars(b)) {
        assert!(table.len() > 2, "{table:?}");
    }
    assert!(!table(&report, &TableOptions { colour: true, width: None }).contains("\x1b[2J"));
}

/// Bars that are not escaped.
fn bars(line: &str) -> usize {
    line.matches('|').count() - line.matches("\\|").count()
}

#[test]
fn what_there_is_is_shown() {
    let page = html(&sample::report());
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
fn texts_from_elsewhere_do_nothing_on_a_page() {
    let mut report = sample::report();
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
    let mut report = sample::report();
    report.engines.truncate(1);
    assert_sound(&html(&report));
    report.engines.clear();
    (report.reference, report.thresholds) = (None, vec![]);
    let page = html(&report);
    assert_sound(&page);
    assert!(!page.contains("<figure") && page.contains("<h1>0 engines</h1>"));
}
