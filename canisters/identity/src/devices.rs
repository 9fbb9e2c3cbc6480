//! An identity's devices.
//!
//! 1. A device is a key that signs requests: the caller is a device's owner if its principal is the key's. A key and a
//!    credential belong to one identity.
//! 2. Passkeys have a credential's id, other keys have none. One device may be a recovery phrase; it alone may be
//!    protected, and then, [`PROTECTION_AFTER`] later, nobody but itself changes or removes it. Until then any device
//!    does: somebody who held a device for a minute does not stay for good.
//! 3. An identity keeps at least one device and has at most [`MAX_DEVICES`].
//! 4. A device agrees to belong to an identity: another device names its key ([`Book::add`]), and the key itself signs
//!    that it accepts ([`Book::accept`]). Nobody is put into somebody else's identity, and no key is taken that cannot
//!    sign. One device is invited at a time, for [`INVITATION_LASTS`]; naming another takes the place of the first, and
//!    removing a device takes it back.
//! 5. Whoever has a device may have the identity forgotten ([`Book::forget`]); where a phrase protects it, only the phrase.
//! 6. Nothing tells a stranger which devices an identity has; who knows a credential's id learns its key, which is what
//!    signing in begins with.

use crate::book::{Book, Call};
use crate::interface::*;
use crate::keys::{self, Kind, sha256};
use crate::limits::*;
use crate::memory::Memory;
use crate::origin::{self, Name};
use crate::pairing::Pairing;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// A device as it is stored.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Device {
    pub pubkey: ByteBuf,
    pub alias: String,
    pub credential_id: Option<ByteBuf>,
    pub purpose: Purpose,
    pub key_type: KeyType,
    pub protection: DeviceProtection,
    pub origin: Option<String>,
    pub last_usage: Option<Timestamp>,
    #[serde(default)]
    pub added: Option<Timestamp>,
    /// When protection was last asked for.
    #[serde(default)]
    pub protected_since: Option<Timestamp>,
}

/// An identity as it is stored.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Anchor {
    pub created: Timestamp,
    /// Drawn when it was made, kept for ever: its apps' identities hang on it.
    pub name: Name,
    pub devices: Vec<Device>,
    pub pairing: Option<Pairing>,
    /// The key that made this identity: only to its holder does a second registration tell the number.
    #[serde(default)]
    pub founder: Option<ByteBuf>,
    #[serde(default)]
    pub invited: Option<Invited>,
}

/// A device that has yet to accept.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Invited {
    pub device: Device,
    pub until: Timestamp,
}

impl From<DeviceData> for Device {
    fn from(it: DeviceData) -> Self {
        Self {
            pubkey: it.pubkey,
            alias: it.alias,
            credential_id: it.credential_id,
            purpose: it.purpose,
            key_type: it.key_type,
            protection: it.protection,
            origin: it.origin,
            last_usage: None,
            added: None,
            protected_since: None,
        }
    }
}

impl From<Device> for DeviceData {
    fn from(it: Device) -> Self {
        Self {
            pubkey: it.pubkey,
            alias: it.alias,
            credential_id: it.credential_id,
            purpose: it.purpose,
            key_type: it.key_type,
            protection: it.protection,
            origin: it.origin,
        }
    }
}

impl From<Device> for DeviceWithUsage {
    fn from(it: Device) -> Self {
        let protected_from = it.protected_from();
        Self {
            pubkey: it.pubkey,
            alias: it.alias,
            credential_id: it.credential_id,
            purpose: it.purpose,
            key_type: it.key_type,
            protection: it.protection,
            origin: it.origin,
            last_usage: it.last_usage,
            added_at: it.added,
            protected_from,
        }
    }
}

impl Device {
    /// When nobody but itself changes and removes it.
    fn protected_from(&self) -> Option<Timestamp> {
        let since = self.protected_since.filter(|_| self.protection == DeviceProtection::Protected);
        since.map(|since| since.saturating_add(PROTECTION_AFTER))
    }

    fn is_guarded(&self, now: Timestamp) -> bool {
        self.protected_from().is_some_and(|from| from <= now)
    }

    fn is_phrase(&self) -> bool {
        self.key_type == KeyType::SeedPhrase
    }
}

fn invalid(text: impl Into<String>) -> Refusal {
    Refusal::Invalid(text.into())
}

/// Letters that nobody sees, or that turn others around: a name with them reads as another. Joiners, which scripts and
/// emoji need, are none.
fn misleads(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{feff}' | '\u{200b}' | '\u{200e}' | '\u{200f}')
        || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e0000}'..='\u{e007f}')
}

fn check_alias(alias: &str) -> Result<(), Refusal> {
    let letters = alias.chars().count();
    if letters == 0 || letters > MAX_ALIAS || alias.chars().any(misleads) {
        return Err(invalid(format!("a device's name has 1 to {MAX_ALIAS} letters that can be seen")));
    }
    Ok(())
}

