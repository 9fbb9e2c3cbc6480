//! The canister itself and the world around it: identity, time, certified data, counters, debugging.

use crate::types::Time;
use crate::types::limits::*;
use crate::wasm::Trap;
use crate::wasm::call::{Context, DataCertificate};
use crate::wasm::host::{Host, length};
use crate::wasm::trap::text;
use std::sync::Arc;

type Returns<T> = Result<T, Trap>;

impl Host {
    pub fn canister_self_size(&mut self) -> Returns<u64> {
        Ok(length(self.run.system.canister.principal().as_slice()))
    }

    pub fn canister_self_copy(&mut self, dst: u64, offset: u64, size: u64) -> Returns<()> {
        let own = self.run.system.canister.principal();
        self.copy_out(own.as_slice(), dst, offset, size)
    }

    pub fn canister_status(&mut self) -> Returns<u32> {
        Ok(self.run.system.canister_status)
    }

    pub fn canister_version(&mut self) -> Returns<u64> {
        Ok(self.run.system.canister_version)
    }

    pub fn subnet_self_size(&mut self) -> Returns<u64> {
        Ok(length(self.run.system.subnet.as_slice()))
    }

    pub fn subnet_self_copy(&mut self, dst: u64, offset: u64, size: u64) -> Returns<()> {
        let subnet = self.run.system.subnet;
        self.copy_out(subnet.as_slice(), dst, offset, size)
    }

    pub fn subnet_self_node_count(&mut self) -> Returns<u32> {
        Ok(self.run.system.subnet_nodes)
    }

    pub fn root_key_size(&mut self) -> Returns<u64> {
        Ok(length(&self.run.system.root_key))
    }

    pub fn root_key_copy(&mut self, dst: u64, offset: u64, size: u64) -> Returns<()> {
        let system = Arc::clone(&self.run.system);
        self.copy_out(&system.root_key, dst, offset, size)
    }

    pub fn certified_data_set(&mut self, src: u64, size: u64) -> Returns<()> {
        if size > CERTIFIED_DATA_BYTES_MAX as u64 {
            let what = format!("{size} bytes of certified data, at most {CERTIFIED_DATA_BYTES_MAX} allowed");
            return Err(Trap::contract(what));
        }
        self.run.changes.certified_data = Some(self.bytes(src, size)?);
        Ok(())
    }

    pub fn data_certificate_present(&mut self) -> Returns<u32> {
        let offered = matches!(self.run.context, Context::Query | Context::CompositeQuery);
        Ok((offered && self.run.system.data_certificate.is_some()).into())
    }

    pub fn data_certificate_size(&mut self) -> Returns<u64> {
        self.certificate().map(|certificate| length(&certificate))
    }

    pub fn data_certificate_copy(&mut self, dst: u64, offset: u64, size: u64) -> Returns<()> {
        let certificate = self.certificate()?;
        self.copy_out(&certificate, dst, offset, size)
    }

    fn certificate(&self) -> Returns<DataCertificate> {
        let certificate = self.run.system.data_certificate.clone();
        certificate.ok_or_else(|| Trap::contract("there is no data certificate"))
    }

    pub fn time(&mut self) -> Returns<u64> {
        Ok(self.run.system.time.0)
    }

    pub fn global_timer_set(&mut self, timestamp: u64) -> Returns<u64> {
        let old = self.run.changes.global_timer.replace(Time(timestamp));
        Ok(old.unwrap_or(self.run.system.global_timer).0)
    }

    pub fn performance_counter(&mut self, kind: u32) -> Returns<u64> {
        match kind {
            0 => Ok(self.used().0),
            1 => Ok(self.run.system.instructions_before.saturating_add(self.used()).0),
            _ => Err(Trap::contract(format!("there is no performance counter {kind}"))),
        }
    }

    pub fn is_controller(&mut self, src: u64, size: u64) -> Returns<u32> {
        let principal = self.principal(src, size)?;
        Ok(self.run.system.controllers.contains(&principal).into())
    }

    pub fn in_replicated_execution(&mut self) -> Returns<u32> {
        Ok(self.run.context.is_replicated().into())
    }

    pub fn env_var_count(&mut self) -> Returns<u64> {
        Ok(self.run.system.env_vars.len() as u64)
    }

    pub fn env_var_name_size(&mut self, index: u64) -> Returns<u64> {
        self.env_var_name(index).map(|name| length(name.as_bytes()))
    }

    pub fn env_var_name_copy(&mut self, index: u64, dst: u64, offset: u64, size: u64) -> Returns<()> {
        let name = self.env_var_name(index)?;
        self.copy_out(name.as_bytes(), dst, offset, size)
    }

    pub fn env_var_name_exists(&mut self, src: u64, size: u64) -> Returns<u32> {
        let name = self.env_var_key(src, size)?;
        Ok(self.run.system.env_vars.contains_key(&name).into())
    }

    pub fn env_var_value_size(&mut self, src: u64, size: u64) -> Returns<u64> {
        self.env_var_value(src, size).map(|value| length(value.as_bytes()))
    }

    pub fn env_var_value_copy(
        &mut self,
        src: u64,
        name_size: u64,
        dst: u64,
        offset: u64,
        size: u64,
    ) -> Returns<()> {
        let value = self.env_var_value(src, name_size)?;
        self.copy_out(value.as_bytes(), dst, offset, size)
    }

    fn env_var_name(&self, index: u64) -> Returns<String> {
        let name = self.run.system.env_vars.keys();
        let name = usize::try_from(index).ok().and_then(|index| name.clone().nth(index));
        name.cloned().ok_or_else(|| Trap::contract(format!("there is no environment variable {index}")))
    }

    fn env_var_key(&mut self, src: u64, size: u64) -> Returns<String> {
        if size > ENVIRONMENT_VARIABLE_BYTES_MAX as u64 {
            let what = format!(
                "an environment variable's name of {size} bytes, at most {ENVIRONMENT_VARIABLE_BYTES_MAX} allowed"
            );
            return Err(Trap::contract(what));
        }
        let name = String::from_utf8(self.bytes(src, size)?);
        name.map_err(|_| Trap::contract("an environment variable's name is not valid UTF-8"))
    }

    fn env_var_value(&mut self, src: u64, size: u64) -> Returns<String> {
        let name = self.env_var_key(src, size)?;
        let value = self.run.system.env_vars.get(&name).cloned();
        value.ok_or_else(|| Trap::contract(format!("there is no environment variable `{name}`")))
    }

    /// Never traps but for want of instructions: what lies outside of the heap is replaced by a note.
    pub fn debug_print(&mut self, src: u64, size: u64) -> Returns<()> {
        let line = self.text_or_note(src, size)?;
        self.run.log.push(&line);
        Ok(())
    }

    pub fn trap(&mut self, src: u64, size: u64) -> Returns<()> {
        let message = self.text_or_note(src, size)?;
        Err(Trap::Called(text(&message)))
    }

    fn text_or_note(&mut self, src: u64, size: u64) -> Returns<Vec<u8>> {
        let kept = size.min(REJECT_MESSAGE_BYTES_MAX as u64);
        self.charge_bytes(kept)?;
        let whole = self.heap.read(src, size);
        let bytes = whole.and_then(|_| self.heap.read(src, kept));
        Ok(bytes.unwrap_or(b"(message out of memory bounds)").to_vec())
    }
}
