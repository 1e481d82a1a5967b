//! Tips for flags and subcommands of other programs that infa, or the command at hand, does not have.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

/// Ids of flags, each with the tip for commands that have it.
type Tips = &'static [(&'static str, &'static str)];

/// Flags of other programs, and infa's instead: the first tip whose flag (by its id; `""`: any command) the command
/// has.
const FLAGS: &[(&[&str], Tips)] = &[
    (
        &["--batch-size", "--batch"],
        &[
            (
                "batch_tokens",
                "texts of equal length run together, up to --batch-tokens N tokens; with a server (--engine NAME=URL), \
                 --request-batch N is the number of texts in a request",
            ),
            ("batch", "--batch N is the number of texts in a request"),
        ],
    ),
    (
        &["--documents", "--document", "--docs"],
        &[
            ("text", "documents are files or stdin, or given with --text"),
            ("dataset", "--dataset file=PATH has the texts"),
        ],
    ),
    (
        &["--input", "--file", "--files", "-i", "-f"],
        &[
            ("files", "files are named without a flag, and - is stdin"),
            ("dataset", "--dataset file=PATH has the texts"),
        ],
    ),
    (
        &["--output-dir", "--output-file", "--out"],
        &[("export_json", EXPORTS), ("output", "--output names a file"), ("export_html", EXPORTS)],
    ),
    (&["--output", "-o"], &[("export_json", EXPORTS)]),
    (
        &["--json", "--jsonl"],
        &[
            ("export_json", "--export-json FILE writes the report as JSON"),
            ("precision", "rows are JSON lines in a pipe or a file; --format json writes one array"),
            ("top_n", "rows are JSON lines in a pipe or a file; --format json writes one array"),
            ("top_k", "rows are JSON lines in a pipe or a file; --format json writes one array"),
        ],
    ),
    (&["--csv"], &[("export_csv", "--export-csv FILE"), ("format", "--format csv, or --output with a name in .csv")]),
    (
        &["--top-k", "--top-n", "--top"],
        &[
            ("output_type", "infa rerank --query TEXT --top-n N prints the N documents nearest to a query"),
            ("", "infa rerank has --top-n, infa classify has --top-k"),
        ],
    ),
    (
        &["--query", "-Q"],
        &[(
            "output_type",
            "infa rerank --query TEXT sorts documents; infa embed --mode query --text TEXT embeds a query",
        )],
    ),
    (
        &["--workers", "--num-workers", "--processes"],
        &[
            ("api_key", "one process serves all requests; --threads N is the number of threads that compute"),
            (
                "concurrency",
                "--threads N is the number of threads that compute; --concurrency N that of requests in flight",
            ),
            ("threads", "--threads N is the number of threads that compute"),
        ],
    ),
    (
        &["--column", "--col", "--key", "--text-field", "--text-column"],
        &[("field", "--field NAME names the column or field that holds the text")],
    ),
    (
        &["--url", "--endpoint", "--base-url", "--api-base"],
        &[
            ("engine", "--engine NAME=URL uses a server, for instance --engine openai=http://127.0.0.1:8080"),
            ("engines", "--engines NAME=URL uses a server, for instance --engines openai=http://127.0.0.1:8080"),
        ],
    ),
    (
        &["--max-tokens", "--max-seq-length", "--max-seq-len", "--max-input-length"],
        &[("max_length", "--max-length N is the number of tokens that a text is cut to")],
    ),
    (
        &["-n", "--iterations", "--repeat"],
        &[("rounds", "--rounds N is the number of rounds, --requests N that of requests in a round")],
    ),
    (&["--gpu", "--cuda"], &[("device", "--device cuda")]),
    (&["--fp16", "--half"], &[("dtype", HALF)]),
    (&["--bf16"], &[("dtype", BFLOAT16)]),
    (&["--int8", "--quantize", "--quantized"], &[("dtype", "--dtype int8"), ("engines", "--engines onnx:int8")]),
];
const HALF: &str = "--dtype float16";
const BFLOAT16: &str = "--dtype bfloat16";
const EXPORTS: &str = "the report goes to files by --export-json, --export-markdown and --export-html";

