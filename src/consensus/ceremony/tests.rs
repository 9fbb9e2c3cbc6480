use super::*;
use crate::crypto::hash::chain_id;
use crate::crypto::node_key::TlsKey;
use crate::crypto::threshold::{Keyring, Statement};
use crate::types::{Digest, Genesis, GenesisNode, Height, StateRoot};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;

fn genesis(n: usize) -> Genesis {
    let nodes = (0..n).map(|node| GenesisNode {
        name: format!("node-{node}"),
        identity_key: hex::encode(IdentityKey::from_bytes(&[node as u8; 32]).public_key()),
        tls_key: hex::encode(TlsKey::from_bytes(&[node as u8; 32]).public_key()),
        encryption_key: hex::encode(encryption_key(node).public_key()),
        address: format!("127.0.0.1:{node}"),
    });
    Genesis::local("test", nodes.collect())
}

fn encryption_key(node: usize) -> EncryptionKey {
    EncryptionKey::from_bytes(&[node as u8 + 1; 32]).unwrap()
}

fn keys(genesis: &Genesis, node: usize) -> CeremonyKeys {
    CeremonyKeys {
        chain: chain_id(genesis),
        committee: Committee::from_genesis(genesis).unwrap(),
        identity: IdentityKey::from_bytes(&[node as u8; 32]),
        encryption: encryption_key(node),
    }
}

/// What the network does to messages, in percent, and how often nodes fail.
#[derive(Clone, Copy, Default)]
struct Faults {
    lost: u32,
    doubled: u32,
    /// Restarts in all, each after one delivery in eight.
    restarts: u32,
}

enum Event {
    Deliver(NodeIndex, CeremonyMessage),
    Timer,
}

#[derive(Clone, PartialEq, Debug)]
enum Verdict {
    Finished { keyring: Vec<u8>, transcript: Bytes },
    Failed(CeremonyError),
}

/// `n` ceremonies, a virtual clock, a bad network.
struct Cluster {
    genesis: Genesis,
    machines: Vec<Ceremony>,
    disks: Vec<Option<Vec<u8>>>,
    verdicts: Vec<Option<Verdict>>,
    queue: BTreeMap<(Time, u64), (usize, Event)>,
    sequence: u64,
    rng: StdRng,
    faults: Faults,
    refusals: Vec<(usize, NodeIndex, Refusal)>,
}

impl Cluster {
    fn new(n: usize, seed: u64, faults: Faults) -> Cluster {
        let genesis = genesis(n);
        let machine = |node: usize| Ceremony::new(keys(&genesis, node), [node as u8; 32], None).unwrap();
        Cluster {
            machines: (0..n).map(machine).collect(),
            disks: vec![None; n],
            verdicts: vec![None; n],
            queue: BTreeMap::new(),
            sequence: 0,
            rng: StdRng::seed_from_u64(seed),
            faults,
            refusals: Vec::new(),
            genesis,
        }
    }

    fn run(&mut self) -> &[Option<Verdict>] {
        (0..self.machines.len()).for_each(|node| self.handle(Time::ZERO, node, CeremonyInput::Started));
        while let Some(((now, _), (node, event))) = self.queue.pop_first() {
            if now > Time::ZERO.plus_ms(120_000) || self.verdicts.iter().all(Option::is_some) {
                break;
            }
            match event {
                Event::Timer => self.handle(now, node, CeremonyInput::Timer),
                Event::Deliver(from, message) => self.handle(now, node, CeremonyInput::Peer(from, message)),
            }
            if self.faults.restarts > 0 && self.rng.gen_range(0..8) == 0 {
                self.faults.restarts -= 1;
                self.restart(now, node);
            }
        }
        &self.verdicts
    }

