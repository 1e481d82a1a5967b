//! The report on a terminal.

use super::columns::{mark, outcome, shown, steps};
use super::sentence::sentence;
use super::{EngineReport, EngineState, Report, finite, summary};
use crate::report::numbers::NOTHING;
use crate::report::terminal::{GAP, Grid, INDENT, Page, Style, TableOptions, width, wrapped};
use crate::report::text::one_line;

/// The report for a terminal, with a newline at its end: the engines in as many tables as the width asks for, steps of
/// curves, and what a reader must know.
pub fn table(report: &Report, options: &TableOptions) -> String {
    let report = &finite::finite(report);
    let mut page = Page::new(options);
    page.engines(report);
    page.curves(report);
    page.summary(report);
    page.out
}

impl Page {
    fn engines(&mut self, report: &Report) {
        if report.engines.is_empty() {
            self.line(Style::Plain, "No engine was measured.");
            return;
        }
        let limit = usize::from(self.width / 3).min(32);
        let names: Vec<Vec<String>> = report.engines.iter().map(|engine| wrapped(&named(engine), limit)).collect();
        let name_width = names.iter().flatten().map(|line| width(line)).max().unwrap_or_default().max(6);
        let columns = shown(report);
        let mut rest = columns.as_slice();
        let mut first = true;
        // Engines are there even if nothing is known of them.
        while first || !rest.is_empty() {
            let mut room = self.width.saturating_sub(name_width);
            let fit = rest.iter().take_while(|column| {
                let cells = column.cells.iter().map(|cell| cell.as_deref().unwrap_or(NOTHING)).chain([column.head]);
                let wide = cells.map(width).max().unwrap_or_default().saturating_add(GAP);
                let fits = wide <= room;
                room = room.saturating_sub(wide);
                fits
            });
            // One that is wider than the terminal stands alone.
            let taken = fit.count().max(1).min(rest.len());
            let (block, left) = rest.split_at(taken);
            if !first {
                self.out.push('\n');
            }
            let mut table = Grid::new(std::iter::once("Engine").chain(block.iter().map(|column| column.head)));
            for (at, name) in names.iter().enumerate() {
                let cells = block.iter().map(|column| column.cells.get(at).and_then(|cell| cell.as_deref()));
                table.row(name, cells.map(|cell| cell.unwrap_or(NOTHING)));
            }
            let (heading, rows) = table.lines();
            heading.iter().for_each(|line| self.line(Style::Bold, line));
            for (engine, lines) in report.engines.iter().zip(rows) {
                let style = match engine.state {
                    EngineState::Failed { .. } => Style::Red,
                    EngineState::Unstable { .. } | EngineState::NotMeasured => Style::Yellow,
                    EngineState::Stable { .. } | EngineState::Once => Style::Plain,
                };
                lines.iter().for_each(|line| self.line(style, line));
                if let Some(reason) = summary::reason(engine).filter(|_| first) {
                    self.paragraph(style, &" ".repeat(INDENT), &reason);
                }
            }
            (rest, first) = (left, false);
        }
    }

    fn curves(&mut self, report: &Report) {
        for engine in &report.engines {
            let Some(curve) = &engine.curve else { continue };
            self.out.push('\n');
            self.paragraph(Style::Bold, "", &format!("{}: {}", one_line(&engine.name), outcome(curve)));
            let columns = steps(curve);
            let Some(((head, loads), others)) = columns.split_first() else { continue };
            let mut table = Grid::new(std::iter::once(*head).chain(others.iter().map(|(head, _)| *head)));
            for (at, load) in loads.iter().enumerate() {
                let cells = others.iter().map(|(_, cells)| cells.get(at).map_or("", String::as_str));
                table.row(std::slice::from_ref(load), cells);
            }
            let (heading, rows) = table.lines();
            heading.iter().for_each(|line| self.line(Style::Bold, line));
            rows.iter().flatten().for_each(|line| self.line(Style::Plain, line));
        }
    }

