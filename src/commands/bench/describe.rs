//! A plan for people: the settings, and the duration.

use std::fmt::Write as _;
use std::time::Duration;

use super::plan::Plan;
use crate::bench::demand::Demand;
use crate::bench::load::End;
use crate::bench::report::Task;
use crate::cli::Rounds;
use crate::commands::engine_set::NamedEngine;
use crate::plural::counted;
use crate::report::numbers::plus_minus;

impl Plan {
    /// The end of a round, for people.
    pub(crate) fn end_words(&self) -> String {
        match self.end {
            None => "the dataset once".into(),
            Some(End::Requests(requests)) => counted(requests, "request"),
            Some(End::After(duration)) => humantime::format_duration(duration).to_string(),
        }
    }

    /// The plan for people, a line a setting. `model`: a remark about the model; `obstacles`: of each engine, the reason
    /// that it cannot run here.
    pub(crate) fn describe(&self, model: Option<&str>, obstacles: &[Option<String>]) -> String {
        let any = obstacles.iter().any(Option::is_none);
        // Without any engine that can run the plan is that of all.
        let able: Vec<usize> = (0..obstacles.len()).filter(|&place| !any || obstacles[place].is_none()).collect();
        let mut out = String::new();
        // Writing to a string does not fail.
        let mut line = |name: &str, value: &dyn std::fmt::Display| {
            let _ = writeln!(out, "{name:<10} {value}");
        };
        line(
            "config",
            &match self.changed.as_slice() {
                [] => self.name.clone(),
                changed => format!("{}, changed by {}", self.name, changed.join(", ")),
            },
        );
        if let Some(title) = &self.title {
            line("title", title);
        }
        let task = if self.set.task == Task::Embed { "embed" } else { "rerank" };
        line("task", &task);
        let note = model.map(|note| format!("; {note}")).unwrap_or_default();
        line("model", &format!("{}{note}", self.set.model_id()));
        let field = self.field.as_ref().map(|field| format!(", field {field}")).unwrap_or_default();
        line("dataset", &format!("{}{field}", self.dataset));
        line("seed", &self.seed);
        if self.set.task == Task::Embed {
            line("batch", &self.batch);
        }
        line("load", &self.demand);
        line(if self.demand.curve().is_some() { "step" } else { "round" }, &self.end_words());
        if self.demand.curve().is_none() {
            let Rounds { min, max } = self.rounds;
            line(
                "rounds",
                &match min == max {
                    true => min.to_string(),
                    false => format!("{min} to {max}, until figures are stable to {}", plus_minus(self.stable)),
                },
            );
        }
        let warm_up = self.warm_up.map_or("none".into(), |warm_up| {
            format!("until steady, at most {}", humantime::format_duration(warm_up.limit))
        });
        line("warm-up", &warm_up);
        line("takes", &self.estimate(able.len()));
        let roles = [(self.baseline(&able), "baseline"), (self.reference(&able), "reference")];
        let engines = self.set.engines.iter().zip(obstacles).enumerate();
        for (place, (NamedEngine { name, spec, launch, .. }, obstacle)) in engines {
            let mut words = if spec.to_string() == *name { name.clone() } else { format!("{name} ({spec})") };
            for (_, role) in roles.into_iter().filter(|(of, _)| *of == Some(place)) {
                let _ = write!(words, ", {role}");
            }
            if let Some(launch) = launch {
                let _ = write!(words, ", started by: {launch}");
            }
            if let Some(reason) = obstacle {
                let _ = write!(words, "; cannot run here: {reason}");
            }
            line("engine", &words);
        }
        for remark in &self.remarks {
            line("note", remark);
        }
        out
    }

    /// The duration with this number of engines, as far as it is known before the run.
    pub(crate) fn estimate(&self, engines: usize) -> String {
        let each = match engines {
            1 => String::new(),
            all if all == self.set.engines.len() => format!(" for each of {all} engines"),
            some => format!(" for each of the {some} engines that can run here"),
        };
        let engines = u32::try_from(engines).unwrap_or(u32::MAX);
        let Rounds { min, max } = self.rounds;
        let times = |least: usize, most: usize, unit: &str| match (least, most) {
            (1, 1) => format!("1 {unit}"),
            (least, most) if least == most => format!("{most} {unit}s"),
            (least, most) => format!("{least} to {most} {unit}s"),
        };
        let (least, most, unit) = match self.demand {
            Demand::Rounds(_) => (min, max, "round"),
            // The load doubles from step to step, and stops where throughput rises no further.
            Demand::Sweep { from, to, .. } => {
                (2, 1 + (to / from.max(f64::MIN_POSITIVE)).log2().max(0.0).ceil() as usize, "step")
            }
            Demand::Search { .. } => (5, 25, "step"),
        };
        let counted = times(least.min(most), most, unit);
        let warm_up = self.warm_up.map_or(Duration::ZERO, |warm_up| warm_up.limit) * engines;
        let besides = match warm_up {
            Duration::ZERO => "loading".to_owned(),
            limit => format!("loading and a warm-up of up to {}", time(limit)),
        };
        match self.end {
            Some(End::After(duration)) => {
                let all = |count: usize| {
                    duration.saturating_mul(engines).saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
                };
                let limit = self.time_limit.unwrap_or(Duration::MAX);
                let (shortest, longest) = (all(least.min(most)).min(limit), all(most).min(limit));
                let range = match shortest == longest {
                    true => time(longest),
                    false => format!("{} to {}", time(shortest), time(longest)),
                };
                format!("{range} ({counted} of {}{each}), besides {besides}", time(duration))
            }
            _ => format!("as long as the engines need for {counted} of {}{each}, besides {besides}", self.end_words()),
        }
    }
}

/// A duration for people, in whole seconds from ten on.
fn time(duration: Duration) -> String {
    let whole = if duration >= Duration::from_secs(10) { Duration::from_secs(duration.as_secs()) } else { duration };
    humantime::format_duration(whole).to_string()
}