    fn handle(&mut self, now: Time, node: usize, input: CeremonyInput) {
        for effect in self.machines[node].handle(now, input) {
            match effect {
                CeremonyEffect::Persist(bytes) => self.disks[node] = Some(bytes.to_vec()),
                CeremonyEffect::Broadcast(message) => {
                    let others = (0..self.machines.len()).filter(|other| *other != node);
                    others.for_each(|other| self.send(now, node, other, &message));
                }
                CeremonyEffect::Send(to, message) => self.send(now, node, usize::from(to.0), &message),
                CeremonyEffect::SetTimer(at) => self.schedule(at, node, Event::Timer),
                CeremonyEffect::Refused { from, reason } => self.refusals.push((node, from, reason)),
                CeremonyEffect::Finished { keyring, transcript } => {
                    self.verdicts[node] = Some(Verdict::Finished { keyring: keyring.to_vec(), transcript });
                }
                CeremonyEffect::Failed(error) => self.verdicts[node] = Some(Verdict::Failed(error)),
            }
        }
    }

    fn send(&mut self, now: Time, from: usize, to: usize, message: &CeremonyMessage) {
        let copies = if self.rng.gen_range(0..100) < self.faults.doubled { 2 } else { 1 };
        for _ in 0..copies {
            if self.rng.gen_range(0..100) >= self.faults.lost {
                let at = now.plus_ms(self.rng.gen_range(1..300));
                self.schedule(at, to, Event::Deliver(NodeIndex(from as u16), message.clone()));
            }
        }
    }

    fn schedule(&mut self, at: Time, node: usize, event: Event) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), (node, event));
    }

    /// Forgets all but the disk. The fresh seed offered must not be taken.
    fn restart(&mut self, now: Time, node: usize) {
        let keys = keys(&self.genesis, node);
        self.machines[node] = match &self.verdicts[node] {
            Some(Verdict::Finished { transcript, .. }) => Ceremony::over(keys, transcript.clone()).unwrap(),
            _ => Ceremony::new(keys, [99; 32], self.disks[node].as_deref()).unwrap(),
        };
        self.queue.retain(|_, (owner, event)| *owner != node || !matches!(event, Event::Timer));
        self.handle(now, node, CeremonyInput::Started);
    }

    fn keyrings(&self) -> Vec<Keyring> {
        let chain = chain_id(&self.genesis);
        let keyring = |verdict: &Option<Verdict>| match verdict {
            Some(Verdict::Finished { keyring, .. }) => Keyring::from_bytes(keyring, chain).unwrap(),
            other => panic!("no keys but {other:?}"),
        };
        self.verdicts.iter().map(keyring).collect()
    }
}

/// All nodes come to one root key, and shares under it combine.
fn check(n: usize, seed: u64, faults: Faults) {
    let mut cluster = Cluster::new(n, seed, faults);
    cluster.run();
    let keyrings = cluster.keyrings();
    assert!(keyrings.iter().all(|keyring| keyring.root_key() == keyrings[0].root_key()));
    let statement = Statement::Certify { height: Height(1), root: StateRoot(Digest([1; 32])) };
    let need = keyrings[0].threshold(&statement);
    let signers = keyrings[n - need..].iter();
    let shares: Vec<_> = signers.map(|keyring| (keyring.own(), keyring.sign_share(&statement))).collect();
    let signature = keyrings[0].combine(&statement, &shares).unwrap();
    assert!(keyrings[n - 1].verify(&statement, &signature));
}

#[test]
fn four_nodes_come_to_one_key() {
    check(4, 1, Faults::default());
}

#[test]
fn loss_duplicates_reordering_and_restarts_do_not_change_the_key() {
    let faults = Faults { lost: 30, doubled: 20, restarts: 8 };
    check(4, 2, faults);
    check(4, 3, Faults { lost: 60, ..faults });
    check(7, 4, faults);
}

#[test]
fn a_restart_says_the_same_again() {
    let mut calm = Cluster::new(4, 1, Faults::default());
    let mut stormy = Cluster::new(4, 5, Faults { lost: 20, doubled: 20, restarts: 12 });
    calm.run();
    stormy.run();
    assert_eq!(calm.keyrings()[0].root_key(), stormy.keyrings()[0].root_key());
}

