//! HTML and SVG in which no text becomes markup: markup is constant in the program, and all run-time text is escaped.

use std::fmt::Display;

use super::text::is_invisible;

/// Attributes of an element with their values.
pub(crate) type Attributes<'a> = &'a [(&'static str, &'a dyn Display)];

/// A piece of a page.
#[derive(Debug, Default)]
pub(crate) struct Markup(String);

impl Markup {
    pub(crate) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// A text, escaped.
    pub(crate) fn text(&mut self, text: impl Display) -> &mut Self {
        for c in text.to_string().chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // Some readers end attributes there.
                '`' => self.0.push_str("&#96;"),
                '\n' | '\t' => self.0.push(c),
                c if c.is_control() || is_invisible(c) => self.0.extend(c.escape_default()),
                c => self.0.push(c),
            }
        }
        self
    }

    /// Begins an element.
    pub(crate) fn open(&mut self, tag: &'static str, attributes: Attributes<'_>) -> &mut Self {
        self.start(tag, attributes).raw(">")
    }

    /// Ends an element.
    pub(crate) fn close(&mut self, tag: &'static str) -> &mut Self {
        self.raw("</").raw(tag).raw(">")
    }

    pub(crate) fn element(&mut self, tag: &'static str, attributes: Attributes<'_>, text: impl Display) -> &mut Self {
        self.open(tag, attributes).text(text).close(tag)
    }

    /// An element without content: a shape, or a void element of HTML.
    pub(crate) fn empty(&mut self, tag: &'static str, attributes: Attributes<'_>) -> &mut Self {
        self.start(tag, attributes).raw("/>")
    }

    /// Another piece.
    pub(crate) fn append(&mut self, other: Self) -> &mut Self {
        self.0.push_str(&other.0);
        self
    }

    /// The page.
    pub(crate) fn finish(self) -> String {
        self.0
    }

    fn start(&mut self, tag: &'static str, attributes: Attributes<'_>) -> &mut Self {
        self.raw("<").raw(tag);
        for (name, value) in attributes {
            self.raw(" ").raw(name).raw("=\"").text(value).raw("\"");
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_no_markup() {
        let mut markup = Markup::default();
        markup.element("p", &[("title", &"a\"b'c>"), ("width", &1.5)], "<script>&amp;\u{1b}\u{202e}`\0");
        markup.empty("br", &[]);
        let expected =
            "<p title=\"a&quot;b&#39;c&gt;\" width=\"1.5\">&lt;script&gt;&amp;amp;\\u{1b}\\u{202e}&#96;\\u{0}</p><br/>";
        assert_eq!(markup.finish(), expected);
    }
}
