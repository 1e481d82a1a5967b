//! Models from the Hub, against a Hub of our own: what is asked, what is kept, and what happens when things go wrong.
#![allow(clippy::unwrap_used)]

mod connections;
mod hostile;
#[path = "../support/hub_server.rs"]
mod hub_server;

use hub_server::{COMMIT, Delivery, Fault, HubServer, Recorded, Repo, Side, git_oid, sha256};
use infa::parts::fetch::{Context, Download, FetchError, Http, Limits, Progress, ProgressTask};
use infa::parts::model::cache::{HubEnv, is_known_absent};
use infa::parts::model::hub::{Hub, HubError, RemoteFile, Snapshot};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const WEIGHTS: &str = "model.safetensors";

fn weights() -> Vec<u8> {
    (0..75_000u32).flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 11).to_le_bytes()).collect()
}

fn model() -> Repo {
    Repo::new("org/model")
        .file("config.json", "{\"hidden_size\":4}")
        .file("README.md", "not wanted")
        .add("1_Pooling/config.json", b"{}".to_vec(), false, Delivery::Relative)
        .lfs(WEIGHTS, weights())
}

fn limits() -> Limits {
    Limits {
        connect: Duration::from_secs(5),
        stall: Duration::from_millis(300),
        backoff: Duration::from_millis(2),
        retry_after: Duration::from_millis(50),
        proxies: false,
        ..Limits::default()
    }
}

/// A server, a cache of its own, and the hub between them.
struct World {
    server: HubServer,
    dir: tempfile::TempDir,
    hub: Hub,
    ctx: Context,
}

fn env(endpoint: &str, cache: &Path) -> HubEnv {
    HubEnv { cache: cache.to_owned(), token: None, offline: false, endpoint: endpoint.to_owned() }
}

fn world(repo: Repo) -> World {
    let server = HubServer::start(repo);
    let dir = tempfile::tempdir().unwrap();
    let hub = Hub::with_limits(env(server.url(), dir.path()), limits());
    World { server, dir, hub, ctx: Context::silent() }
}

fn select(files: &[RemoteFile]) -> Vec<String> {
    let wanted = |file: &&RemoteFile| file.name != "README.md";
    files.iter().filter(wanted).map(|file| file.name.clone()).collect()
}

fn complete(dir: &Path) -> bool {
    dir.join("config.json").is_file() && dir.join(WEIGHTS).is_file()
}

impl World {
    fn fetch(&self) -> Result<Snapshot, HubError> {
        self.fetch_at(None)
    }

    fn fetch_at(&self, revision: Option<&str>) -> Result<Snapshot, HubError> {
        self.hub.fetch("org/model", revision, &select, &complete, &self.ctx)
    }

    fn with_env(mut self, change: impl FnOnce(&mut HubEnv)) -> Self {
        let mut env = self.hub.env().clone();
        change(&mut env);
        self.hub = Hub::with_limits(env, limits());
        self
    }

    fn repo_dir(&self) -> PathBuf {
        self.dir.path().join("models--org--model")
    }

    fn weights_blob(&self) -> PathBuf {
        self.repo_dir().join("blobs").join(sha256(&weights()))
    }

    fn partial(&self) -> PathBuf {
        self.weights_blob().with_extension("incomplete")
    }

    /// Puts the beginning of the weights where an interrupted run leaves it.
    fn leave_partial(&self, bytes: &[u8]) {
        fs::create_dir_all(self.repo_dir().join("blobs")).unwrap();
        fs::write(self.partial(), bytes).unwrap();
    }

    fn assert_whole(&self, snapshot: &Snapshot) {
        assert_eq!(fs::read(snapshot.dir.join(WEIGHTS)).unwrap(), weights());
        assert!(!self.partial().exists());
    }

    /// Nothing that could be mistaken for a model.
    fn assert_nothing_usable(&self) {
        assert!(!self.repo_dir().join("refs/main").exists());
        assert!(!self.repo_dir().join("snapshots").exists());
    }
}

