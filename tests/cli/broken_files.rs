//! Files of a model that are no files, have no end, or are far too large.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::run::embed_with;
use crate::support::{copy, patch};

/// All that is read of a model, and what else is looked for.
const FILES: [&str; 10] = [
    "config.json",
    "modules.json",
    "1_Pooling/config.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "model.safetensors",
];

fn pipe(path: &Path) {
    let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: the name ends with NUL and lives until the call returns.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
}

#[test]
fn devices_and_pipes_are_neither_waited_for_nor_read_for_ever() {
    let zero = |path: &Path| symlink("/dev/zero", path).unwrap();
    let kinds: [&dyn Fn(&Path); 2] = [&pipe, &zero];
    for name in FILES {
        for make in kinds {
            let dir = copy("bert-tiny");
            let path = dir.path().join(name);
            let _ = fs::remove_file(&path);
            make(&path);
            let ran = embed_with(dir.path(), [] as [&str; 0]).stdin("a\n").run();
            // A template is read by those alone that need it; all else is an error that names the file.
            if name == "chat_template.jinja" && ran.status == 0 {
                continue;
            }
            ran.refuses(3, &[name.rsplit('/').next().unwrap(), "hint: "]);
        }
    }
}

#[test]
fn settings_are_read_up_to_a_limit() {
    for name in ["config.json", "modules.json", "tokenizer_config.json", "1_Pooling/config.json"] {
        let dir = copy("bert-tiny");
        // A hole: it takes no room on the disk.
        let file = fs::File::create(dir.path().join(name)).unwrap();
        file.set_len(3 << 30).unwrap();
        let ran = embed_with(dir.path(), [] as [&str; 0]).stdin("a\n").run();
        ran.refuses(
            3,
            &["config.json", "it has more than 16777216 bytes"].map(|word| match word {
                "config.json" => name.rsplit('/').next().unwrap(),
                word => word,
            }),
        );
    }
}

#[test]
fn a_prompt_longer_than_any_model_reads_is_refused() {
    let dir = copy("bert-tiny");
    let path = dir.path().join("config_sentence_transformers.json");
    if !path.exists() {
        fs::write(&path, "{}").unwrap();
    }
    patch(&path, |config| {
        config["prompts"] = serde_json::json!({"long": "p ".repeat(1_000_000)});
        config["default_prompt_name"] = "long".into();
    });
    let ran = embed_with(dir.path(), [] as [&str; 0]).stdin("a\n").run();
    ran.refuses(3, &["the prompt \"long\"", "65536 bytes", "hint: "]);
}
