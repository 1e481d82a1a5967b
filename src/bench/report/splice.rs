//! Tables in documents: the part between two comments is replaced.

/// The beginning of both comments around a table.
const COMMENT: &str = "<!-- infa bench";
/// The comment below a table.
const END: &str = "<!-- infa bench end -->";

/// Reasons that a table cannot be put into a document. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SpliceError {
    #[error("there is no line {marker}{}", others(.found))]
    Missing {
        marker: String,
        /// The other comments of the document.
        found: Vec<String>,
    },
    #[error("line {second} has {marker} again, as line {first}")]
    Twice { marker: String, first: usize, second: usize },
    #[error("nothing ends {marker} of line {line}")]
    NoEnd { marker: String, line: usize },
}

impl SpliceError {
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Missing { .. } => format!("write it where the table shall be, and {END} on a line below it"),
            Self::Twice { .. } => "give one of them another name: <!-- infa bench: NAME -->".into(),
            Self::NoEnd { .. } => format!("write {END} on a line of its own below it"),
        }
    }
}

fn others(found: &[String]) -> String {
    if found.is_empty() { String::new() } else { format!(", only {}", found.join(", ")) }
}

/// The document with `markdown` between the lines `<!-- infa bench: NAME -->` and `<!-- infa bench end -->`, instead of
/// the lines there. Without a name the first line is `<!-- infa bench -->`. Lines of code blocks (```` ``` ```` and
/// `~~~`) are text. The rest stays as it is, byte for byte; new lines have the line ending of the first comment.
///
/// # Errors
/// The place is missing, there twice, or without end.
pub(crate) fn splice(document: &str, markdown: &str, name: &str) -> Result<String, SpliceError> {
    let name = name.trim();
    let marker = if name.is_empty() { format!("{COMMENT} -->") } else { format!("{COMMENT}: {name} -->") };
    let comments = comments(document);
    let mut places = comments.iter().enumerate().filter(|(_, comment)| comment.text == marker);
    let Some((at, begin)) = places.next() else {
        let found = comments.iter().filter(|comment| comment.text != END).map(|comment| comment.text.to_owned());
        return Err(SpliceError::Missing { marker, found: found.collect() });
    };
    if let Some((_, again)) = places.next() {
        return Err(SpliceError::Twice { marker, first: begin.line, second: again.line });
    }
    // The next comment must be the end, or the table would swallow another place.
    let Some(end) = comments.get(at + 1).filter(|comment| comment.text == END) else {
        return Err(SpliceError::NoEnd { marker, line: begin.line });
    };
    let newline = if document[..begin.after].ends_with("\r\n") { "\r\n" } else { "\n" };
    let lines = markdown.trim_end().lines().flat_map(|line| [line, newline]);
    let head = &document[..begin.after];
    // A blank line on either side: a block of HTML contains no Markdown.
    Ok([head, newline].into_iter().chain(lines).chain([newline, &document[end.start..]]).collect())
}

/// A line with a comment of infa.
struct Comment<'a> {
    /// Without space around it.
    text: &'a str,
    /// From 1.
    line: usize,
    /// Offset of the line.
    start: usize,
    /// Offset of the next line.
    after: usize,
}

fn comments(document: &str) -> Vec<Comment<'_>> {
    let (mut comments, mut after, mut fence) = (Vec::new(), 0, None);
    for (at, line) in document.split_inclusive('\n').enumerate() {
        let start = after;
        after += line.len();
        let text = line.trim();
        match fence {
            Some(mark) => fence = Some(mark).filter(|mark| !text.starts_with(mark)),
            None => fence = ["```", "~~~"].into_iter().find(|mark| text.starts_with(mark)),
        }
        if fence.is_none() && text.starts_with(COMMENT) && text.ends_with("-->") {
            comments.push(Comment { text, line: at + 1, start, after });
        }
    }
    comments
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "# T\r\n<!-- infa bench: cpu -->\r\nold\r\n<!-- infa bench end -->\r\ntail\n\
                            <!-- infa bench -->\n<!-- infa bench end -->";

    #[test]
    fn what_is_between_is_replaced() {
        let spliced = splice(DOCUMENT, "| a |\n|---|\n", "cpu").unwrap();
        assert_eq!(
            spliced,
            "# T\r\n<!-- infa bench: cpu -->\r\n\r\n| a |\r\n|---|\r\n\r\n<!-- infa bench end -->\r\ntail\n\
             <!-- infa bench -->\n<!-- infa bench end -->"
        );
        assert_eq!(splice(&spliced, "| a |\n|---|\n", " cpu ").unwrap(), spliced);
        let unnamed = splice(DOCUMENT, "new", "").unwrap();
        assert!(unnamed.ends_with("<!-- infa bench -->\n\nnew\n\n<!-- infa bench end -->"), "{unnamed}");
        assert!(unnamed.contains("\r\nold\r\n"));
    }

    #[test]
    fn places_that_are_none() {
        let error = splice(DOCUMENT, "", "gpu").unwrap_err();
        let message = "there is no line <!-- infa bench: gpu -->, only <!-- infa bench: cpu -->, <!-- infa bench -->";
        let hint = "write it where the table shall be, and <!-- infa bench end --> on a line below it";
        assert_eq!((error.to_string().as_str(), error.hint().as_str()), (message, hint));
        assert!(matches!(splice("", "x", ""), Err(SpliceError::Missing { found, .. }) if found.is_empty()));

        let twice = format!("{DOCUMENT}\n{DOCUMENT}");
        let error = splice(&twice, "", "cpu").unwrap_err();
        assert_eq!(error, SpliceError::Twice { marker: "<!-- infa bench: cpu -->".into(), first: 2, second: 9 });

        let open = "\n<!-- infa bench: a -->\n<!-- infa bench: b -->\n<!-- infa bench end -->\n";
        let error = splice(open, "", "a").unwrap_err();
        assert_eq!(error, SpliceError::NoEnd { marker: "<!-- infa bench: a -->".into(), line: 2 });
        assert!(splice(open, "", "b").is_ok());
        // An end above does not count.
        let above = "<!-- infa bench end -->\n<!-- infa bench -->\n";
        assert!(matches!(splice(above, "", ""), Err(SpliceError::NoEnd { line: 2, .. })));
    }

    #[test]
    fn examples_in_code_are_no_places() {
        let document =
            "```md\n<!-- infa bench -->\n<!-- infa bench end -->\n```\n<!-- infa bench -->\n<!-- infa bench end -->\n";
        let spliced = splice(document, "x", "").unwrap();
        assert!(spliced.starts_with("```md\n<!-- infa bench -->\n<!-- infa bench end -->\n```\n"), "{spliced}");
        assert!(spliced.ends_with("<!-- infa bench -->\n\nx\n\n<!-- infa bench end -->\n"), "{spliced}");
    }
}
