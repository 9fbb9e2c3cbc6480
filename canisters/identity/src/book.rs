//! All identities, in stable memory. Everything that can be refused is refused before anything is written.

use crate::devices::Anchor;
use crate::interface::*;
use crate::keys;
use crate::limits::*;
use crate::memory::{Memory, Place, ROOM, Segment, Segments};
use crate::origin::Salt;
use crate::registration::Window;
use crate::signatures::Signatures;
use crate::stored::Stored;
use candid::Principal;
use ic_stable_structures::{StableBTreeMap, StableBTreeSet, StableCell};
use serde::{Deserialize, Serialize};

/// What the page may ask for alternative origins if nothing else is configured: pages of this machine.
const LOCAL: &str = "http://*.localhost:*";

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
        let window = Window { difficulty: rules.difficulty, ..Window::default() };
        Self { salt: None, rules, gateways: vec![LOCAL.into()], next: FIRST_ANCHOR, window }
    }
}

/// All identities of one canister.
pub struct Book<M: Memory> {
    segments: Segments<M>,
    /// Pages that may be taken before nobody new is let in.
    pub(crate) room: u64,
    state: StableCell<Stored<State>, Segment<M>>,
    pub(crate) anchors: StableBTreeMap<UserNumber, Stored<Anchor>, Segment<M>>,
    pub(crate) by_key: StableBTreeMap<Principal, UserNumber, Segment<M>>,
    pub(crate) by_credential: StableBTreeMap<[u8; 32], UserNumber, Segment<M>>,
    /// Identities that have not yet signed in to an app.
    pub(crate) unused: StableBTreeSet<UserNumber, Segment<M>>,
    pub signatures: Signatures<M>,
    pub(crate) canister: Principal,
}

/// Whether this is a host, with a port or not, all hosts below a name, or this machine's.
fn is_source(host: &str) -> bool {
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let is_port =
        |port: &str| port == "*" || (!port.is_empty() && port.bytes().all(|it| it.is_ascii_digit()));
    let letters = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
    };
    let labels: Vec<&str> = name.strip_prefix("*.").unwrap_or(name).split('.').collect();
    port.is_none_or(is_port)
        && labels.iter().all(|it| letters(it))
        && (labels.len() > 1 || labels == ["localhost"])
}

/// One source of a Content-Security-Policy, and nothing that could end it or stands for everybody.
fn check_gateway(source: &str) -> Result<(), Refusal> {
    let host = source.strip_prefix("https://").or_else(|| source.strip_prefix("http://"));
    match host {
        Some(host) if source.len() <= MAX_ORIGIN_BYTES && is_source(host) => Ok(()),
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
            unused: StableBTreeSet::init(segments.at(Place::Unused)),
            signatures: Signatures::open(segments.at(Place::Signatures)),
            canister,
            room: ROOM,
            segments,
        }
    }

    /// Whether there is room for nobody new, nor for further devices. Whoever is there signs in as before.
    pub(crate) fn is_full(&self) -> bool {
        self.anchors.len() >= MAX_ANCHORS || self.segments.pages() >= self.room
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
                let window = Window { difficulty: rules.difficulty, ..state.window.clone() };
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

    /// Forgets an identity, its devices and its name.
    pub(crate) fn erase(&mut self, user: UserNumber) {
        let Some(Stored(anchor)) = self.anchors.remove(&user) else { return };
        anchor.devices.iter().for_each(|device| self.disown(device));
        self.unused.remove(&user);
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
            difficulty: window.price(&state.rules),
        }
    }
}
