//! The tokenizer classes of decoders: BPE, with the post-processor that tokenizer.json has.
//!
//! References: `tokenization_qwen2.py`, `tokenization_gemma.py` and `tokenization_llama.py` of `transformers` 5.

use serde_json::Value as Json;
use tokenizers::decoders::DecoderWrapper;
use tokenizers::decoders::byte_fallback::ByteFallback;
use tokenizers::decoders::fuse::Fuse;
use tokenizers::decoders::sequence::Sequence;
use tokenizers::decoders::strip::Strip;
use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::{NFC, NormalizerWrapper, Replace};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::pre_tokenizers::sequence::Sequence as PreTokenizers;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{ModelWrapper, SplitDelimiterBehavior};

use super::file::Model;

/// A decoder's tokenizer class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decoder {
    Gemma,
    Llama,
    Qwen2,
}

/// Words, single digits, runs of punctuation, white space.
const QWEN2_WORDS: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|",
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

impl Decoder {
    /// The special token of that name, if tokenizer_config.json does not set it.
    pub(crate) fn default_token(self, name: &str) -> Option<&'static str> {
        match (self, name) {
            (Self::Qwen2, "unk_token" | "eos_token" | "pad_token") => Some("<|endoftext|>"),
            (Self::Gemma | Self::Llama, "unk_token") => Some("<unk>"),
            (Self::Gemma, "bos_token") => Some("<bos>"),
            (Self::Gemma, "eos_token") => Some("<eos>"),
            (Self::Gemma, "pad_token") => Some("<pad>"),
            (Self::Gemma, "mask_token") => Some("<mask>"),
            (Self::Llama, "bos_token") => Some("<s>"),
            (Self::Llama, "eos_token") => Some("</s>"),
            _ => None,
        }
    }

    /// The model over the file's vocabulary and merges.
    pub(crate) fn model(self, file: Model, unk: &str) -> Result<ModelWrapper, String> {
        let merges = file.merges()?;
        let mut model = BPE::builder().vocab_and_merges(file.vocab.into_ids(), merges);
        if self != Self::Qwen2 {
            model = model.fuse_unk(true).byte_fallback(true);
        }
        if self == Self::Gemma {
            model = model.unk_token(unk.to_owned());
        }
        Ok(model.build().map_err(|e| e.to_string())?.into())
    }

    pub(crate) fn normalizer(self) -> Result<Option<NormalizerWrapper>, String> {
        Ok(match self {
            Self::Qwen2 => Some(NFC.into()),
            Self::Gemma => Some(Replace::new(" ", "▁").map_err(|e| e.to_string())?.into()),
            Self::Llama => None,
        })
    }

    pub(crate) fn pre_tokenizer(self, config: &Json) -> Result<PreTokenizerWrapper, String> {
        let flag = |key: &str| config.get(key).and_then(Json::as_bool);
        let split = |pattern, behavior| Split::new(pattern, behavior, false).map_err(|e| e.to_string());
        Ok(match self {
            Self::Qwen2 => {
                let pattern = SplitPattern::Regex(QWEN2_WORDS.into());
                let words = split(pattern, SplitDelimiterBehavior::Isolated)?;
                let bytes = ByteLevel::new(flag("add_prefix_space").unwrap_or(false), true, false);
                PreTokenizers::new(vec![words.into(), bytes.into()]).into()
            }
            Self::Gemma => split(SplitPattern::String(" ".into()), SplitDelimiterBehavior::MergedWithPrevious)?.into(),
            Self::Llama => {
                let scheme = match (flag("add_prefix_space"), flag("legacy")) {
                    (Some(false), _) => PrependScheme::Never,
                    (_, Some(true)) => PrependScheme::Always,
                    _ => PrependScheme::First,
                };
                Metaspace::new('▁', scheme, false).into()
            }
        })
    }

    pub(crate) fn decoder(self, config: &Json) -> Result<DecoderWrapper, String> {
        let space = || Replace::new("▁", " ").map_err(|e| e.to_string());
        Ok(match self {
            Self::Qwen2 => ByteLevel::default().into(),
            Self::Gemma => Sequence::new(vec![space()?.into(), ByteFallback::new().into(), Fuse::new().into()]).into(),
            Self::Llama => {
                let mut steps = vec![space()?.into(), ByteFallback::new().into(), Fuse::new().into()];
                // A text's first token has a space before it that was never in the text.
                if config.get("add_prefix_space").and_then(Json::as_bool).unwrap_or(true) {
                    steps.push(Strip::new(' ', 1, 0).into());
                }
                Sequence::new(steps).into()
            }
        })
    }
}
