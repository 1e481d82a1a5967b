//! Pairs of a query and a document as questions to a language model, and rerankers that answer them with "yes" or "no".
//!
//! As sentence-transformers' CrossEncoder does it (`base/modules/transformer.py`, `cross_encoder/modules`): query and
//! document are messages of these roles and the instruction is the system's; the chat template makes one text of them.
//! Of a text that is too long the end goes, but not the template's own: its tokens stand where the text was cut. The
//! score is the logit of one token after the text, less that of another.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value as Json;

use crate::model::files::json::read_json;
use crate::model::text::chat::{ChatTemplate, Format, Message};
use crate::model::text::tokenizer::{TokenizeError, Tokenizer, Tokens, Truncate};
use crate::model::{Model, ModelError, Setting, SettingError};

/// The tokens by which a language model answers whether a document fits a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerTokens {
    /// The one whose logit counts.
    pub yes: usize,
    /// The one whose logit is subtracted, if any.
    pub no: Option<usize>,
}

impl AnswerTokens {
    /// Those of `model`: from its LogitScore module; without modules the words "yes" and "no". `None` if it is not a
    /// reranker of this kind.
    pub fn of(model: &Model) -> Result<Option<Self>, ModelError> {
        let modules = read_json::<Vec<Module>>(&model.dir.join("modules.json"))?;
        let Some(modules) = modules else {
            let class = model.config.pointer("/architectures/0").and_then(Json::as_str);
            return class.is_some_and(|class| class.ends_with("ForCausalLM")).then(|| words(model)).transpose();
        };
        match modules.iter().find(|module| module.kind.rsplit('.').next() == Some("LogitScore")) {
            Some(module) => Ok(Some(Self::read(&model.dir.join(&module.path).join("config.json"))?)),
            None => Ok(None),
        }
    }

    fn read(path: &Path) -> Result<Self, ModelError> {
        #[derive(Deserialize)]
        struct LogitScore {
            true_token_id: usize,
            false_token_id: Option<usize>,
        }
        let missing = || ModelError::Config { path: path.to_owned(), reason: "the file is missing".into() };
        let LogitScore { true_token_id: yes, false_token_id: no } = read_json(path)?.ok_or_else(missing)?;
        Ok(Self { yes, no })
    }
}

/// The tokens of the words "yes" and "no".
fn words(model: &Model) -> Result<AnswerTokens, ModelError> {
    let id = |word: &str| {
        model.tokenizer.id(word).ok_or_else(|| ModelError::Config {
            path: crate::model::text::tokenizer::file_in(&model.sentence.transformer),
            reason: format!("the vocabulary has no token \"{word}\", by which a language model would answer"),
        })
    };
    Ok(AnswerTokens { yes: id("yes")?, no: Some(id("no")?) })
}

/// The template of Qwen3-Reranker, for its repositories of the time when it stood on the model's card alone.
const QWEN3_RERANKER: &str = r#"<|im_start|>system
Judge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the answer can only be "yes" or "no".<|im_end|>
<|im_start|>user
<Instruct>: {{ messages | selectattr("role", "eq", "system") | map(attribute="content") | first | default("Given a web search query, retrieve relevant passages that answer the query") }}
<Query>: {{ messages | selectattr("role", "eq", "query") | map(attribute="content") | first }}
<Document>: {{ messages | selectattr("role", "eq", "document") | map(attribute="content") | first }}<|im_end|>
<|im_start|>assistant
<think>

</think>


"#;

/// The prompt for a pair: the model's chat template, with an instruction.
#[derive(Debug)]
pub struct PairPrompt {
    template: ChatTemplate,
    instruction: Option<String>,
    /// The template's own tokens after the pair.
    ending: Vec<i64>,
}

#[derive(Deserialize)]
struct Module {
    #[serde(default)]
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

impl PairPrompt {
    /// The template of `model`; `None` if its pairs are tokenised without one. `instruction` is the prompt in use.
    ///
    /// # Errors
    /// If the template has no place for a query and a document, or cannot be rendered.
    pub fn of(model: &Model, instruction: Option<String>) -> Result<Option<Self>, ModelError> {
        let dir = &model.sentence.transformer;
        let Some((path, source)) = ChatTemplate::find(dir)? else { return Ok(None) };
        let Some(Settings { format, arguments }) = Settings::read(&model.dir, dir)? else { return Ok(None) };
        let template = ChatTemplate::new(path.clone(), source, dir, format, &arguments)?;
        let template = match without_place(&template) {
            None => template,
            Some(_) if is_qwen3_reranker(model) => {
                tracing::warn!("{}: its chat template is for chats; using the template of its model card", model.name);
                let none = serde_json::Map::new();
                ChatTemplate::new(path, QWEN3_RERANKER.into(), dir, Some(Format::Flat), &none)?
            }
            Some(reason) => return Err(ModelError::Config { path, reason }),
        };
        let mut prompt = Self { template, instruction, ending: Vec::new() };
        prompt.ending = prompt.common_ending(&model.tokenizer)?;
        Ok(Some(prompt))
    }