/// Whether these are the facts of one device.
pub(crate) fn check(device: &DeviceData) -> Result<(), Refusal> {
    let kind = keys::kind(&device.pubkey)?;
    check_alias(&device.alias)?;
    device.origin.as_deref().map_or(Ok(()), origin::check)?;
    let credential = device.credential_id.as_ref().map(|id| id.len());
    match (kind, credential) {
        (Kind::WebAuthn, Some(1..=MAX_CREDENTIAL_BYTES)) | (Kind::Plain, None) => {}
        (Kind::WebAuthn, _) => {
            return Err(invalid(format!(
                "a passkey has a credential's id of 1 to {MAX_CREDENTIAL_BYTES} bytes"
            )));
        }
        (Kind::Plain, Some(_)) => return Err(invalid("only a passkey has a credential's id")),
    }
    let phrase = device.key_type == KeyType::SeedPhrase;
    if phrase && (kind != Kind::Plain || device.purpose != Purpose::Recovery) {
        return Err(invalid("a recovery phrase is a plain key for recovery"));
    }
    if device.protection == DeviceProtection::Protected && !phrase {
        return Err(invalid("only a recovery phrase can be protected"));
    }
    Ok(())
}

/// The same, of a call that the device itself signed.
pub(crate) fn check_own(call: Call, device: &DeviceData) -> Result<(), Refusal> {
    check(device)?;
    let owner = keys::principal(&device.pubkey);
    if owner == call.caller { Ok(()) } else { Err(Refusal::NotTheDevice(owner)) }
}

impl<M: Memory> Book<M> {
    fn place(anchor: &Anchor, key: &[u8]) -> Result<usize, Refusal> {
        anchor.devices.iter().position(|device| device.pubkey.as_slice() == key).ok_or(Refusal::NoSuchDevice)
    }

    /// Whether the device's key and credential are nobody's.
    pub(crate) fn check_new(&self, device: &DeviceData) -> Result<(), Refusal> {
        let credential = device.credential_id.as_ref().map(|id| sha256(&[id]));
        let known = self.by_key.contains_key(&keys::principal(&device.pubkey))
            || credential.is_some_and(|it| self.by_credential.contains_key(&it));
        if known { Err(Refusal::AlreadyRegistered) } else { Ok(()) }
    }

    pub(crate) fn check_room(&self, anchor: &Anchor, device: &DeviceData) -> Result<(), Refusal> {
        if self.is_full() {
            return Err(Refusal::CanisterFull);
        }
        if anchor.devices.len() >= MAX_DEVICES {
            return Err(Refusal::TooManyDevices { max: MAX_DEVICES as u8 });
        }
        if device.key_type == KeyType::SeedPhrase && anchor.devices.iter().any(Device::is_phrase) {
            return Err(invalid("there is a recovery phrase already"));
        }
        Ok(())
    }

    /// Makes a checked device one of `user`'s.
    pub(crate) fn join(&mut self, user: UserNumber, anchor: &mut Anchor, mut device: Device, now: Timestamp) {
        device.added = Some(now);
        device.protected_since = (device.protection == DeviceProtection::Protected).then_some(now);
        self.by_key.insert(keys::principal(&device.pubkey), user);
        if let Some(id) = &device.credential_id {
            self.by_credential.insert(sha256(&[id]), user);
        }
        anchor.devices.push(device);
    }

    /// Names a device that may join by [`Book::accept`]. If it is there already, nothing changes.
    ///
    /// # Errors
    /// Of rights, of what was given, of bounds.
    pub fn add(&mut self, call: Call, user: UserNumber, device: DeviceData) -> Result<(), Refusal> {
        let (mut anchor, _) = self.mine(call, user)?;
        check(&device)?;
        if anchor.devices.iter().any(|it| DeviceData::from(it.clone()) == device) {
            return Ok(());
        }
        self.check_new(&device)?;
        self.check_room(&anchor, &device)?;
        let until = call.now.saturating_add(INVITATION_LASTS);
        anchor.invited = Some(Invited { device: device.into(), until });
        self.put(user, anchor);
        Ok(())
    }

    /// The identity that invited the caller, without the invitation; and what was invited.
    pub(crate) fn invitation(&self, call: Call, user: UserNumber) -> Result<(Anchor, Device), Refusal> {
        let refusal = || Refusal::Unauthorized(call.caller);
        let mut anchor = self.anchors.get(&user).ok_or_else(refusal)?.0;
        let is_asked =
            |it: &Invited| it.until > call.now && keys::principal(&it.device.pubkey) == call.caller;
        let device = anchor.invited.take().filter(is_asked).ok_or_else(refusal)?.device;
        let data = DeviceData::from(device.clone());
        self.check_new(&data)?;
        self.check_room(&anchor, &data)?;
        Ok((anchor, device))
    }

