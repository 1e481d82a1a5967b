//! URLs as they may be shown.

use reqwest::Url;

/// The URL without what may be secret in it: user name, password and query.
pub fn redacted_url(url: &Url) -> String {
    let mut url = url.clone();
    // They fail where there can be none.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.as_str().trim_end_matches('/').to_owned()
}
