//! Files whose names end as another format does than the one that is written into them.

use std::ffi::OsStr;
use std::path::Path;

use clap::ArgMatches;

/// Formats by the endings of names.
const ENDINGS: &[(&str, &str)] = &[
    ("jsonl", "jsonl"),
    ("ndjson", "jsonl"),
    ("json", "json"),
    ("csv", "csv"),
    ("npy", "npy"),
    ("md", "markdown"),
    ("markdown", "markdown"),
    ("html", "html"),
    ("htm", "html"),
    ("parquet", "Parquet"),
    ("tsv", "TSV"),
];
/// Flags that name a file of one format, by their ids.
const EXPORTS: &[(&str, &str, &str)] = &[
    ("export_json", "--export-json", "json"),
    ("export_csv", "--export-csv", "csv"),
    ("export_markdown", "--export-markdown", "markdown"),
    ("export_html", "--export-html", "html"),
];

/// A warning for each file of `matches` whose name promises another format.
pub(super) fn warnings(matches: &ArgMatches) -> Vec<String> {
    let matches = deepest(matches);
    let mut found = Vec::new();
    for (id, flag, format) in EXPORTS {
        found.extend(raw(matches, id).and_then(|path| warning(flag, format, path)));
    }
    if let (Some(format), Some(path)) = (raw(matches, "format").and_then(OsStr::to_str), raw(matches, "output")) {
        found.extend(warning("--output", &format.to_ascii_lowercase(), path));
    }
    found
}

fn deepest(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, below)| deepest(below))
}

/// The value of a flag, if the command has it.
fn raw<'m>(matches: &'m ArgMatches, id: &str) -> Option<&'m OsStr> {
    matches.try_get_raw(id).ok().flatten()?.next_back()
}

fn warning(flag: &str, format: &str, path: &OsStr) -> Option<String> {
    let ending = Path::new(path).extension()?.to_str()?.to_ascii_lowercase();
    let (_, promised) = ENDINGS.iter().find(|(known, _)| *known == ending)?;
    let shown = Path::new(path).display();
    (*promised != format).then(|| format!("{flag} {shown}: {format} is written to a file whose name ends in .{ending}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    fn of(arguments: &[&str]) -> Vec<String> {
        warnings(&Cli::command().try_get_matches_from([&["infa"], arguments].concat()).unwrap())
    }

    #[test]
    fn endings_of_other_formats_are_named() {
        let found = of(&["bench", "--export-json", "x.html", "--export-html", "x.HTM", "--export-csv", "a.b/x"]);
        assert_eq!(found, ["--export-json x.html: json is written to a file whose name ends in .html"]);
        assert_eq!(of(&["compare", "a", "--export-markdown", "r.json"]).len(), 1);
        let found = of(&["embed", "--format", "npy", "-o", "v.csv"]);
        assert_eq!(found, ["--output v.csv: npy is written to a file whose name ends in .csv"]);
        for fine in [
            &["embed", "--format", "npy", "-o", "v.npy"][..],
            &["embed", "--format", "npy", "-o", "v.dat"],
            &["embed", "-o", "v.csv"],
            &["embed", "--format", "csv"],
            &["rerank", "--query", "q", "--format", "jsonl", "-o", "-"],
            &["bench", "--export-json", "-", "--export-markdown", "r.md"],
            &["model", "list", "--format", "json"],
            &["doctor"],
        ] {
            assert_eq!(of(fine), [""; 0], "{fine:?}");
        }
    }
}
