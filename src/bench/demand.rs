//! The load on an engine, as it is written: `closed:10`, `poisson:50`, `sweep`, `search:p99<100ms`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::load::{Load, MAX_IN_FLIGHT, MAX_RATE};
use super::report::CurveKind;
use super::search::{Axis, Goal};
use crate::suggest::suggest;

/// The same load in all rounds, or a rising load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Demand {
    Rounds(Load),
    /// A load that rises until throughput rises no further.
    Sweep {
        /// The quantity that rises.
        axis: Axis,
        from: f64,
        to: f64,
    },
    /// A search for the highest rate at which the goal is met.
    Search {
        goal: Goal,
        /// True for requests at random times, false for even intervals.
        poisson: bool,
    },
}

/// The forms of a load.
pub(crate) const FORMS: &str = "offline, closed:CLIENTS, constant:RATE, poisson:RATE, ramp:FROM-TO, sweep[:clients|constant|poisson[:FROM-TO]], search:p99<TIME[:constant|poisson]";

const NAMES: [&str; 7] = ["offline", "closed", "constant", "poisson", "ramp", "sweep", "search"];

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DemandError {
    #[error("unknown load {given:?}{}; loads: {FORMS}", .like.map(|like| format!(", did you mean {like}?")).unwrap_or_default())]
    Unknown {
        given: String,
        /// The most similar name.
        like: Option<&'static str>,
    },
    /// The part after the name cannot be read.
    #[error("load {name:?}: {given:?} is not a {wanted}")]
    Value {
        name: &'static str,
        given: String,
        /// The kind of value that the name takes.
        wanted: &'static str,
    },
    #[error("load {name:?}: {} is not {}", number(*given), limits(*min, *max))]
    Range { name: &'static str, given: f64, min: f64, max: f64 },
}

/// The share of requests that may fail while a latency counts as kept.
const FAILURES: f64 = 0.001;
/// The first and the last rate of a sweep, in requests a second, unless the user names others.
const RATES: (f64, f64) = (1.0, MAX_RATE);
/// The first and the last number of clients of a sweep, unless the user names others.
const CLIENTS: (f64, f64) = (1.0, 1024.0);

impl Demand {
    /// The kind of curve; `None` for rounds.
    pub fn curve(self) -> Option<CurveKind> {
        match self {
            Self::Rounds(_) => None,
            Self::Sweep { axis: Axis::Concurrency, .. } => Some(CurveKind::Concurrency),
            Self::Sweep { .. } => Some(CurveKind::Rate),
            Self::Search { .. } => Some(CurveKind::Search),
        }
    }
}

impl FromStr for Demand {
    type Err = DemandError;

    fn from_str(text: &str) -> Result<Self, DemandError> {
        let (name, rest) = match text.trim().split_once(':') {
            Some((name, rest)) => (name.trim(), Some(rest.trim())),
            None => (text.trim(), None),
        };
        let needed = |name, wanted| move || DemandError::Value { name, given: String::new(), wanted };
        match name.to_ascii_lowercase().as_str() {
            "offline" if rest.is_none() => Ok(Self::Rounds(Load::Offline)),
            "closed" => {
                let wanted = "number of clients";
                let given = rest.ok_or_else(needed("closed", wanted))?;
                let concurrency = given.parse();
                let concurrency =
                    concurrency.map_err(|_| DemandError::Value { name: "closed", given: given.into(), wanted })?;
                within("closed", concurrency as f64, 1.0, MAX_IN_FLIGHT as f64)?;
                Ok(Self::Rounds(Load::Closed { concurrency }))
            }
            "constant" => {
                let rate = rate("constant", rest.ok_or_else(needed("constant", RATE))?, f64::MIN_POSITIVE)?;
                Ok(Self::Rounds(Load::Constant { rate }))
            }
            "poisson" => {
                let rate = rate("poisson", rest.ok_or_else(needed("poisson", RATE))?, f64::MIN_POSITIVE)?;
                Ok(Self::Rounds(Load::Poisson { rate }))
            }
            "ramp" => {
                let (from, to) = range("ramp", rest.ok_or_else(needed("ramp", RANGE))?)?;
                let (from, to) = (rate("ramp", from, 0.0)?, rate("ramp", to, 0.0)?);
                within("ramp", from.max(to), f64::MIN_POSITIVE, MAX_RATE)?;
                Ok(Self::Rounds(Load::Ramp { from, to }))
            }
            "sweep" => sweep(rest),
            "search" => search(rest.ok_or_else(needed("search", GOAL))?),
            other => Err(DemandError::Unknown {
                given: text.to_owned(),
                like: suggest(other, NAMES).filter(|like| *like != other),
            }),
        }
    }
}

/// The values that are allowed, in words; the least float above 0 stands for all above 0.
fn limits(min: f64, max: f64) -> String {
    match min == f64::MIN_POSITIVE {
        true => format!("above 0 and at most {max}"),
        false => format!("between {min} and {max}"),
    }
}

/// A number in as few characters as it takes: 1e300 has 301 digits.
fn number(given: f64) -> String {
    match given.abs() {
        size if size == 0.0 || size.is_nan() || (1e-6..1e15).contains(&size) => given.to_string(),
        _ => format!("{given:e}"),
    }
}

const RATE: &str = "number of requests a second";
const RANGE: &str = "range such as 1-64";
const GOAL: &str = "goal such as p99<100ms";

fn within(name: &'static str, given: f64, min: f64, max: f64) -> Result<(), DemandError> {
    if (min..=max).contains(&given) { Ok(()) } else { Err(DemandError::Range { name, given, min, max }) }
}

fn rate(name: &'static str, given: &str, min: f64) -> Result<f64, DemandError> {
    let rate = given.trim().parse();
    let rate: f64 = rate.map_err(|_| DemandError::Value { name, given: given.into(), wanted: RATE })?;
    within(name, rate, min, MAX_RATE)?;
    Ok(rate)
}

fn range<'t>(name: &'static str, given: &'t str) -> Result<(&'t str, &'t str), DemandError> {
    given.split_once('-').ok_or_else(|| DemandError::Value { name, given: given.into(), wanted: RANGE })
}

