//! The forms of inputs that an output is computed of: single texts, ids, pairs.

use std::sync::Arc;

use super::api::{EngineInfo, Input, OutputKind, Outputs, SubmitError};

/// Checks that an engine that was opened for one output computes `outputs` of `inputs`.
///
/// # Errors
/// [`SubmitError::Unsupported`], without the name of the model: a server must not disclose a path.
pub(super) fn check(info: &EngineInfo, outputs: Outputs, inputs: &[Input]) -> Result<(), SubmitError> {
    if outputs != info.output.into() {
        return Err(SubmitError::Unsupported(format!("this model gives no {}", outputs.names())));
    }
    // Only models of this process read ids.
    let ids = info.local.is_some();
    let (fits, takes): (fn(&Input, bool) -> bool, _) = match info.output {
        OutputKind::Logits => (|_, _| true, ""),
        OutputKind::Score => (|input, _| matches!(input, Input::Pair(..)), "scores pairs of texts alone"),
        OutputKind::Labels => (|input, ids| ids || !matches!(input, Input::Ids(_)), "labels texts and pairs alone"),
        OutputKind::Embedding | OutputKind::Sparse | OutputKind::TokenVectors | OutputKind::HiddenStates => (
            |input, ids| matches!(input, Input::Text(_)) || (ids && matches!(input, Input::Ids(_))),
            "embeds single texts alone, no pairs",
        ),
    };
    match inputs.iter().all(|input| fits(input, ids)) {
        true => Ok(()),
        false => Err(SubmitError::Unsupported(format!("this model {takes}"))),
    }
}

/// True if two inputs are pairs with the same query.
pub(super) fn share_the_query(a: &Input, b: &Input) -> bool {
    matches!((a, b), (Input::Pair(a, _), Input::Pair(b, _)) if Arc::ptr_eq(a, b))
}

/// The query and the documents of pairs that share it.
///
/// # Errors
/// Some input is not a pair: [`check`] refuses these before.
pub(super) fn query_and_documents(pairs: &[Input]) -> Result<(&str, Vec<&str>), SubmitError> {
    let parts = pairs.iter().map(|input| match input {
        Input::Pair(query, document) => Ok((&**query, document.as_str())),
        Input::Text(_) | Input::Ids(_) => Err(not_a("pair")),
    });
    let parts: Vec<(&str, &str)> = parts.collect::<Result<_, _>>()?;
    Ok((parts.first().map_or("", |(query, _)| query), parts.iter().map(|(_, document)| *document).collect()))
}

/// The texts of inputs that are single texts.
///
/// # Errors
/// Some input is not a text: [`check`] refuses these before.
pub(super) fn texts(inputs: &[Input]) -> Result<Vec<&str>, SubmitError> {
    let texts = inputs.iter().map(|input| match input {
        Input::Text(text) => Ok(text.as_str()),
        Input::Ids(_) | Input::Pair(..) => Err(not_a("text")),
    });
    texts.collect()
}

/// The error of an input that [`check`] let through: left out, it would shift the results of those after it.
fn not_a(form: &str) -> SubmitError {
    SubmitError::Failed(format!("an input is not a {form}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_of_another_form_are_refused() {
        let info = |output| EngineInfo { model: "m".into(), output, dimensions: Some(1), scoring: None, local: None };
        let refused = |output: OutputKind, requested: OutputKind, inputs: &[Input]| {
            check(&info(output), requested.into(), inputs).err().map(|error| error.to_string())
        };
        let (text, pair, ids) = (Input::from("a"), Input::Pair("q".into(), "d".into()), Input::Ids(vec![1]));
        assert_eq!(refused(OutputKind::Embedding, OutputKind::Embedding, std::slice::from_ref(&text)), None);
        assert_eq!(refused(OutputKind::Score, OutputKind::Score, std::slice::from_ref(&pair)), None);
        assert_eq!(refused(OutputKind::Labels, OutputKind::Labels, &[text.clone(), pair.clone()]), None);
        let other = refused(OutputKind::Embedding, OutputKind::Sparse, std::slice::from_ref(&text));
        assert_eq!(other.as_deref(), Some("this model gives no sparse vectors"));
        for (output, input) in
            [(OutputKind::Embedding, &pair), (OutputKind::Embedding, &ids), (OutputKind::Score, &text)]
        {
            assert!(refused(output, output, std::slice::from_ref(input)).is_some(), "{output:?} {input:?}");
        }
        let shared = [pair.clone(), pair.clone()];
        assert!(share_the_query(&shared[0], &shared[1]) && !share_the_query(&pair, &text));
        assert_eq!(query_and_documents(&shared).unwrap(), ("q", vec!["d", "d"]));
        // None is left out.
        assert!(query_and_documents(&[pair.clone(), text.clone()]).is_err() && texts(&[text, pair]).is_err());
    }
}
