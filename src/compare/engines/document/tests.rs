#![allow(clippy::unwrap_used)]

use super::*;
use crate::compare::engines::{EnginesReport, sample};
use crate::report::document::check::assert_drawable;
use crate::report::html::check::{assert_finite, readable};
use crate::report::snapshots::compare_in;
use crate::report::{TableOptions, document as draw};

fn table(report: &EnginesReport, options: &TableOptions) -> String {
    draw::terminal(&document(report), options)
}

fn markdown(report: &EnginesReport) -> String {
    draw::markdown(&document(report))
}

#[test]
fn every_engine_has_a_row_at_every_width() {
    for width in [None, Some(0), Some(20), Some(80), Some(200)] {
        let text = table(&sample::report(), &TableOptions { colour: false, width });
        for words in ["onnx:int8", "interchangeable", "reference", "failed", "not run", "tei"] {
            assert!(text.contains(words), "{width:?} {words}: {text}");
        }
    }
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
fn the_document_shows_all_parts_of_the_report() {
    let page = assert_drawable(|| document(&sample::report()));
    assert_finite(&page);
    for text in ["id=\"speed-title\"", "id=\"cosines-1-title\"", "id=\"cosines-2-title\"", "connection refused"] {
        assert_eq!(page.matches(text).count(), 1, "{text}");
    }
    assert!(page.contains("<td class=\"label good\">interchangeable</td>"), "{page}");
    assert!(page.contains("<td class=\"label bad\">failed</td>") && page.contains("reference</td>"));
    // The reference as a ring, and those that have both figures.
    assert_eq!((page.matches("class=\"ring\"").count(), page.matches("class=\"dot\" cx").count()), (1, 2 + 3));
    compare_in("compare-engines", "engines.html", &readable(&page));
}

#[test]
fn texts_from_elsewhere_do_nothing() {
    let mut report = sample::report();
    let hostile = "\"><script>x</script>\u{202e} | a\n*b*\x1b[2J' onload='";
    report.model.id = hostile.to_owned();
    report.warnings.push(hostile.to_owned());
    report.workload.files.push(hostile.to_owned());
    report.thresholds[0].checked[1].found = hostile.to_owned();
    let engine = &mut report.engines[1];
    (engine.name, engine.spec, engine.version) = (hostile.to_owned(), hostile.to_owned(), Some(hostile.to_owned()));
    engine.details.insert(hostile.to_owned(), hostile.to_owned());
    let page = assert_drawable(|| document(&report));
    assert!(page.matches("&lt;script&gt;x&lt;/script&gt;").count() > 9 && !page.contains("<script"), "{page}");
}

#[test]
fn no_engine_at_all() {
    let mut report = sample::report();
    report.engines.truncate(1);
    assert_drawable(|| document(&report));
    report.engines.clear();
    (report.reference, report.thresholds) = (None, vec![]);
    let page = assert_drawable(|| document(&report));
    assert!(!page.contains("<figure") && page.contains("<h1>0 engines</h1>"));
}