#[test]
fn a_node_that_missed_the_end_learns_it_from_the_transcript() {
    let mut cluster = Cluster::new(4, 6, Faults::default());
    cluster.run();
    let finished = cluster.verdicts[2].take().unwrap();
    cluster.machines[2] =
        Ceremony::new(keys(&cluster.genesis, 2), [0; 32], cluster.disks[2].as_deref()).unwrap();
    cluster.queue.clear();
    let later = Time::ZERO.plus_ms(200_000);
    cluster.handle(later, 2, CeremonyInput::Started);
    while let Some(((now, _), (node, event))) = cluster.queue.pop_first() {
        if let Event::Deliver(from, message) = event {
            cluster.handle(now, node, CeremonyInput::Peer(from, message));
        }
    }
    assert_eq!(cluster.verdicts[2], Some(finished));
}

#[test]
fn a_transcript_that_not_all_agreed_to_is_refused() {
    let mut cluster = Cluster::new(4, 6, Faults::default());
    cluster.run();
    let Some(Verdict::Finished { transcript, .. }) = cluster.verdicts[1].clone() else { panic!("no keys") };
    for index in [0, 100, transcript.len() - 1] {
        let mut spoilt = transcript.to_vec();
        spoilt[index] ^= 1;
        let done = cluster.machines[1].sign(CeremonyStep::Done(spoilt.into()));
        let mut late = Ceremony::new(keys(&cluster.genesis, 2), [2; 32], None).unwrap();
        let effects = late.handle(Time::ZERO, CeremonyInput::Peer(NodeIndex(1), done));
        assert!(matches!(effects[..], [CeremonyEffect::Refused { reason: Refusal::Transcript, .. }]));
    }
}

/// What the honest nodes make of a node 3 whose dealing was spoilt before it committed to it.
fn check_dealing(spoil: impl FnOnce(&mut Cluster, &mut Vec<u8>), expected: DealingError) {
    let mut cluster = Cluster::new(4, 7, Faults::default());
    let mut dealing = cluster.machines[3].dealing.to_vec();
    spoil(&mut cluster, &mut dealing);
    cluster.machines[3].dealing = dealing.into();
    let failed = Some(Verdict::Failed(CeremonyError::Dealing { dealer: NodeIndex(3), error: expected }));
    cluster.run();
    assert!(cluster.verdicts[..3].contains(&failed), "{:?}", cluster.verdicts);
    assert!(!cluster.verdicts.iter().any(|verdict| matches!(verdict, Some(Verdict::Finished { .. }))));
}

#[test]
fn a_false_dealer_is_named_and_nobody_gets_keys() {
    check_dealing(|_, dealing| dealing[1] = 9, DealingError::Degree { found: 8, expected: 2 });
    check_dealing(|_, dealing| *dealing.iter_mut().nth_back(176).unwrap() ^= 1, DealingError::Ciphertext);
    let copied =
        |cluster: &mut Cluster, dealing: &mut Vec<u8>| *dealing = cluster.machines[0].dealing.to_vec();
    check_dealing(copied, DealingError::Proof);
}

#[test]
fn a_dealing_that_was_not_committed_to_is_refused() {
    let mut cluster = Cluster::new(4, 8, Faults::default());
    let other = Ceremony::new(keys(&cluster.genesis, 3), [33; 32], None).unwrap();
    let commit = cluster.machines[3].sign(CeremonyStep::Commit(sha256(&other.dealing)));
    cluster.machines[3].heard[3][COMMIT] = Some(commit.clone());
    for node in 0..3 {
        cluster.handle(Time::ZERO, node, CeremonyInput::Peer(NodeIndex(3), commit.clone()));
    }
    cluster.run();
    let failed = Some(Verdict::Failed(CeremonyError::Uncommitted { dealer: NodeIndex(3) }));
    assert_eq!(cluster.verdicts[..3], [failed.clone(), failed.clone(), failed]);
}

