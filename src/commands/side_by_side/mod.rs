//! Several engines for one model: what `infa bench` and `infa compare` share.
//!
//! ```text
//! lineup   which engines, and how they are made ready
//! opening  loading, starting, connecting to them
//! counter  tokens, as the model sees them
//! facts    what is known of the model and of the machine
//! ```

mod counter;
pub mod facts;
mod lineup;
mod opening;

pub use counter::Counter;
pub use lineup::{Lineup, ModelHere, Planned, REQUEST_TIMEOUT, STARTUP_TIMEOUT, engines_of, find, named, within_time};
pub use opening::{Facts, Opening, Started, Unready};
