//! `infa model remove`: models out of the cache, after a question.

use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

use super::list::size;
use crate::cli::RemoveArgs;
use crate::commands::{AppContext, Error, Outcome};
use crate::model::cache::HubEnv;
use crate::model::cache::inventory::{self, CachedModel, CachedRevision};
use crate::model::{DEFAULT_MODEL, short_names, source};

/// The model or revision to remove.
enum Target {
    /// A model with all its revisions.
    Model(CachedModel),
    Revision(CachedModel, CachedRevision),
    /// The default model in infa's own cache.
    Own(PathBuf),
}

pub(super) fn run(args: RemoveArgs, app: &AppContext) -> Result<Outcome, Error> {
    let RemoveArgs { model_id, model_flag, revision, yes } = args;
    let model_id = if model_flag.is_empty() { model_id } else { model_flag };
    let env = HubEnv::from_env();
    let mut targets = Vec::new();
    for id in &model_id {
        targets.extend(found(id, revision.as_deref(), &env, app)?);
    }
    let printer = app.bars.printer();
    for target in &targets {
        printer.note(&format!("To be removed: {}", target.description()));
    }
    if !yes && !confirmed(app)? {
        printer.note("Nothing is removed.");
        return Ok(Outcome::Done);
    }
    for target in targets {
        let description = target.description();
        target.remove(&env).map_err(|error| Error::Usage {
            message: format!("{description}: cannot be removed: {error}"),
            hint: "check the permissions of the cache".into(),
        })?;
        printer.note(&format!("Removed {description}"));
    }
    Ok(Outcome::Done)
}

/// Finds `id` among the cached models.
fn found(id: &str, revision: Option<&str>, env: &HubEnv, app: &AppContext) -> Result<Vec<Target>, Error> {
    let full = short_names::full_id(id, env, &app.globals.cache)?;
    let own = source::own_default(&app.globals.cache).filter(|_| full == DEFAULT_MODEL && revision.is_none());
    let Some(model) = inventory::model(&env.cache, &full) else {
        if let Some(own) = own {
            return Ok(vec![Target::Own(own)]);
        }
        let cached = inventory::ids(&env.cache);
        let hint = if cached.is_empty() {
            "infa model list shows what is there".into()
        } else {
            format!("cached: {}", cached.join(", "))
        };
        return Err(Error::Usage { message: format!("{id} is not in the cache {}", env.cache.display()), hint });
    };
    let Some(revision) = revision else {
        return Ok([Some(Target::Model(model)), own.map(Target::Own)].into_iter().flatten().collect());
    };
    // A commit may be shortened, as Git does it.
    let named = |known: &&CachedRevision| {
        known.names.iter().any(|name| name == revision) || revision.len() >= 7 && known.commit.starts_with(revision)
    };
    match model.revisions.iter().find(named).cloned() {
        Some(revision) => Ok(vec![Target::Revision(model, revision)]),
        None => {
            let known: Vec<String> = model.revisions.iter().map(shown).collect();
            let message = format!("{full} has no revision {revision} in the cache");
            Err(Error::Usage { message, hint: format!("revisions: {}", known.join(", ")) })
        }
    }
}

/// "main (0123456789ab)".
fn shown(revision: &CachedRevision) -> String {
    let commit = revision.commit.get(..12).unwrap_or(&revision.commit);
    if revision.names.is_empty() { commit.to_owned() } else { format!("{} ({commit})", revision.names.join(", ")) }
}

/// Prompts on a terminal.
fn confirmed(app: &AppContext) -> Result<bool, Error> {
    if !std::io::stdin().is_terminal() {
        let message = "removing needs a yes, and stdin is not a terminal".into();
        return Err(Error::Usage { message, hint: "infa model remove --yes ID removes without asking".into() });
    }
    app.bars.printer().note("Remove? [y/N]");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(Error::Stdin)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

impl Target {
    fn description(&self) -> String {
        match self {
            Self::Model(model) => format!("{}, {} in {}", model.id, size(model.bytes), model.directory.display()),
            Self::Revision(model, revision) => {
                format!("revision {} of {}, without files that other revisions need", shown(revision), model.id)
            }
            Self::Own(directory) => {
                format!("{DEFAULT_MODEL}, {} in {}", size(inventory::size(directory)), directory.display())
            }
        }
    }

    fn remove(self, env: &HubEnv) -> std::io::Result<()> {
        match self {
            Self::Model(model) => inventory::remove(&env.cache, &model),
            Self::Revision(model, revision) => inventory::remove_revision(&env.cache, &model, &revision),
            Self::Own(directory) => std::fs::remove_dir_all(directory),
        }
    }
}