/// Node 3 says one thing to node 0 and another, `there`, to the rest.
fn two_faced(here: [u8; 32], there: [u8; 32]) -> Vec<Option<Verdict>> {
    let mut cluster = Cluster::new(5, 9, Faults::default());
    let faces = [here, there].map(|seed| Ceremony::new(keys(&cluster.genesis, 3), seed, None).unwrap());
    cluster.machines[3].phase = Phase::Failed;
    for node in [0, 1, 2, 4] {
        let face = &faces[usize::from(node != 0)];
        for step in [CeremonyStep::Commit(sha256(&face.dealing)), CeremonyStep::Deal(face.dealing.clone())] {
            cluster.schedule(Time(1), node, Event::Deliver(NodeIndex(3), face.sign(step)));
        }
    }
    cluster.verdicts[3] = Some(Verdict::Failed(CeremonyError::Stranger));
    // Its own keys never come, so the others must tell from each other's.
    cluster.run();
    cluster.verdicts
}

#[test]
fn what_a_node_says_twice_convicts_it_at_once() {
    let mut cluster = Cluster::new(4, 10, Faults::default());
    let [one, two] = [1, 2].map(|byte| cluster.machines[3].sign(CeremonyStep::Commit(Digest([byte; 32]))));
    let say = |cluster: &mut Cluster, message| {
        cluster.handle(Time(1), 0, CeremonyInput::Peer(NodeIndex(3), message))
    };
    say(&mut cluster, one.clone());
    say(&mut cluster, one);
    assert_eq!(cluster.verdicts[0], None);
    say(&mut cluster, two);
    let error = CeremonyError::Equivocation { node: NodeIndex(3), step: "commit" };
    assert_eq!(cluster.verdicts[0], Some(Verdict::Failed(error)));
}

#[test]
fn a_dealer_that_commits_differently_to_different_nodes_is_convicted() {
    let verdicts = two_faced([1; 32], [2; 32]);
    let error = CeremonyError::Equivocation { node: NodeIndex(3), step: "commit" };
    assert!(verdicts.contains(&Some(Verdict::Failed(error))), "{verdicts:?}");
    assert!(!verdicts.iter().any(|verdict| matches!(verdict, Some(Verdict::Finished { .. }))));
}

#[test]
fn noise_stops_nothing() {
    let mut cluster = Cluster::new(4, 11, Faults::default());
    let commit = cluster.machines[3].sign(CeremonyStep::Commit(Digest::ZERO));
    let mut other_genesis = genesis(4);
    other_genesis.name.push('x');
    let foreign = Ceremony::new(keys(&other_genesis, 3), [3; 32], None).unwrap();
    let foreign = foreign.sign(CeremonyStep::Commit(sha256(&foreign.dealing)));
    let large = cluster.machines[3].sign(CeremonyStep::Deal(vec![0; DEALING_BYTES_MAX + 1].into()));
    let short = cluster.machines[3].sign(CeremonyStep::Keys(Bytes::new()));
    let as_deal = CeremonyMessage { step: CeremonyStep::Agree(Digest::ZERO), ..commit.clone() };
    let noise = [
        (NodeIndex(2), commit, Refusal::Sender),
        (NodeIndex(3), foreign, Refusal::Signature),
        (NodeIndex(3), as_deal, Refusal::Signature),
        (NodeIndex(3), large, Refusal::Size),
        (NodeIndex(3), short, Refusal::Size),
    ];
    for (from, message, _) in noise.clone() {
        cluster.handle(Time(1), 0, CeremonyInput::Peer(from, message));
    }
    assert_eq!(cluster.refusals, noise.map(|(from, _, reason)| (0, from, reason)));
    cluster.run();
    assert_eq!(cluster.keyrings().len(), 4);
}

#[test]
fn a_ceremony_says_for_whom_it_waits() {
    let mut cluster = Cluster::new(4, 12, Faults::default());
    cluster.handle(Time::ZERO, 0, CeremonyInput::Started);
    let commit = cluster.machines[2].sign(CeremonyStep::Commit(Digest::ZERO));
    cluster.handle(Time::ZERO, 0, CeremonyInput::Peer(NodeIndex(2), commit));
    assert_eq!(cluster.machines[0].waiting_for(), Some(("commit", vec![NodeIndex(1), NodeIndex(3)])));
}

