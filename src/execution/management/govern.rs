//! What the governance canister alone may do, and what everybody may know of it.
//!
//! 1. Only the canister that genesis names as `governance_canister` may freeze and unfreeze canisters and set prices;
//!    where genesis names none, nobody may.
//! 2. A frozen canister can be frozen again, which replaces the reason. Governance cannot freeze itself: nobody could
//!    undo that.
//! 3. Of a frozen canister only those methods are answered that read it or add to its balance.
//! 4. Prices are set all at once, each at most [`PRICE_MAX`]; when they stand, `charge` says. At them governance must
//!    have the cycles for [`GOVERNANCE_RUNS_MIN`] full updates: who sets prices can still be called, and set others.

use super::settings::cycles;
use super::{AT_ANY_TIME, Done, Failure, find, invalid};
use crate::encoding::management::{self as candid, CanisterIdRecord, effective_canister_id};
use crate::execution::Executor;
use crate::execution::charge::{funds_at, must_keep};
use crate::execution::freeze::is_free;
use crate::execution::price::PriceTable;
use crate::state::{CanisterState, Frozen, ReplicatedState, Tariff};
use crate::types::limits::{
    FREEZE_REASON_BYTES_MAX, GOVERNANCE_RUNS_MIN, PRICE_MAX, UPDATE_INSTRUCTIONS_MAX,
};
use crate::types::*;
use ::candid::Nat;

/// Rule 3.
///
/// # Errors
/// The call is about a frozen canister, and would change it.
pub(super) fn of_free_canister(state: &ReplicatedState, method: &str, arg: &[u8]) -> Result<(), Reject> {
    if !state.any_frozen() || AT_ANY_TIME.contains(&method) {
        return Ok(());
    }
    let id = effective_canister_id(method, arg).and_then(|id| CanisterId::from_principal(&id));
    let found = id.and_then(|id| Some((id, state.canister(id)?)));
    found.map_or(Ok(()), |(id, canister)| is_free(id, canister))
}

pub(super) fn atoll_frozen(state: &ReplicatedState, arg: &[u8]) -> Result<Done, Failure> {
    let args: CanisterIdRecord = candid::decode(arg)?;
    let (_, canister) = find(state, &args.canister_id)?;
    let shown =
        |frozen: &Frozen| candid::Frozen { reason: frozen.reason.clone(), since_nanos: frozen.since.0 };
    Done::reply(&canister.record.frozen.as_ref().map(shown))
}

pub(super) fn atoll_prices(state: &ReplicatedState) -> Result<Done, Failure> {
    let tariff = state.prices().tariff;
    let nat = |cycles: Cycles| Nat::from(cycles.0);
    Done::reply(&candid::Prices {
        ingress: nat(tariff.ingress),
        ingress_byte: nat(tariff.ingress_byte),
        call: nat(tariff.call),
        call_byte: nat(tariff.call_byte),
        message: nat(tariff.message),
        instruction: nat(tariff.instruction),
        gib_second: nat(tariff.gib_second),
        compute_percent_second: nat(tariff.compute_percent_second),
        creation: nat(tariff.creation),
        http: nat(tariff.http),
        http_node: nat(tariff.http_node),
        http_request_byte: nat(tariff.http_request_byte),
        http_response_byte: nat(tariff.http_response_byte),
    })
}

fn price(name: &str, wanted: &Nat) -> Result<Cycles, Failure> {
    let price = cycles(name, wanted)?;
    match price <= PRICE_MAX {
        true => Ok(price),
        false => {
            Err(invalid(format!("{name} of {price} is more than the {PRICE_MAX} that are possible")).into())
        }
    }
}

fn tariff(wanted: &candid::Prices) -> Result<Tariff, Failure> {
    Ok(Tariff {
        ingress: price("ingress", &wanted.ingress)?,
        ingress_byte: price("ingress_byte", &wanted.ingress_byte)?,
        call: price("call", &wanted.call)?,
        call_byte: price("call_byte", &wanted.call_byte)?,
        message: price("message", &wanted.message)?,
        instruction: price("instruction", &wanted.instruction)?,
        gib_second: price("gib_second", &wanted.gib_second)?,
        compute_percent_second: price("compute_percent_second", &wanted.compute_percent_second)?,
        creation: price("creation", &wanted.creation)?,
        http: price("http", &wanted.http)?,
        http_node: price("http_node", &wanted.http_node)?,
        http_request_byte: price("http_request_byte", &wanted.http_request_byte)?,
        http_response_byte: price("http_response_byte", &wanted.http_response_byte)?,
    })
}

impl Executor<'_> {
    pub(super) fn atoll_freeze_canister(&mut self, arg: &[u8]) -> Result<Done, Failure> {
        let args: candid::FreezeCanisterArgs = candid::decode(arg)?;
        let (id, _) = find(&self.state, &args.canister_id)?;
        let bytes = args.reason.len();
        if bytes > FREEZE_REASON_BYTES_MAX {
            let message =
                format!("the reason has {bytes} bytes; at most {FREEZE_REASON_BYTES_MAX} are possible");
            return Err(invalid(message).into());
        }
        if self.state.subnet().governance_canister == Some(id) {
            return Err(invalid("the governance canister cannot be frozen: nobody could undo it").into());
        }
        self.freeze(id, args.reason)?;
        Ok(Done::unit())
    }

    pub(super) fn atoll_unfreeze_canister(&mut self, arg: &[u8]) -> Result<Done, Failure> {
        let args: CanisterIdRecord = candid::decode(arg)?;
        let (id, _) = find(&self.state, &args.canister_id)?;
        let free = |canister: &mut CanisterState| canister.record.frozen.take();
        match self.state.change_canister(id, free).flatten() {
            Some(_) => Ok(Done::unit()),
            None => Err(invalid(format!("canister {id} is not frozen")).into()),
        }
    }

    pub(super) fn atoll_set_prices(&mut self, arg: &[u8]) -> Result<Done, Failure> {
        let args: candid::Prices = candid::decode(arg)?;
        let tariff = tariff(&args)?;
        self.governance_can_pay(tariff)?;
        self.state.set_tariff(tariff);
        Ok(Done::unit())
    }

    /// Rule 4.
    fn governance_can_pay(&self, tariff: Tariff) -> Result<(), Failure> {
        let governance = self.state.subnet().governance_canister.and_then(|id| self.state.canister(id));
        let Some(governance) = governance else {
            return Ok(());
        };
        let prices = PriceTable::of(&self.state).with_tariff(tariff);
        let runs = prices.message(UPDATE_INSTRUCTIONS_MAX).0.saturating_mul(GOVERNANCE_RUNS_MIN);
        let needed = must_keep(&prices, governance).saturating_add(Cycles(runs));
        let balance = funds_at(&self.state, governance, self.state.time()).balance;
        match balance >= needed {
            true => Ok(()),
            false => Err(invalid(format!(
                "at these prices the governance canister needs {needed} cycles to go on, and it has {balance}"
            ))
            .into()),
        }
    }
}
