//! The price of an HTTP outcall by what it uses (pricing version 2; interface spec, `cost_http_request_v2`).
//! The figures are those that the Internet Computer publishes; they grow with the nodes by themselves.

use crate::types::{Cycles, quorum};
use candid::{CandidType, Decode, DecoderConfig, Reserved};
use serde::Deserialize;

/// Taking the call in, for each node, and each byte of the request.
const BASE: u128 = 1_000_000;
const REQUEST_BYTE: u128 = 50;
/// If all nodes make the request: for each pair of nodes, and each triple.
const REPLICATED_NODE: u128 = 140_000;
const REPLICATED_NODE_SQUARE: u128 = 800;
/// If some make it: for each pair of nodes; for each response that is needed, also for each node.
const SOME_NODE: u128 = 90_000;
const RESPONSE: u128 = 100_000;
const RESPONSE_NODE: u128 = 2_000;
/// What a node that makes the request uses.
const RAW_BYTE: u128 = 50;
const ROUNDTRIP_MS: u128 = 300;
const INSTRUCTIONS_PER_CYCLE: u128 = 13;
/// Each byte of its response, for each node that it tells.
const GOSSIP_BYTE: u128 = 50;
/// Putting a byte into a block, for each node, and for each pair of them.
const BLOCK_BYTE: u128 = 600;
const BLOCK_BYTE_NODE: u128 = 10;
/// What stands around each of several responses in a block.
const RESPONSE_FRAME_BYTES: u128 = 181;
/// A refusal may come in place of a response, and is so large at most.
const REFUSAL_BYTES_MAX: u128 = 1_025;
/// Work that decoding the usage may cost: it has a few numbers.
const DECODING_QUOTA: usize = 10_000;
/// Work spent on values that no field takes.
const SKIPPING_QUOTA: usize = 100;

/// What an outcall uses on every node that makes it.
#[derive(Clone, CandidType, Deserialize)]
pub struct OutcallUsage {
    pub request_bytes: u64,
    pub http_roundtrip_time_ms: u64,
    pub raw_response_bytes: u64,
    pub transformed_response_bytes: u64,
    pub transform_instructions: u64,
    pub outcall_type: Option<OutcallType>,
}

/// Which nodes make the request.
#[derive(Clone, CandidType, Deserialize)]
#[allow(non_camel_case_types, reason = "the names are the interface's")]
pub enum OutcallType {
    fully_replicated(Reserved),
    non_replicated(Reserved),
    flexible(Option<Replication>),
}

/// How many requests and responses a flexible outcall has.
#[derive(Clone, Copy, CandidType, Deserialize)]
pub struct Replication {
    pub min_responses: u32,
    pub max_responses: u32,
    pub total_requests: u32,
}

impl OutcallUsage {
    /// Reads the Candid encoding of one usage; the error says what does not fit.
    pub fn decode(bytes: &[u8]) -> Result<OutcallUsage, String> {
        let mut config = DecoderConfig::new();
        config.set_decoding_quota(DECODING_QUOTA);
        config.set_skipping_quota(SKIPPING_QUOTA);
        Decode!([config]; bytes, OutcallUsage).map_err(|error| error.to_string())
    }
}

/// What to attach to an outcall of a subnet of `nodes` nodes so that it can use so much.
pub fn price(nodes: u32, usage: &OutcallUsage) -> Cycles {
    let n = u128::from(nodes);
    let bytes = u128::from(usage.transformed_response_bytes).max(REFUSAL_BYTES_MAX);
    let own = sum([
        product([RAW_BYTE, usage.raw_response_bytes.into()]),
        product([ROUNDTRIP_MS, usage.http_roundtrip_time_ms.into()]),
        u128::from(usage.transform_instructions) / INSTRUCTIONS_PER_CYCLE,
    ]);
    let told = own.saturating_add(product([GOSSIP_BYTE, n, bytes]));
    let block_byte = product([n, BLOCK_BYTE_NODE * n + BLOCK_BYTE]);
    let request = BASE.saturating_add(product([REQUEST_BYTE, usage.request_bytes.into()]));
    let some =
        |responses: u128| sum([request, SOME_NODE * n, product([responses, RESPONSE + RESPONSE_NODE * n])]);
    let cycles = match &usage.outcall_type {
        None | Some(OutcallType::fully_replicated(_)) => {
            let base = sum([request, REPLICATED_NODE * n, product([REPLICATED_NODE_SQUARE, n, n])]);
            // So many agree at least on the response, and share the price of the block.
            let agreeing = quorum(nodes as usize).max(1) as u128;
            let share = product([block_byte, bytes]).div_ceil(agreeing);
            sum([product([n, base]), product([n, own]), product([n, share])])
        }
        Some(OutcallType::non_replicated(_)) => {
            sum([product([n, some(1)]), told, product([block_byte, bytes])])
        }
        Some(OutcallType::flexible(replication)) => {
            let replication = replication.unwrap_or_else(|| replication_by_default(nodes));
            let [least, most, requests] =
                [replication.min_responses, replication.max_responses, replication.total_requests]
                    .map(u128::from);
            let delivery = match most {
                0 => 0,
                _ => sum([
                    product([block_byte, requests, bytes.saturating_add(RESPONSE_FRAME_BYTES)]),
                    product([requests.saturating_sub(least), n, RESPONSE + RESPONSE_NODE * n]),
                ]),
            };
            sum([product([n, some(least)]), product([requests, told]), delivery])
        }
    };
    Cycles(cycles)
}

