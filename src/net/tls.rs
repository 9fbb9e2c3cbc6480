//! Mutual TLS 1.3 without a certificate authority: each side accepts exactly the Ed25519 keys that
//! genesis pins. Certificates are only the envelope that TLS wants around a key: self-signed at
//! start, their names and dates mean nothing.

use crate::types::NodeIndex;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::version::TLS13;
use rustls::{ClientConfig, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use std::sync::Arc;

/// DER of a SubjectPublicKeyInfo with an Ed25519 key, up to the 32 key bytes (RFC 8410 §4).
const ED25519_SPKI_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The name in every certificate and SNI; nobody looks at it.
const TLS_NAME: &str = "replica.atoll";

/// This node's TLS key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("the TLS key cannot be read: {0}")]
    Key(#[from] rcgen::Error),
    #[error("the TLS key on disk is not the one that genesis pins for node {0}")]
    NotOwn(NodeIndex),
    #[error("TLS refuses its configuration: {0}")]
    Config(#[from] rustls::Error),
    #[error("the peer listener cannot be used: {0}")]
    Listener(#[from] std::io::Error),
}

/// This node's certificate and whom it accepts.
pub struct Tls {
    provider: Arc<CryptoProvider>,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    pins: Vec<[u8; 32]>,
}

impl Tls {
    /// `own` is this node's place among those whose keys are pinned, if it has one.
    pub fn new(pkcs8: &[u8], own: Option<NodeIndex>, pins: Vec<[u8; 32]>) -> Result<Tls, TlsError> {
        let der = PrivatePkcs8KeyDer::from(pkcs8.to_vec());
        let pair = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ED25519)?;
        let certificate =
            rcgen::CertificateParams::new(vec![TLS_NAME.to_string()])?.self_signed(&pair)?.der().clone();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = Tls { provider, certificate, key: PrivateKeyDer::Pkcs8(der), pins };
        let Some(own) = own else { return Ok(tls) };
        let pinned = tls.pins.get(usize::from(own.0)).ok_or(TlsError::NotOwn(own))?;
        match public_key(&tls.certificate) {
            Ok(key) if key == *pinned => Ok(tls),
            _ => Err(TlsError::NotOwn(own)),
        }
    }

    /// Accepts any node of the committee.
    pub fn server(&self) -> Result<Arc<ServerConfig>, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(self.pinned(self.pins.clone()))
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }

    /// Accepts `peer` and nobody else.
    pub fn client(&self, peer: NodeIndex) -> Result<Arc<ClientConfig>, rustls::Error> {
        let pin = self.pins.get(usize::from(peer.0)).copied().into_iter().collect();
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(self.pinned(pin))
            .with_client_auth_cert(vec![self.certificate.clone()], self.key.clone_key())?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }

    /// Which node proved the key in `certificates`; of several nodes with one key, the first.
    pub fn node_of(&self, certificates: &[CertificateDer<'_>]) -> Option<NodeIndex> {
        let key = public_key(certificates.first()?).ok()?;
        let place = self.pins.iter().position(|pin| *pin == key)?;
        u16::try_from(place).ok().map(NodeIndex)
    }

    fn pinned(&self, pins: Vec<[u8; 32]>) -> Arc<Pinned> {
        Arc::new(Pinned { pins, algorithms: self.provider.signature_verification_algorithms })
    }
}

/// The name that dialers send.
pub fn server_name() -> Result<ServerName<'static>, rustls::Error> {
    ServerName::try_from(TLS_NAME).map_err(|error| rustls::Error::General(error.to_string()))
}

/// The Ed25519 key of a certificate; an error for every other kind of key.
fn public_key(certificate: &CertificateDer<'_>) -> Result<[u8; 32], rustls::Error> {
    let spki = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
    spki.strip_prefix(&ED25519_SPKI_PREFIX)
        .and_then(|key| key.try_into().ok())
        .ok_or(rustls::Error::General("the peer's key is not Ed25519".to_string()))
}

/// Accepts a certificate if its key is one of `pins`. That its sender holds the key, TLS proves by
/// the handshake's signature, which is verified here too.
#[derive(Debug)]
struct Pinned {
    pins: Vec<[u8; 32]>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Pinned {
    fn check_key(&self, certificate: &CertificateDer<'_>) -> Result<(), rustls::Error> {
        let key = public_key(certificate)?;
        if self.pins.contains(&key) {
            return Ok(());
        }
        Err(rustls::Error::General(format!("no node of the committee has the key {}", hex::encode(key))))
    }

    fn check_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }
}

/// TLS 1.2 is never negotiated, so its signatures are never right.
fn refuse_tls12() -> Result<HandshakeSignatureValid, rustls::Error> {
    Err(rustls::Error::General("TLS 1.2 is not spoken here".to_string()))
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.check_key(end_entity).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        refuse_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.check_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.check_key(end_entity).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        refuse_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.check_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}
