//! Connections that break, stall and drip: what is resumed, what is asked again, and when it ends.

use super::*;

#[test]
fn a_cut_download_goes_on_where_it_stopped() {
    let world = world(model());
    world.server.fault("/cdn/", 1, Fault::CutAfter(150_000));
    world.assert_whole(&world.fetch().unwrap());
    let asked = world.server.asked("/cdn/");
    assert_eq!(ranges(&asked), [None, Some("bytes=150000-".to_owned())]);
    // The validator is the CDN's own, not the Hub's.
    assert_eq!(asked[1].header("if-range"), Some(format!("\"cdn-{}\"", sha256(&weights())).as_str()));
}

#[test]
fn an_earlier_runs_partial_file_is_resumed() {
    let world = world(model());
    world.leave_partial(&weights()[..200_000]);
    world.assert_whole(&world.fetch().unwrap());
    assert_eq!(ranges(&world.server.asked("/cdn/")), [Some("bytes=200000-".to_owned())]);
    let hub = world.server.asked(&format!("/resolve/{COMMIT}/{WEIGHTS}"));
    assert_eq!(hub[0].header("if-range"), Some(format!("\"{}\"", sha256(&weights())).as_str()));
}

#[test]
fn a_whole_partial_file_only_needs_its_sum() {
    let world = world(model());
    world.leave_partial(&weights());
    world.assert_whole(&world.fetch().unwrap());
    assert!(world.server.asked(WEIGHTS).is_empty());
}

#[test]
fn a_partial_file_of_something_else_is_thrown_away_once() {
    for leftover in [vec![7; 200_000], vec![7; weights().len()], vec![7; weights().len() + 1]] {
        let world = world(model());
        world.leave_partial(&leftover);
        world.assert_whole(&world.fetch().unwrap());
        assert_eq!(ranges(&world.server.asked("/cdn/")).last(), Some(&None), "{}", leftover.len());
    }
}

#[test]
fn a_server_that_ignores_ranges_sends_everything_again() {
    let world = world(model());
    world.leave_partial(&weights()[..1000]);
    world.server.fault("/cdn/", 1, Fault::IgnoreRange);
    world.assert_whole(&world.fetch().unwrap());
}

#[test]
fn a_changed_file_behind_if_range_starts_again() {
    let world = world(model().add("direct.bin", weights(), true, Delivery::Direct));
    let path = world.dir.path().join("direct.bin");
    fs::write(path.with_extension("bin.incomplete"), "old").unwrap();
    let url = format!("{}/org/model/resolve/main/direct.bin", world.server.url());
    let done = Http::new(limits()).unwrap().download(plain(&url, &path, Some("another-etag")), &world.ctx).unwrap();
    assert_eq!(done.sha256, sha256(&weights()));
    let asked = world.server.asked("direct.bin");
    assert_eq!(asked[0].header("range"), Some("bytes=3-"));
    assert_eq!(asked[0].header("if-range"), Some("\"another-etag\""));
}

fn plain<'a>(url: &'a str, destination: &'a Path, etag: Option<&'a str>) -> Download<'a> {
    let (expected_sha256, expected_git_blob, expected_size) = (None, None, None);
    Download {
        url,
        token: None,
        headers: &[],
        destination,
        expected_sha256,
        expected_git_blob,
        expected_size,
        etag,
        label: "it",
    }
}

#[test]
fn without_anything_to_check_it_by_a_leftover_is_not_trusted() {
    let world = world(model());
    let path = world.dir.path().join("x");
    fs::write(world.dir.path().join("x.incomplete"), "leftover").unwrap();
    let url = format!("{}/org/model/resolve/main/config.json", world.server.url());
    Http::new(limits()).unwrap().download(plain(&url, &path, None), &world.ctx).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"hidden_size\":4}");
    assert_eq!(ranges(&world.server.asked("config.json")), [None]);
}

#[test]
fn a_range_answer_that_does_not_fit_starts_again() {
    for range in ["bytes 5-9/10", "bytes 1000-1000/7", "nonsense", ""] {
        let world = world(model());
        world.leave_partial(&weights()[..1000]);
        world.server.fault("/cdn/", 1, Fault::ContentRange(range.to_owned()));
        world.assert_whole(&world.fetch().unwrap());
        assert_eq!(ranges(&world.server.asked("/cdn/")), [Some("bytes=1000-".to_owned()), None], "{range}");
    }
}

