//! Pieces of pages: warnings, definitions, tables, figures.

use super::super::markup::Markup;
use super::super::numbers::several;
use super::super::plot::swatch;

/// Warnings to read before the figures.
pub(crate) fn warnings(page: &mut Markup, warnings: impl Iterator<Item = String>) {
    page.raw("<section class=\"warnings\"><h2>Before you believe it</h2>");
    bullets(page, warnings);
    page.raw("</section>");
}

fn bullets(page: &mut Markup, texts: impl Iterator<Item = String>) {
    page.raw("<ul>");
    for text in texts {
        page.element("li", &[], text);
    }
    page.raw("</ul>");
}

/// Thresholds: whether each was crossed (`None` where that is not known), and a line of text. Kept ones are folded.
pub(crate) fn checks(page: &mut Markup, checks: Vec<(Option<bool>, String)>) {
    let (kept, open): (Vec<_>, Vec<_>) = checks.into_iter().partition(|(crossed, _)| *crossed == Some(false));
    if !open.is_empty() {
        page.raw("<ul>");
        for (crossed, line) in open {
            let (class, word) = if crossed.is_some() { ("badge bad", "crossed") } else { ("badge", "not checked") };
            page.raw("<li>").element("span", &[("class", &class)], word).raw(" ").text(line).raw("</li>");
        }
        page.raw("</ul>");
    }
    if !kept.is_empty() {
        let many = several(kept.len() as u64, "time", "times");
        page.raw("<details><summary><span class=\"badge good\">kept</span> ").text(many).raw("</summary>");
        bullets(page, kept.into_iter().map(|(_, line)| line));
        page.raw("</details>");
    }
}

/// Begins a table with the heads of its columns; the first `words` columns are left-aligned; rows follow. It scrolls where
/// it is wider than the window, by the keyboard too.
pub(crate) fn begin_table(page: &mut Markup, label: &str, caption: &str, head: &[&str], words: usize) {
    scroller(page, label);
    page.raw("<table>");
    if !caption.is_empty() {
        page.element("caption", &[], caption);
    }
    page.raw("<thead><tr>");
    for (at, head) in head.iter().enumerate() {
        let class = if at < words { "label" } else { "figure" };
        page.element("th", &[("scope", &"col"), ("class", &class)], head);
    }
    page.raw("</tr></thead><tbody>");
}

pub(crate) fn end_table(page: &mut Markup) {
    page.raw("</tbody></table></div>");
}

fn scroller(page: &mut Markup, label: &str) {
    page.open("div", &[("class", &"scroll"), ("role", &"region"), ("aria-label", &label), ("tabindex", &"0")]);
}

/// A chart with its heading, a text, and a legend of series by their numbers. It scrolls where it is wider than the
/// window.
pub(crate) fn figure(page: &mut Markup, heading: &str, about: &str, chart: Markup, legend: &[(usize, String)]) {
    page.raw("<figure><figcaption>").element("h3", &[], heading).element("p", &[], about).raw("</figcaption>");
    scroller(page, heading);
    page.append(chart).raw("</div>");
    if !legend.is_empty() {
        page.raw("<ul class=\"legend\">");
        for (series, name) in legend {
            page.raw("<li>").append(swatch(*series)).text(name).raw("</li>");
        }
        page.raw("</ul>");
    }
    page.raw("</figure>");
}
