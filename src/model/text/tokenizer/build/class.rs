//! The class of `transformers` 5 that reads a model's tokenizer files.
//!
//! References: `AutoTokenizer` in `models/auto/tokenization_auto.py` for the choice, the `tokenization_*.py` of each
//! class for its special tokens.

use super::decoder::Decoder;

/// A tokenizer class that builds itself anew from the vocabulary of tokenizer.json (see [`super::rebuild`]).
///
/// All others (`TokenizersBackend`, once called `PreTrainedTokenizerFast`, above all) take the file as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Bert,
    DistilBert,
    Mpnet,
    Roberta,
    XlmRoberta,
    Camembert,
    Albert,
    DebertaV2,
    Decoder(Decoder),
}

/// The special tokens by their names in tokenizer_config.json.
pub(crate) const NAMED: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

impl Class {
    /// The class `AutoTokenizer` takes: that which the files name, or else the one registered for the model. `None`:
    /// tokenizer.json as it is.
    pub(crate) fn choose(named: Option<&str>, model_type: Option<&str>) -> Option<Self> {
        match (named, model_type) {
            // Registered as TokenizersBackend, which overrides the class in the files.
            (_, Some("modernbert" | "mistral")) => None,
            // The class in its published models is known to be wrong.
            (_, Some("qwen2")) => Some(Self::Decoder(Decoder::Qwen2)),
            (Some(name), _) => Self::by_name(name),
            (None, Some(model)) => Self::of_model(model),
            (None, None) => None,
        }
    }

    fn by_name(name: &str) -> Option<Self> {
        match name.strip_suffix("Fast").unwrap_or(name) {
            "BertTokenizer"
            | "ElectraTokenizer"
            | "LayoutLMTokenizer"
            | "MobileBertTokenizer"
            | "SqueezeBertTokenizer" => Some(Self::Bert),
            "DistilBertTokenizer" => Some(Self::DistilBert),
            "MPNetTokenizer" => Some(Self::Mpnet),
            "RobertaTokenizer" | "BartTokenizer" | "LongformerTokenizer" => Some(Self::Roberta),
            "XLMRobertaTokenizer" => Some(Self::XlmRoberta),
            "CamembertTokenizer" => Some(Self::Camembert),
            "AlbertTokenizer" => Some(Self::Albert),
            "DebertaV2Tokenizer" => Some(Self::DebertaV2),
            "GemmaTokenizer" => Some(Self::Decoder(Decoder::Gemma)),
            "LlamaTokenizer" => Some(Self::Decoder(Decoder::Llama)),
            "Qwen2Tokenizer" => Some(Self::Decoder(Decoder::Qwen2)),
            _ => None,
        }
    }

    fn of_model(model_type: &str) -> Option<Self> {
        match model_type {
            "bert" | "distilbert" | "electra" | "nomic_bert" => Some(Self::Bert),
            "mpnet" => Some(Self::Mpnet),
            "roberta" => Some(Self::Roberta),
            "xlm-roberta" | "gte" | "jina_embeddings_v3" => Some(Self::XlmRoberta),
            "camembert" => Some(Self::Camembert),
            "albert" => Some(Self::Albert),
            "deberta-v2" => Some(Self::DebertaV2),
            "gemma3_text" => Some(Self::Decoder(Decoder::Gemma)),
            "qwen3" => Some(Self::Decoder(Decoder::Qwen2)),
            _ => None,
        }
    }

    /// True if token types are an input of the model, where tokenizer_config.json does not say: by the same names,
    /// those of classes that are taken as they are among them.
    pub(crate) fn has_token_types(named: Option<&str>, model_type: Option<&str>) -> bool {
        match named.map(|name| name.strip_suffix("Fast").unwrap_or(name)) {
            Some("DebertaTokenizer") => true,
            None if model_type == Some("deberta") => true,
            _ => matches!(Self::choose(named, model_type), Some(Self::Bert | Self::DebertaV2)),
        }
    }

