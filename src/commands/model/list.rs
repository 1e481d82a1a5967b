//! `infa model list`: the models that are here.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::cli::ListingArgs;
use crate::commands::{AppContext, Error, Outcome};
use crate::model::cache::{HubEnv, inventory};
use crate::model::{DEFAULT_MODEL, source, task_in};
use crate::plural::counted;

/// A row of the list: one cached model.
#[derive(Debug, Serialize)]
struct Listed {
    model: String,
    /// Its task, if its files show it.
    task: Option<String>,
    /// Bytes on the disk.
    bytes: u64,
    /// The commit of each revision, the latest first; none in infa's own cache.
    revisions: Vec<String>,
    directory: std::path::PathBuf,
    /// True if it is the one that is used when none is named.
    default: bool,
}

pub(super) fn run(args: ListingArgs, app: &AppContext) -> Result<Outcome, Error> {
    let models = listed(app);
    let printer = app.bars.printer();
    if args.is_json() {
        let json = serde_json::to_string_pretty(&models).map_err(std::io::Error::from)?;
        printer.stdout(&format!("{json}\n"))?;
        return Ok(Outcome::Done);
    }
    if models.is_empty() {
        printer.note("No model is cached. infa model pull ID fetches one.");
        return Ok(Outcome::Done);
    }
    printer.stdout(&table(&models))?;
    let bytes = models.iter().map(|model| model.bytes).sum();
    printer.note(&format!("{} in {}; infa model remove ID makes room", size(bytes), counted(models.len(), "model")));
    Ok(Outcome::Done)
}

/// The models in the Hugging Face cache, and the default model where infa has its own copy.
fn listed(app: &AppContext) -> Vec<Listed> {
    let cached = inventory::models(&HubEnv::from_env().cache).into_iter().map(|model| {
        let task = model.revisions.iter().find_map(|revision| task_in(&revision.directory));
        Listed {
            task: task.map(|task| short(&task.description())),
            bytes: model.bytes,
            revisions: model.revisions.iter().map(|revision| revision.commit.clone()).collect(),
            directory: model.directory,
            default: model.id == DEFAULT_MODEL,
            model: model.id,
        }
    });
    let own = source::own_default(&app.globals.cache).map(|directory| Listed {
        model: DEFAULT_MODEL.to_owned(),
        task: task_in(&directory).map(|task| short(&task.description())),
        bytes: inventory::size(&directory),
        revisions: Vec::new(),
        directory,
        default: true,
    });
    let mut models: Vec<Listed> = own.into_iter().chain(cached).collect();
    models.sort_by(|a, b| a.model.cmp(&b.model));
    models
}

/// "an embedding model (a vector for a text)" → "embedding model".
fn short(description: &str) -> String {
    let head = description.split(" (").next().unwrap_or(description);
    head.strip_prefix("an ").or_else(|| head.strip_prefix("a ")).unwrap_or(head).to_owned()
}

fn table(models: &[Listed]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["model", "size", "what it is"]);
    for Listed { model, task, bytes, default, .. } in models {
        let task = task.as_deref().unwrap_or("unknown");
        let task = if *default { format!("{task} (default)") } else { task.to_owned() };
        table.add_row([model.clone(), size(*bytes), task]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim().to_owned()).collect();
    format!("{}\n", lines.join("\n"))
}

/// "91 MB".
pub(super) fn size(bytes: u64) -> String {
    bytesize::ByteSize::b(bytes).display().si().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_in_short() {
        assert_eq!(short("an embedding model (a vector for a text)"), "embedding model");
        assert_eq!(short("a classifier with 4 labels"), "classifier with 4 labels");
    }
}
