//! Compares engines on the same texts: each is opened, computes the texts and is closed, one after the other; then its
//! results are compared with the reference's.

use std::time::{Instant, SystemTime};

use super::inputs::{EngineInputs, Tokens};
use super::plan::Plan;
use super::truth::{self, Graded};
use crate::bench::dataset::LengthHistogram;
use crate::bench::machine;
use crate::cli::{CheckArgs, CompareEnginesArgs};
use crate::commands::compare::outcome::{judge, thresholds};
use crate::commands::engine_set::{NamedEngine, OpenError, TokenCounter, facts};
use crate::commands::exports::Exports;
use crate::commands::{AppContext, Error, Outcome, async_runtime};
use crate::compare::engines::{
    self, Answers, EngineOnTexts, EngineOutcome, EnginesReport, EnginesWorkload, Inputs, Results, SCHEMA_VERSION,
};
use crate::compare::scores::{self, ScoreSetReport};
use crate::compare::threshold::Kind;
use crate::compare::vectors::{self, VectorSetReport};
use crate::engine::open::EngineFacts;
use crate::model::Model;
use crate::report::numbers::several;
use crate::ui::interrupt;

pub(in crate::commands::compare) fn run(args: CompareEnginesArgs, app: &AppContext) -> Result<Outcome, Error> {
    let CompareEnginesArgs { files, flags, checks: CheckArgs { fail_if, exports } } = args;
    let (begin, started) = (Instant::now(), SystemTime::now());
    let thresholds = thresholds(&fail_if, Kind::Engines)?;
    let plan = Plan::resolve(flags, files)?;
    let exports = Exports::of_report(exports, engines::document)?;
    let task = EngineInputs::read(&plan, app)?;
    let model = plan.set.model(app)?;
    let counter = model.as_ref().map(|model| TokenCounter::new(model, plan.set.task)).transpose()?;
    let max_length = counter.as_ref().map(|counter| counter.max_length);
    let tokens = counter.as_ref().map(|counter| task.tokens(counter, app)).transpose()?;
    drop(counter);
    let model_facts = facts::of(&plan.set, model.as_ref(), max_length, app)?;

    // Results are printed and exported even after an interruption.
    interrupt::exit_only_when_done();
    plan.set.settle_devices(&app.globals);
    let comparing = Comparing { plan: &plan, task: &task, tokens: tokens.as_ref(), model: model.as_ref(), app };
    let (engines, reference) = comparing.engines()?;
    let mut report = EnginesReport {
        schema_version: SCHEMA_VERSION,
        infa: env!("CARGO_PKG_VERSION").to_owned(),
        started: humantime::format_rfc3339_seconds(started).to_string(),
        seconds: 0.0,
        interrupted: app.cancel.is_cancelled(),
        machine: machine::facts(),
        model: model_facts,
        workload: workload(&plan, &task, tokens.as_ref(), max_length),
        reference: reference.and_then(|place| Some(plan.set.engines.get(place)?.name.clone())),
        engines,
        thresholds: Vec::new(),
        warnings: task.warnings.clone(),
    };
    report.model.dimensions = report.engines.iter().find_map(|engine| engine.vectors.as_ref()?.dimensions);
    report.thresholds = engines::check(&thresholds, &report);
    report.seconds = begin.elapsed().as_secs_f64();

    exports.finish(&report, engines::document, app)?;
    if app.cancel.is_cancelled() {
        return Err(Error::Interrupted);
    }
    if let Some(idle) = report.thresholds.iter().find(|threshold| threshold.checked.is_empty()) {
        let reason = format!("{}: it takes a second engine, or another --task, to tell", idle.threshold);
        return Err(Error::flag("--fail-if", reason));
    }
    let outcome = judge(&engines::checks(&report), app);
    let failed = report.engines.iter().any(|engine| matches!(engine.outcome, EngineOutcome::Failed { .. }));
    Ok(if failed { Outcome::EngineFailed } else { outcome })
}

fn workload(plan: &Plan, task: &EngineInputs, tokens: Option<&Tokens>, max_length: Option<usize>) -> EnginesWorkload {
    let documents = match &task.inputs {
        Inputs::Texts(_) => None,
        Inputs::Queries(queries) => Some(queries.iter().map(|query| query.documents.len()).sum()),
    };
    EnginesWorkload {
        task: plan.task,
        files: task.files.clone(),
        inputs: task.inputs.len(),
        documents,
        batch: plan.probe.batch,
        concurrency: plan.probe.concurrency,
        samples: plan.probe.samples.min(task.inputs.len()),
        seed: plan.probe.seed,
        lengths: tokens.and_then(|tokens| LengthHistogram::of(&tokens.lengths, max_length)),
    }
}

/// The inputs and settings of a comparison.
struct Comparing<'a> {
    plan: &'a Plan,
    task: &'a EngineInputs,
    tokens: Option<&'a Tokens>,
    model: Option<&'a Model>,
    app: &'a AppContext,
}

/// The engine the others are compared with.
struct Reference {
    place: usize,
    results: Results,
    graded: Option<Graded>,
}

