//! A device joins that cannot prove anything yet: it shows a code, and a device of the identity confirms it.
//!
//! 1. A device of the identity opens a window of [`PAIRING_LASTS`]. While it is open, the new device leaves its key (the
//!    call is signed with it) and is told a code of six digits.
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

/// Codes have six digits.
const CODES: u32 = 1_000_000;

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
    /// Opens a window for a new device, anew if one is open. The answer is when it closes.
    ///
    /// # Errors
    /// Of rights; [`Refusal::TooManyDevices`].
    pub fn open_pairing(&mut self, call: Call, user: UserNumber) -> Result<Timestamp, Refusal> {
        let (mut anchor, _) = self.mine(call, user)?;
        if anchor.devices.len() >= MAX_DEVICES {
            return Err(Refusal::TooManyDevices { max: MAX_DEVICES as u8 });
        }
        let until = call.now.saturating_add(PAIRING_LASTS);
        anchor.pairing = Some(Pairing { until, wrong: 0, tentative: None });
        self.put(user, anchor);
        Ok(until)
    }

    /// # Errors
    /// Of rights.
    pub fn close_pairing(&mut self, call: Call, user: UserNumber) -> Result<(), Refusal> {
        let (mut anchor, _) = self.mine(call, user)?;
        anchor.pairing = None;
        self.put(user, anchor);
        Ok(())
    }

    fn code(&self, call: Call, user: UserNumber) -> Result<String, Refusal> {
        let secret = self.salt()?;
        let parts: [&[u8]; 5] = [
            b"atoll identity code",
            &secret,
            &user.to_be_bytes(),
            &call.now.to_be_bytes(),
            call.caller.as_slice(),
        ];
        let [a, b, c, d, ..] = sha256(&parts);
        Ok(format!("{:06}", u32::from_be_bytes([a, b, c, d]) % CODES))
    }

    /// The identity, and its open window, where this device may wait or waits already.
    pub(crate) fn place_to_wait(
        &self,
        call: Call,
        user: UserNumber,
        device: &DeviceData,
    ) -> Result<(Anchor, Pairing), Refusal> {
        devices::check_own(call, device)?;
        if device.key_type == KeyType::SeedPhrase {
            return Err(Refusal::Invalid("a recovery phrase is added by a device".into()));
        }
        let anchor = self.anchors.get(&user).ok_or(Refusal::DeviceRegistrationModeOff)?.0;
        let pairing = anchor.open_pairing(call.now).cloned().ok_or(Refusal::DeviceRegistrationModeOff)?;
        match &pairing.tentative {
            Some(it) if it.device.pubkey == device.pubkey => {}
            Some(_) => return Err(Refusal::AnotherDeviceTentativelyAdded),
            None => {
                self.check_new(device)?;
                Self::check_room(&anchor, device)?;
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
        device: DeviceData,
    ) -> Result<TentativeDevice, Refusal> {
        let (mut anchor, pairing) = self.place_to_wait(call, user, &device)?;
        let code = match &pairing.tentative {
            Some(it) => it.code.clone(),
            None => {
                let code = self.code(call, user)?;
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
        Self::check_room(&anchor, &device)?;
        anchor.pairing = None;
        self.join(user, &mut anchor, tentative.device);
        self.put(user, anchor);
        Ok(())
    }
}