fn ranges(requests: &[Recorded]) -> Vec<Option<String>> {
    requests.iter().map(|request| request.header("range").map(str::to_owned)).collect()
}

// ---- The ordinary way ----

#[test]
fn a_model_arrives_in_the_layout_that_python_reads() {
    let world = world(model());
    let snapshot = world.fetch().unwrap();
    assert_eq!(snapshot.commit, COMMIT);
    assert_eq!(snapshot.dir, world.repo_dir().join("snapshots").join(COMMIT));
    world.assert_whole(&snapshot);
    assert_eq!(fs::read_to_string(snapshot.dir.join("config.json")).unwrap(), "{\"hidden_size\":4}");
    assert_eq!(fs::read_to_string(snapshot.dir.join("1_Pooling/config.json")).unwrap(), "{}");
    assert!(!snapshot.dir.join("README.md").exists());
    assert_eq!(fs::read_to_string(world.repo_dir().join("refs/main")).unwrap(), COMMIT);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(world.repo_dir().join("refs/main")).unwrap().permissions().mode();
        assert_eq!(mode & 0o044, 0o044, "other users of the machine cannot read it: {mode:o}");
    }
    if cfg!(unix) {
        let link = fs::read_link(snapshot.dir.join(WEIGHTS)).unwrap();
        assert_eq!(link, Path::new("../../blobs").join(sha256(&weights())));
        let nested = fs::read_link(snapshot.dir.join("1_Pooling/config.json")).unwrap();
        assert_eq!(nested, Path::new("../../../blobs").join(git_oid(b"{}")));
    }
    let locks = fs::read_dir(world.dir.path().join(".locks/models--org--model")).unwrap().count();
    assert_eq!(locks, 3);
    let mut entries: Vec<_> = fs::read_dir(world.repo_dir()).unwrap().map(|e| e.unwrap().file_name()).collect();
    entries.sort();
    assert_eq!(entries, [".no_exist", "blobs", "refs", "snapshots"]);
    assert!(is_known_absent(&snapshot.dir, "modules.json"));
    assert!(!is_known_absent(&snapshot.dir, "config.json"));
}

#[test]
fn a_cached_model_costs_no_request() {
    let world = world(model());
    let first = world.fetch().unwrap();
    world.server.forget_requests();
    assert_eq!(world.fetch().unwrap(), first);
    assert_eq!(world.fetch_at(Some(COMMIT)).unwrap(), first);
    assert_eq!(world.hub.cached("org/model", None, &complete), Some(first.dir));
    assert_eq!(world.hub.cached("../model", None, &complete), None);
    assert!(world.server.requests().is_empty());
}

#[test]
fn each_file_is_requested_once_by_commit() {
    let world = world(model());
    world.fetch().unwrap();
    let listing = world.server.asked("/api/models/");
    assert_eq!(listing.len(), 1);
    assert_eq!(listing[0].path, "/api/models/org/model/revision/main?blobs=true");
    for name in ["config.json", "1_Pooling/config.json", WEIGHTS] {
        assert_eq!(world.server.asked(&format!("/org/model/resolve/{COMMIT}/{name}")).len(), 1, "{name}");
    }
    assert!(world.server.asked("README").is_empty());
}

#[test]
fn a_cache_made_by_python_is_used_without_a_request() {
    let world = world(model());
    let (blobs, commit) = (world.repo_dir().join("blobs"), "f".repeat(40));
    let snapshot = world.repo_dir().join("snapshots").join(&commit);
    for dir in [&blobs, &snapshot, &world.repo_dir().join("refs")] {
        fs::create_dir_all(dir).unwrap();
    }
    for (name, blob) in [("config.json", "a".repeat(40)), (WEIGHTS, "b".repeat(64))] {
        fs::write(blobs.join(&blob), name).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(Path::new("../../blobs").join(&blob), snapshot.join(name)).unwrap();
        #[cfg(not(unix))]
        fs::copy(blobs.join(&blob), snapshot.join(name)).unwrap();
    }
    fs::write(world.repo_dir().join("refs/main"), &commit).unwrap();
    assert_eq!(world.fetch().unwrap(), Snapshot { dir: snapshot, commit });
    assert!(world.server.requests().is_empty());
}

