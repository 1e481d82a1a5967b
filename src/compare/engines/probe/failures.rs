//! Failed inputs of an engine, and the limit of failures in a row.

use schemars::JsonSchema;
use serde::Serialize;

use crate::bench::target::{Failure, FailureKind};
use crate::compare::vectors::InputName;

/// Maximum number of failures listed one by one.
const EXAMPLES: usize = 5;
/// Maximum number of consecutive requests without a reply.
const MAX_UNHEARD_IN_A_ROW: usize = 3;
/// Requests in a row that the server says it cannot answer, each after its retries. It takes more of them, as a server may
/// break on a text or two.
const MAX_REFUSED_IN_A_ROW: usize = 16;

/// Inputs without a result.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Failures {
    pub inputs: usize,
    /// Inputs of batches that failed, which were answered when they were alone.
    pub answered_alone: usize,
    /// Inputs with a result in batches, and without one in the repetitions: alone, or among many at once.
    #[serde(default)]
    pub not_answered_again: usize,
    /// The first of those that failed.
    pub examples: Vec<FailedInput>,
}

/// An input without a result.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct FailedInput {
    pub input: InputName,
    pub message: String,
}

impl Failures {
    pub(super) fn push(&mut self, input: InputName, failure: &Failure) {
        self.inputs += 1;
        self.report(input, failure);
    }

    /// One that was answered before.
    pub(super) fn push_again(&mut self, input: InputName, failure: &Failure) {
        self.not_answered_again += 1;
        self.report(input, failure);
    }

    fn report(&mut self, input: InputName, failure: &Failure) {
        if self.examples.len() < EXAMPLES {
            self.examples.push(FailedInput { input, message: failure.to_string() });
        }
    }
}

/// True if one input of a batch may be the reason why all of it failed.
pub(super) fn may_be_one(failure: &Failure) -> bool {
    use FailureKind::{Garbage, NotFinite, Other, Shape, Status};
    match failure.kind {
        Status(status) => !is_of_all(status),
        kind => matches!(kind, Garbage | NotFinite | Other | Shape),
    }
}

/// True if a status does not depend on the request: no key, a wrong one, another address.
fn is_of_all(status: u16) -> bool {
    matches!(status, 401 | 403 | 404 | 405)
}

/// The count of consecutive failures.
#[derive(Default)]
pub(super) struct Patience {
    /// Consecutive requests without a reply.
    unheard: usize,
    /// Requests in a row that failed by the server's own fault.
    refused: usize,
}

impl Patience {
    pub(crate) fn answered(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn heard<T>(&mut self, answer: &Result<T, Failure>) -> Result<(), Failure> {
        match answer {
            Ok(_) => {
                self.answered();
                Ok(())
            }
            Err(failure) => self.tried(failure),
        }
    }

    /// One more request failed, and there is one for every input to come.
    pub(crate) fn refused(&mut self, failure: &Failure) -> Result<(), Failure> {
        if matches!(failure.kind, FailureKind::Overloaded(_) | FailureKind::Status(500..)) {
            self.refused += 1;
            if self.refused >= MAX_REFUSED_IN_A_ROW {
                return Err(failure.clone());
            }
        }
        self.tried(failure)
    }

    fn tried(&mut self, failure: &Failure) -> Result<(), Failure> {
        use FailureKind::{Broken, Connect, Died, Status, Timeout, Tls};
        let unheard = match failure.kind {
            Died => return Err(failure.clone()),
            Status(status) => is_of_all(status),
            kind => matches!(kind, Connect | Tls | Timeout | Broken),
        };
        self.unheard += usize::from(unheard);
        if unheard && self.unheard >= MAX_UNHEARD_IN_A_ROW { Err(failure.clone()) } else { Ok(()) }
    }
}
