//! Shutdown: requests in progress are finished, and new work is refused with 503.

use std::time::Duration;

use infa::parts::server::{Limits, ServerOptions};

use crate::fake::{InProcess, eventually, tcp};
use crate::raw::{self, get};

#[test]
fn requests_in_flight_are_finished_and_idle_connections_closed() {
    let mut server = InProcess::start(ServerOptions::default());
    let address = server.address();
    let (mut idle, mut busy) = (raw::connect(&address), raw::connect(&address));
    assert_eq!(idle.send(get("/health")).reply().status, 200);
    busy.embed("hold");
    eventually("the request is being served", || server.engine.held() == 1);
    server.stop();
    assert!(idle.is_closed());
    assert!(server.app.is_draining());

    // New clients get 503.
    let ready = raw::connect(&address).send(get("/readyz")).reply();
    assert_eq!((ready.status, ready.header("connection")), (503, Some("close")), "{ready:?}");
    assert_eq!(ready.json()["error"]["code"], "draining");
    let late = raw::connect(&address).embed("late").reply();
    assert_eq!((late.status, late.header("retry-after")), (503, Some("1")), "{late:?}");
    assert_eq!(late.json()["error"]["code"], "draining");

    server.engine.release();
    assert_eq!(busy.reply().status, 200);
    assert!(busy.is_closed());
    assert_eq!(server.wait().cut, 0);
    assert!(std::net::TcpStream::connect(&address).is_err(), "it still listens");
}

#[test]
fn a_server_without_work_ends_at_once() {
    let mut server = InProcess::start(ServerOptions { shutdown_timeout: Duration::MAX, ..ServerOptions::default() });
    let address = server.address();
    // Neither a silent client nor an idle one delays it.
    let mut silent = raw::connect(&address);
    let mut idle = raw::connect(&address);
    assert_eq!(idle.send(get("/health")).reply().status, 200);
    assert_eq!(server.wait().cut, 0);
    assert!(idle.is_closed() && silent.is_closed());
}

#[test]
fn requests_not_finished_in_time_are_cut() {
    let options = ServerOptions { shutdown_timeout: Duration::from_millis(50), ..ServerOptions::default() };
    let mut server = InProcess::with(Limits::default(), options, tcp());
    let mut busy = raw::connect(&server.address());
    busy.embed("hold");
    eventually("the request is being served", || server.engine.held() == 1);
    assert_eq!(server.wait().cut, 1);
    assert!(busy.is_closed());
    assert_eq!(server.engine.over(), 1, "nobody waits for the engine any more");
}
