//! An authority for development: one certificate that a developer's browser is told to trust, and certificates under it
//! for whatever host a browser asks.
//!
//! Whoever steals its key can pretend to be a host of the developer's own machine and network, and no other: the
//! authority is constrained to names that are reserved for such use, and its key is readable by its owner alone.
//!
//! The key is there first, whole or not at all; a certificate that is not there is made of it. So gateways that begin at
//! once, or are stopped in the middle of this, have one authority.

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
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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

fn wrong(path: &Path) -> impl FnOnce(io::Error) -> TlsError + use<> {
    let path = path.to_path_buf();
    move |source| TlsError::File { path, source }
}

/// The key of a folder, made if it is not there.
fn key_of(folder: &Path) -> Result<KeyPair, TlsError> {
    let path = folder.join(KEY);
    if !path.try_exists().map_err(wrong(&path))? {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(wrong(folder))?;
        let made = new_file(folder, &KeyPair::generate()?.serialize_pem()).map_err(wrong(&path))?;
        // Unlike a renaming, this takes the place of no other key.
        let linked = fs::hard_link(&made, &path);
        let _ = fs::remove_file(&made);
        if let Err(error) = linked
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(wrong(&path)(error));
        }
    }
    if fs::metadata(&path).map_err(wrong(&path))?.mode() & 0o077 != 0 {
        return Err(TlsError::Open(path));
    }
    Ok(KeyPair::from_pem(&fs::read_to_string(&path).map_err(wrong(&path))?)?)
}

/// The certificate of a folder, made if it is not there.
fn certificate_of(folder: &Path, key: &KeyPair) -> Result<CertificateDer<'static>, TlsError> {
    let path = folder.join(CERTIFICATE);
    if !path.try_exists().map_err(wrong(&path))? {
        let made = new_file(folder, &params().self_signed(key)?.pem()).map_err(wrong(&path))?;
        fs::rename(&made, &path).map_err(wrong(&path))?;
    }
    let pem = fs::read_to_string(&path).map_err(wrong(&path))?;
    let parsed = CertificateDer::from_pem_slice(pem.as_bytes());
    parsed.map_err(|error| TlsError::Pem { path, reason: error.to_string() })
}

/// A file of a name of its own that is on disk, for its owner alone.
fn new_file(folder: &Path, text: &str) -> io::Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let path = folder.join(format!(".new-{process}-{count}"));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(path)
}

fn secret_of(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()))
}

impl Authority {
    /// The authority of a folder.
    pub fn open(folder: &Path, provider: Arc<CryptoProvider>) -> Result<Authority, TlsError> {
        let key = key_of(folder)?;
        let (path, certificate) = (folder.join(CERTIFICATE), certificate_of(folder, &key)?);
        // Browsers would refuse all that another key signs.
        if let Err(source) = CertifiedKey::from_der(vec![certificate.clone()], secret_of(&key), &provider) {
            return Err(TlsError::Authority { path, source });
        }
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
        let chain = vec![certificate.der().clone(), self.certificate.clone()];
        Ok(Arc::new(CertifiedKey::from_der(chain, secret_of(&key), &self.provider)?))
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
        let home = folder.path().join("authority");
        let open = || Authority::open(&home, provider.clone()).expect("an authority");
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
        let mode = |path: &Path| fs::metadata(path).expect("it is there").mode() & 0o777;
        assert_eq!((mode(&home), mode(&home.join(KEY))), (0o700, 0o600));
        let names: Vec<_> = fs::read_dir(&home).expect("a folder").collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }

    #[test]
    fn gateways_that_begin_at_once_have_one_authority() {
        let folder = tempfile::tempdir().expect("a folder");
        let begin = || {
            let folder = folder.path().join("deep/authority");
            std::thread::spawn(move || {
                let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
                Authority::open(&folder, provider).expect("an authority").issuer.key().serialize_pem()
            })
        };
        let begun: Vec<_> = (0..8).map(|_| begin()).collect();
        let keys: std::collections::BTreeSet<String> =
            begun.into_iter().map(|begun| begun.join().expect("no panic")).collect();
        assert_eq!(keys.len(), 1);
    }

    #[test]
    fn an_authority_is_mended_or_refused_but_never_used_broken() {
        let folder = tempfile::tempdir().expect("a folder");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let open = || {
            Authority::open(folder.path(), provider.clone()).map(|_| ()).map_err(|error| error.to_string())
        };
        let (key, certificate) = (folder.path().join(KEY), folder.path().join(CERTIFICATE));
        assert_eq!(open(), Ok(()));
        fs::remove_file(&certificate).expect("removed");
        assert_eq!(open(), Ok(()));
        let check = |what: &str| {
            let error = open().expect_err(what);
            assert!(error.contains(what), "{error}");
        };
        fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o640)).expect("changed");
        check("can be read by others");
        fs::remove_file(&key).expect("removed");
        check("do not belong together");
        fs::write(&certificate, "nonsense").expect("written");
        check("no PEM");
    }
}
