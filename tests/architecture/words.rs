//! Plain language: words that make a sentence a riddle stand in no comment, message, help text or guide, and no doc
//! comment only repeats a name.

use std::path::Path;

use super::source::{files, src};

/// Words and phrases, each with the reason or the better word.
const FORBIDDEN: &[(&str, &str)] = &[
    ("told", "name what happens: reported, printed, passed, given"),
    ("tells", "shows, reports, distinguishes, names"),
    ("asked", "requested, prompted, called, queried"),
    ("asks", "requests, prompts, calls, queries"),
    ("nobody", "name the missing party: no client, no reader"),
    ("somebody", "the user, a client"),
    ("anybody", "any client, any user"),
    ("whoever", "the user who, the caller that"),
    ("whom", "name the receiver"),
    ("whatever", "any, all, every; or name the thing"),
    ("is none", "is not a …, does not exist"),
    ("are none", "are not …, do not exist"),
    ("so many", "a number of; name the quantity"),
    ("as what", "the role, the kind"),
    ("heed", "follow, use, obey"),
    ("heeds", "follows, uses, obeys"),
    ("heeded", "followed, used, obeyed"),
    ("in the mean", "on average"),
];

/// Question words at the beginning of a doc comment, which hide its subject.
const OPENINGS: &[&str] = &["What", "Who", "Whom", "Whose", "How", "Whether", "Why", "Where"];

/// Words that add nothing to an item's name.
const FILLERS: &[&str] = &["the", "a", "an", "its", "their", "of", "that", "this", "one", "is"];

/// A comment or a string literal, with its line.
struct Prose {
    line: usize,
    text: String,
    /// `Some` of the item's line for the first line of a `///` or `//!` comment.
    documents: Option<String>,
    /// True for a `///` comment of a single line.
    short: bool,
}

fn sources() -> Vec<(String, String)> {
    let source = |path: std::path::PathBuf| {
        let name = path.strip_prefix(src()).unwrap().to_str().unwrap().replace('\\', "/");
        (name, std::fs::read_to_string(&path).unwrap())
    };
    files(&src()).into_iter().map(source).collect()
}

/// The comments and the string literals of a source file.
fn prose(source: &str) -> Vec<Prose> {
    let lines: Vec<&str> = source.lines().collect();
    let mut found = Vec::new();
    let plain = |line, text: String| Prose { line, text, documents: None, short: false };
    for (index, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let Some(comment) = trimmed.strip_prefix("//") else {
            let (strings, trailing) = literals(line);
            found.extend(strings.into_iter().map(|text| plain(index + 1, text)));
            found.extend(trailing.map(|text| plain(index + 1, text)));
            continue;
        };
        let text = comment.trim_start_matches(['/', '!']).trim().to_owned();
        let is_doc = |line: &str| line.trim_start().starts_with("///") || line.trim_start().starts_with("//!");
        let first = is_doc(line) && !index.checked_sub(1).is_some_and(|above| is_doc(lines[above]));
        let rest = &lines[index + 1..];
        let short = trimmed.starts_with("///") && !rest.first().is_some_and(|next| is_doc(next));
        let item =
            || rest.iter().map(|line| line.trim()).find(|line| !line.starts_with("//") && !line.starts_with("#["));
        let documents = first.then(|| item().unwrap_or_default().to_owned());
        found.push(Prose { line: index + 1, text, documents, short });
    }
    found
}

/// The string literals of a line of code, as far as they begin in it, and its trailing comment.
fn literals(line: &str) -> (Vec<String>, Option<String>) {
    let mut strings = Vec::new();
    let (mut inside, mut escaped, mut text) = (false, false, String::new());
    let chars: Vec<char> = line.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let (c, next) = (chars[at], chars.get(at + 1).copied().unwrap_or(' '));
        match c {
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '\'' if !inside && next == '"' => at += 2,
            '"' if inside => {
                strings.push(std::mem::take(&mut text));
                inside = false;
            }
            '"' => inside = true,
            '/' if !inside && next == '/' => return (strings, Some(chars[at + 2..].iter().collect())),
            _ if inside => text.push(c),
            _ => {}
        }
        at += 1;
    }
    if inside {
        strings.push(text);
    }
    (strings, None)
}

