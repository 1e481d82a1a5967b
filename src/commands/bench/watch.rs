//! Who watches a run: the bar on the terminal, the collector of results, the sampler of resources.

use std::sync::Arc;

use crate::bench::collect::{Collector, Results};
use crate::bench::load::{End, Phase};
use crate::bench::observer::{Observer, Sample, Stage};
use crate::bench::recorder::Recording;
use crate::ui::{Bars, StageBar};

/// All of them together.
pub(super) struct Watch {
    names: Vec<String>,
    bar: StageBar,
    /// Requests of a round, where they are counted.
    requests: Option<u64>,
    collector: Collector,
}

impl Watch {
    /// Of targets of these names.
    pub fn new(names: Vec<String>, phase: &Phase, collector: Collector, bars: &Bars) -> Self {
        let requests = match phase.end() {
            End::Requests(requests) => Some(requests as u64),
            End::After(_) => None,
        };
        Self { names, bar: bars.stages(), requests, collector }
    }

    /// The results that were kept, of each target.
    pub fn into_samples(self) -> Vec<Results> {
        self.collector.into_samples()
    }
}

impl Observer for Watch {
    fn began(&self, target: usize, stage: Stage) {
        let name = self.names.get(target).map_or("", String::as_str);
        let requests = self.requests.filter(|_| stage != Stage::WarmUp);
        self.bar.begin(&format!("{name}: {stage}"), requests);
        self.collector.began(target, stage);
    }

    fn finished(&self, sample: Sample) {
        self.bar.advance();
        self.collector.finished(sample);
    }

    fn ended(&self, recording: &Recording) {
        self.collector.ended(recording);
    }
}

/// The watch of one target among several, for what knows of one alone.
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
