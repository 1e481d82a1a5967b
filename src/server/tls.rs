//! HTTPS: the certificate and its key, `--tls-cert` and `--tls-key`.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustls::ServerConfig;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::{ServeError, TlsFiles};
use crate::regular_file;

const CERT: &str = "--tls-cert";
const KEY: &str = "--tls-key";

/// More than any chain of certificates has.
const MAX_BYTES: u64 = 4 << 20;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The certificate that new connections get; read again when its files change, as certificates that are renewed every
/// few weeks need it. Files that cannot be used leave the certificate as it is.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    files: TlsFiles,
    state: Mutex<State>,
}

struct State {
    acceptor: TlsAcceptor,
    /// What the files were like when they were last read, whether that went well or not.
    read: [Option<Stamp>; 2],
    looked: Instant,
}

/// What tells a file that was changed or replaced.
type Stamp = (u64, Option<SystemTime>, u64);

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// Files that cannot be read, are not what they should be, or do not belong together.
    pub fn read(files: &TlsFiles) -> Result<Self, ServeError> {
        // Before they are read, so that no change is missed.
        let read = stamps(files);
        let state = State { acceptor: acceptor(files, contents)?, read, looked: Instant::now() };
        Ok(Self(Arc::new(Inner { files: files.clone(), state: Mutex::new(state) })))
    }

    /// What agrees with a client on TLS, with the certificate that is in the files now or was a moment ago.
    ///
    /// The files may lie on a file system that does not answer: then the connection that looks at them waits, no other.
    pub async fn acceptor(&self) -> TlsAcceptor {
        if self.is_due() {
            let this = self.clone();
            if let Err(e) = tokio::task::spawn_blocking(move || this.look()).await {
                tracing::warn!("the certificate stays as it is: {e}");
            }
        }
        self.state().acceptor.clone()
    }

    /// Whether the caller is to look at the files now.
    fn is_due(&self) -> bool {
        let mut state = self.state();
        let due = state.looked.elapsed() >= LOOK;
        if due {
            state.looked = Instant::now();
        }
        due
    }

    /// Reads the files again if they have changed. The state is not locked while they are read.
    fn look(&self) {
        let files = &self.0.files;
        let now = stamps(files);
        {
            let mut state = self.state();
            if now == state.read {
                return;
            }
            // Where the one file is new and the other is not yet, they do not fit, and the next change is awaited.
            state.read = now;
        }
        // Pipes are read at the start only: now they would have to be waited for.
        match acceptor(files, regular_contents) {
            Ok(acceptor) => {
                let mut state = self.state();
                // Unless the files have changed meanwhile, and another connection has read them.
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

fn stamps(files: &TlsFiles) -> [Option<Stamp>; 2] {
    [&files.tls_cert, &files.tls_key].map(|path| stamp(path))
}

/// `None` for what cannot be read twice, such as a pipe.
fn stamp(path: &Path) -> Option<Stamp> {
    let about = std::fs::metadata(path).ok().filter(|about| about.is_file())?;
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(&about);
    #[cfg(not(unix))]
    let number = 0;
    Some((about.len(), about.modified().ok(), number))
}

/// The contents of a small file; of a pipe, too.
fn contents(flag: &'static str, path: &Path) -> Result<Vec<u8>, ServeError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|e| unusable(flag, path, e.to_string()))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(unusable(flag, path, format!("it has more than {MAX_BYTES} bytes")));
    }
    Ok(bytes)
}

/// The contents of a small regular file.
fn regular_contents(flag: &'static str, path: &Path) -> Result<Vec<u8>, ServeError> {
    regular_file::read(path, MAX_BYTES).map_err(|e| unusable(flag, path, e.to_string()))
}

/// What agrees with clients on TLS 1.2 or 1.3, and on HTTP/2 or HTTP/1.1.
fn acceptor(
    files: &TlsFiles,
    contents: impl Fn(&'static str, &Path) -> Result<Vec<u8>, ServeError>,
) -> Result<TlsAcceptor, ServeError> {
    let TlsFiles { tls_cert, tls_key } = files;
    let certificates = CertificateDer::pem_slice_iter(&contents(CERT, tls_cert)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| unusable(CERT, tls_cert, pem_error(e, "no certificate")))?;
    if certificates.is_empty() {
        return Err(unusable(CERT, tls_cert, "there is no certificate in it (-----BEGIN CERTIFICATE-----)"));
    }
    let key = PrivateKeyDer::from_pem_slice(&contents(KEY, tls_key)?).map_err(|e| {
        unusable(KEY, tls_key, pem_error(e, "there is no unencrypted private key in it (-----BEGIN PRIVATE KEY-----)"))
    })?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| unusable(CERT, tls_cert, e.to_string()))?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|e| match e {
            rustls::Error::InconsistentKeys(_) => {
                unusable(KEY, tls_key, format!("it is not the key of the certificate in {}", tls_cert.display()))
            }
            rustls::Error::InvalidCertificate(e) => unusable(CERT, tls_cert, format!("not a certificate: {e}")),
            e => unusable(KEY, tls_key, format!("not a key that can be used: {e}")),
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn unusable(flag: &'static str, path: &Path, reason: impl Into<String>) -> ServeError {
    ServeError::Tls { flag, path: path.to_owned(), reason: reason.into() }
}

/// What is wrong with a PEM file.
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
        acceptor(&TlsFiles { tls_cert, tls_key }, contents).map(|_| ()).unwrap_err().to_string()
    }

    /// The certificate that new connections get, once the files have been looked at again.
    fn served(certificate: &Certificate) -> Arc<ServerConfig> {
        certificate.look();
        Arc::clone(certificate.state().acceptor.config())
    }

    fn new_pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
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
        // Files in its place are read, by the connection that finds that it is time to look.
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
        // The one file comes after the other.
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
            (error(&cert, &other.signing_key.serialize_pem()), ["--tls-key", "not the key of the certificate"]),
        ] {
            assert!(in_error.iter().all(|part| case.contains(part)), "{case}");
        }
    }
}
