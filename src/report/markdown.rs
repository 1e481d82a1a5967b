//! Pieces of GitHub's Markdown: tables, and texts in which nothing is markup.

use super::text::one_line;

/// Rows of as many cells as the heading has; the first `words` columns, one at least, to the left, the others to the right.
pub(crate) fn table<R: Iterator<Item = String>>(
    out: &mut String,
    words: usize,
    head: impl Iterator<Item = String>,
    rows: impl Iterator<Item = R>,
) {
    let head: Vec<String> = head.collect();
    let words = words.clamp(1, head.len().max(1));
    let aligned = "---|".repeat(words) + &"---:|".repeat(head.len().saturating_sub(words));
    out.push_str(&format!("| {} |\n|{aligned}\n", head.join(" | ")));
    for row in rows {
        out.push_str(&format!("| {} |\n", row.collect::<Vec<_>>().join(" | ")));
    }
}

/// One line, escaped: no markup, no mention of a person, no end of a cell.
pub(crate) fn escaped(text: &str) -> String {
    let line = one_line(text);
    let mut out = String::with_capacity(line.len());
    for (at, c) in line.char_indices() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Mentions and references are made before Markdown is read.
            '@' => out.push_str("&#64;"),
            '#' => out.push_str("&#35;"),
            // Emphasis needs a character other than a letter on one side.
            '_' if within_word(&line, at) => out.push('_'),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '$' | '!' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

fn within_word(line: &str, at: usize) -> bool {
    let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    word(line[..at].chars().next_back()) && word(line[at + 1..].chars().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup_that_was_not_written_here() {
        for (text, expected) in [
            ("a|b", "a\\|b"),
            ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
            ("two\n\n| lines |", "two \\| lines \\|"),
            ("![x](http://y) `z` **b**", "\\!\\[x\\](http://y) \\`z\\` \\*\\*b\\*\\*"),
            ("@someone, #12, &lt;", "&#64;someone, &#35;12, &amp;lt;"),
            ("snake_case _not_", "snake_case \\_not\\_"),
            ("<!-- infa bench end -->", "&lt;\\!-- infa bench end --&gt;"),
            ("back\\slash|", "back\\\\slash\\|"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }
}