/// Subcommands of other programs, and infa's instead.
const SUBCOMMANDS: &[(&[&str], &str)] = &[
    (&["pull", "download", "fetch"], "infa model pull ID"),
    (&["list", "ls", "models"], "infa model list"),
    (&["rm", "remove", "delete"], "infa model remove ID"),
    (&["show", "info", "inspect"], "infa model inspect ID"),
    (&["export", "convert"], "infa model export ID -o model.onnx"),
    (&["query", "similar", "find"], "infa search TEXT FILE"),
    (&["rank"], "infa rerank --query TEXT FILE"),
    (&["install"], "infa engines install NAME"),
    (&["version"], "infa --version"),
    (&["run", "start", "up"], "infa serve"),
    (&["embeddings", "encode", "vectorize"], "infa embed"),
    (&["benchmark", "measure"], "infa bench"),
    (&["diff"], "infa compare"),
    (&["predict", "label"], "infa classify"),
    (&["check", "status", "env"], "infa doctor"),
];

/// Values of other programs that sound like one of infa's with another meaning, and the right ones, by the flag's name.
const VALUES: &[(&str, &[&str], &str)] = &[
    ("--dtype", &["fp16", "f16", "half"], HALF),
    ("--dtype", &["bf16"], BFLOAT16),
    ("--dtype", &["fp32", "f32", "float"], "--dtype float32"),
];
/// From this similarity on, a value is a misspelt one.
const MIN_SIMILARITY: f64 = 0.75;

/// Replaces clap's guess, which goes by spelling alone. `root` is all of infa, `path` the names of the subcommands that
/// were typed.
pub(super) fn with_tip(mut error: Error, root: &Command, path: &[&str]) -> Error {
    let mut keep = false;
    let texts = [
        ContextKind::InvalidArg,
        ContextKind::InvalidValue,
        ContextKind::InvalidSubcommand,
        ContextKind::SuggestedValue,
    ];
    let texts = texts.map(|kind| match error.get(kind) {
        Some(ContextValue::String(text)) => (kind, Some(text.clone())),
        _ => (kind, None),
    });
    let text = |kind| texts.iter().find(|(other, _)| *other == kind).and_then(|(_, text)| text.clone());
    let tip = match error.kind() {
        ErrorKind::UnknownArgument => text(ContextKind::InvalidArg).and_then(|flag| {
            let name = flag.split('=').next().unwrap_or(&flag);
            let instead = of_flag(name, root, path);
            name_visibly(&mut error, root, path);
            let guessed = error.get(ContextKind::SuggestedArg).is_some();
            // A guess may stand beside the list of commands that have the flag, not beside a known replacement.
            keep = instead.is_none() && guessed;
            let tip = instead.or_else(|| owners(name, root));
            if tip.is_none() && !guessed {
                // "To pass it as a value, use --" leads to a file of that name, or nowhere.
                error.remove(ContextKind::Suggested);
            }
            tip
        }),
        ErrorKind::InvalidValue => {
            let (arg, value) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue).unwrap_or_default());
            let flag = arg.as_deref().and_then(|arg| arg.split(' ').next()).unwrap_or_default();
            let is_meant = |(name, values, _): &&(&str, &[&str], &str)| {
                *name == flag && values.contains(&value.to_ascii_lowercase().as_str())
            };
            // Of short words clap's guess is often far away.
            let guess = text(ContextKind::SuggestedValue);
            if guess.is_some_and(|guess| strsim::jaro_winkler(&guess, &value) < MIN_SIMILARITY) {
                error.remove(ContextKind::SuggestedValue);
            }
            VALUES.iter().find(is_meant).map(|(.., tip)| (*tip).to_owned())
        }
        ErrorKind::InvalidSubcommand if path.is_empty() => text(ContextKind::InvalidSubcommand).and_then(|name| {
            let known = SUBCOMMANDS.iter().find(|(names, _)| names.contains(&name.to_ascii_lowercase().as_str()));
            known.map(|(_, tip)| (*tip).to_owned())
        }),
        ErrorKind::ArgumentConflict => {
            // The usage would show both together.
            error.remove(ContextKind::Usage);
            let both = [ContextKind::InvalidArg, ContextKind::PriorArg].map(|kind| match error.get(kind) {
                Some(ContextValue::String(shown)) => shown.clone(),
                Some(ContextValue::Strings(shown)) => shown.join(" "),
                _ => String::new(),
            });
            let has = |start: &str| both.iter().any(|shown| shown.starts_with(start));
            Some(match (has("--text"), has("[FILE]")) {
                (true, true) => "leave one of them out: the texts of --text, or the files".to_owned(),
                (true, false) => {
                    "leave one of them out: --text is a text as it is, without format and fields".to_owned()
                }
                _ => "leave one of them out".to_owned(),
            })
        }
        // A word where serve takes flags alone: the message names infa serve instead of a word of Infinity's.
        ErrorKind::ValueValidation if text(ContextKind::InvalidArg).as_deref() == Some("[v2]") => {
            error.insert(ContextKind::InvalidArg, ContextValue::String("infa serve".to_owned()));
            None
        }
        _ => None,
    };
    if let Some(tip) = tip {
        let guesses = [ContextKind::SuggestedArg, ContextKind::SuggestedValue, ContextKind::SuggestedSubcommand];
        guesses.into_iter().filter(|_| !keep).for_each(|guess| drop(error.remove(guess)));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// Replaces a guess that `--help` does not list by the flag that it is another name of.
fn name_visibly(error: &mut Error, root: &Command, path: &[&str]) {
    let Some(ContextValue::String(guess)) = error.get(ContextKind::SuggestedArg) else { return };
    let here = path.iter().try_fold(root, |command, name| command.find_subcommand(name));
    let hides = |arg: &&clap::Arg| {
        let long = guess.trim_start_matches('-');
        arg.get_long() != Some(long) && arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&long))
    };
    if let Some(long) = here.and_then(|here| here.get_arguments().find(hides)?.get_long()) {
        error.insert(ContextKind::SuggestedArg, ContextValue::String(format!("--{long}")));
    }
}

