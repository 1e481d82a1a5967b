//! Checks that a model, an output and options fit together.

use crate::engine::local::token_vectors;
use crate::engine::{EngineError, OutputKind, TextOptions};
use crate::model::task::Task;
use crate::model::{Model, ModelError, Setting, SettingError};

/// Says so when a model gives other things than a vector a text.
pub(super) fn refuse_other_outputs(model: &Model) -> Result<(), ModelError> {
    let (what, value) = if model.sentence.splade.is_some() {
        ("sparse vectors (SPLADE)", "sparse")
    } else if token_vectors::only(model) {
        ("a vector for every token (late interaction)", "colbert")
    } else {
        return Ok(());
    };
    let error = SettingError::new(Setting::OutputType, format!("{} gives {what}", model.name));
    Err(error.value("dense").hint(format!("use --output-type {value}")).into())
}

/// Checks that the model has this output. With a pooling that the user names, any encoder gives vectors.
pub(crate) fn check_task(model: &Model, output: OutputKind, text: &TextOptions) -> Result<(), EngineError> {
    let other = matches!(model.task, Task::CrossEncoder(_) | Task::Classifier { .. } | Task::Other(_));
    match output {
        OutputKind::Embedding if other && text.pooling.is_none() => {
            Err(EngineError::wrong_task(model, "it was not trained to turn texts into vectors"))
        }
        OutputKind::Logits if matches!(model.task, Task::Embedding | Task::MaskedLanguageModel | Task::Other(_)) => {
            Err(EngineError::wrong_task(model, "it has no classification head"))
        }
        _ => Ok(()),
    }
}

/// Refuses settings that only mean something for a vector a text.
pub(super) fn refuse_vector_settings(text: &TextOptions, output: OutputKind) -> Result<(), SettingError> {
    let settings = [
        (Setting::Pooling, text.pooling.is_some()),
        (Setting::Dimensions, text.dimensions.is_some()),
        (Setting::Normalize, text.normalize == Some(true)),
        (Setting::Unscaled, text.normalize == Some(false)),
    ];
    match settings.into_iter().find(|&(_, given)| given) {
        Some((setting, _)) => Err(SettingError::new(setting, format!("it means nothing for {}", output.noun()))),
        None => Ok(()),
    }
}

/// The length of the model's files, where it is below the `most` that its positions allow.
fn advised_length(model: &Model, most: usize) -> String {
    match model.sentence.max_seq_length {
        Some(length) if length < most => format!(" (its files advise {length})"),
        _ => String::new(),
    }
}

/// Longest text in tokens: the user's value if the model allows it, else that of the model's files.
///
/// # Errors
/// [`ModelError::Setting`] if the user's value does not fit or the length is unknown, [`ModelError::Config`] if no text
/// fits.
pub(crate) fn max_length(
    model: &Model,
    output: OutputKind,
    value: Option<usize>,
    positions: Option<usize>,
) -> Result<usize, ModelError> {
    let least = match output {
        OutputKind::Logits => model.tokenizer.specials().max(model.tokenizer.pair_specials()) + 1,
        _ => model.tokenizer.specials() + 1,
    };
    if let Some(value) = value {
        let most = positions.unwrap_or(usize::MAX);
        if value < least || value > most {
            let reason = format!(
                "{value} is not between {least} and {most} tokens, which is what the model has positions for{}",
                advised_length(model, most)
            );
            return Err(SettingError::new(Setting::MaxLength, reason).into());
        }
        return Ok(value);
    }
    let advised = [model.tokenizer.model_max_length, model.max_position_embeddings()].into_iter().flatten().min();
    let usual = model.sentence.max_seq_length.or(advised);
    let length = match (usual, positions) {
        (Some(usual), Some(most)) if usual > most => {
            if model.sentence.max_seq_length.is_some() {
                tracing::warn!("{}: max_seq_length {usual} is cut to the model's {most} positions", model.name);
            }
            most
        }
        (Some(length), _) | (None, Some(length)) => length,
        (None, None) => {
            let reason = "must be given, as the model's files do not say how long a text may be";
            return Err(SettingError::new(Setting::MaxLength, reason).into());
        }
    };
    if length < least {
        let reason = format!("texts of {length} tokens, special tokens included, are too little for any text");
        return Err(ModelError::Config { path: model.dir.clone(), reason });
    }
    Ok(length)
}
