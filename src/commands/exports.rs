//! Output of a document: to the terminal and to files.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{AppContext, Error};
use crate::cli::ReportExportArgs;
use crate::output::{Destination, Document};
use crate::report::{TableOptions, document};

/// From the document to the text of a file.
pub(super) type Render<R> = fn(&R) -> Result<String, String>;
/// From a report to what people read of it.
type Fill<R> = fn(&R) -> document::Document;
type Boxed<R> = Box<dyn Fn(&R) -> Result<String, String>>;

/// The files that are to be written, opened before the work.
pub(super) struct Exports<R> {
    documents: Vec<(Document, Boxed<R>)>,
    /// True if stdout belongs to a document, and the table goes to stderr.
    piped: bool,
}

impl<R: 'static> Exports<R> {
    /// Opens the files of these flags; `-` is stdout.
    pub(crate) fn of_report(args: ReportExportArgs, fill: Fill<R>) -> Result<Self, Error>
    where
        R: Serialize,
    {
        let ReportExportArgs { export_json, export_markdown, export_html } = args;
        let json: Boxed<R> =
            Box::new(|report| serde_json::to_string_pretty(report).map(|text| text + "\n").map_err(|e| e.to_string()));
        let markdown: Boxed<R> = Box::new(move |report| Ok(document::markdown(&fill(report))));
        let html: Boxed<R> = Box::new(move |report| Ok(document::html(fill(report))));
        Self::open_boxed([(export_json, json), (export_markdown, markdown), (export_html, html)])
    }

    /// Opens these files; `-` is stdout.
    pub(crate) fn open<const N: usize>(renders: [(Option<PathBuf>, Render<R>); N]) -> Result<Self, Error> {
        Self::open_boxed(renders.map(|(path, render)| (path, Box::new(render) as Boxed<R>)))
    }

    fn open_boxed<const N: usize>(renders: [(Option<PathBuf>, Boxed<R>); N]) -> Result<Self, Error> {
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
        Ok(Self { documents, piped })
    }

    /// True if stdout and stderr end in the same place: a terminal, one file or one pipe.
    pub(crate) fn is_seen_on_stderr(&self) -> bool {
        self.piped || self.is_terminal() || one_file()
    }

    /// True if the table goes to a terminal by stdout.
    fn is_terminal(&self) -> bool {
        !self.piped && std::io::stdout().is_terminal()
    }

    pub(crate) fn print(&self, table: impl Fn(&TableOptions) -> String, app: &AppContext) -> Result<(), Error> {
        let printer = app.bars.printer();
        if self.piped {
            table(&TableOptions { colour: false, width: None }).lines().for_each(|line| printer.note(line));
            return Ok(());
        }
        let terminal = self.is_terminal();
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let colour = terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let width = console::Term::stdout().size_checked().map(|(_, columns)| columns).filter(|_| terminal);
        Ok(printer.stdout(&table(&TableOptions { colour, width }))?)
    }

    /// Prints the report, and writes it to the files, also if the reader of stdout is gone.
    pub(crate) fn finish(self, report: &R, fill: Fill<R>, app: &AppContext) -> Result<(), Error> {
        let printed = self.print(|options| document::terminal(&fill(report), options), app);
        let written = self.write(report);
        match printed {
            Ok(()) | Err(Error::PipeClosed) => written,
            Err(error) => Err(error),
        }
    }

    /// Writes the files. One that fails keeps none of the others from being written.
    pub(crate) fn write(self, document: &R) -> Result<(), Error> {
        let mut first = Ok(());
        for (file, render) in self.documents {
            let written = match render(document) {
                Ok(text) => file.write(&text).map_err(Error::from),
                Err(reason) => Err(Error::Flag { flag: "--export-…", reason }),
            };
            first = first.and(written);
        }
        first
    }
}

/// True if stdout and stderr are one file or pipe (`> out.txt 2>&1`).
#[cfg(unix)]
fn one_file() -> bool {
    use std::fs::File;
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;

    let of = |stream: std::os::fd::BorrowedFd<'_>| {
        let file = File::from(stream.try_clone_to_owned().ok()?).metadata().ok()?;
        Some((file.dev(), file.ino()))
    };
    of(std::io::stdout().as_fd()).is_some_and(|stdout| of(std::io::stderr().as_fd()) == Some(stdout))
}

#[cfg(not(unix))]
fn one_file() -> bool {
    false
}
