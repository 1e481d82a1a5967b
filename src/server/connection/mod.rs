//! Connections: accepting, serving in one task each, and shutdown.
//!
//! Why this is not `hyper_util`'s `GracefulShutdown` and hyper's own `header_read_timeout`:
//!
//! * hyper's timeout for headers also runs while a connection is idle: either idle connections close after ten seconds,
//!   before those of load balancers, or slow headers have a minute and more. It closes without a response; here the
//!   client gets 408.
//! * `GracefulShutdown` closes connections that are about to send their first request; here they get 503 and retry. It
//!   does not count requests that the shutdown cuts, and does not close idle connections when file descriptors run out.
//! * A client that still sends a refused body would have its connection reset before it reads the reason.

mod activity;
mod listener;
mod one;
mod phase;
mod requests;
mod serve;
mod socket;
#[cfg(test)]
mod tests;
#[cfg(unix)]
mod unix_socket;

pub use serve::{Drained, serve};