#[test]
fn a_range_beyond_the_end_starts_again() {
    let world = world(model());
    let path = world.dir.path().join("x");
    fs::write(world.dir.path().join("x.incomplete"), vec![0; 5000]).unwrap();
    let url = format!("{}/org/model/resolve/main/config.json", world.server.url());
    let etag = &git_oid(b"{\"hidden_size\":4}");
    Http::new(limits()).unwrap().download(plain(&url, &path, Some(etag)), &world.ctx).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"hidden_size\":4}");
}

#[test]
fn a_server_that_always_cuts_is_given_up_and_the_rest_is_kept() {
    let world = world(model());
    world.server.fault("/cdn/", 3, Fault::CutAfter(1000));
    world.server.fault("/cdn/", usize::MAX, Fault::CutAfter(0));
    let error = world.fetch().unwrap_err();
    assert!(matches!(error, HubError::Fetch(FetchError::Cut { received: 3000, .. })), "{error}");
    assert!(error.hint().unwrap().contains("goes on"));
    assert_eq!(world.server.asked("/cdn/").len(), 3 + 5);
    assert_eq!(fs::read(world.partial()).unwrap(), weights()[..3000]);
    world.assert_nothing_usable();
}

#[test]
fn a_server_that_ignores_ranges_and_always_cuts_does_not_keep_us_for_ever() {
    let world = world(model());
    world.server.fault("/resolve/", usize::MAX, Fault::Redirect("{self}/org/model/bad".to_owned()));
    world.server.fault("/bad", usize::MAX, Fault::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"hid".to_vec()));
    let error = world.fetch().unwrap_err();
    assert!(matches!(error, HubError::Fetch(FetchError::Cut { .. } | FetchError::Size { .. })), "{error}");
    assert!(world.server.asked("/bad").len() < 20);
}

#[test]
fn a_busy_server_is_retried() {
    let world = world(model());
    let later = vec![("Retry-After".to_owned(), "3600".to_owned())];
    world.server.fault("/api/", 1, Fault::Status(503, later.clone(), String::new()));
    world.server.fault("/cdn/", 2, Fault::Status(429, later, String::new()));
    let began = Instant::now();
    world.assert_whole(&world.fetch().unwrap());
    assert!(began.elapsed() >= Duration::from_millis(150), "Retry-After, capped at 50 ms, was waited for thrice");
    assert_eq!(world.server.asked("/cdn/").len(), 3);
}

#[test]
fn silence_ends_in_a_timeout() {
    let world = world(model());
    world.server.fault("/api/", usize::MAX, Fault::Stall);
    let error = world.fetch().unwrap_err();
    assert!(
        matches!(&error, HubError::Unreachable { error: FetchError::Unreachable { reason, .. }, .. } if reason == "timed out"),
        "{error}"
    );
}

#[test]
fn silence_in_the_middle_is_resumed() {
    let world = world(model());
    world.server.fault("/cdn/", 1, Fault::StallAfter(1000));
    world.assert_whole(&world.fetch().unwrap());
    assert_eq!(ranges(&world.server.asked("/cdn/")), [None, Some("bytes=1000-".to_owned())]);
}

#[test]
fn a_slow_download_that_goes_on_has_all_the_time_it_needs() {
    let world = world(model());
    // 30 pieces, 25 ms apart: more than twice the stall timeout in all.
    world.server.fault("/cdn/", 1, Fault::Drip(10_000, Duration::from_millis(25)));
    world.assert_whole(&world.fetch().unwrap());
    assert_eq!(ranges(&world.server.asked("/cdn/")), [None]);
}

#[test]
fn cancelling_is_heard_while_the_network_is_slow_or_silent() {
    for fault in [Fault::Drip(1, Duration::from_millis(100)), Fault::StallAfter(10), Fault::Stall] {
        let mut world = world(model());
        world.hub = Hub::with_limits(world.hub.env().clone(), Limits { stall: Duration::from_secs(60), ..limits() });
        world.server.fault("/cdn/", 1, fault);
        let cancel = world.ctx.cancel.clone();
        let began = Instant::now();
        let stopper = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(150));
            cancel.cancel();
        });
        let error = world.fetch().unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        assert!(began.elapsed() < Duration::from_secs(10));
        world.assert_nothing_usable();
        stopper.join().unwrap();
    }
}

#[test]
fn cancelling_is_heard_between_retries() {
    let mut world = world(model());
    world.hub = Hub::with_limits(world.hub.env().clone(), Limits { backoff: Duration::from_secs(60), ..limits() });
    world.server.fault("/cdn/", usize::MAX, Fault::CutAfter(0));
    let cancel = world.ctx.cancel.clone();
    let stopper = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(150));
        cancel.cancel();
    });
    assert!(world.fetch().unwrap_err().is_cancelled());
    stopper.join().unwrap();
}