#[test]
fn blobs_that_are_here_are_not_brought_again() {
    let world = world(model());
    fs::create_dir_all(world.repo_dir().join("blobs")).unwrap();
    fs::write(world.weights_blob(), weights()).unwrap();
    let snapshot = world.fetch().unwrap();
    world.assert_whole(&snapshot);
    assert!(world.server.asked(WEIGHTS).is_empty());
}

#[test]
fn a_blob_of_the_wrong_size_is_brought_anew() {
    let world = world(model());
    fs::create_dir_all(world.repo_dir().join("blobs")).unwrap();
    fs::write(world.weights_blob(), "short").unwrap();
    world.assert_whole(&world.fetch().unwrap());
}

#[test]
fn other_revisions_and_odd_file_names_are_encoded() {
    let name = "onnx/mödel #1?.onnx";
    let mut repo = model().lfs(name, b"onnx".to_vec());
    repo.revisions.push("refs/pr/1".to_owned());
    let world = world(repo);
    let snapshot = world.fetch_at(Some("refs/pr/1")).unwrap();
    assert_eq!(fs::read(snapshot.dir.join(name)).unwrap(), b"onnx");
    assert_eq!(world.server.asked("/revision/refs%2Fpr%2F1?").len(), 1);
    assert_eq!(fs::read_to_string(world.repo_dir().join("refs/refs/pr/1")).unwrap(), COMMIT);
}

#[test]
fn a_commit_as_revision_leaves_no_ref() {
    let world = world(model());
    world.fetch_at(Some(COMMIT)).unwrap();
    assert!(!world.repo_dir().join("refs").exists());
}

#[test]
fn a_mirror_that_lists_names_only_is_queried_for_etags() {
    let mut repo = model();
    repo.bare_listing = true;
    let world = world(repo);
    let snapshot = world.fetch().unwrap();
    world.assert_whole(&snapshot);
    assert!(world.weights_blob().exists());
    assert!(world.repo_dir().join("blobs").join(git_oid(b"{}")).exists());
    let heads: Vec<_> = world.server.requests().into_iter().filter(|r| r.method == "HEAD").collect();
    // One a file, one more for the relative redirect, and none at the CDN.
    assert_eq!(heads.len(), 4);
    assert!(heads.iter().all(|request| request.side == Side::Hub));
}

#[test]
fn progress_counts_to_the_size_and_names_the_file() {
    #[derive(Default)]
    struct Log(Mutex<Vec<(String, Option<u64>)>>, Arc<Mutex<u64>>);
    struct Task(Arc<Mutex<u64>>);
    impl Progress for Log {
        fn start(&self, label: &str, total: Option<u64>) -> Box<dyn ProgressTask> {
            self.0.lock().unwrap().push((label.to_owned(), total));
            Box::new(Task(Arc::clone(&self.1)))
        }
        fn note(&self, _: &str) {}
    }
    impl ProgressTask for Task {
        fn position(&mut self, position: u64) {
            let mut most = self.0.lock().unwrap();
            *most = position.max(*most);
        }
    }
    let mut world = world(model());
    let log = Arc::new(Log::default());
    world.ctx.progress = log.clone();
    world.fetch().unwrap();
    let size = weights().len() as u64;
    assert!(log.0.lock().unwrap().contains(&(format!("org/model/{WEIGHTS}"), Some(size))));
    assert_eq!(*log.1.lock().unwrap(), size);
}

// ---- Tokens ----

