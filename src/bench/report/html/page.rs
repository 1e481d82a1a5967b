//! The report as one page that needs nothing else: no script, no font, no request.

use super::super::{Report, finite, sentence, summary};
use super::{charts, details, tables};
use crate::report::html::frame::frame;
use crate::report::html::parts;
use crate::report::markup::Markup;
use crate::report::text::one_line;

/// The report as a page of HTML in one file: tables, charts, what every engine has shown, the machine. The policy in its
/// head lets a browser load and run nothing but its style, and every text is escaped.
pub fn html(report: &Report) -> String {
    let report = &finite::finite(report);
    let title = summary::title(report);
    let mut page = Markup::default();
    let machine = report.machine.cpu.as_deref().unwrap_or(&report.machine.architecture);
    let (infa, started) = (one_line(&report.infa), one_line(&report.started));
    let subtitle = format!("{}, {}, infa {infa}, {started}", one_line(&report.model.id), one_line(machine));
    if let Some(sentence) = sentence::sentence(report) {
        page.element("p", &[("class", &"verdict")], sentence);
    }
    parts::warnings(&mut page, &summary::warnings(report));
    tables::engines(&mut page, report);
    charts::charts(&mut page, report);
    page.raw("<section><h2>What was measured</h2>");
    parts::definitions(&mut page, summary::lines(report));
    page.raw("</section>");
    notes(&mut page, report);
    details::engines(&mut page, report);
    details::run(&mut page, report);
    frame(&title, &subtitle, page)
}

fn notes(page: &mut Markup, report: &Report) {
    if !report.notes.is_empty() {
        page.raw("<section><h2>Notes</h2>");
        parts::bullets(page, &report.notes.iter().map(|note| one_line(note)).collect::<Vec<_>>());
        page.raw("</section>");
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;
    use crate::report::html::check;

    #[test]
    fn elements_end_where_they_must() {
        let many = (0..30).map(|at| sample::engine(&format!("engine {at}"), 100.0 * f64::from(at))).collect();
        let one = sample::of(vec![sample::engine("onnx", 8700.0)]);
        for report in [
            sample::engines(),
            sample::full(),
            sample::hostile(),
            sample::infinite(),
            sample::failures(),
            sample::sweep(),
            sample::rerank(),
            sample::of(vec![]),
            sample::of(many),
            one,
        ] {
            let page = html(&report);
            check::assert_sound(&page);
            check::assert_finite(&page);
        }
    }

    #[test]
    fn texts_from_elsewhere_do_nothing() {
        let page = html(&sample::hostile());
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&lt;/style&gt;"));
        assert_eq!(page.matches("</style>").count(), 1);
    }

    #[test]
    fn everything_is_there() {
        let page = html(&sample::full());
        for text in ["<h1>bge-small on a CPU</h1>", "8,700", "failed at start: not available", "0.9801", "NVIDIA L4"] {
            assert!(page.contains(text), "{text}");
        }
        for chart in ["throughput", "latency", "load", "lengths", "fidelity"] {
            assert!(page.contains(&format!("id=\"{chart}-title\"")), "{chart}");
        }
        // Writes pages to look at.
        if let Some(dir) = std::env::var_os("INFA_WRITE_PAGES") {
            let dir = std::path::PathBuf::from(dir);
            for (name, report) in [
                ("engines", sample::engines()),
                ("failures", sample::failures()),
                ("sweep", sample::sweep()),
                ("rerank", sample::rerank()),
                ("full", sample::full()),
                ("hostile", sample::hostile()),
                ("empty", sample::of(vec![])),
                (
                    "many",
                    sample::of(
                        (0..30).map(|at| sample::engine(&format!("engine {at}"), 100.0 * f64::from(at + 1))).collect(),
                    ),
                ),
            ] {
                std::fs::write(dir.join(name).with_extension("html"), html(&report)).unwrap();
            }
        }
    }
}
