//! Suggestions for unknown names: "did you mean …?".

/// The lowest similarity of a suggestion (Jaro and Winkler's, 0 to 1).
pub(crate) const MIN_SIMILARITY: f64 = 0.7;

/// The one of `known` that is most similar to `name`, capitals aside, if one is similar enough.
pub(crate) fn suggest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    suggest_by(name, known.into_iter().map(|known| (known.to_owned(), known)), MIN_SIMILARITY)
}

/// The value of the candidate whose text is most similar to `name`, capitals aside, if its similarity is at least
/// `min_similarity`.
pub(crate) fn suggest_by<T>(
    name: &str,
    candidates: impl IntoIterator<Item = (String, T)>,
    min_similarity: f64,
) -> Option<T> {
    let name = name.to_ascii_lowercase();
    let scored = candidates.into_iter().map(|(text, value)| {
        let similarity = strsim::jaro_winkler(&name, &text.to_ascii_lowercase());
        (similarity, value)
    });
    let similar = scored.filter(|(similarity, _)| *similarity >= min_similarity);
    similar.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_similar_name_is_suggested() {
        let known = ["infinity", "onnx", "openvino"];
        assert_eq!(suggest("infinty", known), Some("infinity"));
        assert_eq!(suggest("OpenVIN", known), Some("openvino"));
        assert_eq!(suggest("xyz", known), None);
        assert_eq!(suggest("", known), None);
        assert_eq!(suggest("onnx", []), None);
        assert_eq!(suggest_by("onyx", [("ONNX".to_owned(), 1), ("other".to_owned(), 2)], 0.8), Some(1));
        assert_eq!(suggest_by("onyx", [("ONNX".to_owned(), 1)], 0.99), None);
    }
}
