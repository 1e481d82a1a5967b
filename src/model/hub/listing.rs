//! The Hub's listing of a repository: `GET /api/models/{repo}/revision/{revision}?blobs=true`.
//!
//! The answer's parts used here: `sha` (the commit) and `siblings`, each with `rfilename`, `size`, `blobId` (the Git
//! object id) and, for large files, `lfs` with `sha256` and `size`. Source: huggingface_hub, `hf_api.py` (`ModelInfo`,
//! `RepoSibling`, `BlobLfsInfo`).

use super::cache::{BlobName, Commit};
use super::error::HubError;
use crate::fetch::{FetchError, digest, names};
use serde::Deserialize;

/// One file of a repository, as listed. Its name is safe to become a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteFile {
    /// Its path in the repository, with slashes.
    pub name: String,
    pub size: Option<u64>,
    /// The blob it is kept as, if the listing has it.
    pub(super) blob: Option<BlobName>,
}

#[derive(Debug)]
pub(super) struct Listing {
    pub commit: Commit,
    pub files: Vec<RemoteFile>,
}

/// The answer as it comes: every part may be missing, as mirrors leave things out.
#[derive(Deserialize)]
pub(super) struct RawListing {
    sha: Option<String>,
    #[serde(default)]
    siblings: Vec<RawFile>,
}

#[derive(Deserialize)]
struct RawFile {
    rfilename: String,
    size: Option<u64>,
    #[serde(rename = "blobId")]
    blob_id: Option<String>,
    lfs: Option<RawLfs>,
}

#[derive(Deserialize)]
struct RawLfs {
    /// The tree API calls it `oid`.
    #[serde(alias = "oid")]
    sha256: Option<String>,
    size: Option<u64>,
}

impl RawListing {
    /// The listing, if all of it can be trusted with paths.
    pub(crate) fn check(self, repo: &str, url: &str) -> Result<Listing, HubError> {
        let malformed = |reason: String| FetchError::Malformed { url: url.to_owned(), reason };
        let sha = self.sha.unwrap_or_default();
        let commit = Commit::parse(&sha).ok_or_else(|| malformed(format!("{sha:?} is not a commit")))?;
        let mut files = Vec::with_capacity(self.siblings.len());
        for raw in self.siblings {
            let unsafe_name =
                |reason| HubError::UnsafeName { repo: repo.to_owned(), name: raw.rfilename.clone(), reason };
            names::relative(&raw.rfilename).map_err(unsafe_name)?;
            let blob = raw.blob().map_err(|id| malformed(format!("{id:?} is not the id of a blob")))?;
            let size = raw.lfs.as_ref().and_then(|lfs| lfs.size).or(raw.size);
            files.push(RemoteFile { name: raw.rfilename, size, blob });
        }
        Ok(Listing { commit, files })
    }
}

impl RawFile {
    /// The name huggingface_hub gives the blob: the ETag, which is the SHA-256 for LFS and the Git object id otherwise.
    fn blob(&self) -> Result<Option<BlobName>, String> {
        let (id, digits) = match (&self.lfs, &self.blob_id) {
            (Some(RawLfs { sha256: Some(sum), .. }), _) => (sum, 64),
            // Without its sum a large file's object id names the pointer, not the contents.
            (Some(_), _) | (None, None) => return Ok(None),
            (None, Some(id)) => (id, 40),
        };
        if !digest::is_hex(id, digits) {
            return Err(id.clone());
        }
        BlobName::parse(&id.to_ascii_lowercase()).map(Some).ok_or_else(|| id.clone())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn listing(siblings: &str) -> Result<Listing, HubError> {
        let sha = "c".repeat(40);
        let json = format!(r#"{{"_id":"x","id":"o/m","sha":"{sha}","private":false,"siblings":[{siblings}]}}"#);
        serde_json::from_str::<RawListing>(&json).unwrap().check("o/m", "http://h")
    }

    #[test]
    fn blobs_are_named_by_what_the_etag_will_be() {
        let (oid, sum) = ("a".repeat(40), "B".repeat(64));
        let files = listing(&format!(
            r#"{{"rfilename":"config.json","size":7,"blobId":"{oid}"}},
               {{"rfilename":"model.safetensors","size":9,"blobId":"{oid}","lfs":{{"sha256":"{sum}","size":9,"pointerSize":134}}}},
               {{"rfilename":"bare.txt"}},
               {{"rfilename":"odd.bin","blobId":"{oid}","lfs":{{}}}}"#
        ))
        .unwrap()
        .files;
        let blobs: Vec<_> = files.iter().map(|f| f.blob.as_ref().map(BlobName::as_str)).collect();
        assert_eq!(blobs, [Some(oid.as_str()), Some(&sum.to_lowercase()), None, None]);
        assert_eq!(files[1].size, Some(9));
    }

    #[test]
    fn one_bad_entry_spoils_the_listing() {
        let evil = listing(r#"{"rfilename":"config.json"},{"rfilename":"../../x"}"#).unwrap_err();
        assert!(matches!(evil, HubError::UnsafeName { .. }), "{evil}");
        let evil = listing(r#"{"rfilename":"a","blobId":"../../x"}"#).unwrap_err();
        assert!(matches!(evil, HubError::Fetch(FetchError::Malformed { .. })), "{evil}");
        let none = serde_json::from_str::<RawListing>("{}").unwrap().check("o/m", "http://h").unwrap_err();
        assert!(none.to_string().contains("not a commit"), "{none}");
    }
}
