//! Reads Rust sources as far as it takes to know which file uses which: names, `use` trees, `mod` and items.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module's path from the crate's root.
pub(crate) type ModulePath = Vec<String>;

/// A module of the crate that has a file of its own.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// Its file, relative to `src`.
    pub file: PathBuf,
    /// Names defined in it, modules left out.
    pub items: BTreeSet<String>,
    /// Names that `use` brings in, each with its path as written.
    pub imports: BTreeMap<String, Vec<String>>,
    /// Paths of `use path::*`.
    pub globs: Vec<Vec<String>>,
    /// All paths of two and more names in the code, `use` included.
    pub paths: BTreeSet<Vec<String>>,
    /// Its child modules that are compiled for tests only.
    pub test_modules: BTreeSet<String>,
    /// What stands at the top of the file beside docs, `mod` and `use`: "struct Model", "impl", …
    pub other: Vec<String>,
}

/// Every `.rs` file below `dir`.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let all = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    all.filter(|path| path.extension().is_some_and(|ending| ending == "rs")).collect()
}

/// The crate's sources.
pub(crate) fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The modules of `room`, those for tests alone left out.
pub(crate) fn modules(src: &Path, room: &str) -> BTreeMap<ModulePath, Module> {
    let mut found: BTreeMap<ModulePath, Module> = BTreeMap::new();
    for path in files(&src.join(room)) {
        let file = path.strip_prefix(src).unwrap().to_owned();
        let mut names: ModulePath = file.with_extension("").iter().map(|part| part.to_str().unwrap().into()).collect();
        if names.last().is_some_and(|last| last == "mod") {
            names.pop();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        found.insert(names, Module { file, ..parse(&tokens(&text)) });
    }
    let for_tests: Vec<ModulePath> = found
        .iter()
        .flat_map(|(path, module)| {
            module.test_modules.iter().map(|name| [path.as_slice(), std::slice::from_ref(name)].concat())
        })
        .collect();
    found.retain(|path, _| !for_tests.iter().any(|test| path.starts_with(test)));
    found
}

/// The code without comments: names, `::`, and single characters; a literal is the token `"`, a lifetime none.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let named = |c: char| c.is_alphanumeric() || c == '_';
    let names = |i: usize| chars[i..].iter().take_while(|&&c| named(c)).count();
    let mut tokens = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        match (at(i), at(i + 1)) {
            ('/', '/') => i += chars[i..].iter().take_while(|&&c| c != '\n').count(),
            ('/', '*') => i = after(&chars, i + 2, &['*', '/']),
            ('"', _) => {
                i += 1;
                while i < chars.len() && at(i) != '"' {
                    i += if at(i) == '\\' { 2 } else { 1 };
                }
                i += 1;
                tokens.push("\"".to_owned());
            }
            ('\'', '\\') => i = after(&chars, i + 3, &['\'']),
            ('\'', _) if at(i + 2) == '\'' => i += 3,
            ('\'', _) => i += 1 + names(i + 1),
            (':', ':') => {
                i += 2;
                tokens.push("::".to_owned());
            }
            (c, _) if named(c) => {
                let name: String = chars[i..i + names(i)].iter().collect();
                i += name.chars().count();
                let hashes = chars[i..].iter().take_while(|&&c| c == '#').count();
                match name.as_str() {
                    "r" | "br" | "cr" if at(i + hashes) == '"' => {
                        let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
                        i = after(&chars, i + hashes + 1, &end);
                        tokens.push("\"".to_owned());
                    }
                    "b" | "c" if matches!(at(i), '"' | '\'') => {}
                    _ => tokens.push(name),
                }
            }
            (c, _) => {
                i += 1;
                if !c.is_whitespace() {
                    tokens.push(c.into());
                }
            }
        }
    }
    tokens
}

/// Where the first `end` at or after `from` is over.
fn after(chars: &[char], from: usize, end: &[char]) -> usize {
    let rest = chars.get(from..).unwrap_or_default();
    rest.windows(end.len()).position(|window| window == end).map_or(chars.len(), |at| from + at + end.len())
}

