//! What comes and goes in candid. Names are Internet Identity's where the meaning is the same; every refusal is typed.

use candid::{CandidType, Deserialize, Principal};
use serde::Serialize;
use serde_bytes::ByteBuf;

/// The number of an identity.
pub type UserNumber = u64;
/// Nanoseconds since 1970.
pub type Timestamp = u64;

/// What an installation or an upgrade may say. What is not said stays.
#[derive(CandidType, Deserialize, Clone, Debug, Default)]
pub struct InitArgs {
    pub registration: Option<RegistrationRules>,
    /// Sources (as in a Content-Security-Policy) that the sign-in page may ask for an app's alternative origins,
    /// besides its own origin: say `https://*.example.org` for a gateway with that domain. If nobody ever said any,
    /// pages of this machine, `http://*.localhost:*`.
    pub gateways: Option<Vec<String>>,
}

/// How fast identities may be made.
#[derive(CandidType, Deserialize, Serialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct RegistrationRules {
    /// Registrations in a minute, beyond which further ones cost more.
    pub per_minute: u32,
    /// Leading zero bits of a proof, when few register.
    pub difficulty: u8,
}

#[derive(CandidType, Deserialize, Serialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    #[serde(rename = "recovery")]
    Recovery,
    #[serde(rename = "authentication")]
    Authentication,
}

#[derive(CandidType, Deserialize, Serialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyType {
    #[serde(rename = "unknown")]
    Unknown,
    #[serde(rename = "platform")]
    Platform,
    #[serde(rename = "cross_platform")]
    CrossPlatform,
    #[serde(rename = "seed_phrase")]
    SeedPhrase,
    #[serde(rename = "browser_storage_key")]
    BrowserStorageKey,
}

/// A protected device is changed and removed by itself only, from some days after it asked for that.
#[derive(CandidType, Deserialize, Serialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeviceProtection {
    #[serde(rename = "protected")]
    Protected,
    #[serde(rename = "unprotected")]
    Unprotected,
}

/// A device as it is given.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct DeviceData {
    /// In DER: a COSE key of WebAuthn, Ed25519, or ECDSA on P-256 or secp256k1.
    pub pubkey: ByteBuf,
    pub alias: String,
    /// Of a passkey.
    pub credential_id: Option<ByteBuf>,
    pub purpose: Purpose,
    pub key_type: KeyType,
    pub protection: DeviceProtection,
    /// The page on which the key was made.
    pub origin: Option<String>,
}

/// A device as it is kept.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct DeviceWithUsage {
    pub pubkey: ByteBuf,
    pub alias: String,
    pub credential_id: Option<ByteBuf>,
    pub purpose: Purpose,
    pub key_type: KeyType,
    pub protection: DeviceProtection,
    pub origin: Option<String>,
    pub last_usage: Option<Timestamp>,
    pub added_at: Option<Timestamp>,
    /// Of a protected device: when protection begins.
    pub protected_from: Option<Timestamp>,
}

/// A window for a new device was opened.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct PairingOpened {
    /// What the new device must know.
    pub secret: String,
    pub expiration: Timestamp,
}

/// The open window for a new device.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct DeviceRegistrationInfo {
    pub tentative_device: Option<DeviceData>,
    pub expiration: Timestamp,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct IdentityAnchorInfo {
    pub devices: Vec<DeviceWithUsage>,
    pub device_registration: Option<DeviceRegistrationInfo>,
    pub created_at: Option<Timestamp>,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct DeviceKeyWithAnchor {
    pub pubkey: ByteBuf,
    pub anchor_number: UserNumber,
}

/// What a registration has to be proved for: SHA-256(SHA-256(challenge · public key) · nonce as 8 bytes, big-endian)
/// begins with so many zero bits.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Challenge {
    pub challenge: ByteBuf,
    pub difficulty: u8,
    pub expiration: Timestamp,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    pub challenge: ByteBuf,
    pub nonce: u64,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct TentativeDevice {
    pub verification_code: String,
    pub device_registration_timeout: Timestamp,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct PreparedDelegation {
    /// The identity that this app knows, as a public key in DER.
    pub user_key: ByteBuf,
    /// When the delegation ends; `get_delegation` wants it back.
    pub expiration: Timestamp,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Delegation {
    pub pubkey: ByteBuf,
    pub expiration: Timestamp,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct SignedDelegation {
    pub delegation: Delegation,
    pub signature: ByteBuf,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum GetDelegationResponse {
    #[serde(rename = "signed_delegation")]
    SignedDelegation(SignedDelegation),
    /// Not prepared, not yet known to the replica that was asked, too old, or not the caller's.
    #[serde(rename = "no_such_delegation")]
    NoSuchDelegation,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Stats {
    pub users_registered: u64,
    pub signatures: u64,
    pub registration: RegistrationRules,
    /// Registrations of this minute, and what one costs.
    pub registered_this_minute: u32,
    pub difficulty: u8,
}

/// Why nothing was done.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The canister has no secret yet: try again in a moment.
    #[serde(rename = "not_ready")]
    NotReady,
    /// The caller is no device of this identity, or there is no such identity.
    #[serde(rename = "unauthorized")]
    Unauthorized(Principal),
    /// The call must be signed with the device's own key, whose principal this is.
    #[serde(rename = "not_the_device")]
    NotTheDevice(Principal),
    /// What was wrong with the arguments.
    #[serde(rename = "invalid")]
    Invalid(String),
    /// The proof is wrong, or its challenge too old.
    #[serde(rename = "bad_proof")]
    BadProof,
    /// So many have registered in this minute that no work helps.
    #[serde(rename = "too_many_registrations")]
    TooManyRegistrations { until: Timestamp },
    #[serde(rename = "canister_full")]
    CanisterFull,
    /// The key or the credential belongs to an identity already.
    #[serde(rename = "already_registered")]
    AlreadyRegistered,
    #[serde(rename = "too_many_devices")]
    TooManyDevices { max: u8 },
    #[serde(rename = "no_such_device")]
    NoSuchDevice,
    /// Only the device itself may do that.
    #[serde(rename = "protected")]
    Protected,
    /// An identity keeps one device.
    #[serde(rename = "last_device")]
    LastDevice,
    #[serde(rename = "device_registration_mode_off")]
    DeviceRegistrationModeOff,
    #[serde(rename = "another_device_tentatively_added")]
    AnotherDeviceTentativelyAdded,
    #[serde(rename = "no_device_to_verify")]
    NoDeviceToVerify,
    #[serde(rename = "wrong_code")]
    WrongCode { retries_left: u8 },
}
