//! The frame of a page: a head with a content policy and a style, and a heading.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::super::markup::Markup;

/// The style, light and dark.
const STYLE: &str = include_str!("style.css");

/// A whole page in one file: no script, no font, no request. The policy in its head allows nothing but its style.
pub(crate) fn frame(title: &str, subtitle: &str, body: Markup) -> String {
    let mut page = Markup::default();
    head(&mut page, title);
    page.raw("<body><main><header>").element("h1", &[], title);
    page.element("p", &[("class", &"subtitle")], subtitle).raw("</header>");
    page.append(body).raw("</main></body></html>\n");
    page.finish()
}

fn head(page: &mut Markup, title: &str) {
    let hash = hash(STYLE);
    let policy = format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'");
    page.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>");
    page.empty("meta", &[("http-equiv", &"Content-Security-Policy"), ("content", &policy)]);
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>");
    page.raw("<meta name=\"color-scheme\" content=\"light dark\"/><meta name=\"referrer\" content=\"no-referrer\"/>");
    page.element("title", &[], title);
    page.raw("<style>").raw(STYLE).raw("</style></head>");
}

/// The hash by which a content policy allows a style.
pub(super) fn hash(style: &str) -> String {
    STANDARD.encode(Sha256::digest(style))
}
