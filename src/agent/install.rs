//! Installing modules, in chunks where they do not fit one message.

use super::client::{AgentFailure, Client};
use crate::crypto::hash::sha256;
use crate::encoding::management::*;
use crate::types::Principal;
use crate::types::limits::{CHUNK_BYTES_MAX, MODULE_BYTES_MAX};

/// A module above this size goes in chunks (the message that carries it must stay under 2 MiB).
const SINGLE_MESSAGE_BYTES_MAX: usize = 1_900_000;

/// What becomes of the code and state that are there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// The canister must be empty.
    Install,
    /// State is thrown away.
    Reinstall,
    /// Stable memory is kept; `canister_pre_upgrade` and `canister_post_upgrade` run.
    Upgrade,
}

impl Mode {
    fn wire(self) -> InstallMode {
        match self {
            Mode::Install => InstallMode::Install,
            Mode::Reinstall => InstallMode::Reinstall,
            Mode::Upgrade => InstallMode::Upgrade(None),
        }
    }
}

/// An upgrade that keeps the heap, where Motoko's persistent actors have their state.
const KEEPING_HEAP: InstallMode = InstallMode::Upgrade(Some(UpgradeFlags {
    skip_pre_upgrade: None,
    wasm_memory_persistence: Some(WasmMemoryPersistence::Keep),
}));

impl Client {
    /// Installs `module` (plain or gzipped) with the Candid-encoded argument `arg`. An upgrade of a canister that keeps
    /// its state in its heap keeps the heap: the subnet refuses one that says nothing of it.
    pub async fn install(
        &self,
        canister: Principal,
        mode: Mode,
        module: &[u8],
        arg: Vec<u8>,
    ) -> Result<(), AgentFailure> {
        match self.install_as(canister, mode.wire(), module, arg.clone()).await {
            Err(refusal) if mode == Mode::Upgrade && refusal.misses_upgrade_option() => {
                self.install_as(canister, KEEPING_HEAP, module, arg).await
            }
            done => done,
        }
    }

    async fn install_as(
        &self,
        canister: Principal,
        mode: InstallMode,
        module: &[u8],
        arg: Vec<u8>,
    ) -> Result<(), AgentFailure> {
        if module.len() > MODULE_BYTES_MAX {
            return Err(AgentFailure::ModuleTooLarge { have: module.len(), most: MODULE_BYTES_MAX });
        }
        if module.len() > SINGLE_MESSAGE_BYTES_MAX {
            return self.install_in_chunks(canister, mode, module, arg).await;
        }
        let arg = InstallCodeArgs {
            mode,
            canister_id: canister,
            wasm_module: module.to_vec(),
            arg,
            sender_canister_version: None,
        };
        self.manage_unit(canister, "install_code", (arg,)).await
    }

    async fn install_in_chunks(
        &self,
        canister: Principal,
        mode: InstallMode,
        module: &[u8],
        arg: Vec<u8>,
    ) -> Result<(), AgentFailure> {
        let store = CanisterIdRecord { canister_id: canister };
        self.manage_unit(canister, "clear_chunk_store", (store.clone(),)).await?;
        let mut chunk_hashes_list = Vec::new();
        for chunk in module.chunks(CHUNK_BYTES_MAX) {
            let upload = UploadChunkArgs { canister_id: canister, chunk: chunk.to_vec() };
            chunk_hashes_list.push(self.manage::<ChunkHash>(canister, "upload_chunk", (upload,)).await?);
        }
        let arg = InstallChunkedCodeArgs {
            mode,
            target_canister: canister,
            store_canister: None,
            chunk_hashes_list,
            wasm_module_hash: sha256(module).0.to_vec(),
            arg,
            sender_canister_version: None,
        };
        self.manage_unit(canister, "install_chunked_code", (arg,)).await?;
        self.manage_unit(canister, "clear_chunk_store", (store,)).await
    }
}
