//! TLS: a certificate from files, read again when they change; or, for development, certificates of a local authority.

use super::authority::Authority;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Between two looks at the files.
const PAUSE: Duration = Duration::from_millis(500);
/// A longer file is not read.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Where certificates come from.
#[derive(Clone, Debug)]
pub enum Tls {
    /// PEM files: the chain, the server's own first; and the key.
    Files { chain: PathBuf, key: PathBuf },
    /// An authority of one's own in this folder, made if it is not there. For development.
    Development { folder: PathBuf },
}

/// There is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} is longer than {FILE_BYTES_MAX} bytes", .0.display())]
    TooLong(PathBuf),
    #[error("{}: no PEM that can be read: {reason}", path.display())]
    Pem { path: PathBuf, reason: String },
    #[error("{} has no certificate", .0.display())]
    NoCertificate(PathBuf),
    #[error("the key is not the certificate's, or cannot be used: {0}")]
    Key(#[from] rustls::Error),
    #[error("{} can be read by others than its owner: chmod 600 it", .0.display())]
    Open(PathBuf),
    #[error("{} and its key do not belong together, or cannot be used: {source}; remove both, and trust what is made anew", path.display())]
    Authority { path: PathBuf, source: rustls::Error },
    #[error("certificate: {0}")]
    Make(#[from] rcgen::Error),
}

/// The files, as they were last read.
#[derive(Clone, PartialEq, Eq)]
struct Bytes {
    chain: Vec<u8>,
    key: Vec<u8>,
}

/// A certificate that may be exchanged while it is used.
#[derive(Debug)]
pub struct Files {
    chain: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Files {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let wrong = |source| TlsError::File { path: path.to_path_buf(), source };
    match std::fs::metadata(path).map_err(wrong)?.len() {
        0..=FILE_BYTES_MAX => std::fs::read(path).map_err(wrong),
        _ => Err(TlsError::TooLong(path.to_path_buf())),
    }
}

impl Files {
    fn bytes(chain: &Path, key: &Path) -> Result<Bytes, TlsError> {
        Ok(Bytes { chain: read(chain)?, key: read(key)? })
    }

    fn certified(&self, bytes: &Bytes) -> Result<Arc<CertifiedKey>, TlsError> {
        certified(&self.provider, (self.chain.as_path(), self.key.as_path()), bytes)
    }

    /// Looks once. What cannot be used leaves the certificate as it is, and is said once.
    fn look(&self, last: &mut Result<Bytes, String>) {
        let found = Files::bytes(&self.chain, &self.key).map_err(|error| error.to_string());
        if found == *last {
            return;
        }
        let taken = match &found {
            Ok(bytes) => self.certified(bytes).map_err(|error| error.to_string()),
            Err(error) => Err(error.clone()),
        };
        match taken {
            Ok(certified) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = certified;
                tracing::info!(chain = %self.chain.display(), "a new certificate is served");
            }
            Err(error) => tracing::warn!(%error, "the certificate stays as it was"),
        }
        *last = found;
    }
}

fn certified(
    provider: &CryptoProvider,
    (chain, key): (&Path, &Path),
    bytes: &Bytes,
) -> Result<Arc<CertifiedKey>, TlsError> {
    let pem = |path: &Path, reason: String| TlsError::Pem { path: path.to_path_buf(), reason };
    let certificates = CertificateDer::pem_slice_iter(&bytes.chain)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| pem(chain, error.to_string()))?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate(chain.to_path_buf()));
    }
    let secret = PrivateKeyDer::from_pem_slice(&bytes.key).map_err(|error| pem(key, error.to_string()))?;
    Ok(Arc::new(CertifiedKey::from_der(certificates, secret, provider)?))
}

/// Who says which certificate a client gets, and who keeps it up to date.
pub struct Server {
    pub config: Arc<ServerConfig>,
    files: Option<(Arc<Files>, Bytes)>,
}

