//! `infa model inspect`: what infa understands of a model, as a table or as JSON.

use std::fmt::Write;

use super::find;
use super::summary::{Late, Summary, with_hint};
use crate::cli::InspectArgs;
use crate::commands::{AppContext, Error, Outcome};
use crate::engine::int8::Report;
use crate::model::ModelError;
use crate::model::source::{Source, WeightsFile};
use crate::plural::counted;

pub(super) fn run(args: InspectArgs, app: &AppContext) -> Result<Outcome, Error> {
    let InspectArgs { source, onnx_file, listing } = args;
    let name = source.flags.model_flag.clone().unwrap_or_else(|| source.model_id.clone());
    let (source, problem) = match find(source, onnx_file, app) {
        Ok(source) => (source, None),
        // A directory without weights can be described all the same.
        Err(e @ ModelError::MissingFile { .. }) => {
            let ModelError::MissingFile { dir, .. } = &e else { return Err(e.into()) };
            let weights = WeightsFile::Safetensors(dir.join("model.safetensors"));
            (Source { name, dir: dir.clone(), weights }, Some(with_hint(&e, e.hint())))
        }
        Err(e) => return Err(e.into()),
    };
    let summary = Summary::new(source, problem, &app.globals.cache);
    let text = if listing.is_json() { as_json(&summary) } else { table(&summary) };
    app.bars.printer().stdout(&text)?;
    Ok(if summary.problems.is_empty() { Outcome::Done } else { Outcome::Missing })
}

fn as_json(summary: &Summary) -> String {
    // Its types all have a form in JSON.
    serde_json::to_string_pretty(summary).unwrap_or_default() + "\n"
}

/// Label and value, a line each; what is not known has no line.
fn table(summary: &Summary) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(text, "{label:<16} {value}");
    };
    line("model", &summary.model);
    line("directory", &summary.directory.display().to_string());
    for (i, name) in summary.uses.iter().enumerate() {
        line(if i == 0 { "use" } else { "" }, &format!("infa {name}"));
    }
    if let Some(runs) = &summary.runs {
        line("runs", runs);
    }
    for problem in &summary.problems {
        line("not supported", problem);
    }
    if let Some(architecture) = &summary.architecture {
        let class = summary.class.as_ref().map_or(String::new(), |class| format!(" ({class})"));
        line("architecture", &format!("{architecture}{class}"));
    }
    if let Some(parameters) = summary.parameters {
        line("parameters", &format!("{} in {}", grouped(parameters), summary.dtypes.join(", ")));
    }
    for (i, report) in summary.int8.iter().enumerate() {
        let Report { output, saturating, operators, calibration_texts, own_texts, check, .. } = report;
        let operators = if operators == "own" { ", by infa's operators" } else { "" };
        let processor = if *saturating { " without VNNI" } else { "" };
        let whose = if *own_texts { "of your own " } else { "" };
        let texts = counted(*calibration_texts, "text");
        // Vectors of tokens are what is pooled.
        let output = if output == "token vectors" { "vectors of tokens, pooled afterwards" } else { output };
        let by = format!("for {output}{operators}{processor}; calibrated by {texts} {whose}(cached)");
        line(if i == 0 { "int8" } else { "" }, &format!("{check}; {by}"));
    }
    if let Some(layers) = &summary.layers {
        line("layers", layers);
    }
    let mut number = |label: &str, value: Option<usize>, unit: &str| {
        if let Some(value) = value {
            line(label, &format!("{}{unit}", grouped(value as u64)));
        }
    };
    number("vocabulary", summary.vocabulary, " tokens");
    number("dimensions", summary.dimensions, "");
    number("max length", summary.max_length, " tokens");
    if !summary.pooling.is_empty() {
        line("pooling", &summary.pooling.join(", "));
    }
    for (i, step) in summary.steps.iter().enumerate() {
        line(if i == 0 { "modules" } else { "" }, step);
    }
    if let Some(normalize) = summary.normalize {
        line("normalize", if normalize { "yes" } else { "no" });
    }
    if let Some(Late { query_length, document_length, query_expansion, skipped_words }) = &summary.late_interaction {
        let or = |length: &Option<usize>| length.map_or("max length".into(), |n| format!("{n} tokens"));
        let expanded = query_expansion.map_or(String::new(), |n| format!(", lengthened to {n}"));
        line("queries", &format!("{}{expanded}", or(query_length)));
        line("documents", &format!("{}, {skipped_words} words without vectors", or(document_length)));
    }
    for (i, (name, prompt)) in summary.prompts.iter().enumerate() {
        line(if i == 0 { "prompts" } else { "" }, &format!("{name}: {prompt:?}"));
    }
    if let Some(prompt) = &summary.default_prompt {
        line("default prompt", &format!("{prompt:?}"));
    }
    for (i, remark) in summary.tokenizer.iter().enumerate() {
        line(if i == 0 { "tokenizer" } else { "" }, remark);
    }
    if !summary.labels.is_empty() {
        line("labels", &summary.labels.join(", "));
    }
    if let Some(scores) = &summary.scores {
        line("scores", scores);
    }
    for (i, file) in summary.files.iter().enumerate() {
        line(if i == 0 { "files" } else { "" }, &format!("{:>13}  {}", grouped(file.bytes), file.name));
    }
    text
}

/// 1234567 → "1,234,567".
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands() {
        let numbers = [0, 999, 1000, 22_713_216, 1_000_000_000].map(grouped);
        assert_eq!(numbers, ["0", "999", "1,000", "22,713,216", "1,000,000,000"]);
    }
}