#[test]
fn the_token_goes_to_the_hub_alone() {
    let mut repo = model();
    repo.token = Some("hf_secret".to_owned());
    let world = world(repo).with_env(|env| env.token = Some("hf_secret".to_owned()));
    world.assert_whole(&world.fetch().unwrap());
    for request in world.server.requests() {
        let expected = (request.side == Side::Hub).then_some("Bearer hf_secret");
        assert_eq!(request.header("authorization"), expected, "{request:?}");
    }
    assert_eq!(world.server.asked("/cdn/").len(), 1);
}

#[test]
fn a_missing_or_wrong_token_is_said_with_its_remedy() {
    let repo = || Repo { token: Some("hf_secret".to_owned()), ..model() };
    let error = world(repo()).fetch().unwrap_err();
    assert!(matches!(error, HubError::Denied { status: 401, token: false, .. }), "{error}");
    assert!(error.hint().unwrap().contains("HF_TOKEN"));
    let error = world(repo()).with_env(|env| env.token = Some("hf_other".into())).fetch().unwrap_err();
    assert!(matches!(error, HubError::Denied { token: true, .. }), "{error}");
    assert!(error.hint().unwrap().contains("not accepted"));
    assert!(!format!("{error} {error:?}").contains("hf_other"));
}

#[test]
fn a_token_no_header_can_hold_is_an_error() {
    let error = world(model()).with_env(|env| env.token = Some("a\nb".into())).fetch().unwrap_err();
    assert!(error.to_string().contains("access token"), "{error}");
    assert!(error.hint().unwrap().contains("HF_TOKEN"));
}

// ---- Refusals in the Hub's terms ----

#[test]
fn a_gated_repository_asks_for_the_licence() {
    let world = world(model());
    world.server.refuse("/resolve/", 403, "GatedRepo", "Access to model org/model is restricted.");
    let error = world.fetch().unwrap_err();
    assert!(matches!(error, HubError::Gated { .. }), "{error}");
    assert!(error.to_string().contains("is restricted."), "{error}");
    let hint = error.hint().unwrap();
    assert!(hint.contains("licence") && hint.contains("HF_TOKEN"), "{hint}");
    world.assert_nothing_usable();
}

#[test]
fn missing_repositories_revisions_and_files_have_their_own_errors() {
    let world = world(model());
    let error = world.hub.fetch("org/other", None, &select, &complete, &world.ctx).unwrap_err();
    assert!(matches!(error, HubError::RepoNotFound { .. }), "{error}");
    assert!(error.to_string().contains(world.server.url()), "{error}");

    let error = world.fetch_at(Some("v9")).unwrap_err();
    assert!(matches!(error, HubError::RevisionNotFound { .. }), "{error}");
    assert!(error.hint().unwrap().contains("--revision"));

    let pick = |_: &[RemoteFile]| vec!["absent.bin".to_owned()];
    let error = world.hub.fetch("org/model", None, &pick, &complete, &world.ctx).unwrap_err();
    assert!(matches!(&error, HubError::EntryNotFound { file, .. } if file == "absent.bin"), "{error}");

    let error = world.hub.fetch("org/model", None, &|_| Vec::new(), &complete, &world.ctx).unwrap_err();
    assert!(matches!(error, HubError::NothingUsable { .. }), "{error}");

    // Listed, but gone when asked for.
    world.server.refuse("/resolve/", 404, "EntryNotFound", "Entry not found");
    let error = world.fetch().unwrap_err();
    assert!(matches!(error, HubError::EntryNotFound { .. }), "{error}");
}

#[test]
fn a_repository_the_hub_hides_with_401_is_not_found() {
    let world = world(model());
    world.server.refuse("/api/", 401, "RepoNotFound", "Repository not found");
    let error = world.fetch().unwrap_err();
    assert!(matches!(error, HubError::RepoNotFound { .. }), "{error}");
    assert!(error.hint().unwrap().contains("HF_TOKEN"));
}

