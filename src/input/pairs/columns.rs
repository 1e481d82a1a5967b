//! The fields of a row that hold its texts, its score and its split.

use super::options::PairOptions;

/// Names of the first text, each with the second's at the same place in [`SECOND`]: those of the STS benchmark and of GLUE,
/// of SICK, and of common collections of pairs.
pub(super) const FIRST: [&str; 7] = ["sentence1", "sentence_a", "sentence_1", "text1", "text_a", "s1", "premise"];
/// Names of the second text.
pub(super) const SECOND: [&str; 7] = ["sentence2", "sentence_b", "sentence_2", "text2", "text_b", "s2", "hypothesis"];
/// Names of the score. `label` is GLUE's, `relatedness_score` SICK's.
pub(super) const SCORE: [&str; 7] =
    ["score", "similarity_score", "relatedness_score", "similarity", "gold_score", "gold", "label"];
/// The name of the split.
const SPLIT: &str = "split";

/// The indices of the fields among the names of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    pub first: Column,
    pub second: Column,
    pub score: Column,
    pub split: Option<Column>,
}

/// The column that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lacking {
    pub message: String,
    /// Its name and the flag that names it, where the user did.
    pub named: Option<(String, &'static str)>,
}

impl From<&str> for Lacking {
    fn from(message: &str) -> Self {
        Self { message: message.to_owned(), named: None }
    }
}

/// A field or column that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub index: usize,
    pub name: String,
}

impl Columns {
    /// Finds the columns among `names`, or returns the missing one. Names given by the user are matched exactly, usual
    /// names in any case. Of equal names the first counts.
    pub(crate) fn of(names: &[&str], options: &PairOptions) -> Result<Self, Lacking> {
        let column = |index: usize| Column { index, name: names[index].to_owned() };
        let exact = |wanted: &str| names.iter().position(|name| *name == wanted);
        let usual = |wanted: &str| exact(wanted).or_else(|| names.iter().position(|n| n.eq_ignore_ascii_case(wanted)));
        let given = |wanted: &Option<String>, flag| match wanted {
            None => Ok(None),
            Some(name) => exact(name).map(Some).ok_or_else(|| Lacking {
                message: format!("there is no column {name:?}"),
                named: Some((name.clone(), flag)),
            }),
        };
        let (first, second) = match (given(&options.first, "--field")?, given(&options.second, "--pair-field")?) {
            (Some(first), Some(second)) => (first, second),
            (Some(first), None) => {
                let second = SECOND.iter().find_map(|name| usual(name)).filter(|second| *second != first);
                (first, second.ok_or("there is no column with a second text")?)
            }
            (None, Some(second)) => {
                let first = FIRST.iter().find_map(|name| usual(name)).filter(|first| *first != second);
                (first.ok_or("there is no column with a first text")?, second)
            }
            (None, None) => {
                let mut both = FIRST.iter().zip(SECOND);
                let both = both.find_map(|(first, second)| usual(first).zip(usual(second)));
                both.ok_or("there are no columns with two texts")?
            }
        };
        let score = given(&options.score, "--score-field")?.or_else(|| SCORE.iter().find_map(|name| usual(name)));
        let score = column(score.ok_or("there is no column with a score")?);
        Ok(Self { first: column(first), second: column(second), score, split: usual(SPLIT).map(column) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(names: &[&str], given: [&str; 3]) -> Result<[usize; 3], String> {
        let [first, second, score] = given.map(|name| (!name.is_empty()).then(|| name.to_owned()));
        let options = PairOptions { first, second, score, split: None };
        let columns = Columns::of(names, &options).map_err(|lacking| lacking.message)?;
        Ok([columns.first.index, columns.second.index, columns.score.index])
    }

    #[test]
    fn usual_names_are_found() {
        for names in [
            &["sentence1", "sentence2", "score"][..],
            &["sentence1", "sentence2", "label", "idx"],
            &["sentence_A", "sentence_B", "relatedness_score", "entailment_label"],
            &["text1", "text2", "similarity_score"],
            &["Text_A", "TEXT_B", "Gold"],
            &["s1", "s2", "similarity", "gold"],
            &["premise", "hypothesis", "score", "label"],
        ] {
            assert_eq!(find(names, [""; 3]), Ok([0, 1, 2]), "{names:?}");
        }
        let glue = ["split", "genre", "dataset", "year", "sid", "score", "sentence1", "sentence2"];
        assert_eq!(find(&glue, [""; 3]), Ok([6, 7, 5]));
        // Of two families the first, and never one text of each.
        assert_eq!(find(&["text1", "sentence2", "sentence1", "text2", "score"], [""; 3]), Ok([2, 1, 4]));
        assert!(find(&["sentence1", "text2", "score"], [""; 3]).is_err());
    }

    #[test]
    fn names_that_are_given_win() {
        let names = ["sentence1", "sentence2", "score", "question", "answer", "grade"];
        assert_eq!(find(&names, ["question", "answer", "grade"]), Ok([3, 4, 5]));
        assert_eq!(find(&names, ["question", "", ""]), Ok([3, 1, 2]));
        assert_eq!(find(&names, ["", "answer", ""]), Ok([0, 4, 2]));
        assert_eq!(find(&names, ["", "", "grade"]), Ok([0, 1, 5]));
        assert_eq!(find(&names, ["Question", "", ""]), Err("there is no column \"Question\"".into()));
        assert_eq!(find(&names, ["sentence2", "", ""]), Err("there is no column with a second text".into()));
        assert_eq!(find(&["a", "b", "score"], ["", "b", ""]), Err("there is no column with a first text".into()));
        assert_eq!(find(&["s1", "s2"], [""; 3]), Err("there is no column with a score".into()));
    }
}
