//! Chat templates: Jinja that turns messages into the text a language model was trained on.
//!
//! Found and rendered as `transformers` does it (`utils/chat_template_utils.py`): `chat_template.jinja` goes before
//! `chat_template` of tokenizer_config.json; blocks are trimmed; special tokens are variables. A template comes from
//! strangers: it gets no files, no clock and a limited number of steps.

use std::path::{Path, PathBuf};

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, Value};
use serde_json::Value as Json;

use crate::model::ModelError;
use crate::model::files::json::read_json;
use crate::regular_file;

/// Steps of one rendering; real templates take a few hundred.
const MAX_STEPS: u64 = 200_000;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    /// `"system"`, `"query"`, `"document"`, …
    pub role: &'a str,
    pub text: &'a str,
}

/// The form of a message's content in templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// The text itself.
    Flat,
    /// A list of parts, one of which is the text.
    Structured,
}

#[derive(Debug)]
pub(crate) struct ChatTemplate {
    path: PathBuf,
    environment: Environment<'static>,
    format: Format,
    variables: Vec<(String, Value)>,
}

/// The name of the single template in an environment. It has no extension, so nothing is escaped.
const NAME: &str = "chat";

impl ChatTemplate {
    /// The template in `dir`, the tokenizer's directory: its file and its source.
    pub(crate) fn find(dir: &Path) -> Result<Option<(PathBuf, String)>, ModelError> {
        let path = dir.join("chat_template.jinja");
        match regular_file::read_text(&path, regular_file::SETTINGS) {
            Ok(source) => return Ok(Some((path, source))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(ModelError::Io { path, source }),
        }
        let path = dir.join("tokenizer_config.json");
        let config: Json = read_json(&path)?.unwrap_or(Json::Null);
        match config.get("chat_template") {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(source)) => Ok(Some((path, source.clone()))),
            Some(Json::Array(named)) => {
                let default = named.iter().find(|one| one.get("name").and_then(Json::as_str) == Some("default"));
                match default.and_then(|one| one.get("template")).and_then(Json::as_str) {
                    Some(source) => Ok(Some((path, source.to_owned()))),
                    None => Err(ModelError::Config { path, reason: "no chat_template is called \"default\"".into() }),
                }
            }
            Some(other) => Err(ModelError::Config { path, reason: format!("chat_template is {other}") }),
        }
    }

    /// Reads the template `source` of the file `path`. Without a `format` it is guessed from the source. `arguments`
    /// are variables besides the special tokens that tokenizer_config.json in `dir` names.
    pub(crate) fn new(
        path: PathBuf,
        source: String,
        dir: &Path,
        format: Option<Format>,
        arguments: &serde_json::Map<String, Json>,
    ) -> Result<Self, ModelError> {
        let format = format.unwrap_or_else(|| format_of(&source));
        let mut environment = Environment::new();
        environment
            .set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(wrong(&path))?);
        environment.set_fuel(Some(MAX_STEPS));
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.add_template_owned(NAME, source).map_err(wrong(&path))?;
        let mut variables = special_tokens(dir)?;
        variables.push(("add_generation_prompt".into(), Value::from(false)));
        variables.extend(arguments.iter().map(|(name, value)| (name.clone(), value_of(value))));
        Ok(Self { path, environment, format, variables })
    }

    pub(crate) fn render(&self, messages: &[Message<'_>]) -> Result<String, ModelError> {
        let messages: Vec<Value> = messages.iter().map(|message| self.message(message)).collect();
        let variables = self.variables.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let context = Value::from_pairs(variables.chain([("messages", Value::from_iter(messages))]));
        let template = self.environment.get_template(NAME).map_err(wrong(&self.path))?;
        template.render(context).map_err(wrong(&self.path))
    }

    fn message(&self, message: &Message<'_>) -> Value {
        let content = match self.format {
            Format::Flat => Value::from(message.text),
            Format::Structured => {
                let part = Value::from_pairs([("type", "text"), ("text", message.text)]);
                Value::from_iter([part])
            }
        };
        Value::from_pairs([("role", Value::from(message.role)), ("content", content)])
    }
}

fn wrong(path: &Path) -> impl Fn(Error) -> ModelError + '_ {
    |e| ModelError::Config { path: path.to_owned(), reason: format!("the chat template cannot be used: {e}") }
}

/// The content format of a template, by sentence-transformers' rules (`base/modality.py`).
fn format_of(source: &str) -> Format {
    const PARTS: [&str; 5] = ["content[0]", ".type", "'type'", "\"type\"", "message.content["];
    if source.is_empty() || PARTS.iter().any(|sign| source.contains(sign)) { Format::Structured } else { Format::Flat }
}

/// `bos_token`, `eos_token` and their kin of tokenizer_config.json.
fn special_tokens(dir: &Path) -> Result<Vec<(String, Value)>, ModelError> {
    let config: Json = read_json(&dir.join("tokenizer_config.json"))?.unwrap_or(Json::Null);
    let token = |(name, value): (&String, &Json)| {
        let text = value.as_str().or_else(|| value.get("content").and_then(Json::as_str))?;
        name.ends_with("_token").then(|| (name.clone(), Value::from(text)))
    };
    Ok(config.as_object().into_iter().flatten().filter_map(token).collect())
}

fn value_of(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(yes) => Value::from(*yes),
        Json::Number(n) => n.as_i64().map_or_else(|| Value::from(n.as_f64().unwrap_or(f64::NAN)), Value::from),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::from_iter(items.iter().map(value_of)),
        Json::Object(pairs) => Value::from_pairs(pairs.iter().map(|(key, value)| (key.as_str(), value_of(value)))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn render(source: &str) -> Result<String, String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("tokenizer_config.json"), r#"{"eos_token": {"content": "</s>"}, "x": 1}"#)
            .unwrap();
        let arguments = serde_json::json!({"n": 3, "on": true, "list": ["a"]});
        let template = ChatTemplate::new("t".into(), source.into(), dir.path(), None, arguments.as_object().unwrap());
        let messages = [Message { role: "query", text: " <q> " }, Message { role: "document", text: "d" }];
        template.and_then(|template| template.render(&messages)).map_err(|e| e.to_string())
    }

    #[test]
    fn as_python_would() {
        assert_eq!(render("{{ messages[0].content.strip() }}{{ eos_token }}\n\n").unwrap(), "<q></s>\n");
        assert_eq!(
            render("{% for m in messages %}\n  {% if loop.last %}\n{{ m['role'] }}{% endif %}{% endfor %}").unwrap(),
            "document"
        );
        assert_eq!(render("{{ messages[1].content[0].text }}{{ n }}{{ on }}{{ list[0] }}").unwrap(), "d3Truea");
        assert_eq!(
            render("{{ missing }}{{ messages | selectattr('role', 'eq', 'x') | first | default('none') }}").unwrap(),
            "none"
        );
        assert_eq!(render("{% if add_generation_prompt %}x{% endif %}").unwrap(), "");
    }

    #[test]
    fn what_a_template_must_not_do() {
        for (source, what) in [
            ("{{ raise_exception('no such role') }}", "no such role"),
            ("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", "fuel"),
            ("{{ messages[0].content", "syntax error"),
            ("{{ messages.x.y }}", "undefined"),
            ("{% include 'tokenizer.json' %}", "the chat template cannot be used"),
        ] {
            let error = render(source).unwrap_err();
            assert!(error.contains(what), "{source}: {error}");
        }
    }
}
