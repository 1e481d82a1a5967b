//! The report of `infa doctor`, as a table or as JSON.

use std::fmt::Write;

use serde_json::{Map, Value as Json};

use crate::commands::{Error, Outcome};

/// The report, as a table or as JSON.
#[derive(Default)]
pub(super) struct Report {
    text: String,
    values: Map<String, Json>,
    pub missing: Vec<String>,
}

impl Report {
    pub(super) fn line(&mut self, label: &str, value: &str) {
        let _ = writeln!(self.text, "{label:<16} {value}");
    }

    pub(super) fn value(&mut self, key: &str, value: Json) {
        self.values.insert(key.to_owned(), value);
    }

    pub(super) fn text(mut self, outcome: Outcome) -> String {
        for missing in &self.missing {
            let _ = writeln!(self.text, "missing: {missing}");
        }
        if outcome == Outcome::Done {
            self.text.push_str("Everything the default model needs is here.\n");
        }
        self.text
    }

    pub(super) fn json(mut self) -> Result<String, Error> {
        self.values.insert("infa".into(), env!("CARGO_PKG_VERSION").into());
        self.values.insert("missing".into(), self.missing.into());
        let json = serde_json::to_string_pretty(&self.values).map_err(std::io::Error::from)?;
        Ok(format!("{json}\n"))
    }
}
