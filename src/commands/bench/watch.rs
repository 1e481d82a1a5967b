//! The observers of a run: the bar on the terminal, the collector of results, the sampler of resources.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::bench::collect::{Collector, Results};
use crate::bench::load::{End, Phase};
use crate::bench::machine::Watcher;
use crate::bench::observer::{Observer, Stage};
use crate::bench::recorder::{Recording, Sample};
use crate::bench::report::Resources;
use crate::ui::{Bars, StageBar};

pub(super) struct Watch {
    names: Vec<String>,
    bar: StageBar,
    /// Requests of a round, if their number is known.
    requests: Option<u64>,
    collector: Collector,
    resources: Watcher,
    stages: Mutex<Stages>,
}

/// The current stage, and the energy of the earlier ones.
#[derive(Default)]
struct Stages {
    current: Option<(usize, Stage)>,
    joules: HashMap<(usize, usize), f64>,
}

impl Watch {
    /// The observer of targets with these names.
    pub(crate) fn new(
        names: Vec<String>,
        phase: &Phase,
        collector: Collector,
        resources: Watcher,
        bars: &Bars,
    ) -> Self {
        let requests = match phase.end() {
            End::Requests(requests) => Some(requests as u64),
            End::After(_) => None,
        };
        Self { names, bar: bars.stages(), requests, collector, resources, stages: Mutex::default() }
    }

    /// The resources of the target of this index.
    pub(crate) fn resources(&self, target: usize) -> Resources {
        self.resources.resources(target)
    }

    /// Joules of the machine in a round of a target, if it reports them.
    pub(crate) fn joules(&self, target: usize, round: usize) -> Option<f64> {
        self.lock().joules.get(&(target, round)).copied()
    }

    pub(crate) fn into_samples(self) -> Vec<Results> {
        self.collector.into_samples()
    }

    fn lock(&self) -> MutexGuard<'_, Stages> {
        self.stages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Watch {
    fn began(&self, target: usize, stage: Stage) {
        let name = self.names.get(target).map_or("", String::as_str);
        let requests = self.requests.filter(|_| stage != Stage::WarmUp);
        self.bar.begin(&format!("{name}: {stage}"), requests);
        self.collector.began(target, stage);
        self.lock().current = Some((target, stage));
        // The resources of a warm-up, such as those of a compiler, do not count.
        if stage != Stage::WarmUp {
            self.resources.began(target);
        }
    }

    fn finished(&self, sample: Sample) {
        self.bar.advance();
        self.collector.finished(sample);
    }

    fn ended(&self, recording: &Recording) {
        let window = self.resources.ended();
        self.collector.ended(recording);
        let mut stages = self.lock();
        if let (Some((target, Stage::Round(round))), Some(joules)) =
            (stages.current.take(), window.and_then(|w| w.joules))
        {
            stages.joules.insert((target, round), joules);
        }
    }
}

/// The observer of one target among several, for code that knows only one.
pub(super) struct Placed {
    pub watch: Arc<Watch>,
    pub place: usize,
}

impl Observer for Placed {
    fn began(&self, _target: usize, stage: Stage) {
        self.watch.began(self.place, stage);
    }

    fn finished(&self, sample: Sample) {
        self.watch.finished(sample);
    }

    fn ended(&self, recording: &Recording) {
        self.watch.ended(recording);
    }
}
