//! The plan of a comparison of engines, resolved from flags.

use std::num::NonZero;
use std::path::PathBuf;

use crate::bench::report::Task;
use clap::ValueEnum;

use crate::cli::{EnginesFlags, FieldArgs};
use crate::commands::Error;
use crate::commands::engine_set::EngineSet;
use crate::compare::engines::{EnginesTask, Probe};
use crate::engine::Role;
use crate::input;
use crate::input::PairOptions;

/// The plan of a comparison of engines.
pub(super) struct Plan {
    pub set: EngineSet,
    pub task: EnginesTask,
    /// The engine the others are compared with, by its place, if the user names it.
    pub reference: Option<usize>,
    pub probe: Probe,
    pub files: Vec<PathBuf>,
    pub options: input::Options,
    pub pairs: PairOptions,
    pub qrels: Option<PathBuf>,
}

const BATCH: usize = 32;
const CONCURRENCY: usize = 4;
const SAMPLES: usize = 64;
/// Each document of these queries is a request.
const SAMPLED_QUERIES: usize = 8;
const MAX_SAMPLES: usize = 1_000_000;
const MAX_CONCURRENCY: usize = 10_000;
const RETRIES: u32 = 2;

impl Plan {
    pub(crate) fn resolve(flags: EnginesFlags, files: Vec<PathBuf>) -> Result<Self, Error> {
        let EnginesFlags {
            set,
            task,
            concurrency,
            fields: FieldArgs { input_format, field, id_field },
            pair_field,
            score_field,
            split,
            qrels,
        } = flags;
        let task = task.unwrap_or(EnginesTask::Embed);
        for (name, given, tasks) in [
            ("--pair-field", pair_field.is_some(), &[EnginesTask::Sts][..]),
            ("--score-field", score_field.is_some(), &[EnginesTask::Sts]),
            ("--split", split.is_some(), &[EnginesTask::Sts]),
            ("--qrels", qrels.is_some(), &[EnginesTask::Retrieval]),
            ("--id-field", id_field.is_some(), &[EnginesTask::Embed, EnginesTask::Rerank]),
        ] {
            if given && !tasks.contains(&task) {
                let names = tasks.iter().filter_map(EnginesTask::to_possible_value);
                let tasks: Vec<String> = names.map(|value| value.get_name().to_owned()).collect();
                return Err(Error::flag(name, format!("it is for --task {}", tasks.join(" and "))));
            }
        }
        match (task, files.as_slice()) {
            (EnginesTask::Sts, [] | [_]) | (EnginesTask::Retrieval, [_]) => {}
            (EnginesTask::Sts, _) => return Err(Error::flag("FILE", "--task sts reads one file of pairs")),
            (EnginesTask::Retrieval, _) => {
                let reason = "--task retrieval reads one directory: corpus.jsonl, queries.jsonl, qrels/test.tsv";
                return Err(Error::flag("FILE", reason));
            }
            _ => {}
        }
        let (batch, samples, seed, reference) = (set.batch, set.samples, set.seed, set.reference.clone());
        let engine_task = if task == EnginesTask::Rerank { Task::Rerank } else { Task::Embed };
        let set = EngineSet::resolve(set, engine_task, RETRIES)?;
        let within = |name, value: usize, most: usize| match value {
            value if value > most => Err(Error::flag(name, format!("{value} is more than {most}"))),
            value => Ok(value),
        };
        let default_samples = if task == EnginesTask::Rerank { SAMPLED_QUERIES } else { SAMPLES };
        let probe = Probe {
            batch: batch.map_or(BATCH, NonZero::get),
            concurrency: within("--concurrency", concurrency.map_or(CONCURRENCY, NonZero::get), MAX_CONCURRENCY)?,
            samples: within("--samples", samples.unwrap_or(default_samples), MAX_SAMPLES)?,
            seed: seed.unwrap_or(0),
            timeout: set.request_timeout,
        };
        let reference = set.named("--reference", reference.as_deref())?;
        let pairs = PairOptions { first: field.clone(), second: pair_field, score: score_field, split };
        let options = input::Options { format: input_format, field, id_field, ..Default::default() };
        Ok(Self { set, task, reference, probe, files, options, pairs, qrels })
    }

    pub(crate) fn roles(&self) -> &'static [Role] {
        if self.task == EnginesTask::Retrieval { &[Role::Query, Role::Document] } else { &[Role::Text] }
    }
}