/// The forbidden words in a text, each with its better word.
fn riddles(text: &str) -> impl Iterator<Item = String> {
    // Code between backticks is no prose.
    let words: Vec<String> = text
        .split('`')
        .step_by(2)
        .flat_map(|part| part.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '\''))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    // "There is none" is plain.
    let text = format!(" {} ", words.join(" ")).replace("there is none", "").replace("there are none", "");
    let is_in = move |(word, _): &&(&str, &str)| text.contains(&format!(" {word} "));
    FORBIDDEN.iter().filter(is_in).map(|(word, better)| format!("{word:?}: {better}"))
}

/// True if a doc comment's words are all in the name of its item.
fn repeats(text: &str, item: &str) -> bool {
    const KEYWORDS: &[&str] = &[
        "pub", "crate", "super", "in", "self", "fn", "struct", "enum", "trait", "const", "static", "type", "async",
        "unsafe", "extern", "mod",
    ];
    let name = item
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .find(|word| !word.is_empty() && !KEYWORDS.contains(word))
        .unwrap_or_default();
    let name = name.to_lowercase().replace('_', "");
    let words: Vec<String> = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect();
    let words: Vec<&str> =
        words.iter().map(String::as_str).filter(|word| !word.is_empty() && !FILLERS.contains(word)).collect();
    !words.is_empty() && words.len() <= 3 && words.iter().all(|word| name.contains(word.trim_end_matches('s')))
}

#[test]
fn comments_and_messages_are_plain() {
    let mut found = Vec::new();
    for (name, source) in sources() {
        for Prose { line, text, documents, short } in prose(&source) {
            // Constants, identifiers and protocol words are no sentences.
            if documents.is_none() && !text.contains(' ') {
                continue;
            }
            found.extend(riddles(&text).map(|riddle| format!("{name}:{line}: {riddle}")));
            let Some(item) = documents else { continue };
            let opening = text.split_whitespace().next().unwrap_or_default();
            if OPENINGS.contains(&opening) {
                found.push(format!("{name}:{line}: begins with {opening:?}: begin with the subject, or \"True if\""));
            }
            // A help text ends without a full stop.
            if short && text.ends_with('.') && repeats(&text, &item) {
                found.push(format!("{name}:{line}: {text:?} only repeats the name"));
            }
        }
    }
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
}

#[test]
fn guides_are_plain() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guides = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "deploy/README.md", "datasets/README.md"];
    let pages = pages.map(|page| root.join(page));
    let mut found = Vec::new();
    for path in guides.filter(|path| path.extension().is_some_and(|ending| ending == "md")).chain(pages) {
        let mut code = false;
        for (index, line) in std::fs::read_to_string(&path).unwrap().lines().enumerate() {
            if line.trim_start().starts_with("```") {
                code = !code;
            } else if !code {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                found.extend(riddles(line).map(|riddle| format!("{name}:{}: {riddle}", index + 1)));
            }
        }
    }
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
}

#[test]
fn riddles_and_repetitions_are_found() {
    let of = |text: &str| riddles(text).count();
    assert_eq!(of("What the server is told, and by whom."), 2);
    assert_eq!(of("This is none, as what?"), 2);
    assert_eq!(of("None if there is none; the vectors are `None`"), 0);
    assert_eq!(of("retold, masked, and a seedling"), 0);
    assert!(repeats("The file.", "file: PathBuf,") && repeats("Sparse vectors.", "pub(super) struct SparseVectors {"));
    assert!(!repeats("The file that is mapped.", "file: PathBuf,") && !repeats("Unix milliseconds.", "time: u64,"));
    let source = "/// Whether it is.\nx: bool,\nlet s = \"by whom\"; // told\n";
    let found = prose(source);
    assert_eq!(found.iter().map(|prose| prose.text.trim()).collect::<Vec<_>>(), ["Whether it is.", "by whom", "told"]);
    assert!(found[0].short && found[0].documents.as_deref() == Some("x: bool,"));
}
