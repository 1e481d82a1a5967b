//! Rebuilds a tokenizer as its class in `transformers` 5 does.
//!
//! Such a class reads only the vocabulary from tokenizer.json (and for BPE the merges, for SentencePiece the character
//! map): normaliser, pre-tokeniser and post-processor come from tokenizer_config.json, and tokenizer.json's are
//! ignored. Reference: the `__init__` of each class in `models/*/tokenization_*.py`.

use serde_json::Value as Json;
use tokenizers::decoders::DecoderWrapper;
use tokenizers::decoders::wordpiece::WordPiece;
use tokenizers::models::bpe::BPE;
use tokenizers::models::unigram::Unigram;
use tokenizers::models::wordpiece::WordPiece as WordPieceModel;
use tokenizers::normalizers::replace::ReplacePattern;
use tokenizers::normalizers::{
    BertNormalizer, Lowercase, NFC, NFKD, NormalizerWrapper, Precompiled, Replace, Sequence, Strip, StripAccents,
};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::pre_tokenizers::punctuation::Punctuation;
use tokenizers::pre_tokenizers::sequence::Sequence as PreTokenizers;
use tokenizers::pre_tokenizers::whitespace::WhitespaceSplit;
use tokenizers::processors::PostProcessorWrapper;
use tokenizers::processors::roberta::RobertaProcessing;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{ModelWrapper, SplitDelimiterBehavior, Tokenizer};

use super::added::SpecialTokens;
use super::class::Class;
use super::decoder::Decoder;
use super::file::{File, Model};

/// The tokenizer of `class`; `config` is tokenizer_config.json.
pub(crate) fn rebuild(class: Class, file: File, config: &Json, tokens: SpecialTokens) -> Result<Tokenizer, String> {
    let model = model(class, file.model, config, tokens.named("unk_token"))?;
    let mut built = Tokenizer::new(model);
    let normalizer = normalizer(class, &file.normalizer, config)?;
    built.with_normalizer(normalizer).map_err(|e| e.to_string())?;
    built.with_pre_tokenizer(Some(pre_tokenizer(class, config)?));

    let names = ["cls_token", "sep_token", "bos_token", "eos_token"];
    let texts = names.map(|name| tokens.named(name).to_owned());
    // This class adds its special tokens a second time, which resets their other settings.
    let again = if class == Class::Decoder(Decoder::Qwen2) { tokens.plain() } else { Vec::new() };
    for added in [tokens.in_order(), again] {
        built.add_tokens(added).map_err(|e| e.to_string())?;
    }
    let [cls, sep, bos, eos] = texts.map(|text| built.token_to_id(&text).map(|id| (text, id)));
    let saved = || -> Result<Option<PostProcessorWrapper>, String> {
        serde_json::from_value(file.post_processor).map_err(|e| format!("post_processor: {e}"))
    };
    let post_processor = match class {
        Class::Bert | Class::DistilBert | Class::DebertaV2 => Some(template(cls, sep, 1, 1)?),
        Class::Mpnet | Class::Roberta => {
            let prefix_space = class == Class::Mpnet || prefix_space(config).unwrap_or(false);
            let processing = RobertaProcessing::new(sep.ok_or(NO_SEP)?, cls.ok_or(NO_CLS)?);
            Some(processing.add_prefix_space(prefix_space).into())
        }
        Class::XlmRoberta | Class::Camembert => Some(template(bos, eos, 2, 0)?),
        Class::Decoder(_) => saved()?,
        Class::Albert => match saved()? {
            None => Some(template(cls, sep, 1, 1)?),
            saved => saved,
        },
    };
    built.with_post_processor(post_processor);
    built.with_decoder(Some(decoder(class, config)?));
    Ok(built)
}

const NO_CLS: &str = "the token that opens a text is not in the vocabulary";
const NO_SEP: &str = "the token that closes a text is not in the vocabulary";

/// The model over the file's vocabulary.
fn model(class: Class, file: Model, config: &Json, unk: &str) -> Result<ModelWrapper, String> {
    let built: Result<ModelWrapper, _> = match class {
        Class::Bert | Class::DistilBert | Class::Mpnet => {
            WordPieceModel::builder().vocab(file.vocab.into_ids()).unk_token(unk.to_owned()).build().map(Into::into)
        }
        Class::Roberta => {
            let merges = file.merges()?;
            BPE::builder().vocab_and_merges(file.vocab.into_ids(), merges).build().map(Into::into)
        }
        Class::Decoder(decoder) => return decoder.model(file, unk),
        Class::XlmRoberta | Class::Camembert | Class::Albert | Class::DebertaV2 => {
            let scores = file.vocab.into_scores()?;
            let unk_id = match class {
                Class::XlmRoberta => 3,
                Class::Albert => 1,
                Class::DebertaV2 => {
                    let saved = config.get("unk_id").and_then(Json::as_u64).and_then(|id| usize::try_from(id).ok());
                    scores.iter().position(|(token, score)| token == unk && *score == 0.0).or(saved).unwrap_or(1)
                }
                _ => scores.iter().position(|(token, _)| token == unk).unwrap_or(0),
            };
            Unigram::from(scores, Some(unk_id), false).map(Into::into)
        }
    };
    built.map_err(|e| e.to_string())
}