#[test]
fn bad_names_send_no_request() {
    let world = world(model());
    for id in ["", "../x", "a/b/c", "a--b", "/etc/passwd", "org/mo del"] {
        let error = world.hub.fetch(id, None, &select, &complete, &world.ctx).unwrap_err();
        assert!(matches!(error, HubError::BadRepoId { .. }), "{id}: {error}");
    }
    for revision in ["", "../../x", "/x", "a\\b", "a\0"] {
        let error = world.fetch_at(Some(revision)).unwrap_err();
        assert!(matches!(error, HubError::BadRevision { .. }), "{revision}: {error}");
    }
    assert!(world.server.requests().is_empty());
}

// ---- Without a network ----

#[test]
fn offline_uses_the_cache_or_says_so_without_a_request() {
    let mut world = world(model());
    world.fetch().unwrap();
    world.server.forget_requests();
    world.ctx.offline = true;
    world.fetch().unwrap();
    let error = world.fetch_at(Some("v2")).unwrap_err();
    assert!(matches!(error, HubError::Offline { .. }), "{error}");
    assert!(error.hint().unwrap().contains("--offline"));
    world.ctx.offline = false;
    let world = world.with_env(|env| env.offline = true);
    world.fetch().unwrap();
    assert!(matches!(world.fetch_at(Some("v2")).unwrap_err(), HubError::Offline { .. }));
    assert!(world.server.requests().is_empty());
}

#[test]
fn without_a_network_an_older_snapshot_serves_for_main() {
    let world = world(model());
    let snapshot = world.fetch().unwrap();
    // Somebody asked for main since, and the connection broke before the new files came.
    fs::write(world.repo_dir().join("refs/main"), "e".repeat(40)).unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let world = world.with_env(|env| env.endpoint = format!("http://{closed}"));
    assert_eq!(world.fetch().unwrap(), snapshot);
    let error = world.fetch_at(Some("v2")).unwrap_err();
    assert!(matches!(error, HubError::Unreachable { error: FetchError::Unreachable { .. }, .. }), "{error}");
    assert!(error.hint().unwrap().contains("HTTPS_PROXY"));
}

#[test]
fn a_file_in_the_way_is_named() {
    let world = world(model());
    fs::write(world.repo_dir(), "in the way").unwrap();
    let error = world.fetch().unwrap_err();
    assert!(matches!(error, HubError::Fetch(FetchError::Io { .. })), "{error}");
    assert!(error.to_string().contains("models--org--model"), "{error}");
}

// ---- Many at once ----

#[test]
fn threads_that_fetch_at_once_download_once() {
    let world = world(model());
    world.server.fault("/cdn/", 1, Fault::Drip(60_000, Duration::from_millis(5)));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let hub = Hub::with_limits(env(world.server.url(), world.dir.path()), limits());
                let snapshot = hub.fetch("org/model", None, &select, &complete, &Context::silent()).unwrap();
                assert_eq!(fs::read(snapshot.dir.join(WEIGHTS)).unwrap(), weights());
            });
        }
    });
    assert_eq!(world.server.asked("/cdn/").len(), 1);
    assert_eq!(world.server.asked("/resolve/").len(), 3);
}

#[test]
fn processes_that_fetch_at_once_download_once() {
    let world = world(model());
    world.server.fault("/cdn/", 1, Fault::Drip(60_000, Duration::from_millis(5)));
    let children: Vec<_> = (0..2)
        .map(|_| {
            std::process::Command::new(env!("CARGO_BIN_EXE_infa"))
                .args(["embed", "--model-id", "org/model", "/dev/null"])
                .env_remove("HF_HUB_OFFLINE")
                .env_remove("TRANSFORMERS_OFFLINE")
                .env("HF_ENDPOINT", world.server.url())
                .env("HF_HUB_CACHE", world.dir.path())
                .env("NO_PROXY", "127.0.0.1")
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        // Both have all files then, and see that they are no model.
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains("there is no tokenizer.json"), "{stderr}");
        assert_eq!(output.status.code(), Some(3));
    }
    assert_eq!(fs::read(world.weights_blob()).unwrap(), weights());
    assert_eq!(world.server.asked("/cdn/").len(), 1);
}
