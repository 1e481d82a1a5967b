//! The report as one page that needs nothing else: no script, no font, no request.

mod charts;
mod details;
mod tables;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::markup::Markup;
use super::text::one_line;
use super::{Report, finite, summary};

/// Looks, in light and dark.
const STYLE: &str = include_str!("html/style.css");

/// The report as a page of HTML in one file: tables, charts, what every engine has shown, the machine. The policy in its
/// head lets a browser load and run nothing but its style, and every text is escaped.
pub fn html(report: &Report) -> String {
    let report = &finite::finite(report);
    let title = summary::title(report);
    let mut page = Markup::default();
    head(&mut page, &title);
    page.raw("<body><main><header>").element("h1", &[], &title);
    let machine = report.machine.cpu.as_deref().unwrap_or(&report.machine.architecture);
    let (infa, started) = (one_line(&report.infa), one_line(&report.started));
    let subtitle = format!("{}, {}, infa {infa}, {started}", one_line(&report.model.id), one_line(machine));
    page.element("p", &[("class", &"subtitle")], subtitle).raw("</header>");
    warnings(&mut page, report);
    tables::engines(&mut page, report);
    charts::charts(&mut page, report);
    page.raw("<section><h2>What was measured</h2><dl>");
    for (label, text) in summary::lines(report) {
        page.element("dt", &[], label).element("dd", &[], text);
    }
    page.raw("</dl></section>");
    notes(&mut page, report);
    details::engines(&mut page, report);
    details::run(&mut page, report);
    page.raw("</main></body></html>\n");
    page.finish()
}

fn head(page: &mut Markup, title: &str) {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'");
    page.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>");
    page.empty("meta", &[("http-equiv", &"Content-Security-Policy"), ("content", &policy)]);
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>");
    page.raw("<meta name=\"color-scheme\" content=\"light dark\"/><meta name=\"referrer\" content=\"no-referrer\"/>");
    page.element("title", &[], title);
    page.raw("<style>").raw(STYLE).raw("</style></head>");
}

fn warnings(page: &mut Markup, report: &Report) {
    let warnings = summary::warnings(report);
    if !warnings.is_empty() {
        page.raw("<section class=\"warnings\"><h2>Before you believe it</h2><ul>");
        for warning in warnings {
            page.element("li", &[], warning);
        }
        page.raw("</ul></section>");
    }
}

fn notes(page: &mut Markup, report: &Report) {
    if !report.notes.is_empty() {
        page.raw("<section><h2>Notes</h2><ul>");
        for note in &report.notes {
            page.element("li", &[], one_line(note));
        }
        page.raw("</ul></section>");
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    /// Names of elements of a page in order, ends with a slash before them; and that every `<` begins one.
    fn tags(page: &str) -> Vec<String> {
        let mut tags = Vec::new();
        for part in page.split('<').skip(1) {
            let (tag, _) = part.split_once('>').expect("every < has its >");
            let name: String = tag.chars().take_while(|c| c.is_ascii_alphanumeric() || "/!".contains(*c)).collect();
            assert!(!name.is_empty(), "{tag}");
            if !tag.ends_with('/') && !name.starts_with('!') {
                tags.push(name);
            }
        }
        tags
    }

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
            let mut open = Vec::new();
            for tag in tags(&page) {
                match tag.strip_prefix('/') {
                    None => open.push(tag),
                    Some(name) => assert_eq!(open.pop().as_deref(), Some(name)),
                }
            }
            assert!(open.is_empty(), "{open:?}");
            let words = page.split(|c: char| !c.is_ascii_alphanumeric());
            assert!(words.into_iter().all(|word| !["NaN", "nan", "inf", "Infinity"].contains(&word)));
            let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
            let unique: std::collections::BTreeSet<_> = ids.iter().collect();
            assert_eq!(unique.len(), ids.len(), "{ids:?}");
        }
    }

    #[test]
    fn texts_from_elsewhere_do_nothing() {
        let page = html(&sample::hostile());
        let safe: std::collections::BTreeSet<String> =
            tags(&html(&sample::full())).into_iter().chain(tags(&html(&sample::sweep()))).collect();
        let found: std::collections::BTreeSet<String> = tags(&page).into_iter().collect();
        assert!(found.is_subset(&safe), "{:?}", found.difference(&safe));
        assert!(!found.contains("script") && page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&lt;/style&gt;"));
        assert_eq!(page.matches("</style>").count(), 1);
        assert!(page.chars().all(|c| c == '\n' || !c.is_control()) && !page.contains('\u{202e}'));
        // Attributes that would run something, and addresses.
        assert!(!found.contains("a") && !found.contains("img") && !found.contains("link"));
        assert!(!page.contains(" href=") && !page.contains(" src=") && !page.contains(" style="));
    }

    #[test]
    fn the_policy_allows_the_style_that_is_there() {
        let page = html(&sample::engines());
        let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let hash = STANDARD.encode(Sha256::digest(style));
        assert!(page.contains(&format!("style-src &#39;sha256-{hash}&#39;;")), "{hash}");
        assert!(!style.contains("url(") && !style.contains("@import"));
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
