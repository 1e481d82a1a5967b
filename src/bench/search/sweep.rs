//! A rising load, until throughput rises no further.

use std::sync::Arc;

use super::steps::{Step, Steps, Stop};
use crate::bench::load::{Load, MAX_IN_FLIGHT, MAX_RATE, Phase, PhaseError};
use crate::bench::observer::Observer;
use crate::bench::target::Target;
use crate::fetch::Cancel;

/// The quantity that rises in a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Clients of a closed loop.
    Concurrency,
    /// Requests a second, evenly.
    Constant,
    /// Requests a second, at random times.
    Poisson,
}

impl Axis {
    /// The load at this value; clients are rounded.
    pub fn load(self, value: f64) -> Load {
        match self {
            Self::Concurrency => Load::Closed { concurrency: value.round() as usize },
            Self::Constant => Load::Constant { rate: value },
            Self::Poisson => Load::Poisson { rate: value },
        }
    }

    fn highest(self) -> f64 {
        if self == Self::Concurrency { MAX_IN_FLIGHT as f64 } else { MAX_RATE }
    }
}

/// The sweep: doubles the load until the target is saturated. A step without more throughput is repeated once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sweep {
    pub axis: Axis,
    pub from: f64,
    /// The last value, if throughput still rises there.
    pub to: f64,
    /// Throughput must rise by more than this share in a step: 0.05 is 5 %.
    pub growth: f64,
}

#[derive(Debug, Clone)]
pub(crate) struct Swept {
    /// In order.
    pub steps: Vec<Step>,
    /// [`Stop::Found`]: the target is saturated.
    pub stop: Stop,
    /// The index of the step with the highest throughput.
    pub best: Option<usize>,
}

impl Sweep {
    /// Sweeps with phases like this one; its own load is not used.
    pub(crate) async fn run(
        &self,
        target: &Arc<dyn Target>,
        phase: &Phase,
        cancel: &Cancel,
        observer: &dyn Observer,
    ) -> Result<Swept, PhaseError> {
        let mut steps = Steps { target, phase, cancel, observer, steps: Vec::new() };
        let to = self.to.min(self.axis.highest());
        let (mut value, mut highest, mut best, mut again) = (self.from, 0.0, None, false);
        let stop = loop {
            let recording = match steps.take(self.axis.load(value)).await? {
                Ok(recording) => recording,
                Err(stop) => break stop,
            };
            let Some(throughput) = recording.throughput.requests_per_second() else { break Stop::Failed };
            let grown = throughput > highest * (1.0 + self.growth);
            if throughput > highest {
                (highest, best) = (throughput, Some(steps.steps.len() - 1));
            }
            if !grown && again {
                break Stop::Found;
            }
            again = !grown;
            if grown {
                if value >= to {
                    break Stop::Limit;
                }
                value = (value * 2.0).min(to);
            }
        };
        Ok(Swept { steps: steps.steps, stop, best })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::fake::{Fake, ms};
    use crate::bench::load::End;

    async fn sweep(fake: Fake, axis: Axis, to: f64) -> Swept {
        let phase = Phase::new(Load::Offline, End::After(ms(10_000))).unwrap();
        let sweep = Sweep { axis, from: 1.0, to, growth: 0.05 };
        sweep.run(&fake.target(), &phase, &Cancel::new(), &()).await.unwrap()
    }

    fn curve(swept: &Swept) -> Vec<(String, f64)> {
        let throughput = |step: &Step| step.recording.throughput.requests_per_second().unwrap();
        swept.steps.iter().map(|step| (step.load.to_string(), throughput(step).round())).collect()
    }

    /// Four servers of 20 ms: 50/s a client, up to 200/s.
    #[tokio::test(start_paused = true)]
    async fn clients_until_the_servers_are_busy() {
        let swept = sweep(Fake::constant(ms(20)).servers(4), Axis::Concurrency, 64.0).await;
        let expected = [("1 client", 50.0), ("2 clients", 100.0), ("4 clients", 200.0), ("8 clients", 200.0)];
        let expected = expected.into_iter().chain([("8 clients", 200.0)]);
        assert_eq!(curve(&swept), expected.map(|(load, rate)| (load.to_owned(), rate)).collect::<Vec<_>>());
        assert_eq!((swept.stop, swept.best), (Stop::Found, Some(2)));
    }

    /// Beyond its 50/s the server's queue grows, and its throughput does not.
    #[tokio::test(start_paused = true)]
    async fn rates_until_the_server_is_busy() {
        let swept = sweep(Fake::constant(ms(20)).servers(1), Axis::Constant, 1000.0).await;
        let rates: Vec<f64> = curve(&swept).into_iter().map(|(_, rate)| rate).collect();
        assert_eq!((rates, swept.stop), (vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 50.0, 50.0, 50.0], Stop::Found));
    }

    #[tokio::test(start_paused = true)]
    async fn up_to_the_limit() {
        let swept = sweep(Fake::constant(ms(20)), Axis::Concurrency, 6.0).await;
        let loads: Vec<String> = swept.steps.iter().map(|step| step.load.to_string()).collect();
        assert_eq!((loads.join(", ").as_str(), swept.stop), ("1 client, 2 clients, 4 clients, 6 clients", Stop::Limit));
    }

    /// One disturbed step does not end the sweep.
    #[tokio::test(start_paused = true)]
    async fn a_step_without_growth_is_taken_again() {
        // 500 and 1000 requests, then the 4-client step begins, and stands still for most of its time.
        let fake = Fake::constant(ms(20)).stall(ms(20_500), ms(9000));
        let swept = sweep(fake, Axis::Concurrency, 8.0).await;
        let loads: Vec<String> = swept.steps.iter().map(|step| step.load.to_string()).collect();
        assert_eq!(loads, ["1 client", "2 clients", "4 clients", "4 clients", "8 clients"]);
        assert_eq!((swept.stop, swept.best), (Stop::Limit, Some(4)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dying_target_ends_it() {
        let swept = sweep(Fake::constant(ms(20)).dies_at(700), Axis::Concurrency, 64.0).await;
        assert_eq!((swept.steps.len(), swept.stop, swept.best), (2, Stop::Failed, Some(0)));
    }
}
