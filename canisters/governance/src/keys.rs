//! Keys of stable maps, in the order in which they are gone through.

use crate::interface::{Topic, Voter};
use candid::Principal;

/// Most bytes of a principal.
const PRINCIPAL_BYTES: usize = Principal::MAX_LENGTH_IN_BYTES;

pub type Pair = [u8; 16];
pub type OwnerKey = [u8; 38];
pub type FollowingKey = [u8; 9];
pub type FollowerKey = [u8; 17];
pub type BallotKey = [u8; 39];

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

pub fn pair(first: u64, second: u64) -> Pair {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&first.to_be_bytes());
    key[8..].copy_from_slice(&second.to_be_bytes());
    key
}

pub fn of_pair(key: &Pair) -> (u64, u64) {
    (number(&key[..8]), number(&key[8..]))
}

/// A principal's length, bytes, zeros; a neuron.
pub fn owner(owner: Principal, neuron: u64) -> OwnerKey {
    let mut key = [0; 38];
    put_principal(&mut key[..=PRINCIPAL_BYTES], owner);
    key[30..].copy_from_slice(&neuron.to_be_bytes());
    key
}

pub fn neuron_of_owner(key: &OwnerKey) -> u64 {
    number(&key[30..])
}

fn put_principal(place: &mut [u8], principal: Principal) {
    let bytes = principal.as_slice();
    place[0] = bytes.len() as u8;
    place[1..=bytes.len()].copy_from_slice(bytes);
}

pub fn following(neuron: u64, topic: Topic) -> FollowingKey {
    let mut key = [0; 9];
    key[..8].copy_from_slice(&neuron.to_be_bytes());
    key[8] = topic as u8;
    key
}

pub fn follower(topic: Topic, followee: u64, follower: u64) -> FollowerKey {
    let mut key = [0; 17];
    key[0] = topic as u8;
    key[1..9].copy_from_slice(&followee.to_be_bytes());
    key[9..].copy_from_slice(&follower.to_be_bytes());
    key
}

pub fn neuron_of_follower(key: &FollowerKey) -> u64 {
    number(&key[9..])
}

/// A proposal; which kind of voter; who.
pub fn ballot(proposal: u64, voter: Voter) -> BallotKey {
    let mut key = [0; 39];
    key[..8].copy_from_slice(&proposal.to_be_bytes());
    match voter {
        Voter::Neuron(id) => key[9..17].copy_from_slice(&id.to_be_bytes()),
        Voter::Operator(principal) => {
            key[8] = 1;
            put_principal(&mut key[9..], principal);
        }
    }
    key
}

/// Before all ballots of a proposal.
pub fn first_ballot(proposal: u64) -> BallotKey {
    ballot(proposal, Voter::Neuron(0))
}

pub fn proposal_of_ballot(key: &BallotKey) -> u64 {
    number(&key[..8])
}

pub fn voter_of_ballot(key: &BallotKey) -> Voter {
    match key[8] {
        0 => Voter::Neuron(number(&key[9..17])),
        _ => {
            let length = usize::from(key[9]).min(PRINCIPAL_BYTES);
            Voter::Operator(Principal::from_slice(&key[10..10 + length]))
        }
    }
}
