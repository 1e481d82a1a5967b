//! Reasons that engines cannot run here, known before anything is started: for `--dry-run`.

use super::super::engine_set::NamedEngine;
use super::super::engines::Interpreters;
use super::super::{AppContext, Error};
use super::plan::Plan;
use crate::engine::launch;
use crate::engine::python::programs;
use crate::engine::recipes::Location;

pub(super) struct Obstacles<'a> {
    plan: &'a Plan,
    app: &'a AppContext,
    interpreters: Interpreters,
}

impl<'a> Obstacles<'a> {
    pub fn new(plan: &'a Plan, app: &'a AppContext) -> Result<Self, Error> {
        Ok(Self { plan, app, interpreters: Interpreters::new()? })
    }

    /// The reason that the engine of this index cannot run here. Servers at a URL are not contacted.
    pub fn of(&mut self, place: usize) -> Option<String> {
        let NamedEngine { spec, launch, .. } = self.plan.set.engines.get(place)?;
        let cache = &self.app.globals.cache;
        match spec.kind.location() {
            Location::Process => {
                let device = spec.device.or(self.plan.set.hardware.device).unwrap_or_default();
                let device = device.resolve().err().map(|e| e.to_string());
                let dtype = || spec.dtype()?.resolve().err().map(|e| e.to_string());
                device.or_else(dtype)
            }
            Location::Python(_) => self.interpreters.missing(spec.kind, self.plan.set.python.python.as_deref(), cache),
            Location::Server(_) if spec.url.is_some() => None,
            Location::Server(_) => match launch {
                Some(template) => launch::Command::parse(template).err().map(|e| e.to_string()),
                None => launch::default_command(spec.kind, &programs(spec.kind, cache)).err().map(|error| {
                    let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
                    format!("{error}{hint}")
                }),
            },
        }
    }
}