    /// The special token of that name, if tokenizer_config.json does not set it.
    pub(crate) fn default_token(self, name: &str) -> Option<&'static str> {
        match (self, name) {
            (Self::Decoder(decoder), _) => decoder.default_token(name),
            (Self::Bert | Self::DistilBert, "bos_token" | "eos_token") => None,
            (Self::Bert | Self::DistilBert | Self::DebertaV2, "pad_token") => Some("[PAD]"),
            (Self::Bert | Self::DistilBert | Self::DebertaV2 | Self::Mpnet, "unk_token") => Some("[UNK]"),
            (Self::Bert | Self::DistilBert | Self::DebertaV2 | Self::Albert, "bos_token" | "cls_token") => {
                Some("[CLS]")
            }
            (Self::Bert | Self::DistilBert | Self::DebertaV2 | Self::Albert, "eos_token" | "sep_token") => {
                Some("[SEP]")
            }
            (Self::Bert | Self::DistilBert | Self::DebertaV2 | Self::Albert, "mask_token") => Some("[MASK]"),
            (_, "bos_token" | "cls_token") => Some("<s>"),
            (_, "eos_token" | "sep_token") => Some("</s>"),
            (_, "unk_token") => Some("<unk>"),
            (_, "pad_token") => Some("<pad>"),
            (_, "mask_token") => Some("<mask>"),
            _ => None,
        }
    }

    /// Special tokens beyond the named ones, if tokenizer_config.json does not list them.
    pub(crate) fn extra_tokens(self) -> &'static [&'static str] {
        if self == Self::Camembert { &["<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"] } else { &[] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_name_the_class_or_else_the_model_does() {
        assert_eq!(Class::choose(Some("XLMRobertaTokenizerFast"), Some("bert")), Some(Class::XlmRoberta));
        assert_eq!(Class::choose(None, Some("distilbert")), Some(Class::Bert));
        assert_eq!(Class::choose(Some("PreTrainedTokenizerFast"), Some("bert")), None);
        assert_eq!(Class::choose(Some("BertTokenizer"), Some("modernbert")), None);
        assert_eq!(Class::choose(Some("BertTokenizer"), Some("deberta-v2")), Some(Class::Bert));
        assert_eq!(Class::choose(None, Some("deberta-v2")), Some(Class::DebertaV2));
        assert_eq!(Class::choose(Some("RobertaTokenizer"), None), Some(Class::Roberta));
        assert_eq!(Class::choose(None, None), None);
        let qwen2 = Some(Class::Decoder(Decoder::Qwen2));
        assert_eq!(Class::choose(Some("PreTrainedTokenizerFast"), Some("qwen2")), qwen2);
        assert_eq!(Class::choose(Some("PreTrainedTokenizerFast"), Some("qwen3")), None);
        assert_eq!(Class::choose(None, Some("qwen3")), qwen2);
    }

    #[test]
    fn token_types() {
        assert!(Class::has_token_types(Some("BertTokenizerFast"), None));
        assert!(Class::has_token_types(None, Some("electra")));
        assert!(Class::has_token_types(Some("DebertaV2Tokenizer"), Some("deberta-v2")));
        assert!(!Class::has_token_types(Some("DistilBertTokenizer"), Some("distilbert")));
        assert!(!Class::has_token_types(Some("PreTrainedTokenizerFast"), Some("bert")));
        assert!(!Class::has_token_types(Some("AlbertTokenizer"), None));
    }

    #[test]
    fn special_tokens_of_the_classes() {
        assert_eq!(Class::Mpnet.default_token("unk_token"), Some("[UNK]"));
        assert_eq!(Class::Mpnet.default_token("cls_token"), Some("<s>"));
        assert_eq!(Class::Albert.default_token("pad_token"), Some("<pad>"));
        assert_eq!(Class::Albert.default_token("unk_token"), Some("<unk>"));
        assert_eq!(Class::Bert.default_token("bos_token"), None);
        assert_eq!(Class::Roberta.default_token("other_token"), None);
    }
}
