//! Reasons that engines cannot run here, known before anything is started: for `--dry-run`.

use super::super::engine_set::NamedEngine;
use super::super::engines::Interpreters;
use super::super::settings::device_of;
use super::super::{AppContext, Error};
use super::plan::Plan;
use crate::engine::recipes::Location;
use crate::model::Model;

pub(super) struct Obstacles<'a> {
    plan: &'a Plan,
    app: &'a AppContext,
    /// The model, if its files are here.
    model: Option<&'a Model>,
    interpreters: Interpreters,
}

impl<'a> Obstacles<'a> {
    /// The obstacle of each engine of a plan.
    pub(crate) fn of_all(
        plan: &'a Plan,
        model: Option<&'a Model>,
        app: &'a AppContext,
    ) -> Result<Vec<Option<String>>, Error> {
        let mut obstacles = Self { plan, app, model, interpreters: Interpreters::new()? };
        Ok(plan.set.engines.iter().map(|engine| obstacles.of(engine)).collect())
    }

    /// The reason that an engine cannot run here. Servers at a URL are not contacted.
    fn of(&mut self, engine: &NamedEngine) -> Option<String> {
        let spec = &engine.spec;
        let cache = &self.app.globals.cache;
        let missing = match spec.kind.location() {
            Location::Process => {
                let hardware = self.plan.set.hardware.on(spec.device);
                match device_of(&hardware, spec.dtype(), &self.app.globals) {
                    Ok(device) => spec.dtype().and_then(|dtype| Some(Error::from(dtype.resolve(&device).err()?))),
                    Err(error) => Some(error),
                }
                .map(|error| with_hint(&error, error.hint()))
            }
            Location::Python(_) => self.interpreters.missing(spec, self.plan.set.python.python.as_deref(), cache),
            Location::Server(_) if spec.url.is_some() => None,
            Location::Server(_) => match engine.command(cache) {
                Ok(command) => command
                    .missing_program()
                    .map(|program| format!("{program}: no such program (is it installed, and in PATH?)")),
                Err(error) => Some(with_hint(&error, error.hint())),
            },
        };
        let unsuited = || self.plan.set.check_model(spec, self.model?).err();
        missing.or_else(|| unsuited().map(|error| with_hint(&error, error.hint())))
    }
}

fn with_hint(error: &dyn std::error::Error, hint: Option<String>) -> String {
    hint.map_or_else(|| error.to_string(), |hint| format!("{error} ({hint})"))
}
