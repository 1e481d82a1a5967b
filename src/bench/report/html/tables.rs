//! Tables of the page.

use super::super::columns::{Column, columns, mark};
use super::super::{EngineReport, Report, summary};
use crate::report::html::parts::scrolling;
use crate::report::markup::Markup;
use crate::report::numbers::NOTHING;
use crate::report::text::one_line;

/// The engines: what is read first, then the rest.
pub(super) fn engines(page: &mut Markup, report: &Report) {
    page.raw("<section><h2>Engines</h2>");
    if report.engines.is_empty() {
        page.raw("<p>No engine was measured.</p></section>");
        return;
    }
    let (main, more): (Vec<Column>, Vec<Column>) = columns(report).into_iter().partition(|column| column.main);
    block(page, report, "Speed and fidelity", &main, true);
    if !more.is_empty() {
        page.raw("<details><summary>More figures</summary>");
        block(page, report, "More figures", &more, false);
        page.raw("</details>");
    }
    meanings(page, main.iter().chain(&more));
    page.raw("</section>");
}

fn meanings<'a>(page: &mut Markup, columns: impl Iterator<Item = &'a Column>) {
    page.raw("<p class=\"hint\">Medians of rounds; ± is the 95% interval, from the median to its farther end.</p>");
    page.raw("<details><summary>What the columns mean</summary><dl>");
    for column in columns {
        page.element("dt", &[], column.head).element("dd", &[], column.about);
    }
    page.raw("</dl></details>");
}

fn block(page: &mut Markup, report: &Report, caption: &'static str, columns: &[Column], reasons: bool) {
    scrolling(page, caption);
    page.element("caption", &[], caption).raw("<thead><tr><th scope=\"col\">Engine</th>");
    for column in columns {
        page.element("th", &[("scope", &"col"), ("title", &column.about)], column.head);
    }
    page.raw("</tr></thead><tbody>");
    for (at, engine) in report.engines.iter().enumerate() {
        let cells: Vec<Option<&str>> =
            columns.iter().map(|column| column.cells.get(at).and_then(|cell| cell.as_deref())).collect();
        let reason = summary::reason(engine).filter(|_| reasons);
        let wide = columns.len().max(1);
        let figures = reason.is_none() || cells.iter().any(Option::is_some);
        page.raw("<tr>");
        name(page, report, engine, if figures && reason.is_some() { 2 } else { 1 });
        if figures {
            cells.iter().for_each(|cell| self::cell(page, *cell));
        }
        if let Some(reason) = &reason {
            // A row of its own below what was measured before it failed.
            page.raw(if figures { "</tr><tr>" } else { "" });
            page.element("td", &[("class", &"reason"), ("colspan", &wide)], reason);
        }
        page.raw("</tr>");
    }
    page.raw("</tbody></table></div>");
}

fn name(page: &mut Markup, report: &Report, engine: &EngineReport, rows: usize) {
    page.open("th", &[("scope", &"row"), ("rowspan", &rows)]).text(one_line(&engine.name));
    let is = |name: &Option<String>| name.as_ref() == Some(&engine.name);
    if is(&report.baseline) {
        page.raw(" <span class=\"badge\">baseline</span>");
    }
    if is(&report.reference) {
        page.raw(" <span class=\"badge\">reference</span>");
    }
    if let Some(mark) = mark(engine) {
        page.raw(" ").element("span", &[("class", &"badge bad")], mark);
    }
    page.raw("</th>");
}

/// A cell, its spread in a quieter colour.
fn cell(page: &mut Markup, cell: Option<&str>) {
    let cell = cell.unwrap_or(NOTHING);
    page.raw("<td>");
    match cell.find(" ±") {
        Some(at) => {
            page.text(&cell[..at]).raw(" ").element("span", &[("class", &"spread")], cell[at..].trim_start());
        }
        None => {
            page.text(cell);
        }
    }
    page.raw("</td>");
}
