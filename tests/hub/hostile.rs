//! Answers that are wrong, and answers that mean harm.

use super::*;

#[test]
fn wrong_bytes_are_refused_and_removed() {
    let world = world(model());
    world.server.fault("/cdn/", usize::MAX, Fault::WrongBytes);
    let error = world.fetch().unwrap_err();
    assert!(matches!(error, HubError::Fetch(FetchError::Checksum { .. })), "{error}");
    assert!(error.to_string().contains(WEIGHTS));
    assert!(error.hint().is_some());
    assert!(!world.weights_blob().exists() && !world.partial().exists());
    assert_eq!(world.server.asked("/cdn/").len(), 1);
    world.assert_nothing_usable();
}

#[test]
fn wrong_bytes_after_a_resume_are_tried_once_more_from_the_start() {
    let world = world(model());
    world.leave_partial(&weights()[..1000]);
    world.server.fault("/cdn/", 1, Fault::WrongBytes);
    world.assert_whole(&world.fetch().unwrap());
    assert_eq!(ranges(&world.server.asked("/cdn/")), [Some("bytes=1000-".to_owned()), None]);
}

#[test]
fn a_small_file_with_other_bytes_is_refused_and_removed() {
    let world = world(model());
    // As long as it should be.
    world.server.fault("config.json", usize::MAX, Fault::WrongBytes);
    let error = world.fetch().unwrap_err();
    assert!(matches!(error, HubError::Fetch(FetchError::GitBlob { .. })), "{error}");
    assert!(error.to_string().contains("config.json") && error.hint().is_some(), "{error}");
    world.assert_nothing_usable();
    let blobs = world.repo_dir().join("blobs");
    let left: Vec<_> = fs::read_dir(&blobs).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_str().unwrap().ends_with(".incomplete")), "{left:?}");
}

#[test]
fn a_file_of_another_length_is_refused() {
    let world = world(model());
    world.server.fault(WEIGHTS, 1, Fault::Body("{}".to_owned()));
    let error = world.fetch().unwrap_err();
    assert!(matches!(error, HubError::Fetch(FetchError::Size { actual: 2, .. })), "{error}");
    // Without an announced length the bytes themselves tell.
    let endless = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec(), vec![b'x'; 2 << 20]].concat();
    world.server.fault(WEIGHTS, 1, Fault::Raw(endless));
    let error = world.fetch().unwrap_err();
    assert!(matches!(error, HubError::Fetch(FetchError::Size { .. })), "{error}");
    world.assert_nothing_usable();
}

#[test]
fn listings_that_make_no_sense_are_refused() {
    let sha = "c".repeat(40);
    let bodies = [
        "<html>captive portal</html>".to_owned(),
        String::new(),
        "[]".to_owned(),
        "{\"siblings\":[]}".to_owned(),
        "{\"sha\":\"../../../x\",\"siblings\":[]}".to_owned(),
        "[".repeat(100_000),
        format!("{{\"sha\":\"{sha}\",\"siblings\":[{{\"rfilename\":5}}]}}"),
        format!("{{\"sha\":\"{sha}\",\"siblings\":[{{\"rfilename\":\"a\",\"blobId\":\"../../../../x\"}}]}}"),
        format!("{{\"sha\":\"{sha}\",\"siblings\":[{{\"rfilename\":\"a\",\"lfs\":{{\"sha256\":\"../x\"}}}}]}}"),
    ];
    for body in bodies {
        let world = world(model());
        world.server.fault("/api/", 1, Fault::Body(body.clone()));
        let error = world.fetch().unwrap_err();
        assert!(matches!(error, HubError::Fetch(FetchError::Malformed { .. })), "{:.60}: {error}", body);
        assert_eq!(fs::read_dir(world.dir.path()).unwrap().count(), 0);
    }
}

#[test]
fn hostile_file_names_are_refused_before_anything_is_written() {
    for name in ["../../x", "/etc/passwd", "a/../../x", "a\\\\..\\\\x", "", "a\\u0000b", ".."] {
        let world = world(model());
        let body = format!(
            "{{\"sha\":\"{COMMIT}\",\"siblings\":[{{\"rfilename\":\"config.json\"}},{{\"rfilename\":\"{name}\"}}]}}"
        );
        world.server.fault("/api/", 1, Fault::Body(body));
        let error = world.fetch().unwrap_err();
        assert!(matches!(error, HubError::UnsafeName { .. }), "{name}: {error}");
        assert_eq!(fs::read_dir(world.dir.path()).unwrap().count(), 0);
    }
}

#[test]
fn hostile_etags_are_refused_before_anything_is_written() {
    for etag in ["\"../../../../x\"", "/etc/passwd", "\"\"", "W/\"..\"", "\"a/b\""] {
        let mut repo = Repo::new("org/model").file("config.json", "{}");
        repo.bare_listing = true;
        let world = world(repo);
        world.server.fault("/resolve/", 1, Fault::Headers(vec![("ETag".to_owned(), etag.to_owned())]));
        let error = world.fetch().unwrap_err();
        assert!(error.to_string().contains("unsafe ETag"), "{etag}: {error}");
        assert_eq!(fs::read_dir(world.dir.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_huge_listing_is_refused() {
    let mut world = world(model());
    world.hub = Hub::with_limits(world.hub.env().clone(), Limits { json_bytes: 50_000, ..limits() });
    world.server.fault("/api/", 1, Fault::Body(" ".repeat(150_000)));
    let error = world.fetch().unwrap_err();
    assert!(error.to_string().contains("more than 50000 bytes"), "{error}");
}

#[test]
fn bad_redirects_are_refused() {
    for to in ["{self}/org/model/resolve/loop", "file:///etc/passwd", "http://", "gopher://h/"] {
        let world = world(model());
        world.server.fault("/resolve/", usize::MAX, Fault::Redirect(to.to_owned()));
        let error = world.fetch().unwrap_err();
        assert!(matches!(error, HubError::Fetch(FetchError::Malformed { .. })), "{to}: {error}");
        assert!(world.server.asked("/resolve/").len() <= 11);
    }
}

#[test]
fn a_refusal_by_the_cdn_is_not_taken_for_the_hubs() {
    let world = world(model());
    world.server.fault("/cdn/", usize::MAX, Fault::Status(403, Vec::new(), String::new()));
    let error = world.fetch().unwrap_err();
    assert!(matches!(error, HubError::Fetch(FetchError::Status { status: 403, .. })), "{error}");
    assert!(!error.to_string().contains("secret"), "the signature is not shown: {error}");
}
