//! `infa compare`: did it get slower, can I switch?

mod engines;
mod runs;
mod vectors;

use std::path::{Path, PathBuf};

use super::{Error, Outcome, World};
use crate::cli::CompareArgs;

pub(super) fn run(args: CompareArgs, world: &World) -> Result<Outcome, Error> {
    check_exports(&args)?;
    crate::threads::start_pool().map_err(|e| Error::Thread(std::io::Error::other(e)))?;
    let vectors = args.asked.set.engines.is_none() && vectors::are_in(&args.files);
    if args.force && (vectors || args.asked.set.engines.is_some()) {
        let reason = "it is for result files of infa bench".into();
        return Err(Error::Flag { flag: "--force", reason });
    }
    if args.asked.set.engines.is_some() {
        return engines::run(args, world);
    }
    for (flag, given) in [
        ("--task", args.asked.task.is_some()),
        ("--reference", args.asked.set.reference.is_some()),
        ("--qrels", args.asked.qrels.is_some()),
    ] {
        if given {
            return Err(Error::Flag { flag, reason: "it says what --engines are asked for; name some".into() });
        }
    }
    if vectors { vectors::run(args, world) } else { runs::run(args, world) }
}

/// A report is not written over what it is made of, nor over another report.
fn check_exports(args: &CompareArgs) -> Result<(), Error> {
    let mut taken: Vec<(PathBuf, &str)> = Vec::new();
    let place = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    // Devices and pipes lose nothing.
    let file = |path: &&PathBuf| !path.exists() || path.is_file();
    for input in args.files.iter().chain(&args.base).chain(&args.asked.qrels).filter(file) {
        taken.push((place(input), "it is compared; write to another file"));
    }
    let exports = &args.exports;
    for (flag, path) in [
        ("--export-json", &exports.export_json),
        ("--export-markdown", &exports.export_markdown),
        ("--export-html", &exports.export_html),
    ] {
        let Some(path) = path.as_ref().filter(|path| *path != Path::new("-")).filter(file) else { continue };
        let place = place(path);
        if let Some((_, reason)) = taken.iter().find(|(other, _)| *other == place) {
            return Err(Error::Flag { flag, reason: format!("{}: {reason}", path.display()) });
        }
        taken.push((place, "another export goes there"));
    }
    Ok(())
}