fn sweep(rest: Option<&str>) -> Result<Demand, DemandError> {
    const NAME: &str = "sweep";
    let (axis, bounds) = match rest.map(|rest| rest.split_once(':').unwrap_or((rest, ""))) {
        None => ("clients", ""),
        Some((axis, bounds)) => (axis, bounds),
    };
    let (axis, usual, most) = match axis.trim().to_ascii_lowercase().as_str() {
        "clients" => (Axis::Concurrency, CLIENTS, MAX_IN_FLIGHT as f64),
        "constant" => (Axis::Constant, RATES, MAX_RATE),
        "poisson" => (Axis::Poisson, RATES, MAX_RATE),
        other => {
            let wanted = "kind of sweep: clients, constant or poisson";
            return Err(DemandError::Value { name: NAME, given: other.into(), wanted });
        }
    };
    let (from, to) = match bounds.trim() {
        "" => usual,
        bounds => {
            let (from, to) = range(NAME, bounds)?;
            (rate(NAME, from, 0.0)?, rate(NAME, to, 0.0)?)
        }
    };
    let least = if axis == Axis::Concurrency { 1.0 } else { f64::MIN_POSITIVE };
    within(NAME, from, least, most)?;
    within(NAME, to, from, most)?;
    Ok(Demand::Sweep { axis, from, to })
}

fn search(rest: &str) -> Result<Demand, DemandError> {
    const NAME: &str = "search";
    let (goal, arrivals) = rest.split_once(':').unwrap_or((rest, "poisson"));
    let wrong = || DemandError::Value { name: NAME, given: goal.into(), wanted: GOAL };
    let poisson = match arrivals.trim().to_ascii_lowercase().as_str() {
        "poisson" => true,
        "constant" => false,
        other => {
            return Err(DemandError::Value {
                name: NAME,
                given: other.into(),
                wanted: "way to arrive: constant or poisson",
            });
        }
    };
    let (quantile, latency) = goal.split_once('<').ok_or_else(wrong)?;
    let percent: f64 = quantile.trim().strip_prefix(['p', 'P']).and_then(|p| p.parse().ok()).ok_or_else(wrong)?;
    within(NAME, percent, 1.0, 100.0)?;
    let latency = humantime::parse_duration(latency.trim()).map_err(|_| wrong())?;
    if latency.is_zero() {
        return Err(wrong());
    }
    Ok(Demand::Search { goal: Goal { quantile: percent / 100.0, latency, failures: FAILURES }, poisson })
}

