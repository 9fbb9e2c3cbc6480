//! All identities, in stable memory. Everything that can be refused is refused before anything is written.

use crate::devices::Anchor;
use crate::interface::*;
use crate::keys;
use crate::limits::*;
use crate::memory::{Memory, Place, Segment, Segments};
use crate::origin::Salt;
use crate::registration::Window;
use crate::signatures::Signatures;
use crate::stored::Stored;
use candid::Principal;
use ic_stable_structures::{StableBTreeMap, StableCell};
use serde::{Deserialize, Serialize};

/// Who calls, and when.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub caller: Principal,
    pub now: Timestamp,
}

/// What there is one of.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub(crate) struct State {
    /// Drawn once, kept for ever: all apps' identities hang on it.
    pub salt: Option<Salt>,
    pub rules: RegistrationRules,
    pub gateways: Vec<String>,
    pub next: UserNumber,
    pub window: Window,
}

impl Default for State {
    fn default() -> Self {
        let rules = RegistrationRules { per_minute: 60, difficulty: 14 };
        let window = Window { difficulty: rules.difficulty, before: rules.difficulty, ..Window::default() };
        Self { salt: None, rules, gateways: Vec::new(), next: FIRST_ANCHOR, window }
    }
}

/// All identities of one canister.
pub struct Book<M: Memory> {
    state: StableCell<Stored<State>, Segment<M>>,
    pub(crate) anchors: StableBTreeMap<UserNumber, Stored<Anchor>, Segment<M>>,
    pub(crate) by_key: StableBTreeMap<Principal, UserNumber, Segment<M>>,
    pub(crate) by_credential: StableBTreeMap<[u8; 32], UserNumber, Segment<M>>,
    pub signatures: Signatures<M>,
    pub(crate) canister: Principal,
}

/// One source of a Content-Security-Policy, and nothing that could end it.
fn check_gateway(source: &str) -> Result<(), Refusal> {
    let host = source.strip_prefix("https://").or_else(|| source.strip_prefix("http://"));
    let letters = |host: &str| {
        host.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || b"-.*:".contains(&it))
    };
    match host {
        Some(host) if source.len() <= MAX_ORIGIN_BYTES && !host.is_empty() && letters(host) => Ok(()),
        _ => Err(Refusal::Invalid("a gateway is written as https://*.example.org".into())),
    }
}

fn check_rules(rules: &RegistrationRules) -> Result<(), Refusal> {
    if rules.per_minute == 0 || rules.per_minute > MAX_PER_WINDOW || rules.difficulty > MAX_DIFFICULTY {
        let bounds = format!("1 to {MAX_PER_WINDOW} a minute and at most {MAX_DIFFICULTY} bits");
        return Err(Refusal::Invalid(format!("rules of registration: {bounds}")));
    }
    Ok(())
}

impl<M: Memory> Book<M> {
    /// The book in this memory, of the canister with this id.
    pub fn open(memory: M, canister: Principal) -> Self {
        let segments = Segments::open(memory);
        Self {
            state: StableCell::init(segments.at(Place::State), Stored::default()),
            anchors: StableBTreeMap::init(segments.at(Place::Anchors)),
            by_key: StableBTreeMap::init(segments.at(Place::ByKey)),
            by_credential: StableBTreeMap::init(segments.at(Place::ByCredential)),
            signatures: Signatures::open(segments.at(Place::Signatures)),
            canister,
        }
    }

    pub(crate) fn state(&self) -> &State {
        &self.state.get().0
    }

    pub(crate) fn change_state(&mut self, change: impl FnOnce(&mut State)) {
        let mut state = self.state().clone();
        change(&mut state);
        self.state.set(Stored(state));
    }

    /// Takes what an installation or an upgrade says.
    ///
    /// # Errors
    /// [`Refusal::Invalid`]
    pub fn configure(&mut self, args: InitArgs) -> Result<(), Refusal> {
        args.registration.iter().try_for_each(check_rules)?;
        let gateways = args.gateways.as_deref().unwrap_or_default();
        if gateways.len() > MAX_GATEWAYS {
            return Err(Refusal::Invalid(format!("more than {MAX_GATEWAYS} gateways")));
        }
        gateways.iter().try_for_each(|source| check_gateway(source))?;
        self.change_state(|state| {
            if let Some(rules) = args.registration {
                let window =
                    Window { difficulty: rules.difficulty, before: rules.difficulty, ..state.window.clone() };
                (state.rules, state.window) = (rules, window);
            }
            state.gateways = args.gateways.unwrap_or_else(|| std::mem::take(&mut state.gateways));
        });
        Ok(())
    }

    /// Further sources of the page, as configured.
    pub fn gateways(&self) -> &[String] {
        &self.state().gateways
    }

    pub fn is_ready(&self) -> bool {
        self.state().salt.is_some()
    }

    /// Keeps a drawn secret, if there is none yet.
    pub fn set_salt(&mut self, salt: Salt) {
        if !self.is_ready() {
            self.change_state(|state| state.salt = Some(salt));
        }
    }

    /// # Errors
    /// [`Refusal::NotReady`]
    pub(crate) fn salt(&self) -> Result<Salt, Refusal> {
        self.state().salt.ok_or(Refusal::NotReady)
    }

    /// The identity of `user`, of which the caller is a device; and which of them.
    ///
    /// # Errors
    /// [`Refusal::Unauthorized`]
    pub(crate) fn mine(&self, call: Call, user: UserNumber) -> Result<(Anchor, usize), Refusal> {
        let refusal = || Refusal::Unauthorized(call.caller);
        if self.by_key.get(&call.caller) != Some(user) {
            return Err(refusal());
        }
        let Stored(anchor) = self.anchors.get(&user).ok_or_else(refusal)?;
        let caller = |device: &crate::devices::Device| keys::principal(&device.pubkey) == call.caller;
        let place = anchor.devices.iter().position(caller).ok_or_else(refusal)?;
        Ok((anchor, place))
    }

    pub(crate) fn put(&mut self, user: UserNumber, anchor: Anchor) {
        self.anchors.insert(user, Stored(anchor));
    }

    /// The identity of which the caller is a device.
    pub fn my_anchor(&self, call: Call) -> Option<UserNumber> {
        self.by_key.get(&call.caller)
    }

    pub fn stats(&self, now: Timestamp) -> Stats {
        let state = self.state();
        let window = state.window.at(now, &state.rules);
        Stats {
            users_registered: self.anchors.len(),
            signatures: self.signatures.len(),
            registration: state.rules,
            registered_this_minute: window.used,
            difficulty: window.difficulty,
        }
    }
}
