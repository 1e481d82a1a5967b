//! API keys, compared in constant time. Their text is neither kept nor logged.

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// Accepted keys as SHA-256 digests, so that neither logs nor memory dumps show a key.
#[derive(Clone, Default)]
pub struct ApiKeys(Vec<[u8; 32]>);

/// Errors of a key's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadApiKey {
    #[error("an API key must not be empty")]
    Empty,
    #[error("an API key must consist of visible ASCII characters, without blanks")]
    Character,
}

impl ApiKeys {
    /// # Errors
    /// A key that is empty, or that the header `Authorization` cannot carry.
    pub fn new<K: AsRef<str>>(keys: impl IntoIterator<Item = K>) -> Result<Self, BadApiKey> {
        let digest = |key: K| match key.as_ref().as_bytes() {
            [] => Err(BadApiKey::Empty),
            bytes if bytes.iter().all(u8::is_ascii_graphic) => Ok(Sha256::digest(bytes).into()),
            _ => Err(BadApiKey::Character),
        };
        keys.into_iter().map(digest).collect::<Result<_, _>>().map(Self)
    }

    pub fn are_needed(&self) -> bool {
        !self.0.is_empty()
    }

    /// True if `key` is one of these. The time does not depend on the result: digests hide the key's length, and all of
    /// them are compared.
    pub fn contain(&self, key: &[u8]) -> bool {
        let digest: [u8; 32] = Sha256::digest(key).into();
        let same = |found: Choice, known: &[u8; 32]| found | known.ct_eq(&digest);
        self.0.iter().fold(Choice::from(0), same).into()
    }
}

impl std::fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} API keys", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_the_keys_opens_and_nothing_else() {
        let keys = ApiKeys::new(["first", "second"]).unwrap();
        for (key, opens) in
            [("first", true), ("second", true), ("", false), ("firs", false), ("first ", false), ("FIRST", false)]
        {
            assert_eq!(keys.contain(key.as_bytes()), opens, "{key:?}");
        }
    }

    #[test]
    fn keys_do_not_show() {
        let shown = format!("{:?}", ApiKeys::new(["hunter2"]).unwrap());
        assert_eq!(shown, "1 API keys");
    }

    #[test]
    fn keys_that_no_header_carries_are_refused() {
        assert_eq!(ApiKeys::new([""]).unwrap_err(), BadApiKey::Empty);
        for key in ["a b", "ä", "a\n"] {
            assert_eq!(ApiKeys::new([key]).unwrap_err(), BadApiKey::Character, "{key:?}");
        }
    }
}
