//! The comparison for a README, a pull request, or the summary of a CI job.

use super::report::{Basis, RunsReport, Verdict};
use super::table::{basis, cells, checks, mean, not_comparable, runs, shown_means, unknown};
use crate::report::markdown::{escaped, table};

const HEAD: [&str; 8] = ["engine", "metric", "base", "new", "change", "95% interval", "noise floor", "verdict"];

/// The comparison in GitHub's Markdown, with a newline at its end. Nothing in it is taken for markup that was not
/// written here.
pub fn markdown(report: &RunsReport) -> String {
    let mut out = String::new();
    for warning in &report.warnings {
        out.push_str(&format!("- Warning: {}\n", escaped(warning)));
    }
    for comparison in &report.comparisons {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&format!("**{}**\n\n", escaped(&comparison.title)));
        if comparison.basis != Basis::PairedRounds {
            out.push_str(&format!("- Base: {}\n", escaped(&runs(&comparison.base))));
        }
        out.push_str(&format!("- New: {}\n", escaped(&runs(&comparison.new))));
        if let Some(reasons) = not_comparable(comparison) {
            out.push_str(&format!("- **{}**\n", escaped(&reasons)));
        }
        for warning in &comparison.warnings {
            out.push_str(&format!("- Warning: {}\n", escaped(warning)));
        }
        for (label, names) in [("Only in base", &comparison.only_in_base), ("Only in new", &comparison.only_in_new)] {
            if !names.is_empty() {
                out.push_str(&format!("- {label}: {}\n", escaped(&names.join(", "))));
            }
        }
        out.push('\n');
        let rows = cells(report, comparison);
        if rows.is_empty() {
            out.push_str("No figure is on both sides.\n");
        } else {
            let rows = rows.iter().map(|(verdict, row)| {
                let loud = matches!(verdict, Verdict::Slower | Verdict::Worse | Verdict::Faster | Verdict::Better);
                row.iter().enumerate().map(move |(at, cell)| match at {
                    7 if loud => format!("**{}**", escaped(cell)),
                    _ => escaped(cell),
                })
            });
            table(&mut out, HEAD.iter().map(|head| (*head).to_owned()), rows);
        }
        out.push('\n');
        for found in shown_means(report, &comparison.means) {
            out.push_str(&format!("- Geometric mean of {} engines: {}\n", found.count, escaped(&mean(found))));
        }
        for engine in &comparison.engines {
            if let Some(failed) = &engine.failed {
                out.push_str(&format!("- {} {}\n", escaped(&engine.name), escaped(failed)));
            }
        }
        for note in basis(comparison).into_iter().chain(unknown(report, comparison)) {
            out.push_str(&format!("- {}\n", escaped(note)));
        }
    }
    let overall = shown_means(report, &report.means)
        .map(|found| format!("- Geometric mean of {} engines and workloads: {}\n", found.count, escaped(&mean(found))));
    let thresholds = checks(report).into_iter().map(|(crossed, line)| match crossed {
        Some(true) => format!("- **{}**\n", escaped(&line)),
        _ => format!("- {}\n", escaped(&line)),
    });
    for lines in [overall.collect::<Vec<_>>(), thresholds.collect()] {
        if !lines.is_empty() {
            out.push('\n');
            out.push_str(&lines.concat());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn as_it_stands_in_a_pull_request() {
        sample::snapshot("engines.md", &markdown(&sample::ENGINES));
    }

    #[test]
    fn nothing_is_markup_that_was_not_written_here() {
        for report in sample::REPORTS.iter() {
            let text = markdown(report);
            assert!(!text.contains('<'), "{text}");
            for block in text.split("\n\n").filter(|block| block.starts_with('|')) {
                let cells = |line: &str| line.replace("\\\\", "").replace("\\|", "").matches('|').count();
                let table: Vec<&str> = block.lines().take_while(|line| line.starts_with('|')).collect();
                assert!(table.len() > 2 && table.iter().all(|line| cells(line) == cells(table[0])), "{text}");
            }
        }
    }
}
