//! Completion: what infa answers to a shell, and the scripts that ask. Manual pages.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::run::{Infa, infa};

/// `infa` as the script of `shell` starts it, with the words of a command line; the last is the one at the cursor.
fn complete(shell: &str, words: &[&str]) -> Infa {
    let index = words.len().to_string();
    let run = infa(["--", "infa"]).args(words).env("COMPLETE", shell).env("_CLAP_COMPLETE_INDEX", index);
    run.env("_CLAP_IFS", "\n").without("_INFA_LINE")
}

/// The candidates, without what shells show beside them.
#[track_caller]
fn of(run: Infa) -> Vec<String> {
    let ran = run.run().status(0);
    assert_eq!(ran.err, "");
    ran.text().lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

#[track_caller]
fn candidates(words: &[&str]) -> Vec<String> {
    of(complete("bash", words))
}

/// The candidates hold all of `expected`.
#[track_caller]
fn offers(words: &[&str], expected: &[&str]) {
    let found = candidates(words);
    for value in expected {
        assert!(found.iter().any(|found| found == value), "no {value:?} in {found:?}");
    }
}

/// A cache of the Hub with these models.
fn cache(models: &[&str]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for id in models {
        let folder = home.path().join("hub").join(format!("models--{}", id.replace('/', "--")));
        std::fs::create_dir_all(folder.join("snapshots").join("a".repeat(40))).unwrap();
    }
    home
}

fn touch(directory: &Path, names: &[&str]) {
    names.iter().for_each(|name| std::fs::write(directory.join(name), "").unwrap());
}

#[test]
fn values_of_flags() {
    offers(&["bench", "--engines", ""], &["onnx", "torch", "openvino", "infinity", "tei=", "openai="]);
    offers(&["bench", "--engines", "onnx,"], &["onnx,torch", "onnx,fastembed"]);
    offers(&["bench", "--engines", "onnx,onnx:"], &["onnx,onnx:int8"]);
    assert_eq!(candidates(&["bench", "--engines", "torch,fast=onnx:i"]), ["torch,fast=onnx:int8"]);
    assert_eq!(candidates(&["compare", "--engines=onnx,openv"]), ["--engines=onnx,openvino"]);
    offers(&["embed", "--engine", "o"], &["onnx", "onnx-export", "openvino", "openai="]);
    assert_eq!(candidates(&["embed", "--engine", "onnx:i"]), ["onnx:int8"]);
    offers(&["bench", "--load", ""], &["offline", "closed:", "sweep", "search:"]);
    offers(&["bench", "--load", "search:"], &["search:p99<100ms"]);
    offers(&["bench", "--dataset", ""], &["words", "lognormal", "rerank", "file="]);
    offers(&["bench", "--dataset", "lognormal:median=9,"], &["lognormal:median=9,sigma="]);
    offers(&["compare", "--metrics", "tokens_per_s,p9"], &["tokens_per_s,p90", "tokens_per_s,p99"]);
    offers(&["compare", "--fail-if", "cos"], &["cosine_min<", "cosine_min>", "cosine_p1<", "cosine_mean<"]);
    offers(&["bench", "--baseline", "onnx"], &["onnx", "onnx:int8"]);
    assert_eq!(candidates(&["embed", "--output-type", ""]), ["dense", "sparse", "colbert"]);
    offers(&["bench", "--task", ""], &["embed", "rerank"]);
    offers(&["serve", "--dtype", "auto;in"], &["auto;int8"]);
    offers(&["serve", "--pooling", ""], &["auto", "mean", "last-token"]);
    offers(&["serve", "--log-level", "w"], &["warning"]);
    offers(&["--log-format", ""], &["text", "full", "json"]);
    offers(&["completions", ""], &["bash", "fish", "zsh", "nushell", "elvish", "powershell"]);
    offers(&["mod"], &["model"]);
    offers(&["model", "ex"], &["export"]);
    offers(&["embed", "--mod"], &["--model-id", "--mode"]);
}

#[test]
fn complete_offers_are_accepted() {
    for (command, flag) in [("serve", "--embedding-dtype"), ("serve", "--dtype"), ("serve", "--engine")] {
        let found = candidates(&[command, flag, ""]);
        assert!(found.len() > 3, "{flag}: {found:?}");
        for value in found {
            // The port of another program's or none: it is the flags that are read.
            let ran = infa([command, flag, &value, "--device", "nowhere"]).run().status(2);
            assert!(ran.err.contains("'nowhere'") && ran.err.contains("--device"), "{flag} {value}: {}", ran.err);
        }
    }
    for metric in candidates(&["compare", "--metrics", ""]) {
        infa(["compare", "/nowhere.json", "--metrics", &metric]).run().refuses(2, &["/nowhere.json"]);
    }
    for metric in candidates(&["compare", "--fail-if", ""]) {
        infa(["compare", "/nowhere.json", "--fail-if", &format!("{metric}1")]).run().refuses(2, &["/nowhere.json"]);
    }
    for config in candidates(&["bench", "l"]).iter().filter(|word| !word.starts_with('-')) {
        // The model of some is not here.
        let ran = infa(["--offline", "bench", config, "--dry-run"]).run();
        assert!([0, 3].contains(&ran.status) && !ran.err.contains("config"), "{config}: {}", ran.err);
    }
}

#[test]
fn only_engines_that_can_be_installed_are_offered_for_it() {
    let found = candidates(&["engines", "install", ""]);
    let named: BTreeSet<&str> = found.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect();
    let expected = ["torch", "onnx-export", "openvino", "ctranslate2", "fastembed", "infinity"];
    assert_eq!(named, BTreeSet::from(expected));
}

#[test]
fn cached_models_by_their_full_and_short_names() {
    let home = cache(&["BAAI/bge-small", "org/twice", "other/twice"]);
    let here = tempfile::tempdir().unwrap();
    touch(here.path(), &["notes.txt", "m.onnx"]);
    std::fs::create_dir(here.path().join("folder")).unwrap();
    let offered = |words: &[&str]| {
        let mut run = complete("bash", words).env("HF_HOME", home.path()).env("XDG_CACHE_HOME", home.path());
        run.command.current_dir(here.path());
        of(run)
    };
    for flag in ["-m", "--model-id", "--model"] {
        for command in ["embed", "rerank", "classify", "bench", "compare", "serve"] {
            let found = offered(&[command, flag, ""]);
            assert_eq!(found, ["BAAI/bge-small", "org/twice", "other/twice", "bge-small"], "{command} {flag}");
        }
    }
    assert_eq!(offered(&["model", "inspect", "bge"]), ["bge-small"]);
    assert_eq!(offered(&["model", "export", "BAAI/"]), ["BAAI/bge-small"]);
    assert_eq!(offered(&["model", "remove", "org"]), ["org/twice"]);
    assert_eq!(offered(&["embed", "-m", "./"]), ["./folder/", "./m.onnx"]);
    assert_eq!(offered(&["embed", "-m", "fo"]), ["folder/"]);
    assert_eq!(offered(&["serve", "-m", "bge-small;BA"]), ["bge-small;BAAI/bge-small"]);
}

#[test]
fn files_where_a_file_belongs_and_only_there() {
    let here = tempfile::tempdir().unwrap();
    touch(here.path(), &["queries.jsonl", "quiet.toml", "onnx.txt"]);
    let offered = |words: &[&str]| {
        let mut run = complete("bash", words);
        run.command.current_dir(here.path());
        of(run)
    };
    assert_eq!(offered(&["embed", "que"]), ["queries.jsonl"]);
    assert_eq!(offered(&["embed", "-o", "que"]), ["queries.jsonl"]);
    assert_eq!(offered(&["embed", "queries.jsonl", "onn"]), ["onnx.txt"]);
    let any = offered(&["embed", ""]);
    assert!(any.contains(&"onnx.txt".to_owned()) && !any.contains(&".".to_owned()), "{any:?}");
    assert_eq!(offered(&["bench", "--dataset", "file=que"]), ["file=queries.jsonl"]);
    assert_eq!(offered(&["bench", "--export-json", "que"]), ["queries.jsonl"]);
    // Configs that come with infa, then TOML files.
    assert_eq!(offered(&["bench", "qu"]), ["quick", "quantisation"]);
    assert_eq!(offered(&["bench", "qui"]), ["quick"]);
    assert_eq!(offered(&["bench", "./qu"]), ["./quiet.toml"]);
    for words in [&["embed", "--engine", "onnx.t"][..], &["bench", "--engines", "que"], &["engines", "install", "que"]]
    {
        assert_eq!(offered(words), [""; 0], "{words:?}");
    }
}

#[test]
fn every_shell_gets_the_same_candidates() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell", "/usr/bin/zsh"] {
        let found = of(complete(shell, &["bench", "--load", "swe"]));
        let found: Vec<&str> = found.iter().map(|line| line.split(':').next().unwrap()).collect();
        assert_eq!(found, ["sweep"], "{shell}");
    }
}

