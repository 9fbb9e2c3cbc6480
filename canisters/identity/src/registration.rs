//! New identities, and what keeps one person from making all of them.
//!
//! 1. Each costs work: a nonce whose hash, with a challenge and the new key, begins with zero bits.
//! 2. Registrations are counted by the minute. Beyond as many as the rules say, a minute is not closed but dearer: one bit
//!    more, and again one more for every half as many. If a minute was more than half full the next begins with one bit
//!    more (up to [`MAX_RISE`]), else with one less, down to what the rules say. Never are more bits asked for than a
//!    phone finds ([`MAX_DIFFICULTY`]): whoever floods makes it dear for all and closes it to nobody, short of
//!    [`MAX_PER_WINDOW`] in a minute.
//! 3. A challenge is a hash of the canister's secret and the minute: nobody knows it before, and nothing is stored for
//!    it. That of the minute before is still good, at the price of now: work that is saved up buys nothing cheaper. As
//!    the key is in the proof and a key registers once, so does a proof.
//! 4. Where the canister is full, an identity that never signed in to an app makes room, the oldest first and after
//!    [`UNUSED_LASTS`].
//! 5. The call is signed with the new device's key. A second call finds the identity that the first one made,
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
    /// Zero bits that this minute began with.
    pub difficulty: u8,
}

impl Window {
    fn next(&self, rules: &RegistrationRules) -> Self {
        let most = rules.difficulty.saturating_add(MAX_RISE).min(MAX_DIFFICULTY);
        let busy = self.used.saturating_mul(2) > rules.per_minute;
        let moved = if busy { self.difficulty.saturating_add(1) } else { self.difficulty.saturating_sub(1) };
        let difficulty = moved.min(most).max(rules.difficulty);
        Self { number: self.number.saturating_add(1), used: 0, difficulty }
    }

    /// Zero bits asked for now.
    pub fn price(&self, rules: &RegistrationRules) -> u8 {
        let half = (rules.per_minute / 2).max(1);
        let beyond = self.used.checked_sub(rules.per_minute);
        let rise = beyond.map_or(0, |beyond| (beyond / half).saturating_add(1));
        let price = self.difficulty.saturating_add(u8::try_from(rise).unwrap_or(u8::MAX));
        price.min(MAX_DIFFICULTY)
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
        Self { number, used: 0, difficulty: rules.difficulty }
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
        let difficulty = window.price(&self.state().rules);
        Ok(Challenge { challenge: ByteBuf::from(challenge), difficulty, expiration })
    }

    fn check_proof(&self, window: &Window, key: &[u8], proof: &Proof) -> Result<(), Refusal> {
        let salt = self.salt()?;
        let minutes = [window.number, window.number.saturating_sub(1)];
        let is_good = minutes.iter().any(|it| challenge(&salt, *it) == proof.challenge.as_slice());
        let done = zero_bits(&work(&proof.challenge, key, proof.nonce));
        let is_paid = done >= u32::from(window.price(&self.state().rules));
        if is_good && is_paid { Ok(()) } else { Err(Refusal::BadProof) }
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
        if window.used >= MAX_PER_WINDOW {
            return Err(Refusal::TooManyRegistrations { until: window.end() });
        }
        if self.is_full() && self.forgettable(call.now).is_none() {
            return Err(Refusal::CanisterFull);
        }
        Ok(window)
    }

    /// Who makes room where there is none.
    fn forgettable(&self, now: Timestamp) -> Option<UserNumber> {
        let user = self.unused.first()?;
        let created = self.anchors.get(&user)?.0.created;
        (now.saturating_sub(created) >= UNUSED_LASTS).then_some(user)
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
        if self.is_full()
            && let Some(other) = self.forgettable(call.now)
        {
            self.erase(other);
        }
        window.used = window.used.saturating_add(1);
        let user = self.state().next;
        let name = origin::name(&self.salt()?, user, &device.pubkey, call.now);
        self.change_state(|state| (state.next, state.window) = (user.saturating_add(1), window));
        let founder = Some(device.pubkey.clone());
        let mut anchor =
            Anchor { created: call.now, name, devices: Vec::new(), pairing: None, founder, invited: None };
        self.join(user, &mut anchor, device.into(), call.now);
        self.put(user, anchor);
        self.unused.insert(user);
        Ok(user)
    }
}
