//! `create_canister` and `provisional_create_canister_with_cycles`.

use super::settings::{changed, cycles};
use super::{Caller, Done, Failure, invalid, push_change};
use crate::crypto::hash::sha256;
use crate::encoding::management::{self as candid, CanisterIdRecord, CanisterSettings};
use crate::execution::Executor;
use crate::execution::growth::{Keep, admit_growth};
use crate::state::{CanisterState, ChangeDetails, FIRST_CANISTER, Settings, Use};
use crate::types::limits::{CANISTERS_MAX, MINTED_CYCLES_MAX, PROVISIONAL_CYCLES};
use crate::types::*;
use std::collections::BTreeMap;

impl Executor<'_> {
    pub(super) fn create_canister(&mut self, caller: &Caller, arg: &[u8]) -> Result<Done, Failure> {
        let args: candid::CreateCanisterArgs = candid::decode(arg)?;
        let fee = match self.state.subnet().admins.is_empty() {
            true => self.environment.prices.creation(),
            false => Cycles::ZERO,
        };
        let Some(rest) = caller.cycles.checked_sub(fee) else {
            let message = format!(
                "Creating a canister costs {fee} cycles, but {} were attached to the call. Attach more.",
                caller.cycles
            );
            return Err(Reject::new(ErrorCode::InsufficientCycles, message).into());
        };
        let settings = new_settings(caller, args.settings.as_ref())?;
        let named = names_variables(args.settings.as_ref());
        let version = args.sender_canister_version;
        let mut canister = self.new_canister(caller, NewCanister { settings, named, cycles: rest, version });
        canister.record.consumed.add(Use::CanisterCreation, fee);
        let id = self.next_id()?;
        self.make_canister(id, canister)?;
        self.burn(fee);
        let reply = candid::encode(&CanisterIdRecord { canister_id: id.principal() })?;
        Ok(Done::Reply { reply, used: caller.cycles })
    }

    pub(super) fn provisional_create_canister(
        &mut self,
        caller: &Caller,
        arg: &[u8],
    ) -> Result<Done, Failure> {
        let args: candid::ProvisionalCreateCanisterArgs = candid::decode(arg)?;
        let amount = match &args.amount {
            Some(amount) => cycles("amount", amount)?,
            None => Cycles(PROVISIONAL_CYCLES),
        };
        let minted = self.minted_with(amount)?;
        let settings = new_settings(caller, args.settings.as_ref())?;
        let id = match &args.specified_id {
            Some(id) => self.specified(id)?,
            None => self.next_id()?,
        };
        let named = names_variables(args.settings.as_ref());
        let version = args.sender_canister_version;
        let canister = self.new_canister(caller, NewCanister { settings, named, cycles: amount, version });
        self.make_canister(id, canister)?;
        self.state.counters.minted = minted;
        Done::reply(&CanisterIdRecord { canister_id: id.principal() })
    }

    /// All cycles there are when `amount` more are made.
    pub(super) fn minted_with(&self, amount: Cycles) -> Result<Cycles, Reject> {
        let minted = self.state.counters.minted.checked_add(amount);
        let minted = minted.filter(|minted| *minted <= MINTED_CYCLES_MAX);
        minted.ok_or_else(|| {
            invalid(format!("amount is too large: at most {MINTED_CYCLES_MAX} cycles can exist"))
        })
    }

    /// An id that the caller chose: below those that the subnet gives out, and free.
    pub(super) fn specified(&self, principal: &Principal) -> Result<CanisterId, Reject> {
        self.has_room()?;
        let id = CanisterId::from_principal(principal).filter(|id| id.0 < FIRST_CANISTER);
        let Some(id) = id else {
            let last = CanisterId(FIRST_CANISTER.saturating_sub(1));
            let message = format!(
                "canister_not_found: specified_id {principal} is not between {} and {last}",
                CanisterId(0)
            );
            return Err(Reject::new(ErrorCode::CanisterNotHostedBySubnet, message));
        };
        match self.state.canister(id) {
            None => Ok(id),
            Some(_) => Err(Reject::new(
                ErrorCode::CanisterIdAlreadyExists,
                format!("specified_id {principal} is the id of an existing canister. Choose another."),
            )),
        }
    }

    fn next_id(&self) -> Result<CanisterId, Reject> {
        self.has_room()?;
        match self.state.counters.next_canister {
            u64::MAX => {
                Err(Reject::new(ErrorCode::SubnetOversubscribed, "The subnet has no canister ids left."))
            }
            number => Ok(CanisterId(number)),
        }
    }

    fn has_room(&self) -> Result<(), Reject> {
        match self.state.canister_count() < CANISTERS_MAX {
            true => Ok(()),
            false => Err(Reject::new(
                ErrorCode::MaxNumberOfCanistersReached,
                format!(
                    "The subnet has {CANISTERS_MAX} canisters and takes no more. Delete some that are not needed."
                ),
            )),
        }
    }

    /// A canister as it begins, with the first entry of its history.
    pub(super) fn new_canister(&self, caller: &Caller, new: NewCanister) -> CanisterState {
        let NewCanister { settings, named, cycles, version } = new;
        let details = ChangeDetails::Creation {
            controllers: settings.controllers.clone(),
            environment_variables_hash: named.then(|| environment_hash(&settings.environment_variables)),
        };
        let origin = self.change_origin(caller, version);
        let time = self.environment.time;
        let mut canister = CanisterState::new(settings, cycles, time);
        push_change(&mut canister, time, origin, details);
        canister
    }

    /// Adds the canister, if the subnet has what it wants to have allocated and it can pay for that.
    pub(super) fn make_canister(
        &mut self,
        id: CanisterId,
        mut canister: CanisterState,
    ) -> Result<(), Reject> {
        let settings = &canister.record.settings;
        if settings.compute_allocation > 0 || settings.memory_allocation > 0 {
            admit_growth(&self.environment.prices, &self.state, id, &mut canister, Keep::FreezingLimit)?;
        }
        self.state.put_canister(id, canister);
        let next = &mut self.state.counters.next_canister;
        if id.0 == *next {
            *next = next.saturating_add(1);
        }
        Ok(())
    }
}

/// A canister that may be made.
pub(super) struct NewCanister {
    pub settings: Settings,
    /// Whether environment variables were named, be it none.
    pub named: bool,
    pub cycles: Cycles,
    pub version: Option<u64>,
}

fn names_variables(change: Option<&CanisterSettings>) -> bool {
    change.is_some_and(|change| change.environment_variables.is_some())
}

fn new_settings(caller: &Caller, change: Option<&CanisterSettings>) -> Result<Settings, Reject> {
    let defaults = Settings::with_controllers(vec![caller.principal]);
    change.map_or(Ok(defaults.clone()), |change| changed(&defaults, change))
}

/// The spec's "hash of map" of the variables.
fn environment_hash(variables: &BTreeMap<String, String>) -> Digest {
    let pair =
        |(name, value): (&String, &String)| [sha256(name.as_bytes()).0, sha256(value.as_bytes()).0].concat();
    let mut pairs: Vec<Vec<u8>> = variables.iter().map(pair).collect();
    pairs.sort_unstable();
    sha256(&pairs.concat())
}
