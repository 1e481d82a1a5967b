//! Counts with their noun ("1 input", "2 inputs"), and names in a row.

/// `count` and the noun, in the plural where it is not one.
pub(crate) fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    // Larger counts are plural, too.
    let count = count.try_into().unwrap_or(u64::MAX);
    if count == 1 { format!("1 {noun}") } else { format!("{count} {}", plural(noun)) }
}

/// The plural of a regular noun; the last word of several is the noun.
pub(crate) fn plural(noun: &str) -> String {
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{noun}s"),
    }
}

/// Names with commas, and `word` before the last: "a, b and c".
pub(crate) fn series<'n>(names: impl IntoIterator<Item = &'n str>, word: &str) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} {word} {last}", before.join(", ")),
        _ => names.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_many() {
        let cases = [(0, "0 inputs"), (1, "1 input"), (2, "2 inputs")];
        cases.into_iter().for_each(|(count, text)| assert_eq!(counted(count, "input"), text));
        assert_eq!(counted(3_usize, "query"), "3 queries");
        assert_eq!(counted(2_u32, "key"), "2 keys");
        assert_eq!(counted(1_u64, "more input"), "1 more input");
        assert_eq!(counted(2_u64, "more input"), "2 more inputs");
    }

    #[test]
    fn a_series_ends_with_a_word() {
        assert_eq!(series(["a", "b", "c"], "and"), "a, b and c");
        assert_eq!(series(["a", "b"], "or"), "a or b");
        assert_eq!((series(["a"], "or"), series([], "or")), ("a".into(), String::new()));
    }
}
