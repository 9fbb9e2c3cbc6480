//! SHA-256 with domain separation; the one encoding of everything that is hashed.

use crate::types::{
    Block, ChainId, Digest, Genesis, GenesisCanister, GenesisNode, MembershipOrder, Payload, SystemMessage,
};
use sha2::{Digest as _, Sha256};

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// SHA-256 over a domain separator (one length byte, then the name) and length-prefixed parts
/// (8 bytes, big-endian). Different lists of parts never meet in one input.
///
/// # Panics
/// If `domain`, a constant of the program, is longer than 255 bytes.
pub fn hash_parts(domain: &str, parts: &[&[u8]]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update([domain_length(domain)]);
    hasher.update(domain);
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    Digest(hasher.finalize().into())
}

/// What is signed under `domain`: one length byte, the name, then `parts` one after the other.
/// The caller's parts have fixed lengths, or only the last of them has not.
pub(super) fn domain_message(domain: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut message =
        Vec::with_capacity(1 + domain.len() + parts.iter().map(|part| part.len()).sum::<usize>());
    message.push(domain_length(domain));
    message.extend_from_slice(domain.as_bytes());
    parts.iter().for_each(|part| message.extend_from_slice(part));
    message
}

fn domain_length(domain: &str) -> u8 {
    u8::try_from(domain.len()).expect("a domain is a short constant")
}

/// The identity of a call's body: covers every byte of its envelope. A request id does not cover the
/// signature; this does, so that a call is never taken for its twin with another valid one.
pub fn hash_call(envelope: &[u8]) -> Digest {
    hash_parts("atoll-call", &[envelope])
}

/// The identities of the calls' bodies, in order.
pub fn hash_calls(payload: &Payload) -> Vec<Digest> {
    payload.ingress.iter().map(|ingress| hash_call(&ingress.envelope)).collect()
}

/// The identity of a block: covers every field and every envelope byte.
pub fn hash_block(block: &Block) -> Digest {
    hash_header(block, &hash_calls(&block.payload))
}

/// The identity of the block that has the fields of `block` and calls with these hashes.
pub fn hash_header(block: &Block, calls: &[Digest]) -> Digest {
    let view = block.view.0.to_be_bytes();
    let height = block.height.0.to_be_bytes();
    let parent_view = block.parent_view.0.to_be_bytes();
    let proposer = block.proposer.0.to_be_bytes();
    let time = block.time.0.to_be_bytes();
    let header: [&[u8]; 6] = [&view, &height, &block.parent.0, &parent_view, &proposer, &time];
    let calls = calls.iter().map(AsRef::as_ref);
    let mut hash = hash_parts("atoll-block", &header.into_iter().chain(calls).collect::<Vec<_>>());
    if !block.attendance.is_empty() {
        let (voters, missed) = (block.attendance.bitmap(), block.attendance.missed_bytes());
        hash = hash_parts("atoll-block-with-attendance", &[&hash.0, &voters, &missed]);
    }
    if block.payload.system.is_empty() {
        return hash;
    }
    let system: Vec<Digest> = block.payload.system.iter().map(hash_system_message).collect();
    let parts = std::iter::once(&hash).chain(&system).map(AsRef::as_ref);
    hash_parts("atoll-block-with-system", &parts.collect::<Vec<_>>())
}

