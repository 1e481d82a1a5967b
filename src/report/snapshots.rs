//! Files that tests compare with, or write.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

/// Compares with the file of that name in a directory of `tests/fixtures`, or writes it if `INFA_UPDATE_SNAPSHOTS` is set.
#[track_caller]
pub(crate) fn compare_in(directory: &str, name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(directory).join(name);
    if std::env::var_os("INFA_UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{name} is another (INFA_UPDATE_SNAPSHOTS=1 writes it):\n{found}");
}

/// Asserts that the file of this path below the repository holds this schema; `INFA_UPDATE_SCHEMA` writes it.
#[track_caller]
pub(crate) fn assert_published(path: &str, schema: &serde_json::Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let schema = serde_json::to_string_pretty(schema).unwrap() + "\n";
    if std::env::var_os("INFA_UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &schema).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == schema, "{} is stale: INFA_UPDATE_SCHEMA=1 cargo test writes it", path.display());
}

/// Asserts of documents that they are as their schema says, and returns them as JSON.
pub(crate) fn valid<D: JsonSchema + Serialize>() -> impl Fn(&D) -> serde_json::Value {
    let validator = jsonschema::validator_for(&schemars::schema_for!(D).to_value()).unwrap();
    assert!(!validator.is_valid(&serde_json::json!({})), "the schema says nothing");
    move |document| {
        let value = serde_json::to_value(document).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        value
    }
}