impl Server {
    /// Reads or makes what `tls` says.
    pub fn new(tls: &Tls) -> Result<Server, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        match tls {
            Tls::Files { chain, key } => {
                let bytes = Files::bytes(chain, key)?;
                if std::fs::metadata(key).is_ok_and(|found| found.mode() & 0o007 != 0) {
                    tracing::warn!(key = %key.display(), "everybody on this machine can read the key");
                }
                let current = RwLock::new(certified(&provider, (chain.as_path(), key.as_path()), &bytes)?);
                let (chain, key) = (chain.clone(), key.clone());
                let files = Arc::new(Files { chain, key, provider: provider.clone(), current });
                let config = config(provider, files.clone())?;
                Ok(Server { config, files: Some((files, bytes)) })
            }
            Tls::Development { folder } => {
                let authority = Arc::new(Authority::open(folder, provider.clone())?);
                tracing::info!(authority = %authority.path().display(), "trust this certificate in your browser");
                Ok(Server { config: config(provider, authority)?, files: None })
            }
        }
    }

    /// Looks at the files again and again, for ever.
    pub async fn follow(self) {
        let Some((files, bytes)) = self.files else {
            return std::future::pending().await;
        };
        let mut last = Ok(bytes);
        loop {
            tokio::time::sleep(PAUSE).await;
            let (files, before) = (files.clone(), last);
            // A disk that hangs holds nobody up.
            let looking = tokio::task::spawn_blocking(move || {
                let mut last = before;
                files.look(&mut last);
                last
            });
            last = looking.await.unwrap_or_else(|error| Err(error.to_string()));
        }
    }
}

fn config(
    provider: Arc<CryptoProvider>,
    resolver: Arc<dyn ResolvesServerCert>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let made = rcgen::generate_simple_self_signed([name.to_string()]).expect("a certificate");
        let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
        std::fs::write(&chain, made.cert.pem()).expect("written");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
        (chain, key)
    }

    fn served(files: &Files) -> Vec<u8> {
        files.current.read().expect("not poisoned").cert[0].to_vec()
    }

    #[test]
    fn a_certificate_is_exchanged_when_its_files_change_and_kept_when_they_are_nonsense() {
        let folder = tempfile::tempdir().expect("a folder");
        let (chain, key) = write(folder.path(), "a.localhost");
        let server = Server::new(&Tls::Files { chain: chain.clone(), key: key.clone() }).expect("a server");
        let (files, bytes) = server.files.expect("files");
        let (first, mut last) = (served(&files), Ok(bytes));
        files.look(&mut last);
        assert_eq!(served(&files), first);
        std::fs::write(&chain, "nonsense").expect("written");
        files.look(&mut last);
        assert_eq!(served(&files), first);
        // A new chain whose key has not come yet.
        let other = tempfile::tempdir().expect("a folder");
        let (new, new_key) = write(other.path(), "b.localhost");
        std::fs::copy(&new, &chain).expect("copied");
        files.look(&mut last);
        assert_eq!(served(&files), first);
        std::fs::copy(&new_key, &key).expect("copied");
        files.look(&mut last);
        let second = served(&files);
        assert_ne!(second, first);
        std::fs::remove_file(&key).expect("removed");
        files.look(&mut last);
        assert_eq!(served(&files), second);
    }

    #[test]
    fn a_server_without_a_usable_certificate_does_not_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let (chain, key) = write(folder.path(), "a.localhost");
        let missing = folder.path().join("missing.pem");
        let error = |chain: &PathBuf, key: &PathBuf| {
            let tls = Tls::Files { chain: chain.clone(), key: key.clone() };
            Server::new(&tls).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert!(error(&missing, &key).contains("missing.pem"));
        assert!(error(&key, &key).contains("has no certificate"));
        assert!(error(&chain, &chain).contains("no PEM"));
        let other = tempfile::tempdir().expect("a folder");
        let (_, other_key) = write(other.path(), "a.localhost");
        assert!(error(&chain, &other_key).contains("the key is not the certificate's"));
    }
}
