//! Which calls a replica lets in, before the canister pays for them. No boundary of safety: execution decides again.
//!
//! 1. No argument is longer than [`MAX_ARGUMENT_BYTES`].
//! 2. A device of some identity may call. Whoever is none yet may register with work that is done, leave a key where a
//!    window waits for it, and accept an invitation; nothing else, and nothing that would be refused.

use crate::book::{Book, Call};
use crate::interface::*;
use crate::limits::*;
use crate::memory::Memory;
use candid::DecoderConfig;
use candid::utils::{ArgumentDecoder, decode_args_with_config};

pub(crate) fn decode<'a, T: ArgumentDecoder<'a>>(argument: &'a [u8]) -> Option<T> {
    let mut config = DecoderConfig::new();
    config.set_decoding_quota(DECODING_QUOTA).set_skipping_quota(DECODING_QUOTA);
    decode_args_with_config(argument, &config).ok()
}

impl<M: Memory> Book<M> {
    /// Whether this call may come in.
    pub fn admits(&self, call: Call, method: &str, argument: &[u8]) -> bool {
        if argument.len() > MAX_ARGUMENT_BYTES {
            return false;
        }
        self.by_key.contains_key(&call.caller)
            || match method {
                "register" => decode::<(DeviceData, Proof)>(argument)
                    .is_some_and(|(device, proof)| self.check_newcomer(call, &device, &proof).is_ok()),
                "add_tentative_device" => decode::<(UserNumber, String, DeviceData)>(argument).is_some_and(
                    |(user, secret, device)| self.place_to_wait(call, user, &secret, &device).is_ok(),
                ),
                "accept" => decode::<(UserNumber,)>(argument)
                    .is_some_and(|(user,)| self.invitation(call, user).is_ok()),
                _ => false,
            }
    }
}
