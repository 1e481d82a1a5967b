//! The use of texts in the clients' words (`task`, `input_type`), and the model's prompt for it.
//!
//! A use is followed, or the request is refused:
//!
//! * The model has a prompt of that name, or of a synonym (such as `retrieval.query`, `search_query`, `query`): that
//!   prompt.
//! * The model has neither prompts nor adapters, so it makes no difference between uses: any known word is accepted.
//! * The model has a prompt for queries but not for documents, or the reverse: no prompt for the other, as its authors
//!   intend.
//! * Otherwise, and for unknown words: 400 with the names of the prompts.

use crate::engine::Role;
use crate::model::Model;
use crate::server::ApiError;
use crate::server::http::shorten;

/// The use of a request's texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextUse {
    /// The field of the request.
    pub field: &'static str,
    /// In the client's word.
    pub word: String,
}

/// The names of a use, and the role of its texts.
struct Names {
    role: Role,
    names: &'static [&'static str],
}

/// In lower case. Sources: the APIs of Jina, Cohere, NVIDIA NIM, Voyage, Google and Azure; prompts in the configurations
/// of nomic, jina, stella, e5, bge and EmbeddingGemma.
const USES: &[Names] = &[
    Names {
        role: Role::Query,
        names: &["query", "search_query", "retrieval.query", "retrieval_query", "retrieval-query", "s2p_query"],
    },
    Names {
        role: Role::Document,
        names: &[
            "document",
            "passage",
            "search_document",
            "retrieval.passage",
            "retrieval.document",
            "retrieval_passage",
            "retrieval_document",
            "retrieval-document",
            "doc",
        ],
    },
    Names {
        role: Role::Text,
        names: &["text-matching", "text_matching", "semantic_similarity", "similarity", "sts", "s2s_query"],
    },
    Names { role: Role::Text, names: &["classification"] },
    Names { role: Role::Text, names: &["clustering", "separation"] },
    Names { role: Role::Query, names: &["code.query", "code_query", "code_retrieval_query", "nl2code.query"] },
    Names { role: Role::Document, names: &["code.passage", "code_passage", "nl2code.passage"] },
];

/// Words without a specific use (Azure's "text", Voyage's null).
const OPEN: &[&str] = &["", "text"];

impl TextUse {
    /// The role of the texts, and the name of the model's prompt if it is not the role's own.
    ///
    /// # Errors
    /// 400 for an unknown use, and for one without a prompt of a model that has others.
    pub(crate) fn choose(&self, model: &Model) -> Result<(Role, Option<String>), ApiError> {
        let prompts = &model.sentence.prompts;
        let word = self.word.to_ascii_lowercase();
        let named = |wanted: &str| prompts.keys().find(|name| name.eq_ignore_ascii_case(wanted)).cloned();
        let named_as = |names: &Names| names.names.iter().find_map(|name| named(name));
        let meant = USES.iter().find(|names| names.names.contains(&word.as_str()));
        let role = meant.map_or(Role::Text, |names| names.role);
        if let Some(name) = named(&word).or_else(|| meant.and_then(named_as)) {
            return Ok((role, Some(name)));
        }
        if OPEN.contains(&word.as_str()) {
            return Ok((Role::Text, None));
        }
        let known = || prompts.keys().map(|name| shorten(name)).collect::<Vec<_>>().join(", ");
        let Some(meant) = meant else {
            let known = if prompts.is_empty() { "query, document".into() } else { known() };
            return Err(self.refused(format!("unknown value \"{}\"; known are {known}", shorten(&self.word))));
        };
        let says_nothing = prompts.values().all(String::is_empty) && model.config.get("lora_adaptations").is_none();
        let one_side = USES.iter().take(2).filter(|other| named_as(other).is_some()).count() == 1;
        let retrieval = USES.iter().take(2).any(|names| std::ptr::eq(names, meant));
        if says_nothing || retrieval && one_side {
            return Ok((role, None));
        }
        let message = format!("the model has no prompt for \"{word}\"; its prompts are {}", known());
        Err(self.refused(message))
    }

    fn refused(&self, reason: String) -> ApiError {
        ApiError::bad_value(self.field, reason)
    }
}
