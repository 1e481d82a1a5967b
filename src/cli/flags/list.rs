//! Values for several models: a flag repeated, or values separated by `;`, as Infinity has it.

use clap::builder::{TypedValueParser, ValueParser};

/// The values of one occurrence of a flag. An empty value (`a;;c`) leaves a model to the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(pub Vec<Option<T>>);

/// Reads a [`List`] of what `read` reads.
pub(crate) fn list<T, E>(read: fn(&str) -> Result<T, E>) -> ValueParser
where
    T: Clone + Send + Sync + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    let parse = move |text: &str| -> Result<List<T>, Box<dyn std::error::Error + Send + Sync>> {
        // The last semicolon of "a;b;" ends the list.
        let items = text.strip_suffix(';').unwrap_or(text).split(';').map(str::trim);
        let item = |item: &str| if item.is_empty() { Ok(None) } else { read(item).map(Some).map_err(Into::into) };
        Ok(List(items.map(item).collect::<Result<_, _>>()?))
    };
    clap::builder::StringValueParser::new().try_map(move |text: String| parse(&text)).into()
}

/// The values of a flag, one for each of `models` models: a single value counts for all.
///
/// # Errors
/// The number of values, if it is neither one nor that of the models.
pub(crate) fn one_per_model<T: Clone>(lists: Vec<List<T>>, models: usize) -> Result<Vec<Option<T>>, usize> {
    let mut values: Vec<Option<T>> = lists.into_iter().flat_map(|list| list.0).collect();
    match values.len() {
        0 => Ok(vec![None; models]),
        1 => Ok(vec![values.remove(0); models]),
        n if n == models => Ok(values),
        n => Err(n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &[&str]) -> Vec<List<String>> {
        let list = |value: &&str| List(value.split(';').map(|v| Some(v.to_owned())).collect());
        values.iter().map(list).collect()
    }

    #[test]
    fn values_fit_the_models_or_there_is_one_for_all() {
        let some = |names: &[&str]| names.iter().map(|&name| Some(name.to_owned())).collect::<Vec<_>>();
        assert_eq!(one_per_model(texts(&["a;b", "c"]), 3), Ok(some(&["a", "b", "c"])));
        assert_eq!(one_per_model(texts(&["a"]), 3), Ok(some(&["a", "a", "a"])));
        assert_eq!(one_per_model(texts(&[]), 2), Ok(vec![None, None]));
        assert_eq!(one_per_model(texts(&["a;b"]), 3), Err(2));
        assert_eq!(one_per_model(texts(&["a;b"]), 1), Err(2));
    }
}