    /// The invited device joins; its key signs the call. A second time it has joined already.
    ///
    /// # Errors
    /// [`Refusal::Unauthorized`] if this identity did not invite the caller; of bounds.
    pub fn accept(&mut self, call: Call, user: UserNumber) -> Result<(), Refusal> {
        if self.by_key.get(&call.caller) == Some(user) {
            return Ok(());
        }
        let (mut anchor, device) = self.invitation(call, user)?;
        self.join(user, &mut anchor, device, call.now);
        self.put(user, anchor);
        Ok(())
    }

    /// The place of a device that the caller may change.
    fn own(&self, call: Call, user: UserNumber, key: &[u8]) -> Result<(Anchor, usize), Refusal> {
        let (anchor, caller) = self.mine(call, user)?;
        let place = Self::place(&anchor, key)?;
        if place != caller && anchor.devices.get(place).is_some_and(|it| it.is_guarded(call.now)) {
            return Err(Refusal::Protected);
        }
        Ok((anchor, place))
    }

    /// Changes a device's name and whether it is protected; nothing else of it can be changed.
    ///
    /// # Errors
    /// Of rights, and of what was given.
    pub fn update(
        &mut self,
        call: Call,
        user: UserNumber,
        key: &[u8],
        device: DeviceData,
    ) -> Result<(), Refusal> {
        let (mut anchor, place) = self.own(call, user, key)?;
        check(&device)?;
        let kept = anchor.devices.get_mut(place).ok_or(Refusal::NoSuchDevice)?;
        let (alias, protection) = (device.alias.clone(), device.protection);
        let mut same = DeviceData::from(kept.clone());
        (same.alias, same.protection) = (alias.clone(), protection);
        if same != device {
            return Err(invalid("only a device's name and protection can be changed"));
        }
        if kept.protection != protection {
            kept.protected_since = (protection == DeviceProtection::Protected).then_some(call.now);
        }
        (kept.alias, kept.protection) = (alias, protection);
        self.put(user, anchor);
        Ok(())
    }

    /// Removes a device, also that of the caller, but not the last one.
    ///
    /// # Errors
    /// Of rights; [`Refusal::LastDevice`]; [`Refusal::NoSuchDevice`], also when it was removed before.
    pub fn remove(&mut self, call: Call, user: UserNumber, key: &[u8]) -> Result<(), Refusal> {
        let (mut anchor, place) = self.own(call, user, key)?;
        if anchor.devices.len() == 1 {
            return Err(Refusal::LastDevice);
        }
        let gone = anchor.devices.remove(place);
        anchor.invited = None;
        self.disown(&gone);
        self.put(user, anchor);
        Ok(())
    }

    /// The device's key and credential are nobody's from now on.
    pub(crate) fn disown(&mut self, device: &Device) {
        self.by_key.remove(&keys::principal(&device.pubkey));
        if let Some(id) = &device.credential_id {
            self.by_credential.remove(&sha256(&[id]));
        }
    }

    /// Forgets the identity: its devices, and its name, without which nobody comes into its principals again. Its number
    /// is not given out a second time.
    ///
    /// # Errors
    /// Of rights, also when it is forgotten already.
    pub fn forget(&mut self, call: Call, user: UserNumber) -> Result<(), Refusal> {
        let (anchor, place) = self.mine(call, user)?;
        let guards = anchor.devices.iter().position(|it| it.is_guarded(call.now));
        if guards.is_some_and(|it| it != place) {
            return Err(Refusal::Protected);
        }
        self.erase(user);
        Ok(())
    }

    /// # Errors
    /// Of rights.
    pub fn info(&self, call: Call, user: UserNumber) -> Result<IdentityAnchorInfo, Refusal> {
        let (anchor, _) = self.mine(call, user)?;
        Ok(IdentityAnchorInfo {
            device_registration: anchor.open_pairing(call.now).map(|it| it.view()),
            devices: anchor.devices.into_iter().map(DeviceWithUsage::from).collect(),
            created_at: Some(anchor.created),
        })
    }

    /// The key of a credential, for whoever knows its id.
    pub fn device_key(&self, credential: &[u8]) -> Option<DeviceKeyWithAnchor> {
        let anchor_number = self.by_credential.get(&sha256(&[credential]))?;
        let anchor = self.anchors.get(&anchor_number)?.0;
        let is_it =
            |device: &Device| device.credential_id.as_ref().is_some_and(|id| id.as_slice() == credential);
        let device = anchor.devices.into_iter().find(is_it)?;
        Some(DeviceKeyWithAnchor { pubkey: device.pubkey, anchor_number })
    }
}
