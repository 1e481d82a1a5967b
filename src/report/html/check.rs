//! Checks of pages, for tests.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use super::frame::hash;

/// Elements that pages have, SVG's among them. None of them runs or loads anything.
const KNOWN: [&str; 44] = [
    "b",
    "body",
    "caption",
    "circle",
    "code",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "g",
    "h1",
    "h2",
    "h3",
    "head",
    "header",
    "html",
    "li",
    "line",
    "main",
    "meta",
    "ol",
    "p",
    "path",
    "polyline",
    "pre",
    "rect",
    "section",
    "span",
    "style",
    "summary",
    "svg",
    "table",
    "tbody",
    "td",
    "text",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
    "strong",
];

/// Names of elements of a page in order, ends with a slash before them; and that every `<` begins one.
fn tags(page: &str) -> Vec<String> {
    let mut tags = Vec::new();
    for part in page.split('<').skip(1) {
        let (tag, _) = part.split_once('>').expect("every < has its >");
        let name: String = tag.chars().take_while(|c| c.is_ascii_alphanumeric() || "/!".contains(*c)).collect();
        assert!(!name.is_empty(), "{tag}");
        if !name.starts_with('!') {
            assert!(KNOWN.contains(&name.trim_start_matches('/').trim_end_matches('/')), "{tag}");
            if !tag.ends_with('/') {
                tags.push(name);
            }
        }
    }
    tags
}

/// Asserts that elements end in order, ids are unique, nothing loads or runs anything, no character reverses the text,
/// and the policy allows the style.
#[track_caller]
pub(crate) fn assert_sound(page: &str) {
    let mut open = Vec::new();
    for tag in tags(page) {
        match tag.strip_prefix('/') {
            None => open.push(tag),
            Some(name) => assert_eq!(open.pop().as_deref(), Some(name)),
        }
    }
    assert!(open.is_empty(), "{open:?}");
    let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    assert!(page.chars().all(|c| c == '\n' || !c.is_control()) && !page.contains('\u{202e}'));
    assert!(!page.contains(" href=") && !page.contains(" src=") && !page.contains(" style="));
    let styles: Vec<&str> = page.split("<style>").skip(1).collect();
    let [style] = styles[..] else { panic!("{} styles", styles.len()) };
    let style = style.split("</style>").next().unwrap();
    assert!(page.contains(&format!("style-src &#39;sha256-{}&#39;;", hash(style))));
    assert!(!style.contains("url(") && !style.contains("@import"));
}

/// The body of a page, one element per line: for snapshots, which do not depend on the style.
pub(crate) fn readable(page: &str) -> String {
    let body = page.split("</head>").nth(1).unwrap();
    body.replace("><", ">\n<")
}

/// Asserts that no NaN or infinity is written, on pages whose texts do not mention them.
#[track_caller]
pub(crate) fn assert_finite(page: &str) {
    let found =
        page.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| ["NaN", "nan", "inf", "Infinity"].contains(word));
    assert_eq!(found, None);
}