/// Names a system message: covers every field.
pub fn hash_system_message(message: &SystemMessage) -> Digest {
    match message {
        SystemMessage::Dealing { epoch, dealer, dealing } => {
            let (epoch, dealer) = (epoch.0.to_be_bytes(), dealer.0.to_be_bytes());
            hash_parts("atoll-system-dealing", &[&epoch, &dealer, dealing])
        }
        SystemMessage::Complaint { epoch, dealer, receiver, complaint } => {
            let (epoch, dealer) = (epoch.0.to_be_bytes(), dealer.0.to_be_bytes());
            let parts: [&[u8]; 4] = [&epoch, &dealer, &receiver.0.to_be_bytes(), complaint];
            hash_parts("atoll-system-complaint", &parts)
        }
        SystemMessage::Change(change) => {
            let removed: Vec<&[u8]> = change.remove.iter().map(|key| key.as_slice()).collect();
            let added: Vec<Digest> = change.add.iter().map(hash_node).collect();
            let added: Vec<&[u8]> = added.iter().map(AsRef::as_ref).collect();
            let signature =
                |(operator, signature): &(crate::types::NodeIndex, crate::types::NodeSignature)| {
                    hash_parts("atoll-operator", &[&operator.0.to_be_bytes(), &signature.0])
                };
            let signatures: Vec<Digest> = change.signatures.iter().map(signature).collect();
            let signatures: Vec<&[u8]> = signatures.iter().map(AsRef::as_ref).collect();
            let lists = [removed, added, signatures].map(|list| hash_parts("atoll-system-list", &list));
            let [removed, added, signatures] = &lists;
            let parts: [&[u8]; 4] = [&change.version.to_be_bytes(), &removed.0, &added.0, &signatures.0];
            hash_parts("atoll-system-change", &parts)
        }
        SystemMessage::Order(MembershipOrder { order, certificate, witness }) => {
            hash_parts("atoll-system-order", &[order, certificate, witness])
        }
    }
}

/// The name of the chain: hash of the canonical encoding of its genesis.
pub fn chain_id(genesis: &Genesis) -> ChainId {
    let Genesis { version, name, heartbeat_ms, view_timeout_ms, provisional, .. } = genesis;
    let Genesis { minting_canister, subnet_admins, canisters, nodes, epoch_length, .. } = genesis;
    let version = version.to_be_bytes();
    let heartbeat = heartbeat_ms.to_be_bytes();
    let view_timeout = view_timeout_ms.to_be_bytes();
    let provisional = [u8::from(*provisional)];
    let nodes: Vec<Digest> = nodes.iter().map(hash_node).collect();
    let minting = minting_canister.as_ref().map_or(&[][..], |canister| canister.as_slice());
    let admins: Vec<&[u8]> = subnet_admins.iter().map(|admin| admin.as_slice()).collect();
    let admins = hash_parts("atoll-genesis-admins", &admins);
    let epoch_length = epoch_length.to_be_bytes();
    let canisters: Vec<Digest> = canisters.iter().map(hash_genesis_canister).collect();
    let canisters: Vec<&[u8]> = canisters.iter().map(AsRef::as_ref).collect();
    let canisters = hash_parts("atoll-genesis-canisters", &canisters);
    let header: [&[u8]; 9] = [
        &version,
        name.as_bytes(),
        &heartbeat,
        &view_timeout,
        &provisional,
        minting,
        &admins.0,
        &epoch_length,
        &canisters.0,
    ];
    let nodes = nodes.iter().map(AsRef::as_ref);
    let hash = hash_parts("atoll-genesis", &header.into_iter().chain(nodes).collect::<Vec<_>>());
    observed(genesis, governed(genesis, hash))
}

/// The name of a chain whose genesis says who governs it; of others, `hash` as it is.
fn governed(genesis: &Genesis, hash: Digest) -> ChainId {
    let Genesis { governance_canister, registry_canister, accounting, .. } = genesis;
    if governance_canister.is_none() && registry_canister.is_none() && accounting.is_none() {
        return hash;
    }
    let id = |canister: &Option<crate::types::Principal>| {
        canister.map_or_else(Vec::new, |canister| canister.as_slice().to_vec())
    };
    let accounting = accounting.map_or("", |accounting| accounting.name());
    let parts: [&[u8]; 4] =
        [&hash.0, &id(governance_canister), &id(registry_canister), accounting.as_bytes()];
    hash_parts("atoll-genesis-governed", &parts)
}

