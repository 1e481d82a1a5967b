//! The words of a spec whose server is started here, as that server's flags: `infinity:optimum`, `tei:float16`.

use super::error::LaunchError;
use crate::engine::spec::{EngineKind, EngineSpec};
use crate::suggest::suggest;

/// Words that exclude each other, and the flag that each is.
struct Choice {
    /// What they choose.
    what: &'static str,
    words: &'static [(&'static str, &'static [&'static str])],
}

/// Infinity 0.0.77: `infinity_emb v2 --help`.
const INFINITY: &[Choice] = &[
    Choice {
        what: "engines",
        words: &[
            ("torch", &["--engine", "torch"]),
            ("optimum", &["--engine", "optimum"]),
            ("ctranslate2", &["--engine", "ctranslate2"]),
        ],
    },
    Choice {
        what: "number formats",
        words: &[
            ("float32", &["--dtype", "float32"]),
            ("float16", &["--dtype", "float16"]),
            ("bfloat16", &["--dtype", "bfloat16"]),
            ("int8", &["--dtype", "int8"]),
            ("fp8", &["--dtype", "fp8"]),
        ],
    },
    Choice { what: "ways to compile", words: &[("compile", &["--compile"]), ("no-compile", &["--no-compile"])] },
    Choice {
        what: "attentions",
        words: &[
            ("bettertransformer", &["--bettertransformer"]),
            ("no-bettertransformer", &["--no-bettertransformer"]),
        ],
    },
];

/// text-embeddings-inference 1.9: `text-embeddings-router --help`.
const TEI: &[Choice] = &[Choice {
    what: "number formats",
    words: &[("float32", &["--dtype", "float32"]), ("float16", &["--dtype", "float16"])],
}];

const INFA: &[Choice] = &[Choice {
    what: "number formats",
    words: &[
        ("float32", &["--dtype", "float32"]),
        ("float16", &["--dtype", "float16"]),
        ("bfloat16", &["--dtype", "bfloat16"]),
        ("int8", &["--dtype", "int8"]),
    ],
}];

fn choices_of(kind: EngineKind) -> &'static [Choice] {
    match kind {
        EngineKind::Infinity => INFINITY,
        EngineKind::Tei => TEI,
        EngineKind::Infa => INFA,
        _ => &[],
    }
}

/// The options of a server that is started here, in groups of which a spec takes one.
pub fn choices(kind: EngineKind) -> Vec<Vec<&'static str>> {
    choices_of(kind).iter().map(|choice| choice.words.iter().map(|(name, _)| *name).collect()).collect()
}

/// Whether a server that is started here has the options of a spec.
///
/// # Errors
/// [`LaunchError::Word`] and the like for what it has not.
pub fn check_options(spec: &EngineSpec) -> Result<(), LaunchError> {
    flags(spec).map(|_| ())
}

/// The flags that the words of `spec` ask for.
pub(super) fn flags(spec: &EngineSpec) -> Result<Vec<String>, LaunchError> {
    let choices = choices_of(spec.kind);
    if spec.kind == EngineKind::Infinity {
        heeded(spec)?;
    }
    let mut chosen: Vec<Option<&str>> = vec![None; choices.len()];
    let mut flags = Vec::new();
    for word in &spec.words {
        let found = choices.iter().enumerate().find_map(|(at, choice)| {
            let (name, flags) = choice.words.iter().find(|(name, _)| name == word)?;
            Some((at, choice, *name, *flags))
        });
        let Some((at, choice, name, words)) = found else {
            let known: Vec<&str> = choices.iter().flat_map(|choice| choice.words).map(|(name, _)| *name).collect();
            let (like, known) = (suggest(word, known.iter().copied()), known.join(", "));
            return Err(LaunchError::Word { engine: spec.kind.name(), word: word.clone(), like, known });
        };
        match chosen[at] {
            Some(before) if before == name => {}
            Some(before) => {
                return Err(LaunchError::Words {
                    engine: spec.kind.name(),
                    what: choice.what,
                    first: before,
                    second: name,
                });
            }
            None => {
                chosen[at] = Some(name);
                flags.extend(words.iter().map(|&flag| flag.to_owned()));
            }
        }
    }
    Ok(flags)
}

/// That Infinity heeds the words, where it takes them without a word and does something else.
fn heeded(spec: &EngineSpec) -> Result<(), LaunchError> {
    let has = |word: &str| spec.words.iter().any(|other| other == word);
    let first = |words: &[&'static str]| words.iter().copied().find(|word| has(word));
    let refuse = |word: &str, reason: &'static str| {
        Err(LaunchError::NotHeeded { engine: spec.kind.name(), word: word.to_owned(), reason })
    };
    if has("optimum") || has("ctranslate2") {
        if let Some(word) = first(&["float32", "float16", "bfloat16", "int8", "fp8"]) {
            return refuse(
                word,
                "only its engine torch heeds a number format; optimum runs the .onnx file that is there",
            );
        }
        if let Some(word) = first(&["compile", "no-compile"]) {
            return refuse(word, "only its engine torch compiles");
        }
    }
    if let Some(word) = first(&["int8", "fp8", "compile"])
        && !has("no-bettertransformer")
    {
        return refuse(word, "its BetterTransformer rules that out; add no-bettertransformer");
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(spec: &str) -> Result<String, String> {
        flags(&spec.parse().unwrap()).map(|flags| flags.join(" ")).map_err(|e| e.to_string())
    }

    #[test]
    fn words_are_flags() {
        assert_eq!(read("infinity").unwrap(), "");
        assert_eq!(read("infinity:optimum").unwrap(), "--engine optimum");
        assert_eq!(read("infinity:bfloat16:torch").unwrap(), "--dtype bfloat16 --engine torch");
        let compiled = "--engine torch --compile --no-bettertransformer";
        assert_eq!(read("infinity:torch:compile:no-bettertransformer").unwrap(), compiled);
        assert_eq!(read("tei:float16:float16").unwrap(), "--dtype float16");
        assert_eq!(read("infa:int8").unwrap(), "--dtype int8");
    }

    #[test]
    fn what_infinity_would_not_heed() {
        for words in ["optimum:int8", "ctranslate2:float32", "optimum:compile", "int8", "torch:compile"] {
            let error = read(&format!("infinity:{words}")).unwrap_err();
            assert!(error.contains("infinity does not heed"), "{error}");
        }
        assert!(read("infinity:int8:no-bettertransformer").is_ok());
    }

    #[test]
    fn others_are_refused() {
        let error = read("infinity:optimun").unwrap_err();
        assert!(
            error.contains("\"optimun\", did you mean \"optimum\"?") && error.contains("torch, optimum"),
            "{error}"
        );
        assert!(read("tei:int8").unwrap_err().contains("float32, float16"));
        assert!(read("infa:xyzzy").unwrap_err().starts_with("infa has no option \"xyzzy\"; options: float32"));
        assert!(read("infinity:torch:optimum").unwrap_err().contains("two engines: torch and optimum"));
    }
}
