//! No process outlives what it is for.

use std::io::{BufRead, BufReader, Write};

use infa::parts::engine::Role;
use serde_json::Value as Json;

use crate::fake::{gone, model, python, torch};
use crate::run::infa;

#[tokio::test]
async fn with_the_last_clone_the_process_ends_and_what_it_started() {
    let (worker, _model) = torch().await;
    let child = worker.embed(&["spawn"], Role::Text).await.unwrap().values[0][0] as u32;
    let other = worker.clone();
    drop(worker);
    let id = other.embed(&["pid"], Role::Text).await.unwrap().values[0][0] as u32;
    assert_eq!(other.pid(), Some(id));
    drop(other);
    // Elsewhere, since this thread is the one that attends to the process.
    assert!(tokio::task::spawn_blocking(move || gone(id) && gone(child)).await.unwrap());
}

#[test]
fn with_its_runtime_too() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (worker, _model) = runtime.block_on(torch());
    let child = runtime.block_on(worker.embed(&["spawn"], Role::Text)).unwrap().values[0][0] as u32;
    let id = worker.pid().unwrap();
    drop(runtime);
    assert!(gone(id) && gone(child));
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert!(other.block_on(worker.embed(&["a"], Role::Text)).unwrap_err().is_final());
}

#[test]
fn when_infa_is_killed_the_process_ends_whatever_it_does() {
    for last in ["", "hang\n"] {
        let model = model("model");
        let running = infa(["embed", "--engine", "torch", "-m"]).arg(&model.dir).env("INFA_PYTHON", python("python"));
        let mut running = running.env("XDG_CACHE_HOME", model.cache()).spawn();
        let mut stdin = running.0.stdin.take().unwrap();
        let mut rows = BufReader::new(running.0.stdout.take().unwrap()).lines();
        let mut ask = |text: &str| {
            stdin.write_all(text.as_bytes()).unwrap();
            let row: Json = serde_json::from_str(&rows.next().unwrap().unwrap()).unwrap();
            row["embedding"][0].as_f64().unwrap() as u32
        };
        let (id, child) = (ask("pid\n"), ask("spawn\n"));
        stdin.write_all(last.as_bytes()).unwrap();
        running.0.kill().unwrap();
        assert!(gone(id) && gone(child), "{last:?}");
    }
}