    fn summary(&mut self, report: &Report) {
        self.out.push('\n');
        for (label, text) in summary::lines(report) {
            self.paragraph(Style::Plain, &format!("{label:10}"), &text);
        }
        let failed: Vec<(&EngineReport, String)> = report
            .engines
            .iter()
            .flat_map(|engine| summary::failures(engine).map(move |failure| (engine, failure)))
            .collect();
        for (at, (engine, failure)) in failed.iter().enumerate() {
            let label = if at == 0 { "Failures  " } else { "          " };
            self.paragraph(Style::Red, label, &format!("{}: {failure}", one_line(&engine.name)));
        }
        for warning in summary::warnings(report) {
            self.paragraph(Style::Yellow, "Warning   ", &warning);
        }
        for note in &report.notes {
            self.paragraph(Style::Plain, "Note      ", &one_line(note));
        }
        if let Some(sentence) = sentence(report) {
            self.out.push('\n');
            self.paragraph(Style::Bold, "", &sentence);
        }
    }
}

/// The name with what it must be marked with.
fn named(engine: &EngineReport) -> String {
    let mark = mark(engine).map(|mark| format!(" ({mark})")).unwrap_or_default();
    format!("{}{mark}", one_line(&engine.name))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    const PLAIN: TableOptions = TableOptions { colour: false, width: None };

    fn drawn(report: &Report, width: u16) -> String {
        table(report, &TableOptions { colour: false, width: Some(width) })
    }

    #[test]
    fn engines_in_a_table() {
        sample::compare("engines.txt", &table(&sample::engines(), &PLAIN));
        sample::compare("engines-80.txt", &drawn(&sample::engines(), 80));
    }

    #[test]
    fn sweeps_and_searches() {
        sample::compare("sweep.txt", &table(&sample::sweep(), &PLAIN));
    }

    #[test]
    fn failures_keep_their_rows() {
        sample::compare("failures.txt", &table(&sample::failures(), &PLAIN));
    }

    #[test]
    fn rankings() {
        sample::compare("rerank.txt", &table(&sample::rerank(), &PLAIN));
    }

    #[test]
    fn nothing_is_wider_than_the_terminal() {
        let mut long = sample::engines();
        long.engines[1].name = "an-engine-with-a-very-long-name-and-nowhere-to-break-it".repeat(3);
        long.engines[2].name = "日本語の名前".repeat(20);
        for report in [sample::engines(), sample::failures(), sample::sweep(), sample::rerank(), long] {
            for columns in [80, 100, 120, 200, 1000] {
                let text = drawn(&report, columns);
                let widest = text.lines().map(width).max().unwrap();
                assert!(widest <= columns, "{widest} of {columns}\n{text}");
            }
        }
    }

    #[test]
    fn any_width_will_do() {
        for columns in [0, 1, 39, 40, u16::MAX] {
            let text = drawn(&sample::engines(), columns);
            assert!(text.contains("tokens/s") && text.contains("onnx:int8"), "{text}");
        }
        assert_eq!(drawn(&sample::engines(), 0), table(&sample::engines(), &PLAIN));
    }

    #[test]
    fn no_engine_one_and_thirty() {
        let text = table(&sample::of(vec![]), &PLAIN);
        assert!(text.starts_with("No engine was measured.\n\nWorkload"), "{text}");
        let one = table(&sample::of(vec![sample::engine("onnx", 8700.0)]), &PLAIN);
        assert_eq!(one.lines().take_while(|line| !line.is_empty()).count(), 3, "{one}");
        assert!(!one.contains("speed-up"), "{one}");
        let many = (0..30).map(|at| sample::engine(&format!("engine {at}"), 100.0 * f64::from(at))).collect();
        let many = table(&sample::of(many), &PLAIN);
        assert_eq!(many.lines().take_while(|line| !line.is_empty()).count(), 32, "{many}");
    }

    #[test]
    fn colours_are_for_those_who_want_them() {
        let coloured = table(&sample::failures(), &TableOptions { colour: true, width: None });
        assert!(coloured.contains("\x1b[1mEngine") && coloured.contains("\x1b[31m"));
        let plain = table(&sample::failures(), &PLAIN);
        assert!(!plain.contains('\x1b'));
        let stripped =
            ["\x1b[1m", "\x1b[31m", "\x1b[33m", "\x1b[0m"].iter().fold(coloured, |text, code| text.replace(code, ""));
        assert_eq!(stripped, plain);
    }

    #[test]
    fn hostile_texts_move_no_cursor() {
        let text = table(&sample::hostile(), &PLAIN);
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
        assert!(!text.contains('\u{202e}'));
    }

    #[test]
    fn what_is_not_finite_is_not_shown() {
        let text = table(&sample::infinite(), &PLAIN);
        assert!(!text.contains("NaN") && !text.replace("infa", "").replace("infinity", "").contains("inf"), "{text}");
    }
}
