//! Connections: accepted, served one task each, and brought to an end when the server is to end.
//!
//! Why this is not `hyper_util`'s `GracefulShutdown` and hyper's own `header_read_timeout`:
//!
//! * hyper's clock for heads runs while a connection is idle, too: either idle connections close after ten seconds, before
//!   those of load balancers, or slow heads have a minute and more. It closes without a reply; here the client reads 408.
//! * `GracefulShutdown` closes connections that are about to send their first request; here they read 503 and come back.
//!   It does not count the requests that the end cuts short, nor make idle connections give way where files are short.
//! * A client that still sends a body that was refused would see its connection reset before it reads why.

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