#[test]
fn words_that_bash_splits_at_colons_and_equals_signs() {
    for (line, replaced, expected) in [
        ("infa bench --engines onnx,onnx:in", "in", "int8 \n"),
        ("infa bench --engines=onn", "onn", "onnx\nonnx-export\n"),
        ("infa bench cpu", "cpu", "cpu-bge-small \n"),
        ("infa bench --load 'search:p9", "search:p9", "search:p99<100ms\n"),
        ("infa compare --fail-if tok", "tok", "'tokens_per_s<\n'tokens_per_s>\n"),
        ("infa compare --fail-if 'tok", "tok", "tokens_per_s<\ntokens_per_s>\n"),
        ("infa embed --engine te", "te", "tei=\n"),
        ("infa bench --load poi", "poi", "poisson:\n"),
        ("infa compare --metrics p50,p9", "p50,p9", "p50,p90\np50,p95\np50,p99\n"),
    ] {
        let run = infa(["--", "infa"]).env("COMPLETE", "bash").env("_INFA_LINE", line).env("_INFA_WORD", replaced);
        let ran = run.run().status(0);
        assert_eq!((ran.text(), ran.err.as_str()), (expected, ""), "{line}");
    }
}

#[test]
fn odd_requests_are_answered_without_a_word() {
    let odd = [
        infa(["--"]).env("COMPLETE", "bash"),
        infa(["--", "infa"]).env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "99"),
        infa(["--", "infa", "embed", "--", "a", "b"]).env("COMPLETE", "zsh").env("_CLAP_COMPLETE_INDEX", "x"),
        infa(["--", "infa", "nothing", "of", "the", "kind", ""]).env("COMPLETE", "fish"),
        infa(["--", "infa", "--model-id", "", "\u{1F600}", "--", ""]).env("COMPLETE", "elvish"),
        infa(["--", "infa"]).env("COMPLETE", "bash").env("_INFA_LINE", "infa 'a \"b\\"),
        complete("bash", &["embed", "-m", ""]).without("HOME").env("HF_HOME", "/nonexistent"),
        complete("bash", &["embed", "/proc/self/fd/nothing/"]),
    ];
    for run in odd {
        let ran = run.run();
        assert!(ran.err.is_empty() && (0..=1).contains(&ran.status), "{}: {}", ran.status, ran.err);
    }
    // Bytes that are no UTF-8.
    use std::os::unix::ffi::OsStrExt as _;
    let run = infa(["--", "infa", "embed", "--engine"]).arg(std::ffi::OsStr::from_bytes(b"\xff\xfe"));
    assert_eq!(of(run.env("COMPLETE", "fish")), [""; 0]);
    // The variable may belong to another program.
    for other in ["1", "yes", "0", ""] {
        let ran = infa(["--version"]).env("COMPLETE", other).run().status(0);
        assert!(ran.text().starts_with("infa "), "{other}");
    }
}

