//! Flags of commands that print a report.

use std::path::PathBuf;

use clap::Args;

/// Files that a report is written to.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Export")]
pub struct ReportExportArgs {
    /// Write the report as JSON; - is stdout
    ///
    /// docs/*.schema.json describes the fields.
    #[arg(long, value_name = "FILE")]
    pub export_json: Option<PathBuf>,

    /// Write the tables as Markdown; - is stdout
    #[arg(long, value_name = "FILE")]
    pub export_markdown: Option<PathBuf>,

    /// Write one self-contained HTML page with tables and charts; - is stdout
    #[arg(long, value_name = "FILE")]
    pub export_html: Option<PathBuf>,
}