fn parse(tokens: &[String]) -> Module {
    let mut module = Module::default();
    let token = |i: usize| tokens.get(i).map_or("", String::as_str);
    let name = |i: usize| token(i).starts_with(|c: char| c.is_alphabetic() || c == '_');
    let (mut i, mut depth) = (0, 0usize);
    while i < tokens.len() {
        match token(i) {
            "#" => {
                let end = after_group(tokens, if token(i + 1) == "!" { i + 2 } else { i + 1 });
                let test = tokens[i..end].concat() == "#[cfg(test)]";
                i = end;
                if test {
                    let item = after_item(tokens, i);
                    let module_at = (i..item).find(|&j| token(j) == "mod" && token(j + 2) == ";");
                    module.test_modules.extend(module_at.map(|j| token(j + 1).to_owned()));
                    i = item;
                }
            }
            "use" if token(i + 1) != "<" => {
                let end = i + tokens[i..].iter().position(|token| token == ";").unwrap();
                let mut at = i + 1;
                use_tree(tokens, &mut at, &[], &mut module);
                i = end + 1;
            }
            "{" | "(" | "[" => {
                depth += 1;
                i += 1;
            }
            "}" | ")" | "]" => {
                depth -= 1;
                i += 1;
            }
            "mod" if depth == 0 => i += 2,
            keyword @ ("struct" | "enum" | "union" | "trait" | "fn" | "type" | "const" | "static")
                if depth == 0 && name(i + 1) =>
            {
                // `const fn` is its `fn`, and `*const T` no item.
                if token(i + 1) != "fn" && (i == 0 || token(i - 1) != "*") {
                    module.items.insert(token(i + 1).to_owned());
                    module.other.push(format!("{keyword} {}", token(i + 1)));
                }
                i += 1;
            }
            "impl" if depth == 0 => {
                module.other.push("impl".to_owned());
                i += 1;
            }
            "macro_rules" if depth == 0 => {
                module.items.insert(token(i + 2).to_owned());
                module.other.push(format!("macro {}", token(i + 2)));
                i += 3;
            }
            _ if name(i) && token(i + 1) == "::" && (i == 0 || token(i - 1) != "::") => {
                let mut path = vec![token(i).to_owned()];
                while token(i + 1) == "::" && name(i + 2) {
                    path.push(token(i + 2).to_owned());
                    i += 2;
                }
                module.paths.insert(path);
                i += 1;
            }
            _ => i += 1,
        }
    }
    module
}

/// Reads one tree of a `use`, from `at` on, with `before` in front of it.
fn use_tree(tokens: &[String], at: &mut usize, before: &[String], module: &mut Module) {
    let mut path = before.to_vec();
    loop {
        match tokens[*at].as_str() {
            "{" => {
                *at += 1;
                while tokens[*at] != "}" {
                    use_tree(tokens, at, &path, module);
                    if tokens[*at] == "," {
                        *at += 1;
                    }
                }
                *at += 1;
                return;
            }
            "*" => {
                *at += 1;
                module.paths.insert(path.clone());
                module.globs.push(path);
                return;
            }
            "::" => *at += 1,
            name => {
                path.push(name.to_owned());
                *at += 1;
                if tokens[*at] == "::" {
                    continue;
                }
                if path.last().is_some_and(|last| last == "self") {
                    path.pop();
                }
                let mut alias = path.last().cloned().unwrap_or_default();
                if tokens[*at] == "as" {
                    alias = tokens[*at + 1].clone();
                    *at += 2;
                }
                module.paths.insert(path.clone());
                module.imports.insert(alias, path);
                return;
            }
        }
    }
}

/// Where the bracket that opens at `i` has closed.
fn after_group(tokens: &[String], i: usize) -> usize {
    let mut depth = 0;
    for (j, token) in tokens.iter().enumerate().skip(i) {
        match token.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" if depth == 1 => return j + 1,
            "}" | ")" | "]" => depth -= 1,
            _ => {}
        }
    }
    tokens.len()
}

/// Where the item that begins at `i` has ended: after its `;`, its braces or, of a field or variant, its comma.
fn after_item(tokens: &[String], mut i: usize) -> usize {
    while i < tokens.len() {
        match tokens[i].as_str() {
            ";" | "," => return i + 1,
            "{" => return after_group(tokens, i),
            "(" | "[" => i = after_group(tokens, i),
            "}" => return i,
            _ => i += 1,
        }
    }
    i
}