/// The normaliser; `saved` is that of tokenizer.json.
fn normalizer(class: Class, saved: &Json, config: &Json) -> Result<Option<NormalizerWrapper>, String> {
    let flag = |key: &str| config.get(key).and_then(Json::as_bool);
    match class {
        Class::Roberta => Ok(None),
        Class::Decoder(decoder) => decoder.normalizer(),
        Class::Bert | Class::DistilBert | Class::Mpnet => {
            let chinese = flag("tokenize_chinese_chars").unwrap_or(true);
            let lowercase = flag("do_lower_case").unwrap_or(true);
            Ok(Some(BertNormalizer::new(true, chinese, flag("strip_accents"), lowercase).into()))
        }
        Class::XlmRoberta | Class::Camembert => character_map(saved),
        Class::DebertaV2 => {
            let white = ReplacePattern::Regex(r"\s{2,}|[\n\r\t]".into());
            let mut steps: Vec<NormalizerWrapper> = Vec::new();
            if flag("do_lower_case").unwrap_or(false) {
                steps.push(Lowercase.into());
            }
            steps.push(Replace::new(white, " ").map_err(|e| e.to_string())?.into());
            steps.extend([NormalizerWrapper::from(NFC), Strip::new(false, true).into()]);
            Ok(Some(Sequence::new(steps).into()))
        }
        Class::Albert => {
            let quotes = |from: &str| Replace::new(from, "\"").map_err(|e| e.to_string());
            let mut steps: Vec<NormalizerWrapper> = vec![quotes("``")?.into(), quotes("''")?.into()];
            if !flag("keep_accents").unwrap_or(false) {
                steps.extend([NormalizerWrapper::from(NFKD), StripAccents.into()]);
            }
            if flag("do_lower_case").unwrap_or(true) {
                steps.push(Lowercase.into());
            }
            steps.extend(character_map(saved)?);
            Ok(Some(Sequence::new(steps).into()))
        }
    }
}

/// SentencePiece's own normalisation: the one part of the file's normaliser that the classes keep.
fn character_map(saved: &Json) -> Result<Option<NormalizerWrapper>, String> {
    let steps = saved.get("normalizers").and_then(Json::as_array);
    let steps = steps.map_or(std::slice::from_ref(saved), Vec::as_slice);
    let map = steps.iter().find(|step| step.get("type").is_some_and(|kind| kind == "Precompiled"));
    // From text, as the map is only read where it can be borrowed.
    let read = |step: &Json| serde_json::from_str::<Precompiled>(&step.to_string()).map_err(|e| e.to_string());
    Ok(map.map(read).transpose()?.map(Into::into))
}

fn prefix_space(config: &Json) -> Option<bool> {
    config.get("add_prefix_space").and_then(Json::as_bool)
}

fn decoder(class: Class, config: &Json) -> Result<DecoderWrapper, String> {
    Ok(match class {
        Class::Decoder(decoder) => decoder.decoder(config)?,
        Class::Bert | Class::DistilBert | Class::Mpnet => WordPiece::new("##".into(), true).into(),
        Class::Roberta => ByteLevel::default().into(),
        Class::XlmRoberta | Class::Camembert | Class::Albert | Class::DebertaV2 => {
            let scheme = match (prefix_space(config), class) {
                (Some(true) | None, _) => PrependScheme::Always,
                (Some(false), Class::DebertaV2) => PrependScheme::First,
                (Some(false), _) => PrependScheme::Never,
            };
            Metaspace::new('▁', scheme, true).into()
        }
    })
}

fn pre_tokenizer(class: Class, config: &Json) -> Result<PreTokenizerWrapper, String> {
    let prefix_space = prefix_space(config);
    Ok(match class {
        Class::Decoder(decoder) => decoder.pre_tokenizer(config)?,
        Class::Bert | Class::DistilBert | Class::Mpnet => BertPreTokenizer.into(),
        Class::Roberta => ByteLevel::new(prefix_space.unwrap_or(false), true, true).into(),
        Class::XlmRoberta | Class::Camembert | Class::Albert => {
            let scheme = if prefix_space.unwrap_or(true) { PrependScheme::Always } else { PrependScheme::Never };
            PreTokenizers::new(vec![WhitespaceSplit.into(), Metaspace::new('▁', scheme, true).into()]).into()
        }
        Class::DebertaV2 => {
            let scheme = if prefix_space.unwrap_or(true) { PrependScheme::Always } else { PrependScheme::First };
            let mut steps: Vec<PreTokenizerWrapper> = Vec::new();
            if config.get("split_by_punct").and_then(Json::as_bool).unwrap_or(false) {
                steps.push(Punctuation::new(SplitDelimiterBehavior::Isolated).into());
            }
            steps.push(Metaspace::new('▁', scheme, true).into());
            PreTokenizers::new(steps).into()
        }
    })
}

/// `open A close`, and for a pair `open A close … B close` with `between` closing tokens between the texts and `type_b`
/// for the token type of the second.
fn template(
    open: Option<(String, u32)>,
    close: Option<(String, u32)>,
    between: usize,
    type_b: u32,
) -> Result<PostProcessorWrapper, String> {
    let (open, close) = (open.ok_or(NO_CLS)?, close.ok_or(NO_SEP)?);
    let (before, after) = (format!("{}:0", open.0), format!("{}:0", close.0));
    let single = vec![before.clone(), "$A:0".into(), after.clone()];
    let mut pair = vec![before, "$A:0".into()];
    pair.extend(std::iter::repeat_n(after, between));
    pair.extend([format!("$B:{type_b}"), format!("{}:{type_b}", close.0)]);
    let mut builder = TemplateProcessing::builder();
    builder.try_single(single).map_err(|e| e.to_string())?;
    builder.try_pair(pair).map_err(|e| e.to_string())?;
    let tokens = if open.0 == close.0 { vec![open] } else { vec![open, close] };
    Ok(builder.special_tokens(tokens).build().map_err(|e| e.to_string())?.into())
}
