//! Output of the report: the terminal, files, and a place in a document.

use std::path::{Path, PathBuf};

use super::super::{AppContext, Error, exports};
use crate::bench::report::{self, Report};
use crate::cli::{ExportReportArgs, ReportExportArgs};
use crate::output::{Destination, Document, OutputError};
use crate::report::document;

/// The files to write, opened before the measurement.
pub(super) struct Exports {
    documents: exports::Exports<Report>,
    splice: Option<PathBuf>,
    /// The name of the config, and of the place in the spliced file.
    name: String,
}

/// The largest size of a document in bytes.
const MAX_BYTES: u64 = 64 << 20;

impl Exports {
    /// Opens all files, and checks that the file to splice has a place.
    pub(crate) fn open(args: ExportReportArgs, name: &str) -> Result<Self, Error> {
        let ExportReportArgs { files, export_csv, splice } = args;
        let ReportExportArgs { export_json, export_markdown, export_html } = files;
        let documents = exports::Exports::open([
            (export_json, |report| report::json(report).map_err(|e| e.to_string())),
            (export_csv, |report| report::csv(report).map_err(|e| e.to_string())),
            (export_markdown, |report| Ok(document::markdown(&report::document(report)))),
            (export_html, |report| Ok(document::html(report::document(report)))),
        ])?;
        let exports = Self { documents, splice, name: name.to_owned() };
        if let Some(path) = &exports.splice {
            exports.spliced(path, "")?;
        }
        Ok(exports)
    }

    pub(crate) fn print(&self, report: &Report, app: &AppContext) -> Result<(), Error> {
        self.documents.print(|options| document::terminal(&report::document(report), options), app)
    }

    /// Writes the files. If one fails, the others are written all the same.
    pub(crate) fn write(self, report: &Report) -> Result<(), Error> {
        let spliced = self.splice.as_ref().map_or(Ok(()), |path| {
            let text = self.spliced(path, &document::markdown(&report::document(report)))?;
            let document = Document::open(&Destination::File(path.clone())).map_err(Error::OutputOpen)?;
            Ok(document.write(&text)?)
        });
        spliced.and(self.documents.write(report))
    }

    /// The text of the file with `markdown` in its place.
    fn spliced(&self, path: &Path, markdown: &str) -> Result<String, Error> {
        let open = |source| Error::OutputOpen(OutputError::Open { path: path.to_owned(), source });
        let size = std::fs::metadata(path).map_err(open)?;
        if !size.is_file() || size.len() > MAX_BYTES {
            return Err(open(std::io::Error::other("it is not a text file")));
        }
        let text = std::fs::read_to_string(path).map_err(open)?;
        let file = path.display().to_string();
        report::splice(&text, markdown, &self.name).map_err(|error| Error::Splice { file, error })
    }
}
