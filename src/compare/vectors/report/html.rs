//! The report as one page that needs nothing else.

mod cosines;

use super::text::{figures, set};
use super::{VectorComparison, VectorsReport, WorstInput, share};
use crate::compare::vectors::Verdict;
use crate::report::html::frame::frame;
use crate::report::html::parts::{begin_table, bullets, definitions, end_table, figure, warnings};
use crate::report::markup::Markup;
use crate::report::numbers::{NOTHING, cosine, count, number, several};
use crate::report::text::{one_line, shortened};

pub(crate) use cosines::{cosines, farthest};

/// Characters of a text that are shown.
const TEXT: usize = 200;

/// The report as a page of HTML in one file: verdicts with what they rest on, figures, how cosines are spread. It loads
/// and runs nothing, and every text is escaped.
pub fn html(report: &VectorsReport) -> String {
    let mut page = Markup::default();
    let reference = one_line(&report.reference.name);
    let title = match &report.comparisons[..] {
        [one] => format!("{} against {reference}", one_line(&one.candidate.name)),
        many => format!("{} against {reference}", several(many.len() as u64, "set of vectors", "sets of vectors")),
    };
    if report.comparisons.len() != 1 {
        overview(&mut page, report);
    }
    // All on one axis, so that they can be held against one another.
    let from = farthest(report.comparisons.iter().filter_map(|comparison| comparison.cosines.as_ref()));
    for (at, comparison) in report.comparisons.iter().enumerate() {
        candidate(&mut page, report, at, comparison, from);
    }
    frame(&title, &format!("Saved vectors, compared by infa {}", one_line(&report.infa)), page)
}

/// The name of a metric, what stands above it, and how it is written.
type Column = (&'static str, &'static str, fn(f64) -> String);

/// All in one table.
fn overview(page: &mut Markup, report: &VectorsReport) {
    page.raw("<section><h2>Overview</h2>");
    if report.comparisons.is_empty() {
        page.raw("<p>Nothing was compared.</p></section>");
        return;
    }
    let figures: [Column; 5] = [
        ("cosine_min", "cosine min", cosine),
        ("cosine_mean", "cosine mean", cosine),
        ("top1", "same nearest", share),
        ("top10", "same first 10", share),
        ("distance_correlation", "order of distances", cosine),
    ];
    let head: Vec<&str> = ["set", "verdict"].into_iter().chain(figures.map(|(_, head, _)| head)).collect();
    begin_table(page, "Each set against the reference", &head, 2);
    for comparison in &report.comparisons {
        page.raw("<tr>").element("th", &[("scope", &"row")], one_line(&comparison.candidate.name));
        let class = format!("label {}", class(comparison.verdict));
        page.element("td", &[("class", &class)], comparison.verdict.words());
        for (name, _, write) in figures {
            page.element("td", &[], comparison.metric(name).map_or_else(|| NOTHING.to_owned(), write));
        }
        page.raw("</tr>");
    }
    end_table(page);
    page.raw("</section>");
}

/// What the style knows a verdict by.
fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Interchangeable => "good",
        Verdict::SameRanking | Verdict::TooFewInputs => "fair",
        Verdict::Different => "bad",
    }
}

fn candidate(page: &mut Markup, report: &VectorsReport, at: usize, comparison: &VectorComparison, from: f64) {
    let (reference, name) = (&report.reference, &comparison.candidate.name);
    page.raw("<section>").element("h2", &[], one_line(name));
    let meaning = match comparison.verdict {
        Verdict::Interchangeable => "Vectors of both may stand in one index.",
        Verdict::SameRanking => "A search finds the same, but in an index of its own.",
        Verdict::TooFewInputs => "More inputs would tell whether one can take the place of the other.",
        Verdict::Different => "Neither can take the place of the other.",
    };
    let class = format!("verdict {}", class(comparison.verdict));
    page.open("p", &[("class", &class)]).element("strong", &[], comparison.verdict.words());
    page.raw(" ").element("span", &[], meaning).raw("</p>");
    warnings(page, &comparison.warnings.iter().map(|text| one_line(text)).collect::<Vec<_>>());
    let findings = comparison.findings.iter().map(|found| one_line(&found.sentence(&reference.name, name)));
    for (heading, texts) in [
        ("What was found", findings.collect::<Vec<_>>()),
        ("Because", comparison.reasons.iter().map(|reason| one_line(reason)).collect()),
    ] {
        if !texts.is_empty() {
            page.element("h3", &[], heading);
            bullets(page, &texts);
        }
    }
    page.raw("<h3>Figures</h3>");
    let sets = [("Reference", set(reference)), ("Compared", set(&comparison.candidate))];
    definitions(page, sets.into_iter().chain(figures(comparison)).map(|(label, text)| (label, one_line(&text))));
    if let Some(histogram) = &comparison.cosines {
        page.raw("<div class=\"charts\">");
        let heading = "How cosines are spread".to_owned();
        let chart = cosines(&format!("cosines-{at}"), heading, at, histogram, from);
        figure(page, &chart.heading, &chart.about, chart.picture, &chart.legend);
        page.raw("</div>");
    }
    if !comparison.worst.is_empty() {
        worst(page, &comparison.worst);
    }
    page.raw("</section>");
}

/// Inputs with their cosines, and with their texts and lengths where those are known.
fn worst(page: &mut Markup, inputs: &[WorstInput]) {
    let texts = inputs.iter().any(|worst| worst.text.is_some());
    let tokens = inputs.iter().any(|worst| worst.tokens.is_some());
    let mut head = vec!["input", "cosine", "1 − cosine"];
    head.extend(tokens.then_some("tokens"));
    head.extend(texts.then_some("text"));
    begin_table(page, "Inputs whose vectors are farthest apart", &head, 1);
    for worst in inputs {
        page.raw("<tr>").element("th", &[("scope", &"row")], one_line(&worst.input.to_string()));
        page.element("td", &[], cosine(worst.cosine)).element("td", &[], number(1.0 - worst.cosine));
        if tokens {
            page.element("td", &[], worst.tokens.map_or_else(|| NOTHING.to_owned(), |tokens| count(tokens as u64)));
        }
        if texts {
            let text = worst.text.as_deref().map(|text| shortened(&one_line(text), TEXT)).unwrap_or_default();
            page.element("td", &[("class", &"text")], text);
        }
        page.raw("</tr>");
    }
    end_table(page);
}
