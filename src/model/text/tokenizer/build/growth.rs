//! An upper bound of how much longer a tokenizer makes a text, computed before the first text.
//!
//! tokenizer.json is untrusted. A chain of a few `Replace` steps turns one letter into more bytes than the memory
//! holds, and the system kills such a process without a message. Real tokenizers make a text at most some hundred times
//! as long (`Precompiled`, which spells out ligatures, followed by a `Replace` of blanks).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value as Json;

/// Most times a text may become as long, in bytes.
const MAX_TIMES: u64 = 4096;
/// Most bytes that may be put before a text.
const MAX_BEFORE: u64 = 4096;
/// Most special tokens around a text, or around and between two.
const MAX_SPECIALS: usize = 64;

/// Checks the normaliser and the decoder of a tokenizer.
///
/// # Errors
/// In words, which of them makes too much of a text.
pub(crate) fn check(tokenizer: &tokenizers::Tokenizer) -> Result<(), String> {
    check_steps(tokenizer.get_normalizer(), "normalizer")?;
    check_steps(tokenizer.get_decoder(), "decoder")
}

/// Checks how many special tokens every text gets.
///
/// # Errors
/// In words, that they are too many.
pub(crate) fn check_specials(count: usize) -> Result<(), String> {
    if count <= MAX_SPECIALS {
        return Ok(());
    }
    Err(format!("its post_processor adds {count} special tokens to every text, at most {MAX_SPECIALS} are allowed"))
}

fn check_steps(steps: Option<&impl Serialize>, what: &str) -> Result<(), String> {
    let steps = steps.map(serde_json::to_value).transpose().map_err(|e| format!("{what}: {e}"))?;
    let growth = steps.map_or(Growth::NONE, |steps| growth(&steps));
    if growth.times > MAX_TIMES {
        return Err(format!("its {what} can make a text more than {MAX_TIMES} times as long"));
    }
    if growth.before > MAX_BEFORE {
        return Err(format!("its {what} puts more than {MAX_BEFORE} bytes before a text"));
    }
    Ok(())
}

/// A bound for what becomes of a text: `times` its length, and `before` bytes more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Growth {
    times: u64,
    before: u64,
}

impl Growth {
    const NONE: Self = Self { times: 1, before: 0 };

    fn times(times: u64) -> Self {
        Self { times: times.max(1), before: 0 }
    }

    fn then(self, next: Self) -> Self {
        Self {
            times: self.times.saturating_mul(next.times),
            before: self.before.saturating_mul(next.times).saturating_add(next.before),
        }
    }
}

/// The growth by a step, or a sequence of them, as tokenizer.json has it.
fn growth(step: &Json) -> Growth {
    let text = |key: &str| step.get(key).and_then(Json::as_str).unwrap_or_default();
    match text("type") {
        "Sequence" => {
            let steps = step.get("normalizers").or_else(|| step.get("decoders")).and_then(Json::as_array);
            steps.into_iter().flatten().map(growth).fold(Growth::NONE, Growth::then)
        }
        "Replace" => {
            let content = text("content").len() as u64;
            match step.get("pattern").and_then(|pattern| pattern.get("String")).and_then(Json::as_str) {
                Some(pattern) if !pattern.is_empty() => Growth::times(content.div_ceil(pattern.len() as u64)),
                // The pattern may match the empty string, between any two letters.
                _ => Growth::times(content.saturating_add(1)),
            }
        }
        "Prepend" => Growth { times: 1, before: text("prepend").len() as u64 },
        // Each byte becomes a letter of at most two.
        "ByteLevel" => Growth::times(2),
        "Precompiled" => Growth::times(longest_rule(text("precompiled_charsmap"))),
        // Chinese characters get blanks around them: five bytes for three.
        "BertNormalizer" => Growth::times(2),
        _ => Growth::NONE,
    }
}

/// The longest replacement of SentencePiece's rules: the length of a trie in bytes, the trie, and texts that end with
/// NUL.
fn longest_rule(charsmap: &str) -> u64 {
    let Ok(bytes) = STANDARD.decode(charsmap) else { return u64::MAX };
    let Some((length, rest)) = bytes.split_first_chunk() else { return 1 };
    let texts = usize::try_from(u32::from_le_bytes(*length)).ok().and_then(|length| rest.get(length..));
    texts.unwrap_or(rest).split(|&byte| byte == 0).map(|text| text.len() as u64).max().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn replace(pattern: Json, content: &str) -> Json {
        json!({ "type": "Replace", "pattern": pattern, "content": content })
    }

    #[test]
    fn steps_multiply() {
        let tenfold = replace(json!({ "String": "a" }), &"a".repeat(10));
        let prepend = json!({ "type": "Prepend", "prepend": "ab" });
        let all = json!({ "type": "Sequence", "normalizers": [
            prepend, tenfold, { "type": "Sequence", "normalizers": [tenfold, { "type": "NFKC" }] },
        ]});
        assert_eq!(growth(&all), Growth { times: 100, before: 200 });
        assert_eq!(growth(&replace(json!({ "String": "abc" }), "x")), Growth::NONE);
        assert_eq!(growth(&replace(json!({ "String": "" }), "xy")).times, 3);
        assert_eq!(growth(&replace(json!({ "Regex": " {2,}" }), "▁")).times, 4);
        assert_eq!(growth(&Json::Null), Growth::NONE);
        let endless = json!({ "type": "Sequence", "decoders": vec![tenfold; 40] });
        assert_eq!(growth(&endless).times, u64::MAX);
    }

    #[test]
    fn rules_of_sentencepiece_count_by_their_longest_text() {
        let mut map = 4u32.to_le_bytes().to_vec();
        map.extend([0, 0, 0, 0]);
        map.extend(b"ab\0abcdef\0x");
        assert_eq!(longest_rule(&STANDARD.encode(map)), 6);
        assert_eq!(longest_rule(""), 1);
        assert_eq!(longest_rule("*"), u64::MAX);
    }

    #[test]
    fn tokenizers_of_real_models_pass() {
        let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let mut folders = vec![fixtures];
        let mut checked = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    folders.push(entry);
                } else if entry.ends_with("tokenizer.json") {
                    let json: Json = serde_json::from_slice(&std::fs::read(&entry).unwrap()).unwrap();
                    for steps in ["normalizer", "decoder"] {
                        let growth = growth(&json[steps]);
                        assert!(growth.times <= MAX_TIMES / 8, "{}: {growth:?}", entry.display());
                    }
                    checked += 1;
                }
            }
        }
        assert!(checked > 5, "only {checked} tokenizers found");
    }
}