#[test]
fn scripts_ask_the_program_that_printed_them() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = infa(["completions", shell]).run().status(0);
        let program = env!("CARGO_BIN_EXE_infa");
        assert!(ran.text().contains("COMPLETE") && ran.text().contains(program), "{shell}: {}", ran.text());
        assert_eq!(ran.err, "");
    }
    let ran = infa(["completions", "nushell"]).run().status(0);
    assert!(ran.text().contains("export extern infa") && ran.text().contains("--prompt-name"), "{}", ran.text());
    assert!(infa(["completions"]).env("INFA_SHELL", "fish").run().status(0).text().contains("infa"));
    infa(["completions", "tcsh"]).run().refuses(2, &["tcsh", "bash", "nushell"]);
}

#[test]
fn the_script_works_in_bash() {
    let script = infa(["completions", "bash"]).run().status(0).text().to_owned();
    let here = tempfile::tempdir().unwrap();
    touch(here.path(), &["a b.txt", "ab.txt"]);
    let complete = |line: &str, replaced: &str| {
        let program = format!(
            "{script}\nCOMP_LINE={line:?} COMP_POINT=${{#COMP_LINE}} COMP_WORDS=(infa) COMP_CWORD=1\n\
             _infa_complete infa {replaced:?}\nprintf '[%s]' \"${{COMPREPLY[@]}}\""
        );
        let out = Command::new("bash").args(["--norc", "-c", &program]).current_dir(here.path()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&out.stderr), "");
        String::from_utf8(out.stdout).unwrap()
    };
    assert_eq!(complete("infa bench --engines torch:b", "b"), "[bfloat16 ]");
    assert_eq!(complete("infa bench qui", "qui"), "[quick ]");
    assert_eq!(complete("infa embed a", "a"), "[a\\ b.txt][ab.txt]");
    assert_eq!(complete("infa bench --load search:p50", "p50"), "[p50\\<100ms ]");
    assert_eq!(complete("infa bench --engines nowhere", "nowhere"), "[]");
}

