//! HTTPS: the certificate and its key, `--tls-cert` and `--tls-key`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::{ServeError, TlsFiles};
use crate::regular_file::{self, Stamp, stamp};

const CERT: &str = "--tls-cert";
const KEY: &str = "--tls-key";

/// Larger than any certificate chain.
const MAX_BYTES: u64 = 4 << 20;

/// Maximum time for reading a pipe at the start.
const PATIENCE: Duration = Duration::from_secs(10);

/// Interval between checks of the files.
const LOOK: Duration = Duration::from_secs(1);

/// The certificate for new connections, read again when its files change, as short-lived certificates are renewed.
/// Unusable files leave it as it is.
#[derive(Clone)]
pub(crate) struct Certificate(Arc<Inner>);

struct Inner {
    files: TlsFiles,
    state: Mutex<State>,
}

struct State {
    acceptor: TlsAcceptor,
    /// The files' stamps when they were last read, successfully or not.
    read: [Option<Stamp>; 2],
    looked: Instant,
}

impl Certificate {
    /// # Errors
    /// Files that cannot be read, are invalid, or do not match.
    pub(crate) fn read(files: &TlsFiles) -> Result<Self, ServeError> {
        // Before the files are read, so that no change is missed.
        let read = stamps(files);
        let state = State {
            acceptor: acceptor(files, |flag, path| contents(flag, path, PATIENCE))?,
            read,
            looked: Instant::now(),
        };
        Ok(Self(Arc::new(Inner { files: files.clone(), state: Mutex::new(state) })))
    }

    /// The acceptor of TLS handshakes, with the current certificate.
    ///
    /// If the file system does not respond, only the connection that checks the files waits.
    pub(crate) async fn acceptor(&self) -> TlsAcceptor {
        if self.is_due() {
            let this = self.clone();
            if let Err(e) = tokio::task::spawn_blocking(move || this.look()).await {
                tracing::warn!("the certificate stays as it is: {e}");
            }
        }
        self.state().acceptor.clone()
    }

    /// True if the caller must check the files now.
    fn is_due(&self) -> bool {
        let mut state = self.state();
        let due = state.looked.elapsed() >= LOOK;
        if due {
            state.looked = Instant::now();
        }
        due
    }