/// The tip for the flag `name` of the command at `path`.
fn of_flag(name: &str, root: &Command, path: &[&str]) -> Option<String> {
    let here = path.iter().try_fold(root, |command, name| command.find_subcommand(name))?;
    let has = |id: &str| id.is_empty() || here.get_arguments().any(|arg| arg.get_id() == id);
    let (_, tips) = FLAGS.iter().find(|(flags, _)| flags.contains(&name))?;
    tips.iter().find(|(id, _)| has(id)).map(|(_, tip)| (*tip).to_owned())
}

/// The commands that have the flag `name`.
fn owners(name: &str, root: &Command) -> Option<String> {
    let long = name.strip_prefix("--")?;
    let having = |command: &&Command| {
        let longs = |arg: &clap::Arg| {
            !arg.is_hide_set() && arg.get_long_and_visible_aliases().is_some_and(|longs| longs.contains(&long))
        };
        !command.is_hide_set() && command.get_arguments().any(longs)
    };
    let owners: Vec<String> =
        root.get_subcommands().filter(having).map(|command| format!("infa {}", command.get_name())).collect();
    (!owners.is_empty()).then(|| format!("{name} is a flag of {}", owners.join(", ")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    fn tip(arguments: &[&str]) -> String {
        let words = [&["infa"], arguments].concat();
        let error = Cli::command().try_get_matches_from(words).unwrap_err();
        let path: Vec<&str> = arguments.iter().copied().take_while(|word| !word.starts_with('-')).take(1).collect();
        let path = if Cli::command().find_subcommand(path[0]).is_some() { path } else { Vec::new() };
        with_tip(error, &Cli::command(), &path).render().to_string()
    }

    #[test]
    fn tips_are_those_of_the_command() {
        for (arguments, expected, absent) in [
            (&["embed", "--batch-size", "3"][..], "--batch-tokens", "similar"),
            (&["bench", "--batch-size=3"], "tip: --batch N", "--batch-tokens"),
            (&["compare", "--batch-size", "3"], "tip: --batch N", "--request-batch"),
            (&["embed", "--json"], "--format json", "-- --json"),
            (&["rerank", "--json"], "--format json", "-- --json"),
            (&["bench", "--json"], "--export-json", "-- --json"),
            (&["embed", "--top-k", "3"], "infa rerank --query TEXT --top-n N", "-- --top-k"),
            (&["bench", "--top-k", "3"], "infa classify has --top-k", "similar argument"),
            (&["bench", "--output", "x.json"], "--export-json", "-- --output"),
            (&["compare", "-o", "x.json"], "--export-json", "-- -o"),
            (&["embed", "--query", "x"], "infa rerank --query", "similar"),
            (&["embed", "--rounds", "3"], "--rounds is a flag of infa bench", "-- --rounds"),
            (&["embed", "--engines", "onnx"], "'--engine'", "-- --engines"),
            (&["doctor", "--engine", "onnx"], "--engine is a flag of infa embed", "-- --engine"),
            (&["serve", "--workers", "2"], "one process serves all requests", "-- --workers"),
            (&["embed", "--workers", "2"], "tip: --threads N", "-- --workers"),
            (&["embed", "--column", "body"], "tip: --field NAME", "-- --column"),
            (&["rerank", "--text-field", "body"], "tip: --field NAME", "-- --text-field"),
            (&["embed", "--threads", "-1"], "unexpected argument '-1'", "-- -1"),
            (&["bench", "--samples", "-1"], "unexpected argument '-1'", "-- -1"),
            (&["bench", "-n", "2"], "--rounds N", "-- -n"),
            (&["embed", "--url", "x"], "--engine NAME=URL", "-- --url"),
            (&["bench", "--url", "x"], "--engines NAME=URL", "-- --url"),
            (&["embed", "--max-tokens", "5"], "tip: --max-length N", "--batch-tokens'"),
            (&["embed", "--gpu"], "--device cuda", "similar"),
            (&["embed", "--fp16"], "--dtype float16", "int8"),
            (&["embed", "--device", "gpu"], "cuda is an NVIDIA GPU", "similar"),
            (&["embed", "--dtype", "fp16"], "--dtype float16", "similar"),
            (&["rerank", "--mode", "query"], "'--model-id'", "'--model'"),
            (&["embed", "--text", "a", "f"], "tip: leave one of them out", "Usage"),
            (&["embed", "--text", "a", "--field", "f"], "without format and fields", "Usage"),
            (&["embed", "--prompt", "a", "--mode", "query"], "tip: leave one of them out", "Usage"),
            (&["completions", "tcsh"], "invalid value 'tcsh'", "similar"),
            (&["completions", "bsh"], "'bash'", "-- bsh"),
        ] {
            let text = tip(arguments);
            assert!(text.contains(expected) && !text.contains(absent), "{arguments:?}: {text}");
        }
        assert!(!tip(&["doctor", "--batch-size", "4"]).contains("--batch-tokens"));
        assert!(tip(&["embed", "--modle-id", "x"]).contains("--model-id"));
    }

    #[test]
    fn subcommands_of_other_programs() {
        for (name, expected) in [
            ("pull", "infa model pull"),
            ("list", "infa model list"),
            ("ls", "infa model list"),
            ("version", "infa --version"),
            ("rank", "infa rerank"),
            ("query", "infa search"),
        ] {
            let text = tip(&[name]);
            assert!(text.contains(&format!("tip: {expected}")) && !text.contains("similar"), "{name}: {text}");
        }
        assert!(tip(&["embd"]).contains("'embed'"));
    }

    #[test]
    fn every_tip_names_flags_that_exist() {
        let root = Cli::command();
        let mut commands: Vec<&Command> = root.get_subcommands().collect();
        commands.extend(root.get_subcommands().flat_map(Command::get_subcommands));
        let longs: Vec<String> = commands
            .iter()
            .flat_map(|command| command.get_arguments())
            .filter_map(|arg| Some(format!("--{}", arg.get_long()?)))
            .chain(["--version".to_owned()])
            .collect();
        let tips = FLAGS.iter().flat_map(|(_, tips)| tips.iter().map(|(_, tip)| *tip));
        for tip in tips.chain(SUBCOMMANDS.iter().map(|(_, tip)| *tip)) {
            let flags = tip.split([' ', ',', ';']).filter(|word| word.starts_with("--"));
            flags.for_each(|flag| assert!(longs.iter().any(|long| long == flag), "{flag} of {tip:?}"));
        }
    }
}
