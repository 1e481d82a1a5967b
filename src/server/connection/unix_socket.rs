//! `--unix-socket`: a socket file that replaces a stale one and is removed with the server.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream as Probe;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use crate::server::ServeError;

/// A listening Unix socket; dropping it removes its file.
pub(crate) struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode: another server may have replaced the file.
    file: Option<(u64, u64)>,
}

impl UnixSocket {
    pub(crate) fn bind(path: &Path) -> Result<Self, ServeError> {
        let fail = |error| ServeError::UnixSocket { path: path.to_owned(), error };
        remove_stale(path)?;
        let listener = UnixListener::bind(path).map_err(fail)?;
        Ok(Self { listener, path: path.to_owned(), file: file(path).ok() })
    }

    pub(crate) async fn accept(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        if self.file.is_some() && file(&self.path).ok() == self.file {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn file(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Removes a stale socket, such as one of a killed server.
fn remove_stale(path: &Path) -> Result<(), ServeError> {
    let fail = |error| ServeError::UnixSocket { path: path.to_owned(), error };
    let not_stale = |reason| Err(ServeError::NotStale { path: path.to_owned(), reason });
    match std::fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(fail(e)),
        Ok(metadata) if !metadata.file_type().is_socket() => return not_stale("there is a file that is not a socket"),
        Ok(_) => {}
    }
    match Probe::connect(path) {
        Ok(_) => not_stale("another server listens there"),
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path).map_err(fail),
        Err(e) => Err(fail(e)),
    }
}
