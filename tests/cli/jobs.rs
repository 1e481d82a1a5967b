//! Long jobs: killed, interrupted and continued; limits of failures, progress, summaries.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::run::{Infa, Ran, embed, infa};
use crate::support::fixture;

const PATIENCE: Duration = Duration::from_secs(60);

/// A file of texts that no two rows share.
fn texts(dir: &Path, rows: usize) -> PathBuf {
    let path = dir.join("texts.txt");
    let words = ["sea", "harbour", "ship", "a", "the", "of", "water"];
    let line =
        |row: usize| (0..1 + row % 9).map(|i| words[(row / 9 + i * row) % words.len()]).collect::<Vec<_>>().join(" ");
    fs::write(&path, (0..rows).map(|row| format!("{} {row}\n", line(row))).collect::<String>()).unwrap();
    path
}

fn job(input: &Path, output: &Path) -> Infa {
    embed(["--batch-tokens", "64", "-o"]).arg(output).arg(input)
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Rows that are on the disk for sure.
fn saved(output: &Path) -> u64 {
    let manifest = fs::read(format!("{}.infa-job", output.display())).ok();
    let manifest = manifest.and_then(|bytes| serde_json::from_slice::<Json>(&bytes).ok());
    manifest.map_or(0, |manifest| manifest["rows"].as_u64().unwrap())
}

/// Starts a job, and sends a signal once rows are saved.
fn stopped(job: Infa, output: &Path, signal: i32) -> Ran {
    let (running, began, before) = (job.spawn(), Instant::now(), saved(output));
    while saved(output) == before {
        assert!(began.elapsed() < PATIENCE, "no rows were saved");
        std::thread::sleep(Duration::from_millis(2));
    }
    running.signal(signal);
    running.end()
}

fn part(output: &Path) -> PathBuf {
    format!("{}.infa-part", output.display()).into()
}

#[test]
fn killed_at_random_moments_and_continued() {
    let dir = tempfile::tempdir().unwrap();
    let input = texts(dir.path(), 20_000);
    let mut random = 7u64;
    for (name, kills) in [("a.jsonl", 20), ("a.csv", 10), ("a.npy", 10), ("a.f32", 10)] {
        let (whole, output) = (dir.path().join(format!("whole-{name}")), dir.path().join(name));
        job(&input, &whole).run().well();
        // Once with rows that are saved, whatever the speed of the machine.
        stopped(job(&input, &output).arg("--resume"), &output, libc::SIGKILL);
        let mut killed = 1;
        while killed < kills {
            let mut running = job(&input, &output).arg("--resume").spawn();
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            std::thread::sleep(Duration::from_millis(50 + (random >> 33) % 500));
            running.signal(libc::SIGKILL);
            if running.0.wait().unwrap().success() {
                break;
            }
            killed += 1;
        }
        job(&input, &output).arg("--resume").run().status(0);
        assert!(fs::read(&output).unwrap() == fs::read(&whole).unwrap(), "{name}: other rows after {killed} kills");
    }
    assert!(!names(dir.path()).iter().any(|name| name.contains("infa-")), "{:?}", names(dir.path()));
}

#[test]
fn what_is_left_is_continued_or_discarded_on_demand() {
    let dir = tempfile::tempdir().unwrap();
    let input = texts(dir.path(), 20_000);
    let output = dir.path().join("out.jsonl");
    fs::write(&output, "old").unwrap();
    let ran = stopped(job(&input, &output), &output, libc::SIGTERM).status(130);
    ran.says(&["Stopped after", "out.jsonl.infa-part holds", "--resume"]);
    assert_eq!(names(dir.path()), ["out.jsonl", "out.jsonl.infa-job", "out.jsonl.infa-part", "texts.txt"]);
    assert_eq!(fs::read_to_string(&output).unwrap(), "old");
    let left = fs::read(part(&output)).unwrap();
    assert!(left.ends_with(b"}\n"));

    let untouched = |ran: Ran, words: &[&str]| {
        ran.refuses(2, words);
        assert!(fs::read(part(&output)).unwrap() == left);
    };
    // No flag, or another command with the same output.
    untouched(job(&input, &output).run(), &["out.jsonl.infa-part", "--resume", "--restart"]);
    untouched(embed(["-o"]).arg(&output).stdin("a\n").run(), &["--resume", "--restart"]);
    // Another model, other options, other input.
    let other = infa(["embed", "--resume", "-m"]).arg(fixture("bert-odd")).arg("-o").arg(&output).arg(&input);
    untouched(other.run(), &["another model", "another weights"]);
    untouched(job(&input, &output).args(["--resume", "--pooling", "cls"]).run(), &["another pooling"]);
    untouched(job(&input, &output).args(["--resume", "--precision", "3"]).run(), &["another precision"]);
    let more = job(&input, &output).arg("--resume").arg(&input).run();
    untouched(more, &["another input"]);
    let bytes = fs::read(&input).unwrap();
    fs::write(&input, [&bytes[..], b"one more\n"].concat()).unwrap();
    untouched(job(&input, &output).arg("--resume").run(), &["another input"]);

    job(&input, &output).args(["--restart", "-q"]).run().status(0);
    assert_eq!(fs::read_to_string(&output).unwrap().lines().count(), 20_001);
    assert_eq!(names(dir.path()), ["out.jsonl", "texts.txt"]);
}

#[test]
fn a_second_process_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let input = texts(dir.path(), 20_000);
    let output = dir.path().join("out.csv");
    let running = job(&input, &output).spawn();
    let began = Instant::now();
    while saved(&output) == 0 {
        assert!(began.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(2));
    }
    for flag in ["--resume", "--restart"] {
        job(&input, &output).arg(flag).run().refuses(2, &["out.csv", "another infa"]);
    }
    running.signal(libc::SIGINT);
    running.end().status(130);
    job(&input, &output).arg("--resume").run().status(0).says(&["Continues behind", "Embedded 20000 inputs"]);
}

