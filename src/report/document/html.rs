//! A document as a page of HTML.

use super::content::{Chart, Document, Line, Section, Table};
use crate::report::html::frame::frame;
use crate::report::html::parts::{begin_table, checks, definitions, end_table, figure, warnings};
use crate::report::markup::Markup;
use crate::report::text::one_line;

/// The document as a page of HTML in one file: warnings, thresholds, tables, charts, the inputs of the comparison,
/// sections. It loads and runs nothing, and every text is escaped.
pub(crate) fn html(document: Document) -> String {
    let mut page = Markup::default();
    let lines = |texts: &[String]| texts.iter().map(|text| one_line(text)).collect::<Vec<_>>();
    warnings(&mut page, &lines(&document.warnings));
    if !document.checks.is_empty() {
        page.raw("<section><h2>Thresholds</h2>");
        checks(&mut page, document.checks.iter().map(|check| (check.crossed, one_line(&check.text))).collect());
        page.raw("</section>");
    }
    page.raw("<section>").element("h2", &[], document.tables_heading);
    document.tables.iter().for_each(|table| self::table(&mut page, table));
    for note in lines(&document.notes) {
        page.element("p", &[("class", &"hint")], note);
    }
    page.raw("</section>");
    charts(&mut page, document.charts);
    page.raw("<section><h2>What was compared</h2>");
    labelled(&mut page, &document.facts);
    page.raw("</section>");
    if !document.sections.is_empty() {
        page.raw("<section>").element("h2", &[], document.sections_heading);
        for Section { title, lines } in &document.sections {
            page.element("h3", &[], one_line(title));
            labelled(&mut page, lines);
        }
        page.raw("</section>");
    }
    for Section { title, lines } in &document.appendix {
        page.raw("<section>").element("h2", &[], one_line(title));
        labelled(&mut page, lines);
        page.raw("</section>");
    }
    frame(&one_line(&document.title), &one_line(&document.subtitle), page)
}

fn labelled(page: &mut Markup, lines: &[Line]) {
    definitions(page, lines.iter().map(|Line { label, text }| (one_line(label), one_line(text))));
}

fn table(page: &mut Markup, Table { title, head, words, toned, rows }: &Table) {
    begin_table(page, title, head, *words);
    for (tone, cells) in rows {
        page.raw("<tr>");
        for (at, cell) in cells.iter().enumerate() {
            let place = if at < *words { "label" } else { "figure" };
            match at {
                0 => page.element("th", &[("scope", &"row")], one_line(cell)),
                _ if at == *toned => {
                    let class = format!("{place} {}", tone.class());
                    page.element("td", &[("class", &class)], one_line(cell))
                }
                _ => page.element("td", &[("class", &place)], one_line(cell)),
            };
        }
        page.raw("</tr>");
    }
    end_table(page);
}

fn charts(page: &mut Markup, charts: Vec<Chart>) {
    if charts.is_empty() {
        return;
    }
    page.raw("<section><h2>Charts</h2><div class=\"charts\">");
    for Chart { heading, about, picture, legend } in charts {
        figure(page, &heading, &about, picture, &legend);
    }
    page.raw("</div></section>");
}
