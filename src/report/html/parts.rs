//! Pieces of pages: warnings, definitions, tables, figures.

use std::fmt::Display;

use super::super::markup::Markup;
use super::super::numbers::several;
use super::super::plot::swatch;

/// Warnings to read before the figures; nothing without warnings.
pub(crate) fn warnings<T: Display>(page: &mut Markup, warnings: &[T]) {
    if !warnings.is_empty() {
        page.raw("<section class=\"warnings\"><h2>Before you believe it</h2>");
        bullets(page, warnings);
        page.raw("</section>");
    }
}

/// A list of texts.
pub(crate) fn bullets<T: Display>(page: &mut Markup, texts: &[T]) {
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
        bullets(page, &kept.into_iter().map(|(_, line)| line).collect::<Vec<_>>());
        page.raw("</details>");
    }
}

/// Labels and texts. A text without a label continues the one above.
pub(crate) fn definitions<L: Display, T: Display>(page: &mut Markup, lines: impl IntoIterator<Item = (L, T)>) {
    page.raw("<dl>");
    for (label, text) in lines {
        let label = label.to_string();
        if !label.is_empty() {
            page.element("dt", &[], label);
        }
        page.element("dd", &[], text);
    }
    page.raw("</dl>");
}

/// A table of texts: the first cell of a row names it.
pub(crate) fn table(page: &mut Markup, caption: &str, head: &[&str], rows: &[Vec<String>]) {
    begin_table(page, caption, head, 1);
    for row in rows {
        page.raw("<tr>");
        for (at, cell) in row.iter().enumerate() {
            match at {
                0 => page.element("th", &[("scope", &"row")], cell),
                _ => page.element("td", &[], cell),
            };
        }
        page.raw("</tr>");
    }
    end_table(page);
}

/// Begins a table with the heads of its columns; the first `words` columns are left-aligned; rows follow.
pub(crate) fn begin_table(page: &mut Markup, caption: &str, head: &[&str], words: usize) {
    scrolling(page, caption);
    page.element("caption", &[], caption).raw("<thead><tr>");
    for (at, head) in head.iter().enumerate() {
        let class = if at < words { "label" } else { "figure" };
        page.element("th", &[("scope", &"col"), ("class", &class)], head);
    }
    page.raw("</tr></thead><tbody>");
}

/// Ends it.
pub(crate) fn end_table(page: &mut Markup) {
    page.raw("</tbody></table></div>");
}

/// Begins a table that scrolls where it is wider than the window, by the keyboard too.
pub(crate) fn scrolling(page: &mut Markup, label: &str) {
    scroller(page, label);
    page.raw("<table>");
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