#[test]
fn what_cannot_be_continued_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let input = texts(dir.path(), 3);
    let at = |name: &str| dir.path().join(name);
    job(&input, &at("a.json")).arg("--resume").run().refuses(2, &["--resume", "jsonl"]);
    job(&input, &at("a.jsonl.gz")).arg("--resume").run().refuses(2, &["--resume", "without compression"]);
    embed(["--resume", "-o"]).arg(at("a.jsonl")).stdin("a\n").run().refuses(2, &["--resume", "stdin"]);
    embed(["--resume", "--text", "a", "-o"]).arg(at("a.jsonl")).run().refuses(2, &["--resume", "--text"]);
    embed(["--resume"]).arg(&input).run().refuses(2, &["--resume", "-o FILE"]);
    assert_eq!(names(dir.path()), ["texts.txt"]);
    job(&input, &at("a.jsonl")).arg("--resume").run().status(0).says(&["Nothing to continue"]);
}

#[test]
fn a_full_disk_leaves_rows_that_can_be_continued() {
    let dir = tempfile::tempdir().unwrap();
    let input = texts(dir.path(), 4000);
    for name in ["out.jsonl", "out.npy"] {
        let (whole, output) = (dir.path().join(format!("whole-{name}")), dir.path().join(name));
        job(&input, &whole).run().well();
        // Half of what it needs, in blocks of 512 bytes.
        let blocks = fs::metadata(&whole).unwrap().len() / 1024;
        let limit = format!("ulimit -f {blocks}; \"$@\"");
        job(&input, &output).run_in_shell(&limit).status(1).says(&["out.", "ile"]);
        assert!(saved(&output) > 0 && !output.exists());
        job(&input, &output).arg("--resume").run().status(0);
        assert!(fs::read(&output).unwrap() == fs::read(&whole).unwrap(), "{name}");
    }
}

#[test]
fn too_many_failures_end_a_job() {
    let dir = tempfile::tempdir().unwrap();
    let (input, output) = (dir.path().join("in.jsonl"), dir.path().join("out.jsonl"));
    let row = |row: usize| if row % 10 == 9 { "{}\n".to_owned() } else { format!("{{\"text\":\"a {row}\"}}\n") };
    fs::write(&input, (0..300).map(row).collect::<String>()).unwrap();
    let ended = |limit: &str, counts: &str| {
        let ran = job(&input, &output).args(["--restart", "--max-failures", limit]).run();
        ran.status(1).says(&[counts, "--max-failures"]);
        assert!(!output.exists());
    };
    ended("3", "4 of 40 inputs failed");
    ended("5%", "10 of 100 inputs failed");
    for limit in ["30", "10%"] {
        job(&input, &output).args(["--restart", "--max-failures", limit]).run().status(1).says(&["30 failed"]);
        assert_eq!(fs::read_to_string(&output).unwrap().lines().filter(|line| line.contains("error")).count(), 30);
        fs::remove_file(&output).unwrap();
    }
    // With a higher limit the job goes on.
    ended("3", "4 of 40 inputs failed");
    job(&input, &output).args(["--resume", "--max-failures", "30"]).run().status(1).says(&["30 failed"]);
    assert_eq!(fs::read_to_string(&output).unwrap().lines().count(), 300);
}

#[test]
fn progress_and_summary_for_programs() {
    let dir = tempfile::tempdir().unwrap();
    let input = texts(dir.path(), 50);
    let (output, summary) = (dir.path().join("out.jsonl"), dir.path().join("summary.json"));
    let ran = job(&input, &output).args(["-q", "--progress", "json", "--summary"]).arg(&summary).run().status(0);
    let lines: Vec<Json> = ran.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.last().unwrap();
    assert_eq!((&last["rows"], &last["failed"]), (&Json::from(50), &Json::from(0)));
    assert_eq!(last["total_bytes"], fs::metadata(&input).unwrap().len());
    let report: Json = serde_json::from_slice(&fs::read(&summary).unwrap()).unwrap();
    assert_eq!((&report["complete"], &report["rows"], &report["failed"]), (&true.into(), &50.into(), &0.into()));
    let rows = fs::read_to_string(&output).unwrap();
    let tokens = rows.lines().map(|row| serde_json::from_str::<Json>(row).unwrap()["tokens"].as_u64().unwrap());
    assert_eq!(report["tokens"], tokens.sum::<u64>());
    assert!(report["model"].as_str().unwrap().contains("bert-tiny") && report["options"]["format"] == "jsonl");
    let refused = job(&input, &output).arg("--summary").arg(&input).run();
    refused.refuses(2, &["--summary", "texts.txt"]);
}

#[test]
fn rows_before_broken_compression_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (input, output) = (dir.path().join("in.txt.gz"), dir.path().join("out.jsonl"));
    let plain = texts(dir.path(), 20_000);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &fs::read(&plain).unwrap()).unwrap();
    let mut bytes = encoder.finish().unwrap();
    let end = bytes.len() - 10;
    bytes[end - 1000..end].fill(0xff);
    fs::write(&input, &bytes).unwrap();
    job(&input, &output).run().status(1).says(&["in.txt.gz", "out.jsonl.infa-part holds"]);
    let rows = fs::read_to_string(part(&output)).unwrap();
    assert!(rows.ends_with("}\n") && rows.lines().count() as u64 == saved(&output) && !output.exists());
}