/// The name of a chain whose genesis names observers; of others, `hash` as it is.
fn observed(genesis: &Genesis, hash: Digest) -> ChainId {
    if genesis.observers.is_empty() {
        return hash;
    }
    let observers = genesis.observers.iter().map(|observer| observer.as_slice());
    let parts: Vec<&[u8]> = std::iter::once(&hash.0[..]).chain(observers).collect();
    hash_parts("atoll-genesis-observed", &parts)
}

fn hash_genesis_canister(canister: &GenesisCanister) -> Digest {
    let GenesisCanister { id, module, arg, cycles, controllers } = canister;
    let mut parts = vec![id.as_slice(), module.as_bytes(), arg.as_bytes(), cycles.as_bytes()];
    parts.extend(controllers.iter().map(|controller| controller.as_slice()));
    hash_parts("atoll-genesis-canister", &parts)
}

/// The hash of one node of a genesis.
pub fn hash_node(node: &GenesisNode) -> Digest {
    let GenesisNode { name, identity_key, tls_key, encryption_key, address } = node;
    let parts = [name, identity_key, tls_key, encryption_key, address].map(|part| part.as_bytes());
    hash_parts("atoll-genesis-node", &parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Attendance, Height, NodeIndex, Payload, RequestId, SignedIngress, Time, View};
    use bytes::Bytes;
    use std::sync::Arc;

    fn check(digest: Digest, expected: &str) {
        assert_eq!(digest.to_string(), expected);
    }

    fn block(envelopes: &[&'static [u8]]) -> Block {
        let ingress = envelopes.iter().map(|envelope| {
            Arc::new(SignedIngress {
                id: RequestId([9; 32]),
                expiry: Time(8),
                envelope: Bytes::from_static(envelope),
            })
        });
        Block {
            view: View(1),
            height: Height(2),
            parent: Digest([3; 32]),
            parent_view: View(4),
            proposer: NodeIndex(5),
            time: Time(6),
            attendance: Attendance::default(),
            payload: Payload { ingress: ingress.collect(), ..Payload::default() },
        }
    }

    fn messages() -> Vec<SystemMessage> {
        let (epoch, dealer, receiver) = (crate::types::Epoch(1), NodeIndex(2), NodeIndex(3));
        let change = crate::types::MembershipChange {
            version: 4,
            remove: vec![[5; 32]],
            add: genesis().nodes,
            signatures: vec![(dealer, crate::types::NodeSignature([6; 64]))],
        };
        vec![
            SystemMessage::Dealing { epoch, dealer, dealing: Bytes::from_static(b"d") },
            SystemMessage::Complaint { epoch, dealer, receiver, complaint: Bytes::from_static(b"c") },
            SystemMessage::Change(change),
            SystemMessage::Order(MembershipOrder {
                order: Bytes::from_static(b"o"),
                certificate: Bytes::from_static(b"c"),
                witness: Bytes::from_static(b"w"),
            }),
        ]
    }

    #[test]
    fn every_field_of_a_system_message_changes_its_hash() {
        let changes: [fn(&mut Vec<SystemMessage>); 15] = [
            |m| m.swap(0, 1),
            |m| drop(m.pop()),
            |m| {
                if let SystemMessage::Dealing { epoch, .. } = &mut m[0] {
                    epoch.0 += 1
                }
            },
            |m| {
                if let SystemMessage::Dealing { dealer, .. } = &mut m[0] {
                    dealer.0 += 1
                }
            },
            |m| {
                if let SystemMessage::Dealing { dealing, .. } = &mut m[0] {
                    *dealing = Bytes::new()
                }
            },
            |m| {
                if let SystemMessage::Complaint { epoch, .. } = &mut m[1] {
                    epoch.0 += 1
                }
            },
            |m| {
                if let SystemMessage::Complaint { receiver, .. } = &mut m[1] {
                    receiver.0 += 1
                }
            },
            |m| {
                if let SystemMessage::Complaint { complaint, .. } = &mut m[1] {
                    *complaint = Bytes::new()
                }
            },
            |m| {
                if let SystemMessage::Change(change) = &mut m[2] {
                    change.version += 1
                }
            },
            |m| {
                if let SystemMessage::Change(change) = &mut m[2] {
                    change.remove.clear()
                }
            },
            |m| {
                if let SystemMessage::Change(change) = &mut m[2] {
                    change.add[0].name.push('x')
                }
            },
            |m| {
                if let SystemMessage::Change(change) = &mut m[2] {
                    change.signatures.clear()
                }
            },
            |m| {
                if let SystemMessage::Order(order) = &mut m[3] {
                    order.order = Bytes::from_static(b"oc");
                    order.certificate = Bytes::new();
                }
            },
            |m| {
                if let SystemMessage::Order(order) = &mut m[3] {
                    order.certificate = Bytes::from_static(b"w")
                }
            },
            |m| {
                if let SystemMessage::Order(order) = &mut m[3] {
                    order.witness = Bytes::from_static(b"c")
                }
            },
        ];
        let with = |messages: Vec<SystemMessage>| {
            let mut block = block(&[b"xy"]);
            block.payload.system = messages;
            hash_block(&block)
        };
        for (index, change) in changes.into_iter().enumerate() {
            let mut changed = messages();
            change(&mut changed);
            assert_ne!(with(changed), with(messages()), "change {index}");
        }
    }

    fn genesis() -> Genesis {
        let node = GenesisNode {
            name: "a".into(),
            identity_key: "01".into(),
            tls_key: "02".into(),
            encryption_key: "03".into(),
            address: "[::1]:9".into(),
        };
        let canister = GenesisCanister {
            id: crate::types::CanisterId(2).principal(),
            module: "04".into(),
            arg: "05".into(),
            cycles: "6".into(),
            controllers: Vec::new(),
        };
        Genesis { canisters: vec![canister], ..Genesis::local("test", vec![node]) }
    }

    #[test]
    fn parts_are_encoded_as_the_golden_bytes() {
        check(
            hash_parts("d", &[b"ab", b""]),
            &sha256(b"\x01d\0\0\0\0\0\0\0\x02ab\0\0\0\0\0\0\0\0").to_string(),
        );
    }

    #[test]
    fn moving_a_byte_between_parts_changes_the_hash() {
        assert_ne!(hash_parts("d", &[b"ab", b"c"]), hash_parts("d", &[b"a", b"bc"]));
        assert_ne!(hash_parts("d", &[b"a"]), hash_parts("d", &[b"a", b""]));
    }

    #[test]
    fn a_block_hashes_to_the_golden_digest() {
        check(hash_block(&block(&[])), "6a3d6887c6bc7c36c7d19899fde167f40d5094dc8498e02e1e7cc202e0fc41fd");
        check(
            hash_block(&block(&[b"xy", b"z"])),
            "a3c4f8d2e222ab189384c5ef1759c3e4d058c177cf4d21c0e1fc665407ec67b7",
        );
    }

    fn attendance() -> Attendance {
        let voters = [0, 1, 9].map(NodeIndex).into();
        Attendance { voters, missed: vec![NodeIndex(258), NodeIndex(3), NodeIndex(3)] }
    }

    #[test]
    fn attendance_is_a_bitmap_and_a_list_in_the_golden_digest() {
        assert_eq!(attendance().bitmap(), [0b11, 0b10]);
        assert_eq!(attendance().missed_bytes(), [1, 2, 0, 3, 0, 3]);
        let block = Block { attendance: attendance(), ..block(&[b"xy"]) };
        check(hash_block(&block), "0b6fa002c84f57a7ba5726333f1703a887c77fa25cfb7e8498bdc212d932e2ce");
        for (from, to) in [(0, 2), (9, 17)] {
            let mut other = block.clone();
            assert!(
                other.attendance.voters.remove(&NodeIndex(from))
                    && other.attendance.voters.insert(NodeIndex(to))
            );
            assert_ne!(hash_block(&other), hash_block(&block));
        }
        let mut other = block.clone();
        other.attendance.missed.swap(0, 1);
        assert_ne!(hash_block(&other), hash_block(&block));
    }

    #[test]
    fn a_block_is_known_by_its_header_and_the_hashes_of_its_calls() {
        let whole = block(&[b"xy", b"z"]);
        let calls = [hash_call(b"xy"), hash_call(b"z")];
        assert_eq!(hash_header(&whole.header(), &calls), hash_block(&whole));
        assert_ne!(hash_header(&whole.header(), &[calls[1], calls[0]]), hash_block(&whole));
        check(calls[1], "424a1ff27640552a2a8fb4f9632245ee5d7bd80d8c161774ea4a5f8dbf36dc52");
    }

    #[test]
    fn every_field_of_a_block_changes_its_hash() {
        let changes: [fn(&mut Block); 12] = [
            |b| b.view.0 += 1,
            |b| b.height.0 += 1,
            |b| b.parent.0[31] ^= 1,
            |b| b.parent_view.0 += 1,
            |b| b.proposer.0 += 1,
            |b| b.time.0 += 1,
            |b| drop(b.payload.ingress.pop()),
            |b| b.payload.system.extend(messages()),
            |b| b.attendance = attendance(),
            |b| b.attendance.voters.extend([NodeIndex(0)]),
            |b| b.attendance.missed.push(NodeIndex(0)),
            |b| b.payload = block(&[b"x", b"yz"]).payload,
        ];
        let original = block(&[b"xy", b"z"]);
        for (index, change) in changes.into_iter().enumerate() {
            let mut changed = original.clone();
            change(&mut changed);
            assert_ne!(hash_block(&changed), hash_block(&original), "change {index}");
        }
    }

    #[test]
    fn a_genesis_hashes_to_the_golden_digest() {
        check(chain_id(&genesis()), "da1cea11d813e033e0a407192c7492765a82416b6f49bbdb91d35591dae73239");
        let canister = |number| Some(crate::types::CanisterId(number).principal());
        let governed = Genesis {
            governance_canister: canister(1),
            registry_canister: canister(0),
            accounting: Some(crate::types::Accounting::Free),
            ..genesis()
        };
        check(chain_id(&governed), "0207343157f562cebde3636a6f1328172c536ce8acfdf2122189cf77985a9cd2");
    }

    #[test]
    fn every_field_of_a_genesis_changes_the_chain() {
        let changes: [fn(&mut Genesis); 24] = [
            |g| g.governance_canister = Some(crate::types::CanisterId(4).principal()),
            |g| g.registry_canister = Some(crate::types::CanisterId(4).principal()),
            |g| g.accounting = Some(crate::types::Accounting::Free),
            |g| g.version = 2,
            |g| g.name.push('x'),
            |g| g.heartbeat_ms += 1,
            |g| g.view_timeout_ms += 1,
            |g| g.provisional = false,
            |g| g.epoch_length += 1,
            |g| g.minting_canister = Some(crate::types::CanisterId(4).principal()),
            |g| g.subnet_admins = vec![crate::types::CanisterId(4).principal()],
            |g| g.observers = vec![crate::types::CanisterId(4).principal()],
            |g| g.canisters.clear(),
            |g| g.canisters[0].id = crate::types::CanisterId(5).principal(),
            |g| g.canisters[0].module.push('0'),
            |g| g.canisters[0].arg.push('0'),
            |g| g.canisters[0].cycles.push('0'),
            |g| g.canisters[0].controllers = vec![crate::types::CanisterId(4).principal()],
            |g| g.nodes[0].name.push('x'),
            |g| g.nodes[0].identity_key.push('1'),
            |g| g.nodes[0].tls_key.push('1'),
            |g| g.nodes[0].encryption_key.push('1'),
            |g| g.nodes[0].address.push('1'),
            |g| g.nodes.push(g.nodes[0].clone()),
        ];
        for (index, change) in changes.into_iter().enumerate() {
            let mut changed = genesis();
            change(&mut changed);
            assert_ne!(chain_id(&changed), chain_id(&genesis()), "change {index}");
        }
    }
}
