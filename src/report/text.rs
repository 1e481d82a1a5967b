//! Texts from elsewhere: names, messages of servers, paths. Each renderer escapes for its own format on top of this.

/// On one line and without what moves a cursor or turns the direction of writing: white space becomes one space, other
/// control characters are written as escapes.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_whitespace() => {
                if !line.is_empty() && !line.ends_with(' ') {
                    line.push(' ');
                }
            }
            c if c.is_control() || is_invisible(c) => line.extend(c.escape_default()),
            c => line.push(c),
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// Marks of direction and isolates (Unicode's `Bidi_Control`), and the byte order mark.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// No longer than `limit` characters.
pub(crate) fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some(_) => text.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

/// A text from elsewhere between quotation marks: on one line, and no longer than `limit` characters.
pub(crate) fn quoted(text: &str, limit: usize) -> String {
    format!("\"{}\"", shortened(&one_line(text), limit).replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_texts_are_escaped_once() {
        assert_eq!(quoted("a \"b\"\n\u{1b}c", 40), "\"a \\\"b\\\" \\u{1b}c\"");
        assert_eq!(quoted("abcdef", 4), "\"abc…\"");
    }

    #[test]
    fn a_line_stays_a_line() {
        assert_eq!(
            one_line("  a\t b\r\n\u{85}c \x1b[2J\u{9b}x\0 \u{202e}d é\n"),
            "a b c \\u{1b}[2J\\u{9b}x\\u{0} \\u{202e}d é"
        );
        assert_eq!(one_line(" \n "), "");
    }

    #[test]
    fn long_texts_are_shortened() {
        assert_eq!([shortened("äöü", 3), shortened("äöüß", 3), shortened("", 0)], ["äöü", "äö…", ""].map(String::from));
    }
}
