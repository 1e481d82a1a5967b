//! HTTPS: the certificate and its key, `--tls-cert` and `--tls-key`.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::{ServeError, TlsFiles};

const CERT: &str = "--tls-cert";
const KEY: &str = "--tls-key";

/// What agrees with clients on TLS 1.2 or 1.3, and on HTTP/2 or HTTP/1.1.
///
/// # Errors
/// Files that cannot be read, are not what they should be, or do not belong together.
pub fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, ServeError> {
    let TlsFiles { tls_cert, tls_key } = files;
    let certificates = CertificateDer::pem_file_iter(tls_cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| unusable(CERT, tls_cert, told(e, "no certificate")))?;
    if certificates.is_empty() {
        return Err(unusable(CERT, tls_cert, "there is no certificate in it (-----BEGIN CERTIFICATE-----)"));
    }
    let key = PrivateKeyDer::from_pem_file(tls_key).map_err(|e| {
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
