//! `infa model pull`: a model into the cache, without running it.

use crate::cli::PullArgs;
use crate::commands::{AppContext, Error, Outcome};
use crate::model::source::Source;

pub(super) fn run(args: PullArgs, app: &AppContext) -> Result<Outcome, Error> {
    let PullArgs { source, onnx_file } = args;
    let Source { name, dir, .. } = super::find(source.into(), onnx_file, app)?;
    let printer = app.bars.printer();
    printer.stdout(&format!("{}\n", dir.display()))?;
    printer.note(&format!("{name} is here."));
    Ok(Outcome::Done)
}
