//! HTTPS: the certificate and its key, `--tls-cert` and `--tls-key`.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustls::ServerConfig;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::{ServeError, TlsFiles};

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
        let state = State { acceptor: acceptor(files)?, read, looked: Instant::now() };
        Ok(Self(Arc::new(Inner { files: files.clone(), state: Mutex::new(state) })))
    }

    /// What agrees with a client on TLS, with the certificate that is in the files now or was a moment ago.
    pub fn acceptor(&self) -> TlsAcceptor {
        let Inner { files, state } = self.0.as_ref();
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= LOOK {
            state.looked = Instant::now();
            let now = stamps(files);
            if now != state.read {
                // Where the one file is new and the other is not yet, they do not fit, and the next change is awaited.
                state.read = now;
                match acceptor(files) {
                    Ok(acceptor) => {
                        tracing::info!("the certificate in {} was read again", files.tls_cert.display());
                        state.acceptor = acceptor;
                    }
                    Err(e) => tracing::warn!("the certificate stays as it is: {e}"),
                }
            }
        }
        state.acceptor.clone()
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

/// What agrees with clients on TLS 1.2 or 1.3, and on HTTP/2 or HTTP/1.1.
fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, ServeError> {
    let TlsFiles { tls_cert, tls_key } = files;
    let certificates = CertificateDer::pem_slice_iter(&contents(CERT, tls_cert)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| unusable(CERT, tls_cert, told(e, "no certificate")))?;
    if certificates.is_empty() {
        return Err(unusable(CERT, tls_cert, "there is no certificate in it (-----BEGIN CERTIFICATE-----)"));
    }
    let key = PrivateKeyDer::from_pem_slice(&contents(KEY, tls_key)?).map_err(|e| {
        unusable(KEY, tls_key, told(e, "there is no unencrypted private key in it (-----BEGIN PRIVATE KEY-----)"))
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
fn told(error: PemError, nothing: &str) -> String {
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
        acceptor(&TlsFiles { tls_cert, tls_key }).map(|_| ()).unwrap_err().to_string()
    }

    /// The certificate that new connections get, once the files have been looked at again.
    fn served(certificate: &Certificate) -> Arc<ServerConfig> {
        let mut state = certificate.0.state.lock().unwrap();
        state.looked = state.looked.checked_sub(LOOK).unwrap();
        drop(state);
        Arc::clone(certificate.acceptor().config())
    }

    #[test]
    fn changed_files_are_read_again_and_broken_ones_change_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let files = TlsFiles { tls_cert: dir.path().join("cert.pem"), tls_key: dir.path().join("key.pem") };
        let new = || {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            (made.cert.pem(), made.signing_key.serialize_pem())
        };
        let replace = |path: &Path, text: &str| {
            std::fs::write(dir.path().join("new"), text).unwrap();
            std::fs::rename(dir.path().join("new"), path).unwrap();
        };
        let (cert, key) = new();
        replace(&files.tls_cert, &cert);
        replace(&files.tls_key, &key);
        let certificate = Certificate::read(&files).unwrap();
        let first = served(&certificate);
        assert!(Arc::ptr_eq(&first, &served(&certificate)));
        let (cert, key) = new();
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
