//! The comparison as one page that needs nothing else.

mod charts;
mod verdicts;

use super::report::{Basis, Comparison, RunName, RunsReport, Verdict};
use super::table::{HEAD, basis, cells, mean, not_comparable, runs, shown_means, unknown};
use crate::report::Tone;
use crate::report::html::frame::frame;
use crate::report::html::parts::{begin_table, bullets, definitions, end_table, warnings};
use crate::report::markup::Markup;
use crate::report::numbers::several;
use crate::report::text::one_line;

/// The comparison as a page of HTML in one file: verdicts, what differs besides, changes with their intervals as a table
/// and as a chart, speed against fidelity. It loads and runs nothing, and every text is escaped.
pub fn html(report: &RunsReport) -> String {
    let mut page = Markup::default();
    verdicts::verdicts(&mut page, report);
    warnings(&mut page, &report.warnings.iter().map(|text| one_line(text)).collect::<Vec<_>>());
    for (at, comparison) in report.comparisons.iter().enumerate() {
        section(&mut page, report, at, comparison);
    }
    let title = match &report.comparisons[..] {
        [one] => compared(one),
        many => several(many.len() as u64, "comparison of runs", "comparisons of runs"),
    };
    frame(&title, &format!("Result files of infa bench, compared by infa {}", one_line(&report.infa)), page)
}

/// Whether it is good.
fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Faster | Verdict::Better => Tone::Good,
        Verdict::Slower | Verdict::Worse => Tone::Bad,
        Verdict::CannotTell | Verdict::NotComparable | Verdict::Indistinguishable => Tone::Plain,
    }
}

/// The heading of a single comparison: its title, and what was compared with what.
fn compared(comparison: &Comparison) -> String {
    let files = |runs: &[RunName]| runs.iter().map(|run| one_line(&run.file)).collect::<Vec<_>>().join(", ");
    match comparison.basis {
        Basis::PairedRounds => format!("Engines of {}", files(&comparison.new)),
        _ => format!("{} against {}", files(&comparison.new), files(&comparison.base)),
    }
}

/// What tells one comparison of several from the others.
fn name(comparison: &Comparison) -> String {
    let files: Vec<String> = comparison.new.iter().map(|run| one_line(&run.file)).collect();
    format!("{} ({})", one_line(&comparison.title), files.join(", "))
}

fn section(page: &mut Markup, report: &RunsReport, at: usize, comparison: &Comparison) {
    // Of one the title is that of the page.
    let heading = if report.comparisons.len() == 1 { "Changes".to_owned() } else { name(comparison) };
    page.raw("<section>").element("h2", &[], heading);
    let measured = ("Measured", one_line(&comparison.title));
    match comparison.basis {
        Basis::PairedRounds => definitions(page, [measured, ("Run", runs(&comparison.new))]),
        _ => definitions(page, [measured, ("Base", runs(&comparison.base)), ("New", runs(&comparison.new))]),
    }
    let alone = |label: &str, names: &[String]| {
        let names: Vec<String> = names.iter().map(|name| one_line(name)).collect();
        (!names.is_empty()).then(|| format!("{label}: {}", names.join(", ")))
    };
    let mut doubts: Vec<String> = not_comparable(comparison).into_iter().collect();
    doubts.extend(comparison.warnings.iter().map(|text| one_line(text)));
    doubts.extend(alone("only in base", &comparison.only_in_base));
    doubts.extend(alone("only in new", &comparison.only_in_new));
    warnings(page, &doubts);
    rows(page, report, comparison);
    let means = shown_means(report, &comparison.means);
    let means = means.map(|found| format!("Geometric mean of {} engines: {}", found.count, mean(found)));
    let means: Vec<String> = means.collect();
    if !means.is_empty() {
        bullets(page, &means);
    }
    for note in basis(comparison).into_iter().chain(unknown(report, comparison)) {
        page.element("p", &[("class", &"hint")], note);
    }
    charts::charts(page, report, at, comparison);
    page.raw("</section>");
}

/// The same rows as in the table on a terminal.
fn rows(page: &mut Markup, report: &RunsReport, comparison: &Comparison) {
    let rows = cells(report, comparison);
    if rows.is_empty() {
        page.raw("<p>No figure is on both sides.</p>");
        return;
    }
    begin_table(page, "Each engine, with 95% intervals", &HEAD, 2);
    for (at, (verdict, row)) in rows.iter().enumerate() {
        page.raw("<tr>");
        for (column, cell) in row.iter().enumerate() {
            // The engine stands beside all of its rows.
            if column == 0 && !cell.is_empty() {
                let span = 1 + rows.iter().skip(at + 1).take_while(|(_, row)| row[0].is_empty()).count();
                page.element("th", &[("scope", &"row"), ("rowspan", &span)], cell);
            } else if column > 0 {
                let class = match column {
                    1 => "label",
                    7 => tone(*verdict).class(),
                    _ => "figure",
                };
                page.element("td", &[("class", &class)], cell);
            }
        }
        page.raw("</tr>");
    }
    end_table(page);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::report::html::check::{assert_finite, assert_sound, readable};

    #[test]
    fn pages_are_sound_whatever_is_compared() {
        let mut nothing = sample::ENGINES.clone();
        nothing.comparisons[0].engines.clear();
        let mut none = sample::ENGINES.clone();
        none.comparisons.clear();
        none.thresholds.clear();
        for report in sample::REPORTS.iter().chain([&nothing, &none]) {
            let page = html(report);
            assert_sound(&page);
            assert_finite(&page);
        }
        assert!(
            html(&nothing).contains("No figure is on both sides.") && html(&none).contains("Nothing was compared.")
        );
    }

    #[test]
    fn engines_on_a_page() {
        sample::snapshot("engines.html", &readable(&html(&sample::ENGINES)));
    }

    #[test]
    fn texts_from_elsewhere_do_nothing() {
        let page = html(sample::REPORTS.last().unwrap());
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
        let mut report = sample::ENGINES.clone();
        let hostile = "\"><script>x</script>\u{202e}\u{1b}[2J' onload='";
        report.warnings.push(hostile.to_owned());
        report.comparisons[0].title = hostile.to_owned();
        report.comparisons[0].base[0].file = hostile.to_owned();
        report.comparisons[0].only_in_new.push(hostile.to_owned());
        report.comparisons[0].engines[0].name = hostile.to_owned();
        report.comparisons[0].engines[0].baseline = Some(hostile.to_owned());
        report.comparisons[0].engines[0].failed = Some(hostile.to_owned());
        report.thresholds[0].checked[0].engine = hostile.to_owned();
        let page = html(&report);
        assert_sound(&page);
        assert!(page.matches("&lt;script&gt;x&lt;/script&gt;").count() > 8 && !page.contains("<script"));
    }

    #[test]
    fn pages_to_look_at() {
        let Some(dir) = std::env::var_os("INFA_WRITE_PAGES").map(std::path::PathBuf::from) else { return };
        for (at, report) in sample::REPORTS.iter().enumerate() {
            std::fs::write(dir.join(format!("runs-{at}.html")), html(report)).unwrap();
        }
    }
}
