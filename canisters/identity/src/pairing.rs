//! A device joins that cannot prove anything yet: it shows a code, and a device of the identity confirms it.
//!
//! 1. A device of the identity opens a window of [`PAIRING_LASTS`], and is told its secret of eight digits, which the person
//!    types on the new device after the identity's number. With it the new device leaves its key (the call is signed
//!    with it), and is told a code of six digits. Without it a window is as good as closed: strangers neither find nor
//!    fill it.
//! 2. The person reads the code on the new device and types it into the old one. What a stranger may have left instead
//!    has another code. [`PAIRING_ATTEMPTS`] wrong ones close the window.
//! 3. One device waits at a time; opening the window anew forgets it.

use crate::book::{Book, Call};
use crate::devices::{self, Anchor, Device};
use crate::interface::*;
use crate::keys::sha256;
use crate::limits::*;
use crate::memory::Memory;
use serde::{Deserialize, Serialize};

/// Codes have six digits, secrets eight.
const CODES: u64 = 1_000_000;
const SECRETS: u64 = 100_000_000;

/// A device that waits to be confirmed.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Tentative {
    pub device: Device,
    pub code: String,
}

/// An open window.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Pairing {
    pub until: Timestamp,
    /// What opens the window to a device that knows it.
    #[serde(default)]
    pub secret: String,
    pub wrong: u8,
    pub tentative: Option<Tentative>,
}

impl Pairing {
    pub(crate) fn view(&self) -> DeviceRegistrationInfo {
        let tentative_device = self.tentative.as_ref().map(|it| it.device.clone().into());
        DeviceRegistrationInfo { tentative_device, expiration: self.until }
    }
}

impl Anchor {
    pub(crate) fn open_pairing(&self, now: Timestamp) -> Option<&Pairing> {
        self.pairing.as_ref().filter(|it| it.until > now)
    }
}

impl<M: Memory> Book<M> {
    /// Opens a window for a new device, anew if one is open.
    ///
    /// # Errors
    /// Of rights; [`Refusal::TooManyDevices`].
    pub fn open_pairing(&mut self, call: Call, user: UserNumber) -> Result<PairingOpened, Refusal> {
        let (mut anchor, _) = self.mine(call, user)?;
        if anchor.devices.len() >= MAX_DEVICES {
            return Err(Refusal::TooManyDevices { max: MAX_DEVICES as u8 });
        }
        let expiration = call.now.saturating_add(PAIRING_LASTS);
        let secret = format!("{:08}", self.draw(b"atoll identity window", call, user)? % SECRETS);
        anchor.pairing =
            Some(Pairing { until: expiration, secret: secret.clone(), wrong: 0, tentative: None });
        self.put(user, anchor);
        Ok(PairingOpened { secret, expiration })
    }

    /// # Errors
    /// Of rights.
    pub fn close_pairing(&mut self, call: Call, user: UserNumber) -> Result<(), Refusal> {
        let (mut anchor, _) = self.mine(call, user)?;
        anchor.pairing = None;
        self.put(user, anchor);
        Ok(())
    }

    /// A number that nobody foresees who does not know the canister's secret.
    fn draw(&self, domain: &[u8], call: Call, user: UserNumber) -> Result<u64, Refusal> {
        let salt = self.salt()?;
        let parts: [&[u8]; 5] =
            [domain, &salt, &user.to_be_bytes(), &call.now.to_be_bytes(), call.caller.as_slice()];
        let [a, b, c, d, e, f, g, h, ..] = sha256(&parts);
        Ok(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    /// The identity, and its open window, where this device may wait or waits already.
    pub(crate) fn place_to_wait(
        &self,
        call: Call,
        user: UserNumber,
        secret: &str,
        device: &DeviceData,
    ) -> Result<(Anchor, Pairing), Refusal> {
        devices::check_own(call, device)?;
        if device.key_type == KeyType::SeedPhrase {
            return Err(Refusal::Invalid("a recovery phrase is added by a device".into()));
        }
        let anchor = self.anchors.get(&user).ok_or(Refusal::DeviceRegistrationModeOff)?.0;
        let pairing = anchor.open_pairing(call.now).filter(|it| it.secret == secret).cloned();
        let pairing = pairing.ok_or(Refusal::DeviceRegistrationModeOff)?;
        match &pairing.tentative {
            Some(it) if it.device.pubkey == device.pubkey => {}
            Some(_) => return Err(Refusal::AnotherDeviceTentativelyAdded),
            None => {
                self.check_new(device)?;
                self.check_room(&anchor, device)?;
            }
        }
        Ok((anchor, pairing))
    }

    /// Leaves a device's key. A second time the same device is told the same code.
    ///
    /// # Errors
    /// Of what was given; of the window.
    pub fn leave(
        &mut self,
        call: Call,
        user: UserNumber,
        secret: &str,
        device: DeviceData,
    ) -> Result<TentativeDevice, Refusal> {
        let (mut anchor, pairing) = self.place_to_wait(call, user, secret, &device)?;
        let code = match &pairing.tentative {
            Some(it) => it.code.clone(),
            None => {
                let code = format!("{:06}", self.draw(b"atoll identity code", call, user)? % CODES);
                let tentative = Some(Tentative { device: device.into(), code: code.clone() });
                anchor.pairing = Some(Pairing { tentative, ..pairing.clone() });
                self.put(user, anchor);
                code
            }
        };
        Ok(TentativeDevice { verification_code: code, device_registration_timeout: pairing.until })
    }

    /// Confirms the waiting device by its code.
    ///
    /// # Errors
    /// Of rights, of the window; [`Refusal::WrongCode`].
    pub fn confirm(&mut self, call: Call, user: UserNumber, code: &str) -> Result<(), Refusal> {
        let (mut anchor, _) = self.mine(call, user)?;
        let mut pairing = anchor.open_pairing(call.now).cloned().ok_or(Refusal::DeviceRegistrationModeOff)?;
        let tentative = pairing.tentative.clone().ok_or(Refusal::NoDeviceToVerify)?;
        if tentative.code != code {
            pairing.wrong = pairing.wrong.saturating_add(1);
            let retries_left = PAIRING_ATTEMPTS.saturating_sub(pairing.wrong);
            anchor.pairing = (retries_left > 0).then_some(pairing);
            self.put(user, anchor);
            return Err(Refusal::WrongCode { retries_left });
        }
        let device = DeviceData::from(tentative.device.clone());
        self.check_new(&device)?;
        self.check_room(&anchor, &device)?;
        anchor.pairing = None;
        self.join(user, &mut anchor, tentative.device, call.now);
        self.put(user, anchor);
        Ok(())
    }
}