    /// Reads the files again if they have changed. The state is not locked meanwhile.
    fn look(&self) {
        let files = &self.0.files;
        let now = stamps(files);
        {
            let mut state = self.state();
            if now == state.read {
                return;
            }
            // If only one of the files is new, they do not match, and the next change is awaited.
            state.read = now;
        }
        // Pipes are read only at the start: now reading would block.
        match acceptor(files, regular_contents) {
            Ok(acceptor) => {
                let mut state = self.state();
                // Unless another connection has read newer files meanwhile.
                if state.read == now {
                    state.acceptor = acceptor;
                    tracing::info!("the certificate in {} was read again", files.tls_cert.display());
                }
            }
            Err(e) => tracing::warn!("the certificate stays as it is: {e}"),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `None` for files that cannot be read twice, such as pipes.
fn stamps(files: &TlsFiles) -> [Option<Stamp>; 2] {
    [&files.tls_cert, &files.tls_key].map(|path| stamp(path))
}

/// The contents of a small file, or of a pipe whose writer is done within `patience`.
fn contents(flag: &'static str, path: &Path, patience: Duration) -> Result<Vec<u8>, ServeError> {
    let (sender, read) = mpsc::channel();
    let file = path.to_owned();
    // On a thread of its own: opening a pipe waits for its writer.
    let read_all = move || {
        let mut bytes = Vec::new();
        let result = File::open(file).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
        let _ = sender.send(result.map(|_| bytes));
    };
    let started = std::thread::Builder::new().name("certificate".into()).spawn(read_all);
    let bytes = started
        .and_then(|_| {
            let late =
                format!("it is not a regular file, and was not written to its end within {} s", patience.as_secs());
            read.recv_timeout(patience).map_err(|_| io::Error::new(io::ErrorKind::TimedOut, late))?
        })
        .map_err(|e| unusable(flag, path, e.to_string()))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(unusable(flag, path, format!("it has more than {MAX_BYTES} bytes")));
    }
    Ok(bytes)
}

/// The contents of a small regular file.
fn regular_contents(flag: &'static str, path: &Path) -> Result<Vec<u8>, ServeError> {
    regular_file::read(path, MAX_BYTES).map_err(|e| unusable(flag, path, e.to_string()))
}

/// The acceptor: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
fn acceptor(
    files: &TlsFiles,
    contents: impl Fn(&'static str, &Path) -> Result<Vec<u8>, ServeError>,
) -> Result<TlsAcceptor, ServeError> {
    let TlsFiles { tls_cert, tls_key } = files;
    let certificates = CertificateDer::pem_slice_iter(&contents(CERT, tls_cert)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| unusable(CERT, tls_cert, pem_error(e, "no certificate")))?;
    if certificates.is_empty() {
        return Err(unusable(CERT, tls_cert, "it contains no certificate (-----BEGIN CERTIFICATE-----)"));
    }
    let key = PrivateKeyDer::from_pem_slice(&contents(KEY, tls_key)?).map_err(|e| {
        unusable(KEY, tls_key, pem_error(e, "it contains no unencrypted private key (-----BEGIN PRIVATE KEY-----)"))
    })?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| unusable(CERT, tls_cert, e.to_string()))?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|e| match e {
            rustls::Error::InconsistentKeys(_) => {
                unusable(KEY, tls_key, format!("it does not belong to the certificate in {}", tls_cert.display()))
            }
            rustls::Error::InvalidCertificate(e) => unusable(CERT, tls_cert, format!("not a certificate: {e}")),
            e => unusable(KEY, tls_key, format!("unusable key: {e}")),
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn unusable(flag: &'static str, path: &Path, reason: impl Into<String>) -> ServeError {
    ServeError::Tls { flag, path: path.to_owned(), reason: reason.into() }
}

/// The reason why a PEM file is invalid.
fn pem_error(error: PemError, nothing: &str) -> String {
    match error {
        PemError::Io(e) => e.to_string(),
        PemError::NoItemsFound => nothing.to_owned(),
        e => format!("not a PEM file: {e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(cert: &str, key: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let (tls_cert, tls_key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
        for (path, text) in [(&tls_cert, cert), (&tls_key, key)] {
            if !text.is_empty() {
                std::fs::write(path, text).unwrap();
            }
        }
        acceptor(&TlsFiles { tls_cert, tls_key }, regular_contents).map(|_| ()).unwrap_err().to_string()
    }

    /// The certificate after another check of the files.
    fn served(certificate: &Certificate) -> Arc<ServerConfig> {
        certificate.look();
        Arc::clone(certificate.state().acceptor.config())
    }

    fn new_pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_without_a_writer_is_not_waited_for_without_end() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("cert.pem");
        let name = std::ffi::CString::new(pipe.to_str().unwrap()).unwrap();
        // SAFETY: the name is a string that lives until the call returns.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        let late = contents(CERT, &pipe, Duration::from_millis(10)).unwrap_err().to_string();
        assert!(late.contains("--tls-cert") && late.contains("not written to its end"), "{late}");
        // Ends the thread that waits.
        drop(std::fs::OpenOptions::new().read(true).write(true).open(&pipe));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_pipe_in_place_of_a_file_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let files = TlsFiles { tls_cert: dir.path().join("cert.pem"), tls_key: dir.path().join("key.pem") };
        let write = |(cert, key): (String, String)| {
            std::fs::write(&files.tls_cert, cert).unwrap();
            std::fs::write(&files.tls_key, key).unwrap();
        };
        write(new_pair());
        let certificate = Certificate::read(&files).unwrap();
        let first = served(&certificate);
        // The certificate is new, and its key is a pipe into which nothing is written.
        let renewed = new_pair();
        std::fs::remove_file(&files.tls_cert).unwrap();
        std::fs::remove_file(&files.tls_key).unwrap();
        std::fs::write(&files.tls_cert, &renewed.0).unwrap();
        let name = std::ffi::CString::new(files.tls_key.to_str().unwrap()).unwrap();
        // SAFETY: the name is a string that lives until the call returns.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        assert!(Arc::ptr_eq(&first, &served(&certificate)));
        // A regular file in its place is read, by the next connection that checks.
        std::fs::remove_file(&files.tls_key).unwrap();
        std::fs::write(&files.tls_key, &renewed.1).unwrap();
        {
            let mut state = certificate.state();
            state.looked = state.looked.checked_sub(LOOK).unwrap();
        }
        assert!(!Arc::ptr_eq(&first, certificate.acceptor().await.config()));
    }

    #[test]
    fn changed_files_are_read_again_and_broken_ones_change_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let files = TlsFiles { tls_cert: dir.path().join("cert.pem"), tls_key: dir.path().join("key.pem") };
        let replace = |path: &Path, text: &str| {
            std::fs::write(dir.path().join("new"), text).unwrap();
            std::fs::rename(dir.path().join("new"), path).unwrap();
        };
        let (cert, key) = new_pair();
        replace(&files.tls_cert, &cert);
        replace(&files.tls_key, &key);
        let certificate = Certificate::read(&files).unwrap();
        let first = served(&certificate);
        assert!(Arc::ptr_eq(&first, &served(&certificate)));
        let (cert, key) = new_pair();
        // One file is replaced after the other.
        replace(&files.tls_cert, &cert);
        assert!(Arc::ptr_eq(&first, &served(&certificate)));
        replace(&files.tls_key, &key);
        let second = served(&certificate);
        assert!(!Arc::ptr_eq(&first, &second));
        replace(&files.tls_cert, "garbage");
        assert!(Arc::ptr_eq(&second, &served(&certificate)));
        std::fs::remove_file(&files.tls_key).unwrap();
        assert!(Arc::ptr_eq(&second, &served(&certificate)));
    }

    #[test]
    fn errors_name_the_flag_and_the_file() {
        let one = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (cert, key) = (one.cert.pem(), one.signing_key.serialize_pem());
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (case, in_error) in [
            (error("", &key), ["--tls-cert", "cert.pem"]),
            (error(&cert, ""), ["--tls-key", "key.pem"]),
            (error("text", &key), ["--tls-cert", "no certificate"]),
            (error(&cert, &cert), ["--tls-key", "no unencrypted private key"]),
            (error(&key, &cert), ["--tls-cert", "no certificate"]),
            (error(garbage, &key), ["--tls-cert", "cert.pem"]),
            (error(&cert, &other.signing_key.serialize_pem()), ["--tls-key", "does not belong to the certificate"]),
        ] {
            assert!(in_error.iter().all(|part| case.contains(part)), "{case}");
        }
    }
}