impl Comparing<'_> {
    /// Runs all engines, the reference first. Returns their parts of the report, and the position of the reference.
    fn engines(&self) -> Result<(Vec<EngineOnTexts>, Option<usize>), Error> {
        let Self { plan, app, .. } = self;
        let runtime = async_runtime::multi_thread(app)?;
        let planned = &plan.set.engines;
        let blank = |engine: &NamedEngine| EngineOnTexts::new(engine.name.clone(), engine.spec.to_string());
        let mut engines: Vec<EngineOnTexts> = planned.iter().map(blank).collect();
        let mut waiting: Vec<usize> = (0..planned.len()).collect();
        let mut reference: Option<Reference> = None;
        // If a reference named by the user fails, nothing is compared.
        let mut wanted = true;
        while !waiting.is_empty() && !app.cancel.is_cancelled() {
            let next = match reference {
                None if wanted => plan.set.reference(plan.reference, &waiting),
                _ => waiting.first().copied(),
            };
            let Some(place) = next else { break };
            waiting.retain(|&other| other != place);
            let (Some(engine), Some(planned)) = (engines.get_mut(place), planned.get(place)) else { continue };
            match runtime.block_on(self.compute(planned, engine)) {
                Ok(results) => {
                    engine.outcome = EngineOutcome::Answered;
                    if engine.failures.inputs > 0 {
                        let inputs = several(engine.failures.inputs as u64, "input has", "inputs have");
                        app.bars.printer().warning(&format!("{}: {inputs} no result", planned.name));
                    }
                    let graded = match self.compare(engine, &results, reference.as_ref()) {
                        // The results so far are reported.
                        Err(Error::Interrupted) => break,
                        graded => graded?,
                    };
                    if reference.is_none() && wanted {
                        reference = Some(Reference { place, results, graded });
                    }
                }
                Err((stage, error)) => {
                    // Interrupted.
                    let Some((kind, message)) = error.failure() else { break };
                    app.bars.printer().warning(&format!("{}: {stage}: {kind}: {message}", planned.name));
                    engine.outcome = EngineOutcome::Failed { stage: stage.into(), kind, message };
                    wanted = plan.reference != Some(place) && wanted;
                }
            }
        }
        // Ends requests without a receiver, and name look-ups in progress.
        runtime.shutdown_background();
        Ok((engines, reference.map(|reference| reference.place)))
    }

    /// Opens an engine, computes everything with it, and closes it; the error has its stage.
    async fn compute(
        &self,
        planned: &NamedEngine,
        engine: &mut EngineOnTexts,
    ) -> Result<Results, (&'static str, OpenError)> {
        let Self { plan, task, model, app, .. } = self;
        let printer = app.bars.printer();
        let roles = plan.roles();
        let started = plan.set.open(planned, *model, roles, app).await.map_err(|error| ("start", error))?;
        let load_seconds = started.load_seconds;
        let EngineFacts { version, details } = started.facts.clone();
        (engine.version, engine.details, engine.load_seconds) = (version, details, Some(load_seconds));
        let engines: Vec<_> = roles.iter().map(|&role| started.engine.of_role(role)).collect();
        printer.note(&format!("{}: ready in {load_seconds:.2} s", planned.name));
        let bar = app.bars.stages();
        bar.begin(&planned.name, Some(plan.probe.requests(&task.inputs) as u64));
        let tick = || bar.advance();
        let answers = tokio::select! {
            answers = plan.probe.run(&planned.name, &engines, &task.inputs, &tick) => answers.map_err(OpenError::Failed),
            () = app.cancel.cancelled() => Err(OpenError::Cancelled),
        };
        drop((bar, engines));
        started.close().await;
        let answers = answers.map_err(|error| ("answers", error))?;
        Ok(self.noted(engine, answers))
    }

    /// Notes what is known of an engine that has answered.
    fn noted(&self, engine: &mut EngineOnTexts, answers: Answers) -> Results {
        let Answers { results, seconds, answered, stability, failures } = answers;
        if seconds > 0.0 {
            engine.inputs_per_s = Some(answered as f64 / seconds);
            let all = failures.inputs == 0 && failures.answered_alone == 0;
            engine.tokens_per_s = self.tokens.filter(|_| all).map(|tokens| tokens.seen as f64 / seconds);
        }
        (engine.stability, engine.failures) = (stability, failures);
        results
    }

    /// Notes how its results are, by themselves and against those of the reference.
    fn compare(
        &self,
        engine: &mut EngineOnTexts,
        results: &Results,
        reference: Option<&Reference>,
    ) -> Result<Option<Graded>, Error> {
        match results {
            Results::Vectors(set) => {
                engine.vectors = Some(VectorSetReport::of(set));
                if let Some(Reference { results: Results::Vectors(reference), .. }) = reference {
                    engine.against = Some(self.with_texts(vectors::compare_in_order(reference, set)));
                }
            }
            Results::Scores(set) => {
                engine.scores = Some(ScoreSetReport::of(set));
                if let Some(Reference { results: Results::Scores(reference), .. }) = reference {
                    engine.rankings = Some(self.with_queries(scores::compare(reference, set)));
                }
            }
        }
        let Results::Vectors(set) = results else { return Ok(None) };
        let against = reference.and_then(|reference| reference.graded.as_ref());
        truth::grade(&self.task.truth, self.model, set, against, engine, &self.app.cancel)
    }

    /// The worst inputs with their texts and lengths.
    fn with_texts(&self, mut comparison: vectors::VectorComparison) -> vectors::VectorComparison {
        let Inputs::Texts(texts) = &self.task.inputs else { return comparison };
        for worst in &mut comparison.worst {
            let place = usize::try_from(worst.input.index).unwrap_or(usize::MAX);
            worst.text = texts.get(place).map(|text| text.text.clone());
            worst.tokens = self.tokens.and_then(|tokens| tokens.of_inputs.get(place).copied());
        }
        comparison
    }

    /// The worst queries with their texts.
    fn with_queries(&self, mut comparison: scores::RankingComparison) -> scores::RankingComparison {
        let Inputs::Queries(queries) = &self.task.inputs else { return comparison };
        for worst in &mut comparison.worst {
            let place = usize::try_from(worst.query.index).unwrap_or(usize::MAX);
            worst.text = queries.get(place).map(|query| query.query.clone());
        }
        comparison
    }
}
