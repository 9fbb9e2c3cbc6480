//! New identities, and what keeps one person from making all of them.
//!
//! 1. Registrations are counted by the minute. When a minute is full, nobody registers before the next.
//! 2. Each costs work: a nonce whose hash, with a challenge and the new key, begins with zero bits. If a minute was more
//!    than half full the next asks for one bit more (up to [`MAX_RISE`]), else for one less, down to what the rules say.
//! 3. A challenge is a hash of the canister's secret and the minute: nobody knows it before, and nothing is stored for
//!    it. That of the minute before is still good. As the key is in the proof and a key registers once, so does a proof.
//! 4. The call is signed with the new device's key. A second call finds the identity that the first one made,
//!    and no other: a key that has joined an identity does not register.

use crate::book::{Book, Call};
use crate::devices::{self, Anchor};
use crate::interface::*;
use crate::keys::sha256;
use crate::limits::*;
use crate::memory::Memory;
use crate::origin::{self, Salt};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// One minute of registrations.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct Window {
    /// Minutes since 1970.
    pub number: u64,
    pub used: u32,
    /// Zero bits asked for in this minute, and in the one before.
    pub difficulty: u8,
    pub before: u8,
}

impl Window {
    fn next(&self, rules: &RegistrationRules) -> Self {
        let most = rules.difficulty.saturating_add(MAX_RISE);
        let busy = self.used.saturating_mul(2) > rules.per_minute;
        let moved = if busy { self.difficulty.saturating_add(1) } else { self.difficulty.saturating_sub(1) };
        let difficulty = moved.clamp(rules.difficulty, most);
        Self { number: self.number.saturating_add(1), used: 0, difficulty, before: self.difficulty }
    }

    /// The window that is open at this time.
    pub fn at(&self, now: Timestamp, rules: &RegistrationRules) -> Self {
        let number = now / WINDOW;
        let mut window = self.clone();
        for _ in 0..=MAX_RISE.saturating_add(1) {
            if window.number >= number {
                return window;
            }
            window = window.next(rules);
        }
        Self { number, used: 0, difficulty: rules.difficulty, before: rules.difficulty }
    }

    fn end(&self) -> Timestamp {
        self.number.saturating_add(1).saturating_mul(WINDOW)
    }
}

fn challenge(salt: &Salt, number: u64) -> [u8; 32] {
    sha256(&[b"atoll identity registration", salt, &number.to_be_bytes()])
}

/// The hash whose zero bits count.
pub fn work(challenge: &[u8], key: &[u8], nonce: u64) -> [u8; 32] {
    sha256(&[&sha256(&[challenge, key]), &nonce.to_be_bytes()])
}

/// Zero bits at the beginning.
pub fn zero_bits(hash: &[u8]) -> u32 {
    let zeros = hash.iter().take_while(|byte| **byte == 0).count();
    let rest = hash.get(zeros).map_or(0, |byte| byte.leading_zeros());
    u32::try_from(zeros).unwrap_or(u32::MAX).saturating_mul(8).saturating_add(rest)
}

impl<M: Memory> Book<M> {
    fn window(&self, now: Timestamp) -> Window {
        self.state().window.at(now, &self.state().rules)
    }

    /// What a registration has to be proved for now.
    ///
    /// # Errors
    /// [`Refusal::NotReady`]
    pub fn challenge(&self, now: Timestamp) -> Result<Challenge, Refusal> {
        let window = self.window(now);
        let challenge = challenge(&self.salt()?, window.number).to_vec();
        let expiration = window.end().saturating_add(WINDOW);
        Ok(Challenge { challenge: ByteBuf::from(challenge), difficulty: window.difficulty, expiration })
    }

    fn check_proof(&self, window: &Window, key: &[u8], proof: &Proof) -> Result<(), Refusal> {
        let salt = self.salt()?;
        let here = [(window.number, window.difficulty), (window.number.saturating_sub(1), window.before)];
        let is_its = |(number, _): &&(u64, u8)| challenge(&salt, *number) == proof.challenge.as_slice();
        let Some((_, difficulty)) = here.iter().find(is_its) else { return Err(Refusal::BadProof) };
        let done = zero_bits(&work(&proof.challenge, key, proof.nonce));
        if done < u32::from(*difficulty) { Err(Refusal::BadProof) } else { Ok(()) }
    }

    /// Whether this device may make an identity now; the minute in which it does.
    pub(crate) fn check_newcomer(
        &self,
        call: Call,
        device: &DeviceData,
        proof: &Proof,
    ) -> Result<Window, Refusal> {
        devices::check_own(call, device)?;
        if device.purpose != Purpose::Authentication {
            return Err(Refusal::Invalid("an identity begins with a device for signing in".into()));
        }
        self.check_new(device)?;
        let window = self.window(call.now);
        self.check_proof(&window, &device.pubkey, proof)?;
        if window.used >= self.state().rules.per_minute {
            return Err(Refusal::TooManyRegistrations { until: window.end() });
        }
        if self.anchors.len() >= MAX_ANCHORS {
            return Err(Refusal::CanisterFull);
        }
        Ok(window)
    }

    /// Makes an identity with one device, whose key signed the call.
    ///
    /// # Errors
    /// Of what was given, of the proof, of bounds.
    pub fn register(&mut self, call: Call, device: DeviceData, proof: &Proof) -> Result<UserNumber, Refusal> {
        devices::check_own(call, &device)?;
        if let Some(user) = self.by_key.get(&call.caller) {
            let anchor = self.anchors.get(&user).map(|it| it.0);
            let is_founder = anchor.is_some_and(|it| it.founder.as_ref() == Some(&device.pubkey));
            return if is_founder { Ok(user) } else { Err(Refusal::AlreadyRegistered) };
        }
        let mut window = self.check_newcomer(call, &device, proof)?;
        window.used = window.used.saturating_add(1);
        let user = self.state().next;
        let name = origin::name(&self.salt()?, user, &device.pubkey, call.now);
        self.change_state(|state| (state.next, state.window) = (user.saturating_add(1), window));
        let founder = Some(device.pubkey.clone());
        let mut anchor =
            Anchor { created: call.now, name, devices: Vec::new(), pairing: None, founder, invited: None };
        self.join(user, &mut anchor, device.into());
        self.put(user, anchor);
        Ok(user)
    }
}
