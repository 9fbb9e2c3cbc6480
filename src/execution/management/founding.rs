//! The first block makes the canisters of the genesis, and begins to install them. Nobody awaits it: whether an
//! installation succeeded, the canister's status and log say.

use super::create::NewCanister;
use super::install::Wanted;
use super::{Caller, Failure};
use crate::encoding::management::InstallMode;
use crate::execution::Executor;
use crate::state::{HostFailure, Origin, Settings};
use crate::types::*;
use std::sync::Arc;

impl Executor<'_> {
    /// Makes what the genesis holds; nothing in any block but the first.
    ///
    /// # Errors
    /// [`HostFailure`] if one cannot be made, e.g. because its module is not valid: the genesis is of no use then.
    pub(in crate::execution) fn found_canisters(&mut self) -> Result<(), HostFailure> {
        for (founding, module) in std::mem::take(&mut self.state.founding) {
            let id = founding.id;
            self.found(founding, &module).map_err(|failure| match failure {
                Failure::Refused(reject) => {
                    HostFailure(format!("canister {id} of the genesis: {}", reject.message))
                }
                Failure::Host(failure) => failure,
            })?;
        }
        Ok(())
    }

    fn found(&mut self, founding: Founding, module: &Arc<[u8]>) -> Result<(), Failure> {
        let Founding { id, arg, cycles, controllers, .. } = founding;
        let origin = Origin::System;
        let caller = Caller { principal: origin.caller(), origin, cycles: Cycles::ZERO };
        self.specified(&id.principal())?;
        let minted = self.minted_with(cycles)?;
        let settings = Settings::with_controllers(controllers);
        let new = NewCanister { settings, named: false, cycles, version: None };
        let canister = self.new_canister(&caller, new);
        self.make_canister(id, canister)?;
        self.state.counters.minted = minted;
        let (mode, module) = (InstallMode::Install, module.to_vec());
        let wanted = Wanted { id, mode, module, arg, sender_canister_version: None };
        self.begin_install(&caller, wanted).map(|_| ())
    }
}
