//! The report for a README: a table as GitHub reads it, and what must be known to read it.

use super::columns::{mark, outcome, shown, steps};
use super::sentence::sentence;
use super::{Report, finite, summary};
use crate::report::markdown::{escaped, table};
use crate::report::numbers::NOTHING;
use crate::report::text::one_line;

/// The report in GitHub's Markdown, with a newline at its end: the columns that are read first, steps of curves, and
/// short notes. Nothing in it is taken for markup that was not written here.
pub fn markdown(report: &Report) -> String {
    let report = &finite::finite(report);
    let mut out = String::new();
    let columns = shown(report);
    if report.engines.is_empty() {
        out.push_str("No engine was measured.\n");
    } else {
        let head = std::iter::once("engine").chain(columns.iter().map(|column| column.head)).map(str::to_owned);
        let rows = report.engines.iter().enumerate().map(|(at, engine)| {
            let mark = mark(engine).map(|mark| format!(" ({mark})")).unwrap_or_default();
            let cells = columns.iter().map(move |column| column.cells.get(at).cloned().flatten());
            let name = format!("{}{mark}", escaped(&engine.name));
            std::iter::once(name)
                .chain(cells.map(|cell| cell.map_or_else(|| NOTHING.to_owned(), |cell| escaped(&cell))))
        });
        table(&mut out, head, rows);
    }
    for engine in &report.engines {
        let Some(curve) = &engine.curve else { continue };
        let name = escaped(&engine.name);
        out.push_str(&format!("\n{name}: {}\n\n", escaped(&outcome(curve))));
        let columns = steps(curve);
        let rows = (0..curve.steps.len()).map(|at| {
            columns.iter().map(move |(_, cells)| cells.get(at).map(|cell| escaped(cell)).unwrap_or_default())
        });
        table(&mut out, columns.iter().map(|(head, _)| (*head).to_owned()), rows);
    }
    if let Some(sentence) = sentence(report) {
        out.push_str(&format!("\n{}\n", escaped(&sentence)));
    }
    out.push('\n');
    for (label, text) in summary::lines(report) {
        out.push_str(&format!("- {label}: {}\n", escaped(&text)));
    }
    let versions: Vec<String> = report
        .engines
        .iter()
        .filter_map(|engine| Some(format!("{} {}", one_line(&engine.name), one_line(engine.version.as_deref()?))))
        .collect();
    if !versions.is_empty() {
        out.push_str(&format!("- Versions: {}\n", escaped(&versions.join(", "))));
    }
    for engine in &report.engines {
        if let Some(reason) = summary::reason(engine) {
            out.push_str(&format!("- {} {}\n", escaped(&engine.name), escaped(&reason)));
        }
    }
    for warning in summary::warnings(report) {
        out.push_str(&format!("- Warning: {}\n", escaped(&warning)));
    }
    for note in &report.notes {
        out.push_str(&format!("- {}\n", escaped(note)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn as_it_stands_in_a_readme() {
        sample::compare("engines.md", &markdown(&sample::engines()));
        sample::compare("failures.md", &markdown(&sample::failures()));
        sample::compare("sweep.md", &markdown(&sample::sweep()));
    }

    #[test]
    fn rows_have_as_many_cells_as_headings() {
        let many: Vec<_> = (0..30).map(|at| sample::engine(&format!("engine {at}"), 100.0 * f64::from(at))).collect();
        let one = sample::of(vec![sample::engine("onnx", 8700.0)]);
        for report in
            [sample::hostile(), sample::failures(), sample::sweep(), sample::infinite(), sample::of(many), one]
        {
            let text = markdown(&report);
            for block in text.split("\n\n").filter(|block| block.starts_with('|')) {
                let cells = |line: &str| line.replace("\\\\", "").replace("\\|", "").matches('|').count();
                let table: Vec<&str> = block.lines().take_while(|line| line.starts_with('|')).collect();
                assert!(table.len() > 2 && table.iter().all(|line| cells(line) == cells(table[0])), "{text}");
            }
            assert!(!text.contains('<'), "{text}");
        }
        let nobody = markdown(&sample::of(vec![]));
        assert!(nobody.starts_with("No engine was measured.\n\n- Workload: "), "{nobody}");
    }
}