    /// The tokens of the question about a pair, at most `max_length`.
    pub fn encode(
        &self,
        tokenizer: &Tokenizer,
        query: &str,
        document: &str,
        max_length: usize,
        truncate: Truncate,
    ) -> Result<Tokens, TokenizeError> {
        let text = self.render(query, document).map_err(|e| TokenizeError::Failed(e.to_string()))?;
        let mut tokens = tokenizer.encode_bare(&text, max_length, truncate)?;
        if tokens.truncated {
            let kept = self.ending.len().min(tokens.ids.len());
            let at = tokens.ids.len() - kept;
            tokens.ids[at..].copy_from_slice(&self.ending[self.ending.len() - kept..]);
        }
        Ok(tokens)
    }

    fn render(&self, query: &str, document: &str) -> Result<String, ModelError> {
        let instruction = self.instruction.as_deref().map(|text| Message { role: "system", text });
        let pair = [Message { role: "query", text: query }, Message { role: "document", text: document }];
        let messages: Vec<Message<'_>> = instruction.into_iter().chain(pair).collect();
        self.template.render(&messages)
    }

    /// The tokens that two different pairs end with: the template's own.
    fn common_ending(&self, tokenizer: &Tokenizer) -> Result<Vec<i64>, ModelError> {
        let tokens = |filler: &str| -> Result<Vec<i64>, ModelError> {
            let text = self.render(filler, filler)?;
            let tokens = tokenizer.encode_bare(&text, usize::MAX, Truncate::Right);
            let failed = |e: TokenizeError| SettingError::new(Setting::ModelId, e.to_string());
            Ok(tokens.map_err(failed)?.ids)
        };
        let (a, b) = (tokens("0")?, tokens("1 2 3 4")?);
        let common = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
        // Two that never differ do not show where the pair ends.
        Ok(if common < a.len().min(b.len()) { a[a.len() - common..].to_vec() } else { Vec::new() })
    }
}

/// The error of a template without a place for query or document.
fn without_place(template: &ChatTemplate) -> Option<String> {
    let render = |query, document| {
        template.render(&[Message { role: "query", text: query }, Message { role: "document", text: document }])
    };
    let (usual, query, document) = (render("alpha", "bravo"), render("charlie", "bravo"), render("alpha", "foxtrot"));
    let (usual, query, document) = match (usual, query, document) {
        (Ok(usual), Ok(query), Ok(document)) => (usual, query, document),
        (Err(e), ..) | (_, Err(e), _) | (.., Err(e)) => return Some(e.to_string()),
    };
    let missing = if usual == query {
        "query"
    } else if usual == document {
        "document"
    } else {
        return None;
    };
    Some(format!("the chat template has no place for a message of the role \"{missing}\""))
}

/// True if the model is probably one of Qwen3-Reranker's.
fn is_qwen3_reranker(model: &Model) -> bool {
    model.config.get("model_type").and_then(Json::as_str) == Some("qwen3")
        && model.name.to_lowercase().contains("reranker")
        && ["<|im_start|>", "<|im_end|>"].iter().all(|token| model.tokenizer.id(token).is_some())
}

/// The settings for messages in sentence_bert_config.json.
struct Settings {
    format: Option<Format>,
    arguments: serde_json::Map<String, Json>,
}

impl Settings {
    /// `None` if the model takes no messages: it has modules, and no `modality_config` for messages.
    fn read(dir: &Path, transformer: &Path) -> Result<Option<Self>, ModelError> {
        if !dir.join("modules.json").is_file() {
            return Ok(Some(Self { format: None, arguments: serde_json::Map::new() }));
        }
        let path = transformer.join("sentence_bert_config.json");
        let config: Json = read_json(&path)?.unwrap_or(Json::Null);
        let Some(message) = config.pointer("/modality_config/message") else { return Ok(None) };
        let format = match message.get("format").and_then(Json::as_str) {
            Some("flat") => Some(Format::Flat),
            Some("structured") => Some(Format::Structured),
            _ => None,
        };
        let arguments = config.pointer("/processing_kwargs/chat_template").and_then(Json::as_object);
        let mut arguments = arguments.cloned().unwrap_or_default();
        let restored = arguments.remove("restore_suffix");
        let kept = restored.as_ref().is_none_or(|value| value == &Json::Bool(true));
        match arguments.keys().find(|key| ELSEWHERE.contains(&key.as_str())) {
            Some(key) => Err(refused(path, key)),
            None if !kept => Err(refused(path, "restore_suffix")),
            None => Ok(Some(Self { format, arguments })),
        }
    }
}

/// Arguments of the rendering that are not the template's.
const ELSEWHERE: [&str; 7] =
    ["padding", "truncation", "max_length", "return_tensors", "chat_template", "continue_final_message", "tokenize"];

fn refused(path: PathBuf, key: &str) -> ModelError {
    ModelError::Config { path, reason: format!("{key} among processing_kwargs.chat_template is not implemented") }
}
