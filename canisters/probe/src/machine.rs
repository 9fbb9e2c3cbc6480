//! The stack machine behind every entry point.

use crate::{CALLBACKS, GLOBAL, KEPT, NOTES, callback, op, system};

/// A script and the place in it, with the stack.
struct Machine<'a> {
    script: &'a [u8],
    at: usize,
    stack: Vec<Vec<u8>>,
}

/// Runs `script` to its end.
pub fn run(script: &[u8]) {
    Machine { script, at: 0, stack: Vec::new() }.finish();
}

fn read(size: usize, copy: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut bytes = vec![0; size];
    copy(&mut bytes);
    bytes
}

impl Machine<'_> {
    /// Runs the rest of the script; the stack as it then is.
    fn finish(mut self) -> Vec<Vec<u8>> {
        while let Some(code) = self.next_byte() {
            self.perform(code);
        }
        self.stack
    }

    /// Runs another script on this stack.
    fn run_block(&mut self, script: &[u8]) {
        let stack = std::mem::take(&mut self.stack);
        self.stack = Machine { script, at: 0, stack }.finish();
    }

    fn fail(&self, what: &str) -> ! {
        ic0::trap(format!("probe: {what} before byte {} of the script", self.at).as_bytes())
    }

    fn next_byte(&mut self) -> Option<u8> {
        let byte = self.script.get(self.at).copied();
        self.at += 1;
        byte
    }

    fn take_literal(&mut self) -> Vec<u8> {
        let header = self.script.get(self.at..self.at + 4).and_then(|bytes| bytes.try_into().ok());
        let Some(length) = header.map(|bytes| u32::from_le_bytes(bytes) as usize) else {
            self.fail("a length is missing")
        };
        self.at += 4;
        let Some(bytes) = self.script.get(self.at..self.at + length) else {
            self.fail("a literal is cut short")
        };
        self.at += length;
        bytes.to_vec()
    }

    fn push(&mut self, bytes: impl Into<Vec<u8>>) {
        self.stack.push(bytes.into());
    }

    fn pop(&mut self) -> Vec<u8> {
        match self.stack.pop() {
            Some(bytes) => bytes,
            None => self.fail("the stack is empty"),
        }
    }

    fn pop_number<const N: usize>(&mut self) -> [u8; N] {
        match self.pop().try_into() {
            Ok(bytes) => bytes,
            Err(_) => self.fail("a number has the wrong size"),
        }
    }

    fn pop_u32(&mut self) -> u32 {
        u32::from_le_bytes(self.pop_number())
    }

    fn pop_u64(&mut self) -> u64 {
        u64::from_le_bytes(self.pop_number())
    }

    fn pop_u128(&mut self) -> u128 {
        u128::from_le_bytes(self.pop_number())
    }

    fn perform(&mut self, code: u8) {
        match code {
            op::PUSH => {
                let literal = self.take_literal();
                self.push(literal);
            }
            op::DROP => drop(self.pop()),
            op::DUP => {
                let top = self.pop();
                self.push(top.clone());
                self.push(top);
            }
            op::CONCAT => {
                let (end, mut start) = (self.pop(), self.pop());
                start.extend(end);
                self.push(start);
            }
            op::SWAP => {
                let (top, below) = (self.pop(), self.pop());
                self.push(top);
                self.push(below);
            }
            5..=9 => self.bytes(code),
            10..=18 => self.message(code),
            20..=29 => self.system(code),
            30..=33 => self.stable(code),
            34..=36 => self.address(code),
            op::CALL => self.call(None),
            op::CALL_WITH_CLEANUP => {
                let cleanup = self.pop();
                self.call(Some(cleanup));
            }
            op::CALLBACK => {
                let script = self.pop();
                self.push((callback as *const () as usize as u64).to_le_bytes());
                self.push((keep_callback(script) as u64).to_le_bytes());
            }
            50..=53 => self.certification(code),
            60..=65 => self.memory(code),
            70..=75 => self.stress(code),
            80..=82 => self.control(code),
            op::SYSTEM => {
                let Some(number) = self.next_byte() else { self.fail("a function's number is missing") };
                if let Some(result) = system::call(number, || self.pop_u64()) {
                    self.push(result.to_le_bytes());
                }
            }
            _ => self.fail("an unknown operation"),
        }
    }

    fn bytes(&mut self, code: u8) {
        match code {
            op::SIZE => {
                let size = self.pop().len() as u64;
                self.push(size.to_le_bytes());
            }
            op::FILL => {
                let (count, [byte]) = (self.pop_u64(), self.pop_number());
                self.push(vec![byte; count as usize]);
            }
            op::EQUAL => {
                let equal = self.pop() == self.pop();
                self.push(u64::from(equal).to_le_bytes());
            }
            _ => {
                let (right, left) = (number(&self.pop()), number(&self.pop()));
                self.push(u64::from(left < right).to_le_bytes());
            }
        }
    }

    fn address(&mut self, code: u8) {
        match code {
            op::ADDRESS => {
                let bytes: &'static mut [u8] = self.pop().leak();
                self.push((bytes.as_ptr() as usize as u64).to_le_bytes());
                self.push((bytes.len() as u64).to_le_bytes());
            }
            op::PEEK => {
                let (length, address) = (self.pop_u64() as usize, self.pop_u64() as usize);
                // SAFETY: the script's affair; an address beyond the memory traps.
                let bytes = unsafe { std::slice::from_raw_parts(address as *const u8, length) };
                self.push(bytes);
            }
            _ => {
                let length = self.pop_u64() as usize;
                let zeros: &'static mut [u8] = vec![0; length].leak();
                self.push((zeros.as_ptr() as usize as u64).to_le_bytes());
            }
        }
    }

    fn control(&mut self, code: u8) {
        match code {
            op::IF => {
                let (script, condition) = (self.pop(), self.pop_u64());
                if condition != 0 {
                    self.run_block(&script);
                }
            }
            op::REPEAT => {
                let (script, count) = (self.pop(), self.pop_u64());
                for _ in 0..count {
                    self.run_block(&script);
                }
            }
            _ => {
                let (right, left) = (self.pop(), self.pop());
                if left != right {
                    self.fail(&format!("{left:?} is not {right:?}"));
                }
            }
        }
    }

    fn message(&mut self, code: u8) {
        match code {
            op::ARGUMENT => self.push(crate::argument()),
            op::CALLER => self.push(read(ic0::msg_caller_size(), |to| ic0::msg_caller_copy(to, 0))),
            op::REPLY_APPEND => ic0::msg_reply_data_append(&self.pop()),
            op::REPLY => ic0::msg_reply(),
            op::REJECT => ic0::msg_reject(&self.pop()),
            op::TRAP => ic0::trap(&self.pop()),
            op::PRINT => ic0::debug_print(&self.pop()),
            op::REJECT_CODE => self.push(ic0::msg_reject_code().to_le_bytes()),
            _ => self.push(read(ic0::msg_reject_msg_size(), |to| ic0::msg_reject_msg_copy(to, 0))),
        }
    }

    fn system(&mut self, code: u8) {
        match code {
            op::TIME => self.push(ic0::time().to_le_bytes()),
            op::SELF => self.push(read(ic0::canister_self_size(), |to| ic0::canister_self_copy(to, 0))),
            op::BALANCE => self.push(ic0::canister_cycle_balance128().to_le_bytes()),
            op::CYCLES_AVAILABLE => self.push(ic0::msg_cycles_available128().to_le_bytes()),
            op::CYCLES_ACCEPT => {
                let most = self.pop_u128();
                self.push(ic0::msg_cycles_accept128(most).to_le_bytes());
            }
            op::CYCLES_REFUNDED => self.push(ic0::msg_cycles_refunded128().to_le_bytes()),
            op::STATUS => self.push(ic0::canister_status().to_le_bytes()),
            op::VERSION => self.push(ic0::canister_version().to_le_bytes()),
            op::IS_CONTROLLER => {
                let principal = self.pop();
                self.push(ic0::is_controller(&principal).to_le_bytes());
            }
            _ => {
                let counter = self.pop_u32();
                self.push(ic0::performance_counter(counter).to_le_bytes());
            }
        }
    }

    fn stable(&mut self, code: u8) {
        match code {
            op::STABLE_SIZE => self.push(ic0::stable64_size().to_le_bytes()),
            op::STABLE_GROW => {
                let pages = self.pop_u64();
                self.push(ic0::stable64_grow(pages).to_le_bytes());
            }
            op::STABLE_WRITE => {
                let (data, offset) = (self.pop(), self.pop_u64());
                ic0::stable64_write(&data, offset);
            }
            _ => {
                let (length, offset) = (self.pop_u64(), self.pop_u64());
                self.push(read(length as usize, |to| ic0::stable64_read(to, offset)));
            }
        }
    }

    fn call(&mut self, cleanup: Option<Vec<u8>>) {
        let (on_reject, on_reply) = (self.pop(), self.pop());
        let cycles = self.pop_u128();
        let (payload, method, callee) = (self.pop(), self.pop(), self.pop());
        let (reply, reject) = (keep_callback(on_reply), keep_callback(on_reject));
        // SAFETY: the slices are readable, and `callback` lives as long as the module and takes any
        // environment. The raw binding, because a method name need not be UTF-8 here.
        unsafe {
            ic0::sys::call_new(
                callee.as_ptr() as usize,
                callee.len(),
                method.as_ptr() as usize,
                method.len(),
                callback as *const () as usize,
                reply,
                callback as *const () as usize,
                reject,
            )
        };
        if let Some(cleanup) = cleanup {
            // SAFETY: as above.
            unsafe { ic0::call_on_cleanup(callback, keep_callback(cleanup)) };
        }
        ic0::call_data_append(&payload);
        if cycles > 0 {
            ic0::call_cycles_add128(cycles);
        }
        self.push(ic0::call_perform().to_le_bytes());
    }

    fn certification(&mut self, code: u8) {
        match code {
            op::CERTIFIED_DATA_SET => ic0::certified_data_set(&self.pop()),
            op::DATA_CERTIFICATE if ic0::data_certificate_present() == 0 => self.push([]),
            op::DATA_CERTIFICATE => {
                self.push(read(ic0::data_certificate_size(), |to| ic0::data_certificate_copy(to, 0)));
            }
            op::GLOBAL_TIMER_SET => {
                let at = self.pop_u64();
                self.push(ic0::global_timer_set(at).to_le_bytes());
            }
            _ => ic0::accept_message(),
        }
    }

    fn memory(&mut self, code: u8) {
        match code {
            op::GLOBAL_SET => {
                let data = self.pop();
                GLOBAL.set(data);
            }
            op::GLOBAL_GET => self.push(GLOBAL.with_borrow(Clone::clone)),
            op::GLOBAL_APPEND => {
                let data = self.pop();
                GLOBAL.with_borrow_mut(|global| global.extend(data));
            }
            op::KEEP => {
                let (script, [slot]) = (self.pop(), self.pop_number());
                KEPT.with_borrow_mut(|kept| kept.insert(slot, script));
            }
            op::PUT => {
                let (value, key) = (self.pop(), self.pop());
                NOTES.with_borrow_mut(|notes| notes.insert(key, value));
            }
            _ => {
                let key = self.pop();
                self.push(NOTES.with_borrow(|notes| notes.get(&key).cloned().unwrap_or_default()));
            }
        }
    }

    fn stress(&mut self, code: u8) {
        match code {
            op::LOOP => loop {
                std::hint::black_box(0);
            },
            op::RECURSE => drop(recurse(1)),
            op::HEAP_GROW => {
                let pages = self.pop_u64() as usize;
                let old = core::arch::wasm32::memory_grow(0, pages);
                let old = if old == usize::MAX { u64::MAX } else { old as u64 };
                self.push(old.to_le_bytes());
            }
            op::UNREACHABLE => core::arch::wasm32::unreachable(),
            op::HEAP_TOUCH => {
                let size = self.pop_u64() as usize;
                let mut block = vec![0u8; size];
                block.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
                std::mem::forget(std::hint::black_box(block));
            }
            _ => {
                let rounds = self.pop_u64();
                let sum =
                    (0..rounds).fold(0u64, |sum, round| std::hint::black_box(sum.wrapping_mul(31) ^ round));
                self.push(sum.to_le_bytes());
            }
        }
    }
}

/// A little-endian number; what lies beyond 16 bytes does not count.
fn number(bytes: &[u8]) -> u128 {
    bytes.iter().take(16).rev().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

fn keep_callback(script: Vec<u8>) -> usize {
    CALLBACKS.with_borrow_mut(|scripts| {
        scripts.push(script);
        scripts.len() - 1
    })
}

#[allow(unconditional_recursion)]
fn recurse(depth: u64) -> u64 {
    std::hint::black_box(recurse(std::hint::black_box(depth + 1))) + depth
}
