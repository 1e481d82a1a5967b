use super::*;
use crate::report::terminal::width;
use crate::report::{TableOptions, Tone};

/// Two engines with two figures each.
fn grouped() -> Table {
    let row = |cells: [&str; 4]| Row::from((Tone::Good, cells.map(str::to_owned).to_vec()));
    Table {
        title: "Figures",
        head: vec!["Engine", "Metric", "base", "verdict"],
        words: 2,
        toned: 3,
        grouped: true,
        optional: &[2],
        rows: vec![
            row(["a long name of an engine", "tokens/s", "1,000", "faster beyond the noise"]),
            row(["", "p50 ms", "20.0", "faster beyond the noise"]),
        ],
    }
}

fn drawn(blocks: Vec<Block>, columns: u16) -> String {
    let document = Document { sections: vec![Section::new("", blocks)], ..Document::default() };
    terminal(&document, &TableOptions { colour: false, width: Some(columns) })
}

#[test]
fn a_narrow_terminal_keeps_what_a_grouped_table_is_for() {
    let wide = drawn(vec![Block::Table(grouped())], 100);
    assert!(wide.contains("a long name of an engine  tokens/s  1,000"), "{wide}");
    let narrow = drawn(vec![Block::Table(grouped())], 45);
    assert!(narrow.contains("\na long name of an engine\n  tokens/s  1,000"), "{narrow}");
    let narrow = drawn(vec![Block::Table(grouped())], 40);
    assert!(narrow.contains("\n  tokens/s  faster beyond the noise\n"), "{narrow}");
    assert!(narrow.contains("no room for base;"), "{narrow}");
    assert!(narrow.lines().all(|line| width(line) <= 40), "{narrow}");
}

#[test]
fn other_tables_are_broken_into_several_with_all_names_and_each_note_once() {
    let mut table = Table { grouped: false, optional: &[], ..grouped() };
    table.rows[1].cells[0] = "b".to_owned();
    table.rows[1].note = "why".to_owned();
    let text = drawn(vec![Block::Table(table)], 40);
    assert_eq!((text.matches("\nb ").count(), text.matches("    why").count()), (2, 1), "{text}");
    assert!(text.contains("1,000") && text.contains("faster beyond the noise"), "{text}");
}

#[test]
fn tables_stand_apart_and_nothing_ends_in_an_empty_line() {
    let facts = || Block::facts([("Label", "text".to_owned())]);
    let text = drawn(vec![facts(), facts(), Block::Table(grouped()), facts()], 100);
    assert!(text.starts_with("Label       text\nLabel       text\n\nFigures\n"), "{text}");
    assert!(text.ends_with("noise\n\nLabel       text\n"), "{text}");
    let text = drawn(vec![Block::Table(grouped())], 100);
    assert!(text.ends_with("noise\n") && !text.ends_with("\n\n"), "{text}");
    let document = Document { sections: vec![Section::new("A", [Block::Table(grouped())])], ..Document::default() };
    let text = markdown(&document);
    assert!(text.starts_with("**A**\n\n**Figures**\n\n| Engine |") && text.ends_with("|\n"), "{text}");
}

#[test]
fn thresholds_are_first_on_a_page_and_last_elsewhere() {
    let check = Check { crossed: Some(true), comparable: true, text: "a<1: crossed".to_owned() };
    let section = |text: &str| Section::new("", [Block::Notes(vec![text.to_owned()])]);
    let document = || Document {
        sections: vec![
            section("one"),
            section("two"),
            Section::on_pages("Three", [Block::facts([("a", "b".to_owned())])]),
        ],
        checks: vec![check.clone()],
        ..Document::default()
    };
    let order = |text: &str| ["one", "two", "crossed"].map(|word| text.find(word).unwrap());
    let [one, two, crossed] = order(&terminal(&document(), &TableOptions::default()));
    assert!(one < two && two < crossed);
    let page = html(document());
    let [one, two, crossed] = order(&page);
    assert!(one < crossed && crossed < two && page.contains("<h2>Three</h2>"));
    assert!(!markdown(&document()).contains("Three"));
}
