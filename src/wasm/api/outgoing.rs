//! Calls to other canisters, assembled piece by piece.

use crate::types::limits::*;
use crate::types::{CallbackId, Cycles, Principal};
use crate::wasm::call::OutgoingCall;
use crate::wasm::host::{Host, cycles};
use crate::wasm::{Trap, cost};

type Returns<T> = Result<T, Trap>;

/// `SYS_FATAL`: the call could not be performed.
const NOT_PERFORMED: u32 = 2;

impl Host {
    #[allow(clippy::too_many_arguments, reason = "the System API has it so")]
    pub fn call_new(
        &mut self,
        callee: u64,
        callee_size: u64,
        name: u64,
        name_size: u64,
        reply_fun: u64,
        reply_env: u64,
        reject_fun: u64,
        reject_env: u64,
    ) -> Returns<()> {
        self.run.call = None;
        if name_size > METHOD_NAME_BYTES_MAX as u64 {
            let what = format!("a method name of {name_size} bytes, at most {METHOD_NAME_BYTES_MAX} allowed");
            return Err(Trap::contract(what));
        }
        let receiver = self.principal(callee, callee_size)?;
        let method_name = String::from_utf8(self.bytes(name, name_size)?);
        let method_name = method_name.map_err(|_| Trap::contract("the method name is not valid UTF-8"))?;
        self.run.call = Some(OutgoingCall {
            callback: CallbackId(self.run.changes.next_callback),
            receiver,
            method_name,
            payload: Vec::new(),
            cycles: Cycles::ZERO,
            deadline_seconds: None,
            on_reply: (reply_fun, reply_env),
            on_reject: (reject_fun, reject_env),
            on_cleanup: None,
            reserved: Cycles::ZERO,
        });
        Ok(())
    }

    pub fn call_on_cleanup(&mut self, fun: u64, env: u64) -> Returns<()> {
        let call = self.call()?;
        match call.on_cleanup.replace((fun, env)) {
            None => Ok(()),
            Some(_) => Err(Trap::contract("call_on_cleanup was already called for this call")),
        }
    }

    pub fn call_data_append(&mut self, src: u64, size: u64) -> Returns<()> {
        let total = (self.call()?.payload.len() as u64).saturating_add(size);
        if total > CALL_PAYLOAD_BYTES_MAX as u64 {
            let what = format!("a payload of {total} bytes, at most {CALL_PAYLOAD_BYTES_MAX} allowed");
            return Err(Trap::contract(what));
        }
        let bytes = self.bytes(src, size)?;
        self.call()?.payload.extend_from_slice(&bytes);
        Ok(())
    }

    pub fn call_with_best_effort_response(&mut self, seconds: u32) -> Returns<()> {
        let call = self.call()?;
        match call.deadline_seconds.replace(seconds.min(CALL_TIMEOUT_MAX_S)) {
            None => Ok(()),
            Some(_) => Err(Trap::contract("the call already has a timeout")),
        }
    }

    pub fn call_cycles_add(&mut self, amount: u64) -> Returns<()> {
        self.attach(Cycles(amount.into()))
    }

    pub fn call_cycles_add128(&mut self, high: u64, low: u64) -> Returns<()> {
        self.attach(cycles(high, low))
    }

    fn attach(&mut self, amount: Cycles) -> Returns<()> {
        let liquid = self.liquid();
        let call = self.call()?;
        if amount > liquid {
            return Err(Trap::contract(format!("{amount} cycles attached, {liquid} can be spent")));
        }
        call.cycles = call.cycles.saturating_add(amount);
        Ok(())
    }

    /// Queues the call, or gives the attached cycles back and answers 2 when there is no room for it or
    /// the balance would fall below the freezing limit.
    pub fn call_perform(&mut self) -> Returns<u32> {
        self.charge(cost::CALL_PERFORM)?;
        let bytes = self.call().map(|call| call.payload.len() + call.method_name.len())?;
        // Composite queries are free, and so are their calls.
        let (cost, reserved) = match self.run.context.is_replicated() {
            true => (self.call_cost(bytes as u128), self.run.system.prices.call_reservation),
            false => (Cycles::ZERO, Cycles::ZERO),
        };
        let affordable = self.liquid() >= cost;
        let Some(mut call) = self.run.call.take() else {
            return Err(no_call());
        };
        if !affordable || !self.has_room_for(&call) {
            return Ok(NOT_PERFORMED);
        }
        call.reserved = reserved;
        let changes = &mut self.run.changes;
        let spent = call.cycles.saturating_add(cost);
        changes.cycles_spent_on_calls = changes.cycles_spent_on_calls.saturating_add(spent);
        changes.next_callback = changes.next_callback.saturating_add(1);
        changes.calls.push(call);
        Ok(0)
    }

    fn has_room_for(&self, call: &OutgoingCall) -> bool {
        let (calls, room) = (&self.run.changes.calls, &self.run.system.call_room);
        let alike = calls.iter().filter(|other| other.receiver == call.receiver).count();
        let guaranteed = calls.iter().filter(|other| other.deadline_seconds.is_none()).count();
        let payloads = calls.iter().chain([call]).map(|call| call.payload.len() as u64);
        alike.saturating_add(room.in_flight.to(&call.receiver)) < CANISTER_QUEUE_MAX
            && calls.len() < room.all
            && (call.deadline_seconds.is_some() || guaranteed < room.guaranteed)
            && payloads.fold(0, u64::saturating_add) <= CALL_BYTES_PER_RUN_MAX
    }

    fn call(&mut self) -> Returns<&mut OutgoingCall> {
        self.run.call.as_mut().ok_or_else(no_call)
    }

    /// The principal whose bytes lie at `src`.
    pub fn principal(&mut self, src: u64, size: u64) -> Returns<Principal> {
        if size > PRINCIPAL_BYTES_MAX as u64 {
            return Err(Trap::contract(format!("a principal of {size} bytes")));
        }
        let bytes = self.bytes(src, size)?;
        Principal::try_from_slice(&bytes).map_err(|error| Trap::contract(format!("not a principal: {error}")))
    }
}

fn no_call() -> Trap {
    Trap::contract("no call is under construction")
}
