//! An authority for development: one certificate that a developer's browser is told to trust, and certificates under it
//! for whatever host a browser asks.
//!
//! Whoever steals its key can pretend to be a host of the developer's own machine and network, and no other: the
//! authority is constrained to names that are reserved for such use, and its key is readable by its owner alone.

use super::tls::TlsError;
use quick_cache::sync::Cache;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const CERTIFICATE: &str = "authority.pem";
const KEY: &str = "authority-key.pem";
const NAME: &str = "Atoll development";
/// Names that are nobody's in the world (RFC 6761, 8375, ICANN 2024).
const DOMAINS: &[&str] = &["localhost", "test", "local", "internal", "home.arpa"];
/// What a client gets that asks for no name.
const NAMELESS: &str = "localhost";
const DAY: Duration = Duration::from_secs(86_400);
const AUTHORITY_DAYS: u32 = 3_650;
/// Browsers take no certificate that is good for longer.
const CERTIFICATE_DAYS: u32 = 397;
/// Certificates that are remembered; others are made anew.
const CERTIFICATES_MAX: usize = 256;

/// The authority.
pub struct Authority {
    path: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
    made: Cache<String, Arc<CertifiedKey>>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("path", &self.path).finish_non_exhaustive()
    }
}

fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let loopback = [
        CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8),
        CidrSubnet::from_addr_prefix(Ipv6Addr::LOCALHOST.into(), 128),
    ];
    let names = DOMAINS.iter().map(|name| GeneralSubtree::DnsName(name.to_string()));
    let permitted_subtrees = names.chain(loopback.into_iter().map(GeneralSubtree::IpAddress)).collect();
    params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    valid(&mut params, AUTHORITY_DAYS);
    params
}

/// From yesterday, as clocks differ.
fn valid(params: &mut CertificateParams, days: u32) {
    let now = SystemTime::now();
    params.not_before = (now - DAY).into();
    params.not_after = (now + DAY * days - DAY).into();
}

fn is_ours(name: &str) -> bool {
    let ends =
        |domain: &str| name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    DOMAINS.iter().any(|domain| ends(domain))
}

impl Authority {
    /// The authority of a folder.
    pub fn open(folder: &Path, provider: Arc<CryptoProvider>) -> Result<Authority, TlsError> {
        let (path, key_path) = (folder.join(CERTIFICATE), folder.join(KEY));
        let wrong = |path: &Path| {
            let path = path.to_path_buf();
            move |source| TlsError::File { path, source }
        };
        let read = |path: &Path| std::fs::read_to_string(path).map_err(wrong(path));
        let (key, certificate) = match key_path.exists() {
            true => {
                let pem = read(&path)?;
                let parsed = CertificateDer::from_pem_slice(pem.as_bytes());
                let certificate = parsed
                    .map_err(|error| TlsError::Pem { path: path.clone(), reason: error.to_string() })?;
                (KeyPair::from_pem(&read(&key_path)?)?, certificate)
            }
            false => {
                std::fs::create_dir_all(folder).map_err(wrong(folder))?;
                let key = KeyPair::generate()?;
                let certificate = params().self_signed(&key)?;
                std::fs::write(&path, certificate.pem()).map_err(wrong(&path))?;
                write_secret(&key_path, &key.serialize_pem()).map_err(wrong(&key_path))?;
                (key, certificate.der().clone())
            }
        };
        let (issuer, made) = (Issuer::new(params(), key), Cache::new(CERTIFICATES_MAX));
        Ok(Authority { path, issuer, certificate, provider, made })
    }

    /// Where its certificate is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn make(&self, name: &str) -> Result<Arc<CertifiedKey>, TlsError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![name.to_string()])?;
        if name == NAMELESS {
            let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            params.subject_alt_names.extend(loopback.map(SanType::IpAddress));
        }
        params.distinguished_name.push(DnType::CommonName, NAME);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        valid(&mut params, CERTIFICATE_DAYS);
        let certificate = params.signed_by(&key, &self.issuer)?;
        let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let chain = vec![certificate.der().clone(), self.certificate.clone()];
        Ok(Arc::new(CertifiedKey::from_der(chain, secret, &self.provider)?))
    }

    fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        if !is_ours(name) {
            return None;
        }
        if let Some(made) = self.made.get(name) {
            return Some(made);
        }
        let made =
            self.make(name).inspect_err(|error| tracing::warn!(name, %error, "no certificate")).ok()?;
        self.made.insert(name.to_string(), made.clone());
        Some(made)
    }
}

fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

impl ResolvesServerCert for Authority {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().unwrap_or(NAMELESS).to_ascii_lowercase();
        self.certificate(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_made_once_and_signs_for_reserved_names_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let open = || Authority::open(folder.path(), provider.clone()).expect("an authority");
        let (first, again) = (open(), open());
        assert_eq!(first.certificate, again.certificate);
        for name in ["localhost", "rwlgt-iiaaa-aaaaa-aaaaa-cai.localhost", "shop.test", "a.b.home.arpa"] {
            let made = again.certificate(name).expect("a certificate");
            assert_eq!(made.cert[1], first.certificate);
            assert!(Arc::ptr_eq(&made, &again.certificate(name).expect("the same")));
        }
        for name in ["example.org", "notlocalhost", "localhost.example.org", ""] {
            assert!(again.certificate(name).is_none(), "{name}");
        }
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(folder.path().join(KEY)).expect("the key").permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);
    }
}