#[test]
#[allow(clippy::print_stderr, reason = "who reads the tests should know that this one did not run")]
fn the_script_works_in_zsh() {
    let zsh = |arguments: &[&str], directory: &Path| {
        Command::new("zsh").args(["-f", "-c"]).args(arguments).current_dir(directory).output()
    };
    let here = tempfile::tempdir().unwrap();
    if zsh(&["true"], here.path()).is_err() {
        // There is no zsh on this machine.
        return;
    }
    touch(here.path(), &["my file.txt", "mine:1.txt"]);
    std::fs::create_dir(here.path().join("my folder")).unwrap();
    let script = infa(["completions", "zsh"]).run().status(0).text().to_owned();
    let complete = |words: &[&str]| {
        // What the script hands to zsh, by the suffix that ends the word.
        let program = format!(
            "compdef() {{ : }}\n_describe() {{ local name=$3; print -rl -- \"${{(@P)name}}\" | sed \"s,\\$,|${{(j: :)@[4,-1]}},\" }}\n\
             {script}\nwords=(\"$@\"); CURRENT=$#words; _infa_complete"
        );
        let arguments: Vec<&str> = [program.as_str(), "zsh", "infa"].iter().chain(words).copied().collect();
        let out = zsh(&arguments, here.path()).unwrap();
        assert_eq!(String::from_utf8_lossy(&out.stderr), "", "{words:?}");
        String::from_utf8(out.stdout).unwrap()
    };
    let ends = |text: String| -> Vec<(String, String)> {
        let line = |line: &str| {
            let (candidate, suffix) = line.rsplit_once('|').unwrap();
            let value = candidate.replace("\\:", "\u{1}");
            (value.split(':').next().unwrap().replace('\u{1}', ":"), suffix.to_owned())
        };
        text.lines().map(line).collect()
    };
    let pair = |value: &str, suffix: &str| (value.to_owned(), suffix.to_owned());
    assert_eq!(ends(complete(&["embed", "--engine", "te"])), [pair("tei=", "-S ")]);
    assert_eq!(ends(complete(&["bench", "--load", "poi"])), [pair("poisson:", "-S ")]);
    assert_eq!(ends(complete(&["bench", "--load", "swe"])), [pair("sweep", "")]);
    let both = [pair("tokens_per_s<", "-S "), pair("tokens_per_s>", "-S ")];
    assert_eq!(ends(complete(&["compare", "--fail-if", "tok"])), both);
    assert_eq!(ends(complete(&["compare", "--fail-if", "'tok"])), both);
    assert_eq!(ends(complete(&["embed", "\"my fi"])), [pair("my file.txt", "")]);
    assert_eq!(ends(complete(&["embed", "my\\ fi"])), [pair("my file.txt", "")]);
    assert_eq!(ends(complete(&["embed", "mine"])), [pair("mine:1.txt", "")]);
    assert_eq!(ends(complete(&["embed", "'my fo"])), [pair("my folder", "-S / -r /")]);
    assert_eq!(complete(&["embed", "--engine", "nowhere"]), "");
}

