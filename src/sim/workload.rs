//! Users: anonymous calls in the real encoding, sent to one node or to many, again after they were
//! executed, in another spelling, about to expire, expired, or expiring too late to be admitted.

use super::clock::EPOCH;
use super::executor::MODULE;
use super::random::Random;
use super::scenario::{MS, SECOND};
use crate::encoding::management::{self, InstallCodeArgs, InstallMode, ProvisionalCreateCanisterArgs};
use crate::types::*;
use bytes::Bytes as Envelope;

/// Calls remembered, to be sent again.
const REMEMBERED_MAX: usize = 64;
/// How long an ordinary call lives, in nanoseconds.
const LIFETIME: u64 = 240 * SECOND;

/// Calls that only prepare the canister, before any other.
const PREPARATIONS: u64 = 6;

/// What users send next.
pub struct Workload {
    random: Random,
    count: u64,
    /// Calls sent before.
    sent: Vec<Call>,
    /// The canister to create and call, if the production executor runs.
    canister: Option<CanisterId>,
}

/// One call and whom it is sent to.
pub struct Submission {
    pub envelope: Envelope,
    pub to: Vec<NodeIndex>,
}

#[derive(Clone)]
struct Call {
    canister: Principal,
    method: &'static str,
    arg: Vec<u8>,
    nonce: u64,
    expiry: Time,
}

impl Workload {
    /// Users whose whims `random` decides.
    pub fn new(random: Random, canister: Option<CanisterId>) -> Workload {
        Workload { random, count: 0, sent: Vec::new(), canister }
    }

    /// What is sent at `now` to a subnet of `n` in the storm.
    pub fn storm(&mut self, now: Time, n: usize) -> Submission {
        if let Some(envelope) = self.preparation() {
            return Submission { envelope, to: (0..n as u16).map(NodeIndex).collect() };
        }
        let to = self.receivers(n);
        if self.random.chance(150) && !self.sent.is_empty() {
            let place = self.random.index(self.sent.len());
            let twisted = self.random.chance(500);
            return Submission { envelope: encode(&self.sent[place], twisted), to };
        }
        let expiry = match self.random.below(20) {
            0 => Time(now.0 + self.random.below(3 * SECOND)),
            1 => Time(now.0.saturating_sub(self.random.below(60 * SECOND))),
            2 => now.plus_ms(limits::INGRESS_TTL_MS + limits::INGRESS_DRIFT_MS + 31_000),
            _ => Time(now.0 + LIFETIME + self.random.below(SECOND)),
        };
        Submission { envelope: self.fresh(expiry), to }
    }

    /// An ordinary call at `now` to one of `n` nodes.
    pub fn calm(&mut self, now: Time, n: usize) -> Submission {
        let to = vec![NodeIndex(self.random.index(n) as u16)];
        Submission { envelope: self.fresh(Time(now.0 + LIFETIME)), to }
    }

    /// Time until the next call, `every` on average, in nanoseconds.
    pub fn waiting(&mut self, every: u64) -> u64 {
        self.random.waiting(every)
    }

    /// Now and then, and at first, a call that creates the canister or installs its module: any of them
    /// may get lost, and all but the first of each have no effect.
    fn preparation(&mut self) -> Option<Envelope> {
        let canister = self.canister?;
        if self.count >= PREPARATIONS && !self.random.chance(30) {
            return None;
        }
        self.count += 1;
        let (method, arg, nonce) = match self.count % 2 {
            0 => ("install_code", installation(canister), self.count),
            // One id: however often it is sent, one canister is made.
            _ => ("provisional_create_canister_with_cycles", creation(), 0),
        };
        let expiry = Time(EPOCH.0 + LIFETIME);
        let canister = Principal::management_canister();
        Some(encode(&Call { canister, method, arg, nonce, expiry }, false))
    }

    fn fresh(&mut self, expiry: Time) -> Envelope {
        self.count += 1;
        let canister = self.canister.unwrap_or(CanisterId(0)).principal();
        let arg = vec![self.random.below(32) as u8];
        let call = Call { canister, method: "raise", arg, nonce: self.count, expiry };
        if self.sent.len() == REMEMBERED_MAX {
            self.sent.swap_remove(self.random.index(REMEMBERED_MAX));
        }
        self.sent.push(call.clone());
        encode(&call, false)
    }

    fn receivers(&mut self, n: usize) -> Vec<NodeIndex> {
        let count = if self.random.chance(700) { 1 } else { self.random.index(n) + 1 };
        self.random.shuffled(n).into_iter().take(count).map(|node| NodeIndex(node as u16)).collect()
    }
}

fn creation() -> Vec<u8> {
    management::encode(&ProvisionalCreateCanisterArgs::default()).unwrap_or_default()
}

fn installation(canister: CanisterId) -> Vec<u8> {
    let args = InstallCodeArgs {
        mode: InstallMode::Install,
        canister_id: canister.principal(),
        wasm_module: MODULE.to_vec(),
        arg: Vec::new(),
        sender_canister_version: None,
    };
    management::encode(&args).unwrap_or_default()
}

/// The call's envelope in CBOR; `twisted` writes the same content with its fields in another order, so
/// that the bytes differ and the request id does not.
fn encode(call: &Call, twisted: bool) -> Envelope {
    let mut fields = [
        field("request_type", &text("call")),
        field("canister_id", &bytes(call.canister.as_slice())),
        field("method_name", &text(call.method)),
        field("arg", &bytes(&call.arg)),
        field("sender", &bytes(Principal::anonymous().as_slice())),
        field("ingress_expiry", &head(0, call.expiry.0)),
        field("nonce", &bytes(&call.nonce.to_be_bytes())),
    ];
    if twisted {
        fields.reverse();
    }
    let content = [head(5, fields.len() as u64), fields.concat()].concat();
    [head(6, 55_799), head(5, 1), field("content", &content)].concat().into()
}

fn field(name: &str, value: &[u8]) -> Vec<u8> {
    [&text(name), value].concat()
}

fn text(text: &str) -> Vec<u8> {
    [head(3, text.len() as u64), text.as_bytes().to_vec()].concat()
}

fn bytes(bytes: &[u8]) -> Vec<u8> {
    [head(2, bytes.len() as u64), bytes.to_vec()].concat()
}

/// Major type and argument of a CBOR item (RFC 8949 §3).
fn head(major: u8, argument: u64) -> Vec<u8> {
    let major = major << 5;
    match argument {
        0..24 => vec![major | argument as u8],
        24..256 => vec![major | 24, argument as u8],
        256..65_536 => [&[major | 25], &(argument as u16).to_be_bytes()[..]].concat(),
        _ => [&[major | 27], &argument.to_be_bytes()[..]].concat(),
    }
}

/// Whether a node whose clock shows `local` would admit a call that expires at `expiry`
/// (interface spec, "Authentication": not expired, and not further ahead than the TTL and the drift).
pub fn admissible(local: Time, expiry: Time) -> bool {
    local < expiry && expiry <= local.plus_ms(limits::INGRESS_TTL_MS + limits::INGRESS_DRIFT_MS)
}

/// How long after its submission in the calm a call must have been executed (I14), in nanoseconds.
pub const CALM_CALL_DEADLINE: u64 = 150 * SECOND;
/// Time between two calls in the calm, in nanoseconds.
pub const CALM_CALL_EVERY: u64 = 40 * MS;
