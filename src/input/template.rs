//! Texts put together from several fields: `'{title}\n{body}'`.

use std::borrow::Cow;
use std::str::FromStr;

/// A text with names of fields in braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
    fields: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// Its place in `fields`.
    Field(usize),
}

impl FromStr for Template {
    type Err = String;

    fn from_str(template: &str) -> Result<Self, String> {
        let mut this = Self { parts: Vec::new(), fields: Vec::new() };
        let (mut text, mut rest) = (String::new(), template.chars().peekable());
        while let Some(c) = rest.next() {
            match c {
                '{' | '}' if rest.next_if_eq(&c).is_some() => text.push(c),
                '{' => {
                    let mut name = String::new();
                    loop {
                        match rest.next() {
                            Some('}') => break,
                            Some('{') | None => {
                                return Err(format!("the brace before {name:?} is not closed; {LITERAL}"));
                            }
                            Some(c) => name.push(c),
                        }
                    }
                    if name.is_empty() {
                        return Err(format!("{{}} names no field; {LITERAL}"));
                    }
                    this.push_text(&mut text);
                    let known = this.fields.iter().position(|field| *field == name);
                    let place = known.unwrap_or_else(|| {
                        this.fields.push(name);
                        this.fields.len() - 1
                    });
                    this.parts.push(Part::Field(place));
                }
                '}' => return Err(format!("a brace is closed that is not opened; {LITERAL}")),
                '\\' => text.push(match rest.next() {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('r') => '\r',
                    Some('\\') => '\\',
                    Some(c) => return Err(format!("\\{c} is no escape; there are \\n, \\t, \\r and \\\\")),
                    None => return Err("it ends with a lone \\; a backslash is written \\\\".into()),
                }),
                c => text.push(c),
            }
        }
        this.push_text(&mut text);
        if this.fields.is_empty() {
            return Err("it names no field, such as {title}".into());
        }
        Ok(this)
    }
}

const LITERAL: &str = "a brace in the text is written {{ or }}";

impl Template {
    fn push_text(&mut self, text: &mut String) {
        if !text.is_empty() {
            self.parts.push(Part::Text(std::mem::take(text)));
        }
    }

    /// The names of the fields, each once.
    pub(super) fn fields(&self) -> &[String] {
        &self.fields
    }

    /// The text with `values` in the places of [`fields`](Self::fields); `None` if there is no value at all.
    pub(super) fn fill(&self, values: &[Option<Cow<'_, str>>]) -> Option<String> {
        if values.iter().all(Option::is_none) {
            return None;
        }
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Field(place) => values.get(*place).cloned().flatten().unwrap_or_default().into_owned(),
        };
        Some(self.parts.iter().map(part).collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn fields_escapes_and_braces() {
        let template: Template = r"{title}\n\t{{{a.b}}} {title}\\ }}".parse().unwrap();
        assert_eq!(template.fields(), ["title", "a.b"]);
        assert_eq!(template.fill(&[Some("T".into()), Some("B".into())]).unwrap(), "T\n\t{B} T\\ }");
        assert_eq!(template.fill(&[None, Some("B".into())]).unwrap(), "\n\t{B} \\ }");
        assert_eq!(template.fill(&[None, None]), None);
        assert_eq!(template.fill(&[Some("".into()), None]).unwrap(), "\n\t{} \\ }");
    }

    #[test]
    fn mistakes_are_named() {
        for (template, message) in [
            ("{title", "not closed"),
            ("a}", "not opened"),
            ("{}", "names no field"),
            ("{{title}}", "names no field"),
            ("", "names no field"),
            (r"{a}\q", r"\q is no escape"),
            (r"{a}\", "lone"),
            ("{a{b}}", "not closed"),
        ] {
            let error = template.parse::<Template>().unwrap_err();
            assert!(error.contains(message), "{template}: {error}");
        }
    }
}