impl fmt::Display for Demand {
    /// The whole load, as it can be read again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rounds(Load::Offline) => f.write_str("offline"),
            Self::Rounds(Load::Closed { concurrency }) => write!(f, "closed:{concurrency}"),
            Self::Rounds(Load::Constant { rate }) => write!(f, "constant:{rate}"),
            Self::Rounds(Load::Poisson { rate }) => write!(f, "poisson:{rate}"),
            Self::Rounds(Load::Ramp { from, to }) => write!(f, "ramp:{from}-{to}"),
            Self::Sweep { axis, from, to } => {
                let axis = match axis {
                    Axis::Concurrency => "clients",
                    Axis::Constant => "constant",
                    Axis::Poisson => "poisson",
                };
                write!(f, "sweep:{axis}:{from}-{to}")
            }
            Self::Search { goal: Goal { quantile, latency, .. }, poisson } => {
                let arrivals = if *poisson { "poisson" } else { "constant" };
                // Quantiles are read in ten-thousandths of a percent; rounding removes the error of the product.
                let percent = (quantile * 1e6).round() / 1e4;
                write!(f, "search:p{percent}<{}:{arrivals}", compact(*latency))
            }
        }
    }
}

/// The duration without spaces, so that it can be read again.
fn compact(duration: Duration) -> String {
    humantime::format_duration(duration).to_string().replace(' ', "")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Demand, DemandError> {
        text.parse()
    }

    #[test]
    fn loads_are_read_as_they_are_written() {
        for (written, whole) in [
            ("offline", "offline"),
            ("closed:10", "closed:10"),
            ("constant:0.5", "constant:0.5"),
            (" Poisson: 50", "poisson:50"),
            ("ramp:0-100", "ramp:0-100"),
            ("sweep", "sweep:clients:1-1024"),
            ("sweep:poisson", "sweep:poisson:1-1000000"),
            ("sweep:clients:2-64", "sweep:clients:2-64"),
            ("search:p99<100ms", "search:p99<100ms:poisson"),
            ("search:p99.9<1500ms:constant", "search:p99.9<1s500ms:constant"),
        ] {
            let demand = read(written).unwrap();
            assert_eq!((demand.to_string().as_str(), read(whole).unwrap()), (whole, demand), "{written}");
        }
    }

    #[test]
    fn load_errors_name_the_part() {
        let error = |text: &str| read(text).unwrap_err().to_string();
        assert!(
            error("close:3").contains("unknown load \"close:3\", did you mean closed?; loads: offline, closed:CLIENTS")
        );
        assert!(
            error("clsed:4").contains("did you mean closed?") && error("poison:4").contains("did you mean poisson?")
        );
        assert!(error("xyz").contains("unknown load \"xyz\"; loads"));
        assert!(error("closed").contains("not a number of clients"));
        assert!(error("closed:0").ends_with("0 is not between 1 and 100000"));
        assert!(error("closed:1e9").contains("\"1e9\" is not a number of clients"));
        assert!(error("constant:-1").contains("-1 is not above 0 and at most 1000000"));
        for text in ["constant:0", "poisson:1e300", "constant:-1e-300", "ramp:0-0", "ramp:1-1e300", "constant:inf"] {
            assert!(error(text).len() < 80, "{}", error(text));
        }
        assert!(error("poisson:NaN").contains("NaN is not above 0"));
        assert!(error("ramp:5").contains("range such as"));
        assert!(error("ramp:0-0").contains("0 is not above 0 and"));
        assert!(error("sweep:rate").contains("kind of sweep: clients, constant or poisson"));
        assert!(error("sweep:clients:8-4").contains("4 is not between 8 and"));
        assert!(error("search:p99").contains("goal such as"));
        assert!(error("search:p99<0s").contains("goal such as"));
        assert!(error("search:p0<1s").contains("0 is not between 1 and 100"));
        assert!(error("search:p99<1s:often").contains("constant or poisson"));
        assert!(error("offline:3").contains("unknown load \"offline:3\"; loads"));
    }
}
