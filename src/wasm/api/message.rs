//! The message being processed: argument, caller, answer, inspection.

use crate::types::limits::{MESSAGE_BYTES_MAX, REPLY_BYTES_MAX};
use crate::types::{Answer, ErrorCode, Reject};
use crate::wasm::Trap;
use crate::wasm::call::{Context, System};
use crate::wasm::host::{Host, length};
use std::sync::Arc;

type Returns<T> = Result<T, Trap>;

impl Host {
    pub fn msg_arg_data_size(&mut self) -> Returns<u64> {
        Ok(length(&self.run.system.arg))
    }

    pub fn msg_arg_data_copy(&mut self, dst: u64, offset: u64, size: u64) -> Returns<()> {
        let system = Arc::clone(&self.run.system);
        self.copy_out(&system.arg, dst, offset, size)
    }

    pub fn msg_caller_size(&mut self) -> Returns<u64> {
        Ok(length(self.run.system.caller.as_slice()))
    }

    pub fn msg_caller_copy(&mut self, dst: u64, offset: u64, size: u64) -> Returns<()> {
        let caller = self.run.system.caller;
        self.copy_out(caller.as_slice(), dst, offset, size)
    }

    pub fn msg_caller_info_data_size(&mut self) -> Returns<u64> {
        Ok(length(caller_info(&self.run.system).0))
    }

    pub fn msg_caller_info_data_copy(&mut self, dst: u64, offset: u64, size: u64) -> Returns<()> {
        let system = Arc::clone(&self.run.system);
        self.copy_out(caller_info(&system).0, dst, offset, size)
    }

    pub fn msg_caller_info_signer_size(&mut self) -> Returns<u64> {
        Ok(length(caller_info(&self.run.system).1))
    }

    pub fn msg_caller_info_signer_copy(&mut self, dst: u64, offset: u64, size: u64) -> Returns<()> {
        let system = Arc::clone(&self.run.system);
        self.copy_out(caller_info(&system).1, dst, offset, size)
    }

    pub fn msg_reject_code(&mut self) -> Returns<u32> {
        Ok(self.run.system.reject.as_ref().map_or(0, |reject| reject.code as u32))
    }

    pub fn msg_reject_msg_size(&mut self) -> Returns<u64> {
        self.reject_message().map(|reject| length(reject.message.as_bytes()))
    }

    pub fn msg_reject_msg_copy(&mut self, dst: u64, offset: u64, size: u64) -> Returns<()> {
        let reject = self.reject_message()?.clone();
        self.copy_out(reject.message.as_bytes(), dst, offset, size)
    }

    fn reject_message(&self) -> Returns<&Reject> {
        let reject = self.run.system.reject.as_ref();
        reject.ok_or_else(|| Trap::contract("there is no reject message"))
    }

    pub fn msg_deadline(&mut self) -> Returns<u64> {
        Ok(self.run.system.deadline.map_or(0, |deadline| deadline.0))
    }

    pub fn msg_reply_data_append(&mut self, src: u64, size: u64) -> Returns<()> {
        self.check_unanswered()?;
        let max = match self.run.context {
            Context::Query | Context::CompositeQuery => REPLY_BYTES_MAX,
            Context::CompositeReplyCallback | Context::CompositeRejectCallback => REPLY_BYTES_MAX,
            _ => MESSAGE_BYTES_MAX,
        };
        let total = (self.run.reply.len() as u64).saturating_add(size);
        if total > max as u64 {
            return Err(Trap::contract(format!("a reply of {total} bytes, at most {max} allowed")));
        }
        let bytes = self.bytes(src, size)?;
        self.run.reply.extend_from_slice(&bytes);
        Ok(())
    }

    pub fn msg_reply(&mut self) -> Returns<()> {
        self.check_unanswered()?;
        let reply = std::mem::take(&mut self.run.reply);
        self.run.changes.answer = Some(Answer::Reply(reply));
        Ok(())
    }

    pub fn msg_reject(&mut self, src: u64, size: u64) -> Returns<()> {
        self.check_unanswered()?;
        if size > MESSAGE_BYTES_MAX as u64 {
            return Err(Trap::contract(format!(
                "a reject of {size} bytes, at most {MESSAGE_BYTES_MAX} allowed"
            )));
        }
        let message = String::from_utf8(self.bytes(src, size)?);
        let message = message.map_err(|_| Trap::contract("the reject message is not valid UTF-8"))?;
        self.run.reply.clear();
        let reject = Reject::new(ErrorCode::CanisterRejectedMessage, message);
        self.run.changes.answer = Some(Answer::Reject(reject));
        Ok(())
    }

    fn check_unanswered(&self) -> Returns<()> {
        match self.answered() {
            false => Ok(()),
            true => Err(Trap::contract("the call is already replied to")),
        }
    }

    /// Whether the call context is answered, by this run or before it.
    pub fn answered(&self) -> bool {
        self.run.system.answered || self.run.changes.answer.is_some()
    }

    pub fn msg_method_name_size(&mut self) -> Returns<u64> {
        Ok(length(self.run.system.method_name.as_bytes()))
    }

    pub fn msg_method_name_copy(&mut self, dst: u64, offset: u64, size: u64) -> Returns<()> {
        let system = Arc::clone(&self.run.system);
        self.copy_out(system.method_name.as_bytes(), dst, offset, size)
    }

    pub fn accept_message(&mut self) -> Returns<()> {
        match std::mem::replace(&mut self.run.changes.message_accepted, true) {
            false => Ok(()),
            true => Err(Trap::contract("the message is already accepted")),
        }
    }
}

/// What a canister says about the caller, and which canister; both empty if none vouches for the caller.
fn caller_info(system: &System) -> (&[u8], &[u8]) {
    let info = system.caller_info.as_ref();
    info.map_or((&[], &[]), |info| (&info.info, info.signer.as_slice()))
}
