//! A document as a page of HTML.

use super::content::{Block, Chart, Document, Line, Medium, Row, Section, Table};
use crate::report::html::frame::frame;
use crate::report::html::parts::{begin_table, checks, end_table, figure, warnings};
use crate::report::markup::Markup;
use crate::report::text::one_line;
use crate::report::tone::Tone;

/// The document as a page of HTML in one file. It loads and runs nothing, and every text is escaped.
pub(crate) fn html(document: Document) -> String {
    let Document { title, subtitle, sections, checks: thresholds } = document;
    let mut page = Markup::default();
    let mut sections = sections.into_iter();
    let is_shown = |section: &Section| section.is_in(Medium::Page);
    sections.by_ref().take(1).filter(is_shown).for_each(|first| section(&mut page, first));
    if !thresholds.is_empty() {
        page.raw("<section><h2>Thresholds</h2>");
        checks(&mut page, thresholds.iter().map(|check| (check.crossed, one_line(&check.text))).collect());
        page.raw("</section>");
    }
    sections.filter(is_shown).for_each(|other| section(&mut page, other));
    frame(&one_line(&title), &one_line(&subtitle), page)
}

fn section(page: &mut Markup, Section { title, page_title, blocks, only: _ }: Section) {
    page.raw("<section>");
    let title = if title.is_empty() { page_title.to_owned() } else { one_line(&title) };
    if !title.is_empty() {
        page.element("h2", &[], &title);
    }
    blocks.into_iter().for_each(|block| draw(page, &title, block));
    page.raw("</section>");
}

/// Draws a block below the heading `title`.
fn draw(page: &mut Markup, title: &str, block: Block) {
    match block {
        Block::Verdict(tone, text, meaning) => {
            let class = format!("verdict {}", tone.class());
            page.open("p", &[("class", &class)]).element("strong", &[], one_line(&text));
            if !meaning.is_empty() {
                page.raw(" ").element("span", &[], one_line(&meaning));
            }
            page.raw("</p>");
        }
        Block::Facts(lines) => facts(page, &lines),
        Block::Warnings(texts) => warnings(page, texts.iter().map(|text| one_line(text))),
        Block::Table(table) => self::table(page, title, &table),
        Block::Charts(charts) => self::charts(page, charts),
        Block::Notes(notes) => notes.iter().for_each(|note| {
            page.element("p", &[("class", &"hint")], one_line(note));
        }),
        Block::Folded(title, blocks) => {
            let title = one_line(&title);
            page.raw("<details>").element("summary", &[], &title);
            blocks.into_iter().for_each(|block| draw(page, &title, block));
            page.raw("</details>");
        }
    }
}

fn facts(page: &mut Markup, lines: &[Line]) {
    page.raw("<dl>");
    for Line { label, text, tone } in lines {
        if !label.is_empty() {
            page.element("dt", &[], one_line(label));
        }
        match tone {
            Tone::Plain => page.element("dd", &[], one_line(text)),
            tone => page.element("dd", &[("class", &tone.class())], one_line(text)),
        };
    }
    page.raw("</dl>");
}

/// A table below the heading `section`, which names it where it has no title of its own.
fn table(page: &mut Markup, section: &str, table: &Table) {
    let Table { title, head, words, toned, grouped, rows, optional: _ } = table;
    begin_table(page, if title.is_empty() { section } else { title }, title, head, *words);
    for (at, Row { tone, cells, note }) in rows.iter().enumerate() {
        page.raw("<tr>");
        for (column, cell) in cells.iter().enumerate() {
            let place = if column < *words { "label" } else { "figure" };
            match column {
                0 if *grouped && cell.is_empty() => continue,
                // The name stands beside all of its rows.
                0 if *grouped => {
                    let unnamed = |row: &&Row| row.cells.first().is_some_and(String::is_empty);
                    let span = 1 + rows.iter().skip(at + 1).take_while(unnamed).count();
                    page.element("th", &[("scope", &"row"), ("rowspan", &span)], one_line(cell))
                }
                0 if *toned == 0 && *tone != Tone::Plain => {
                    page.element("th", &[("scope", &"row"), ("class", &tone.class())], one_line(cell))
                }
                0 => page.element("th", &[("scope", &"row")], one_line(cell)),
                _ if column == *toned => {
                    let class = format!("{place} {}", tone.class());
                    page.element("td", &[("class", &class)], one_line(cell))
                }
                _ => figures(page, place, &one_line(cell)),
            };
        }
        page.raw("</tr>");
        if !note.is_empty() {
            page.raw("<tr>")
                .element("td", &[("class", &"text"), ("colspan", &head.len())], one_line(note))
                .raw("</tr>");
        }
    }
    end_table(page);
}

/// A cell, its interval in a quieter colour.
fn figures<'p>(page: &'p mut Markup, class: &str, cell: &str) -> &'p mut Markup {
    page.open("td", &[("class", &class)]);
    match cell.split_once(" ±") {
        Some((value, spread)) => {
            page.text(value).raw(" ").element("span", &[("class", &"spread")], format!("±{spread}"))
        }
        None => page.text(cell),
    }
    .close("td")
}

fn charts(page: &mut Markup, charts: Vec<Chart>) {
    page.raw("<div class=\"charts\">");
    for Chart { heading, about, picture, legend } in charts {
        figure(page, &one_line(&heading), &one_line(&about), picture, &legend);
    }
    page.raw("</div>");
}
