//! Arguments for the canister `till.wat`.

use crate::types::*;

/// What the callbacks of a call do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Then {
    Reply = 0,
    Trap = 1,
    Nothing = 2,
    AcceptAll = 3,
    ReplyTooMuch = 4,
    CallAndTrap = 5,
    TrapAndTrapInCleanup = 6,
}

/// A list of things to do.
#[derive(Clone, Default)]
pub struct Script(pub Vec<u8>);

/// A call that a script makes.
pub struct Outgoing<'a> {
    pub receiver: Principal,
    pub method: &'a str,
    /// 0: the response is guaranteed.
    pub seconds: u8,
    pub cycles: u64,
    pub then: Then,
    pub payload: &'a [u8],
}

impl Script {
    fn op(mut self, op: u8, operand: &[u8]) -> Script {
        self.0.push(op);
        self.0.extend_from_slice(operand);
        self
    }
    pub fn accept(self, cycles: u64) -> Script {
        self.op(1, &cycles.to_le_bytes())
    }
    pub fn burn(self, cycles: u64) -> Script {
        self.op(2, &cycles.to_le_bytes())
    }
    pub fn reply(self, bytes: usize) -> Script {
        self.op(3, &(bytes as u32).to_le_bytes())
    }
    pub fn reject(self, bytes: usize) -> Script {
        self.op(4, &(bytes as u32).to_le_bytes())
    }
    pub fn trap(self) -> Script {
        self.op(5, &[])
    }
    pub fn grow_heap(self, pages: u32) -> Script {
        self.op(6, &pages.to_le_bytes())
    }
    pub fn grow_stable(self, pages: u32) -> Script {
        self.op(7, &pages.to_le_bytes())
    }
    /// Takes about a million instructions for each MiB.
    pub fn work(self, mebibytes: u32) -> Script {
        self.op(10, &mebibytes.to_le_bytes())
    }
    pub fn set_timer(self) -> Script {
        self.op(9, &[])
    }

    pub fn call(self, call: &Outgoing<'_>) -> Script {
        let mut operand = vec![call.receiver.as_slice().len() as u8];
        operand.extend_from_slice(call.receiver.as_slice());
        operand.push(call.method.len() as u8);
        operand.extend_from_slice(call.method.as_bytes());
        operand.push(call.seconds);
        operand.extend_from_slice(&call.cycles.to_le_bytes());
        operand.push(call.then as u8);
        operand.extend_from_slice(&(call.payload.len() as u32).to_le_bytes());
        operand.extend_from_slice(call.payload);
        self.op(8, &operand)
    }

    /// Calls another till.
    pub fn run_at(self, receiver: CanisterId, cycles: u64, then: Then, script: &Script) -> Script {
        let receiver = receiver.principal();
        self.call(&Outgoing { receiver, method: "run", seconds: 0, cycles, then, payload: &script.0 })
    }
}

/// The module that runs scripts.
pub fn till() -> Vec<u8> {
    wat::parse_str(include_str!("till.wat")).unwrap()
}