#[test]
fn keys_that_are_not_in_the_genesis_cannot_begin() {
    let genesis = genesis(4);
    let begin = |keys, persisted| Ceremony::new(keys, [0; 32], persisted).err();
    let stranger = CeremonyKeys { identity: IdentityKey::from_bytes(&[50; 32]), ..keys(&genesis, 0) };
    assert_eq!(begin(stranger, None), Some(CeremonyError::Stranger));
    let other_key = CeremonyKeys { encryption: encryption_key(1), ..keys(&genesis, 0) };
    assert_eq!(begin(other_key, None), Some(CeremonyError::EncryptionKey));
    let of_another_chain = step::encode_seed(&Digest::ZERO, &[1; 32]);
    assert_eq!(begin(keys(&genesis, 0), Some(&of_another_chain)), Some(CeremonyError::Seed));
}

/// Node 0's step-3 message with one commit, or the signature of one, replaced.
fn keys_seen_otherwise(
    cluster: &Cluster,
    dealer: usize,
    digest: Digest,
    signature: NodeSignature,
) -> CeremonyMessage {
    let Some(CeremonyStep::Keys(keys)) = cluster.machines[0].heard[0][KEYS].as_ref().map(|kept| &kept.step)
    else {
        panic!("node 0 did not come to step 3")
    };
    let (shares, mut commits) = transcript::decode_keys(keys).unwrap();
    commits[dealer] = (digest, signature);
    cluster.machines[0].sign(CeremonyStep::Keys(transcript::encode_keys(&shares, &commits)))
}

/// What node 1, in the middle of step 3, makes of a second step-3 message of node 0.
fn check_second_keys(digest: Digest, signer: usize, expected: Option<CeremonyError>) {
    let mut cluster = Cluster::new(4, 13, Faults::default());
    cluster.run();
    let signature = cluster.machines[signer].sign(CeremonyStep::Commit(digest)).signature;
    let second = keys_seen_otherwise(&cluster, 3, digest, signature);
    cluster.verdicts[1] = None;
    cluster.machines[1].phase = Phase::Running;
    cluster.machines[1].heard[2][AGREE] = None;
    cluster.handle(Time(1), 1, CeremonyInput::Peer(NodeIndex(0), second));
    assert_eq!(cluster.verdicts[1], expected.map(Verdict::Failed));
}

#[test]
fn a_node_that_was_shown_other_commits_after_a_restart_is_not_blamed_for_them() {
    let committed = sha256(&Cluster::new(4, 13, Faults::default()).machines[3].dealing);
    check_second_keys(committed, 0, None);
    let dealer = CeremonyError::Equivocation { node: NodeIndex(3), step: "commit" };
    check_second_keys(Digest([5; 32]), 3, Some(dealer));
    let witness = CeremonyError::FalseWitness { node: NodeIndex(0), about: NodeIndex(3) };
    check_second_keys(Digest([5; 32]), 0, Some(witness));
}

#[test]
fn a_node_that_stopped_after_it_agreed_takes_the_keys_when_it_starts_again() {
    let mut cluster = Cluster::new(4, 14, Faults::default());
    cluster.run();
    let finished = cluster.verdicts[1].clone();
    cluster.verdicts[1] = None;
    cluster.machines[1].phase = Phase::Running;
    cluster.machines[1].heard[3][AGREE] = None;
    let other = cluster.machines[3].sign(CeremonyStep::Agree(Digest([6; 32])));
    cluster.handle(Time(1), 1, CeremonyInput::Peer(NodeIndex(3), other));
    let failed = Verdict::Failed(CeremonyError::Disagreement { node: NodeIndex(3) });
    assert_eq!(cluster.verdicts[1], Some(failed));
    cluster.queue.clear();
    cluster.restart(Time::ZERO.plus_ms(200_000), 1);
    while let Some(((now, _), (node, event))) = cluster.queue.pop_first() {
        if let Event::Deliver(from, message) = event {
            cluster.handle(now, node, CeremonyInput::Peer(from, message));
        }
    }
    assert_eq!(cluster.verdicts[1], finished);
}
