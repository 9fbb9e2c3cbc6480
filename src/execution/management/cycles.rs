//! `deposit_cycles`, `provisional_top_up_canister` and `raw_rand`.

use super::settings::cycles;
use super::{Caller, Done, Failure, find};
use crate::encoding::management::{self as candid, CanisterIdRecord};
use crate::execution::Executor;
use serde_bytes::ByteBuf;

impl Executor<'_> {
    pub(super) fn deposit_cycles(&mut self, caller: &Caller, arg: &[u8]) -> Result<Done, Failure> {
        let args: CanisterIdRecord = candid::decode(arg)?;
        let (id, _) = find(&self.state, &args.canister_id)?;
        self.credit(id, caller.cycles);
        Ok(Done::Reply { reply: candid::encode_unit(), used: caller.cycles })
    }

    pub(super) fn provisional_top_up_canister(&mut self, arg: &[u8]) -> Result<Done, Failure> {
        let args: candid::ProvisionalTopUpCanisterArgs = candid::decode(arg)?;
        let (id, _) = find(&self.state, &args.canister_id)?;
        let amount = cycles("amount", &args.amount)?;
        self.state.counters.minted = self.minted_with(amount)?;
        self.credit(id, amount);
        Ok(Done::unit())
    }

    pub(super) fn raw_rand(&mut self) -> Result<Done, Failure> {
        let bytes = self.draw();
        Done::reply(&ByteBuf::from(bytes.0))
    }
}
