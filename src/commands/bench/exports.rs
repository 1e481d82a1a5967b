//! Where the report goes: the terminal, and files.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::super::{Error, World};
use crate::bench::report::{self, Report, TableOptions};
use crate::cli::ExportReportArgs;
use crate::output::{Destination, Document, OutputError};

/// From the report to the text of a file.
type Render = fn(&Report) -> Result<String, String>;

/// The files that are to be written, opened before anything is measured.
pub(super) struct Exports {
    documents: Vec<(Document, Render)>,
    splice: Option<PathBuf>,
    /// That of the config, which the place in the spliced file carries.
    name: String,
    /// Whether stdout belongs to a document, and the table goes to stderr.
    piped: bool,
}

/// Larger files are no documents.
const LARGEST: u64 = 64 << 20;

impl Exports {
    /// Opens what can be opened, and looks whether the file to be spliced has a place.
    pub fn open(args: ExportReportArgs, name: &str) -> Result<Self, Error> {
        let ExportReportArgs { export_json, export_csv, export_markdown, export_html, splice } = args;
        let renders: [(Option<PathBuf>, Render); 4] = [
            (export_json, |report| report::json(report).map_err(|e| e.to_string())),
            (export_csv, |report| report::csv(report).map_err(|e| e.to_string())),
            (export_markdown, |report| Ok(report::markdown(report))),
            (export_html, |report| Ok(report::html(report))),
        ];
        let (mut documents, mut piped) = (Vec::new(), false);
        for (path, render) in renders {
            let Some(path) = path else { continue };
            let stdout = path == Path::new("-");
            if stdout && std::mem::replace(&mut piped, true) {
                let reason = "two exports cannot both go to stdout".into();
                return Err(Error::Flag { flag: "--export-…", reason });
            }
            let destination = if stdout { Destination::Stdout } else { Destination::File(path) };
            documents.push((Document::open(&destination).map_err(Error::OutputOpen)?, render));
        }
        let exports = Self { documents, splice, name: name.to_owned(), piped };
        if let Some(path) = &exports.splice {
            exports.spliced(path, "")?;
        }
        Ok(exports)
    }

    /// Prints the table.
    pub fn tell(&self, report: &Report, world: &World) -> Result<(), Error> {
        let printer = world.bars.printer();
        let (terminal, plain) = (std::io::stdout().is_terminal(), TableOptions { colour: false, width: None });
        if self.piped {
            report::table(report, &plain).lines().for_each(|line| printer.note(line));
            return Ok(());
        }
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let colour = terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let width = console::Term::stdout().size_checked().map(|(_, columns)| columns).filter(|_| terminal);
        Ok(printer.stdout(&report::table(report, &TableOptions { colour, width }))?)
    }

    /// Writes the files. One that fails keeps none of the others from being written.
    pub fn write(self, report: &Report) -> Result<(), Error> {
        let mut first = Ok(());
        let mut keep = |result: Result<(), Error>| {
            if first.is_ok() {
                first = result;
            }
        };
        if let Some(path) = &self.splice {
            let spliced = self.spliced(path, &report::markdown(report)).and_then(|text| {
                let document = Document::open(&Destination::File(path.clone())).map_err(Error::OutputOpen)?;
                Ok(document.write(&text)?)
            });
            keep(spliced);
        }
        for (document, render) in self.documents {
            keep(match render(report) {
                Ok(text) => document.write(&text).map_err(Error::from),
                Err(reason) => Err(Error::Flag { flag: "--export-…", reason }),
            });
        }
        first
    }

    /// The text of the file with `markdown` in its place.
    fn spliced(&self, path: &Path, markdown: &str) -> Result<String, Error> {
        let open = |source| Error::OutputOpen(OutputError::Open { path: path.to_owned(), source });
        let size = std::fs::metadata(path).map_err(open)?;
        if !size.is_file() || size.len() > LARGEST {
            return Err(open(std::io::Error::other("it is no text file")));
        }
        let text = std::fs::read_to_string(path).map_err(open)?;
        let file = path.display().to_string();
        report::splice(&text, markdown, &self.name).map_err(|error| Error::Splice { file, error })
    }
}