#[test]
fn the_manual_has_every_subcommand_and_flag() {
    let ran = infa(["man"]).run().status(0);
    assert_eq!(ran.err, "");
    let page = ran.text().replace("\\-", "-");
    assert!(page.contains(".TH infa 1") && page.contains(".SH NAME"), "{}", &page[..200]);
    for name in ["EMBED", "RERANK", "CLASSIFY", "SERVE", "BENCH", "COMPARE", "MODEL EXPORT", "ENGINES INSTALL", "MAN"] {
        assert!(page.contains(&format!(".SH \"INFA {name}\"\n")), "{name}");
    }
    // The flags that the help has.
    for command in [&["embed"][..], &["serve"], &["bench"], &["compare"], &["model", "pull"], &["man"]] {
        let help = infa(command).args(["--help"]).run().status(0);
        let flags = help.text().lines().filter_map(|line| {
            let line = line.trim_start();
            let flag =
                line.strip_prefix('-').and_then(|_| line.split([' ', ',', '=']).find(|word| word.starts_with("--")))?;
            Some(flag.trim_end_matches("...").split('[').next().unwrap().to_owned())
        });
        let flags: Vec<String> = flags.collect();
        assert!(flags.len() > 3, "{command:?}");
        for flag in flags {
            assert!(page.contains(&*flag), "{command:?} {flag}");
        }
    }
    // Examples keep their lines.
    assert!(page.contains("\n  infa embed notes.txt > vectors.jsonl\n"));
}

#[test]
fn a_page_for_each_subcommand() {
    let directory = tempfile::tempdir().unwrap();
    let man1 = directory.path().join("share/man1");
    let ran = infa(["man", "--output"]).arg(&man1).run().status(0).says(&["pages", "share/man1"]);
    assert!(ran.out.is_empty());
    let names: BTreeSet<String> =
        std::fs::read_dir(&man1).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    for name in ["infa.1", "infa-embed.1", "infa-model.1", "infa-model-export.1", "infa-engines-install.1"] {
        assert!(names.contains(name), "{name}: {names:?}");
    }
    let page = std::fs::read_to_string(man1.join("infa-model-export.1")).unwrap();
    assert!(page.contains(".TH infa-model-export 1") && page.contains("standard\\-ops"), "{page}");
    let list = std::fs::read_to_string(man1.join("infa.1")).unwrap();
    assert!(list.contains("infa\\-embed(1)"), "{list}");
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    infa(["man", "--output"]).arg(&file).run().refuses(2, &["--output", "file is a file; name a directory"]);
}