/// What a flexible outcall asks for that does not say.
fn replication_by_default(nodes: u32) -> Replication {
    let least = u32::try_from(u64::from(nodes) * 2 / 3 + 1).unwrap_or(u32::MAX);
    Replication { min_responses: least, max_responses: nodes, total_requests: nodes }
}

fn sum<const N: usize>(parts: [u128; N]) -> u128 {
    parts.into_iter().fold(0, u128::saturating_add)
}

fn product<const N: usize>(factors: [u128; N]) -> u128 {
    factors.into_iter().fold(1, u128::saturating_mul)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candid::Encode;

    fn usage(outcall_type: Option<OutcallType>) -> OutcallUsage {
        OutcallUsage {
            request_bytes: 100,
            http_roundtrip_time_ms: 2_000,
            raw_response_bytes: 1_000,
            transformed_response_bytes: 2_000,
            transform_instructions: 26,
            outcall_type,
        }
    }

    /// What a node uses, `50 * 1_000 + 300 * 2_000 + 26 / 13`.
    const OWN: u128 = 650_002;

    #[test]
    fn prices_are_those_published_for_thirteen_nodes() {
        let check = |outcall_type, expected| assert_eq!(price(13, &usage(outcall_type)), Cycles(expected));
        let replicated = 38_482_600 + 13 * OWN + 27_415_557;
        check(None, replicated);
        check(Some(OutcallType::fully_replicated(Reserved)), replicated);
        check(Some(OutcallType::non_replicated(Reserved)), 29_913_000 + OWN + 50 * 2_000 * 13 + 18_980_000);
        let some = Replication { min_responses: 2, max_responses: 3, total_requests: 3 };
        let flexible = 31_551_000 + 3 * (OWN + 50 * 2_000 * 13) + 62_093_070 + 1_638_000;
        check(Some(OutcallType::flexible(Some(some))), flexible);
        let nobody = Replication { min_responses: 0, max_responses: 0, total_requests: 3 };
        let unheard = 13 * (1_005_000 + 90_000 * 13) + 3 * (OWN + 50 * 2_000 * 13);
        check(Some(OutcallType::flexible(Some(nobody))), unheard);
    }

    #[test]
    fn no_usage_is_too_large_to_be_priced() {
        let all = u64::MAX;
        let usage = OutcallUsage {
            request_bytes: all,
            http_roundtrip_time_ms: all,
            raw_response_bytes: all,
            transformed_response_bytes: all,
            transform_instructions: all,
            outcall_type: Some(OutcallType::flexible(Some(Replication {
                min_responses: 0,
                max_responses: u32::MAX,
                total_requests: u32::MAX,
            }))),
        };
        assert!(price(u32::MAX, &usage) > price(13, &usage));
    }

    #[test]
    fn a_usage_is_read_from_candid_and_nothing_else_is() {
        #[derive(CandidType)]
        struct Short {
            request_bytes: u64,
        }
        #[derive(CandidType)]
        #[allow(non_camel_case_types)]
        enum Null {
            non_replicated(()),
        }
        #[derive(CandidType)]
        struct WithNull {
            request_bytes: u64,
            http_roundtrip_time_ms: u64,
            raw_response_bytes: u64,
            transformed_response_bytes: u64,
            transform_instructions: u64,
            outcall_type: Option<Null>,
        }
        let with_null = WithNull {
            request_bytes: 100,
            http_roundtrip_time_ms: 2_000,
            raw_response_bytes: 1_000,
            transformed_response_bytes: 2_000,
            transform_instructions: 26,
            outcall_type: Some(Null::non_replicated(())),
        };
        let read = OutcallUsage::decode(&Encode!(&with_null).unwrap()).unwrap();
        assert!(matches!(read.outcall_type, Some(OutcallType::non_replicated(_))));
        let whole = Encode!(&usage(None)).unwrap();
        assert_eq!(price(13, &OutcallUsage::decode(&whole).unwrap()), price(13, &usage(None)));
        assert!(OutcallUsage::decode(&whole[..whole.len() - 1]).is_err());
        assert!(OutcallUsage::decode(&Encode!(&Short { request_bytes: 1 }).unwrap()).is_err());
        assert!(OutcallUsage::decode(b"").is_err());
    }
}
