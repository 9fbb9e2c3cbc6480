//! Blocks: their fields, their hashed encoding, and the form in which they are stored.

use crate::account::Party;
use crate::proto;
use candid::Principal;
use ic_stable_structures::Storable;
use ic_stable_structures::storable::Bound;
use icrc::{Account, AccountIdentifier, Hash, Subaccount};
use prost::Message;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// The two hashes of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashes {
    /// Of the ICP ledger's encoding.
    pub icp: Hash,
    /// Of the ICRC-3 value.
    pub icrc3: Hash,
}

/// What a transaction did to the balances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// New tokens.
    Mint { to: Party, amount: u64 },
    /// Tokens gone.
    Burn { from: Party, spender: Option<Party>, amount: u64 },
    /// `amount` moves; `fee` besides is burnt.
    Transfer { from: Party, to: Party, spender: Option<Party>, amount: u64, fee: u64 },
    /// `spender` may take up to `allowance` from `from`.
    Approve {
        from: Party,
        spender: Party,
        allowance: u64,
        expected_allowance: Option<u64>,
        expires_at: Option<u64>,
        fee: u64,
    },
}

/// An operation and what its caller attached to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// What is done.
    pub operation: Operation,
    /// Memo of the ICP interface.
    pub memo: u64,
    /// Memo of the ICRC interface.
    pub icrc1_memo: Option<Vec<u8>>,
    /// When the caller made it, in nanoseconds; its presence asks for deduplication.
    pub created_at_time: Option<u64>,
    /// Whether the caller named the fee.
    pub fee_given: bool,
}

/// A link of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Hashes of the block before; none for the first.
    pub parent: Option<Hashes>,
    /// The ledger's time, in nanoseconds.
    pub timestamp: u64,
    /// What happened.
    pub transaction: Transaction,
}

/// Stored bytes that are no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockDecodeError;

fn identifier_to_proto(party: &Party) -> Option<proto::AccountIdentifier> {
    Some(proto::AccountIdentifier { hash: party.identifier.as_bytes().to_vec() })
}

fn tokens(e8s: u64) -> Option<proto::Tokens> {
    Some(proto::Tokens { e8s })
}

fn send(
    from: &Party,
    to: &Party,
    amount: u64,
    fee: u64,
    extension: Option<proto::Extension>,
) -> proto::Transfer {
    proto::Transfer::Send(proto::Send {
        from: identifier_to_proto(from),
        to: identifier_to_proto(to),
        amount: tokens(amount),
        max_fee: tokens(fee),
        extension,
    })
}

fn operation_to_proto(operation: &Operation) -> proto::Transfer {
    match operation {
        Operation::Mint { to, amount } => {
            proto::Transfer::Mint(proto::Mint { to: identifier_to_proto(to), amount: tokens(*amount) })
        }
        Operation::Burn { from, spender, amount } => proto::Transfer::Burn(proto::Burn {
            from: identifier_to_proto(from),
            amount: tokens(*amount),
            spender: spender.as_ref().and_then(identifier_to_proto),
        }),
        Operation::Transfer { from, to, spender, amount, fee } => {
            let extension = spender.as_ref().map(|spender| {
                proto::Extension::TransferFrom(proto::TransferFrom { spender: identifier_to_proto(spender) })
            });
            send(from, to, *amount, *fee, extension)
        }
        Operation::Approve { from, spender, allowance, expected_allowance, expires_at, fee } => {
            let extension = proto::Extension::Approve(proto::Approve {
                allowance: tokens(*allowance),
                expires_at: expires_at.map(|timestamp_nanos| proto::TimeStamp { timestamp_nanos }),
                expected_allowance: expected_allowance.and_then(tokens),
            });
            send(from, spender, 0, *fee, Some(extension))
        }
    }
}

impl Transaction {
    fn to_proto(&self) -> proto::Transaction {
        proto::Transaction {
            transfer: Some(operation_to_proto(&self.operation)),
            memo: Some(proto::Memo { memo: self.memo }),
            created_at_time: self.created_at_time.map(|timestamp_nanos| proto::TimeStamp { timestamp_nanos }),
            icrc1_memo: self.icrc1_memo.clone().map(|memo| proto::Icrc1Memo { memo }),
        }
    }

    /// By which a second sending of the same transaction is known.
    pub fn hash(&self) -> Hash {
        Sha256::digest(self.to_proto().encode_to_vec()).into()
    }
}

impl Operation {
    /// From, to and spender, as far as the operation has them.
    pub fn parties(&self) -> [Option<&Party>; 3] {
        match self {
            Self::Mint { to, .. } => [None, Some(to), None],
            Self::Burn { from, spender, .. } => [Some(from), None, spender.as_ref()],
            Self::Transfer { from, to, spender, .. } => [Some(from), Some(to), spender.as_ref()],
            Self::Approve { from, spender, .. } => [Some(from), None, Some(spender)],
        }
    }
}

impl Block {
    /// The bytes that the ICP chain hashes.
    pub fn encode(&self) -> Vec<u8> {
        proto::Block {
            parent_hash: self.parent.map(|parent| proto::Hash { hash: parent.icp.to_vec() }),
            timestamp: Some(proto::TimeStamp { timestamp_nanos: self.timestamp }),
            transaction: Some(self.transaction.to_proto()),
        }
        .encode_to_vec()
    }

    /// Both hashes of this block.
    pub fn hashes(&self) -> Hashes {
        Hashes { icp: Sha256::digest(self.encode()).into(), icrc3: self.to_value().hash() }
    }
}

fn owner_to_proto(party: Option<&Party>) -> Option<proto::Owner> {
    party.and_then(|party| party.account).map(|account| proto::Owner {
        principal: account.owner.as_slice().to_vec(),
        subaccount: account.subaccount.map(|subaccount| subaccount.to_vec()),
    })
}

/// A block as stable memory and archives hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlock(Vec<u8>);

impl From<&Block> for StoredBlock {
    fn from(block: &Block) -> Self {
        let [from, to, spender] = block.transaction.operation.parties().map(owner_to_proto);
        let stored = proto::Stored {
            block: block.encode(),
            phash: block.parent.map(|parent| parent.icrc3.to_vec()),
            from,
            to,
            spender,
            fee_given: block.transaction.fee_given,
        };
        Self(stored.encode_to_vec())
    }
}

impl StoredBlock {
    /// Takes bytes that [`Self::as_bytes`] gave, after looking that they are a block.
    pub fn from_vec(bytes: Vec<u8>) -> Result<Self, BlockDecodeError> {
        let stored = Self(bytes);
        stored.decode()?;
        Ok(stored)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes that the ICP chain hashed.
    pub fn encoded_block(&self) -> Result<Vec<u8>, BlockDecodeError> {
        Ok(proto::Stored::decode(self.0.as_slice())?.block)
    }

    /// The block.
    pub fn decode(&self) -> Result<Block, BlockDecodeError> {
        let stored = proto::Stored::decode(self.0.as_slice())?;
        let block = proto::Block::decode(stored.block.as_slice())?;
        let parent = match (block.parent_hash, &stored.phash) {
            (None, None) => None,
            (Some(icp), Some(icrc3)) => {
                Some(Hashes { icp: hash_from_bytes(&icp.hash)?, icrc3: hash_from_bytes(icrc3)? })
            }
            _ => return Err(BlockDecodeError),
        };
        let transaction = block.transaction.ok_or(BlockDecodeError)?;
        let owners = [stored.from, stored.to, stored.spender];
        Ok(Block {
            parent,
            timestamp: block.timestamp.ok_or(BlockDecodeError)?.timestamp_nanos,
            transaction: Transaction {
                operation: operation_from_proto(transaction.transfer.ok_or(BlockDecodeError)?, owners)?,
                memo: transaction.memo.unwrap_or_default().memo,
                icrc1_memo: transaction.icrc1_memo.map(|memo| memo.memo),
                created_at_time: transaction.created_at_time.map(|time| time.timestamp_nanos),
                fee_given: stored.fee_given,
            },
        })
    }
}

impl From<prost::DecodeError> for BlockDecodeError {
    fn from(_: prost::DecodeError) -> Self {
        Self
    }
}

fn hash_from_bytes(bytes: &[u8]) -> Result<Hash, BlockDecodeError> {
    bytes.try_into().map_err(|_| BlockDecodeError)
}

fn party_from_proto(
    identifier: Option<proto::AccountIdentifier>,
    owner: Option<proto::Owner>,
) -> Result<Party, BlockDecodeError> {
    let identifier = AccountIdentifier::from_bytes(&identifier.ok_or(BlockDecodeError)?.hash)
        .map_err(|_| BlockDecodeError)?;
    let Some(owner) = owner else { return Ok(Party::from(identifier)) };
    let principal = Principal::try_from_slice(&owner.principal).map_err(|_| BlockDecodeError)?;
    let subaccount = match owner.subaccount {
        None => None,
        Some(bytes) => Some(Subaccount::new(bytes.try_into().map_err(|_| BlockDecodeError)?)),
    };
    Ok(Party { identifier, account: Some(Account { owner: principal, subaccount }) })
}

fn optional_party(
    identifier: Option<proto::AccountIdentifier>,
    owner: Option<proto::Owner>,
) -> Result<Option<Party>, BlockDecodeError> {
    match identifier {
        None => Ok(None),
        some => party_from_proto(some, owner).map(Some),
    }
}

fn e8s(tokens: Option<proto::Tokens>) -> Result<u64, BlockDecodeError> {
    Ok(tokens.ok_or(BlockDecodeError)?.e8s)
}

fn operation_from_proto(
    transfer: proto::Transfer,
    [from, to, spender]: [Option<proto::Owner>; 3],
) -> Result<Operation, BlockDecodeError> {
    Ok(match transfer {
        proto::Transfer::Mint(mint) => {
            Operation::Mint { to: party_from_proto(mint.to, to)?, amount: e8s(mint.amount)? }
        }
        proto::Transfer::Burn(burn) => Operation::Burn {
            from: party_from_proto(burn.from, from)?,
            spender: optional_party(burn.spender, spender)?,
            amount: e8s(burn.amount)?,
        },
        proto::Transfer::Send(sent) => match sent.extension {
            Some(proto::Extension::Approve(approve)) => Operation::Approve {
                from: party_from_proto(sent.from, from)?,
                spender: party_from_proto(sent.to, spender)?,
                allowance: e8s(approve.allowance)?,
                expected_allowance: approve.expected_allowance.map(|tokens| tokens.e8s),
                expires_at: approve.expires_at.map(|time| time.timestamp_nanos),
                fee: e8s(sent.max_fee)?,
            },
            Some(proto::Extension::TransferFrom(by)) => Operation::Transfer {
                from: party_from_proto(sent.from, from)?,
                to: party_from_proto(sent.to, to)?,
                spender: Some(party_from_proto(by.spender, spender)?),
                amount: e8s(sent.amount)?,
                fee: e8s(sent.max_fee)?,
            },
            None => Operation::Transfer {
                from: party_from_proto(sent.from, from)?,
                to: party_from_proto(sent.to, to)?,
                spender: None,
                amount: e8s(sent.amount)?,
                fee: e8s(sent.max_fee)?,
            },
        },
    })
}

impl Storable for StoredBlock {
    const BOUND: Bound = Bound::Unbounded;

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0)
    }

    fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn from_bytes(bytes: Cow<[u8]>) -> Self {
        Self(bytes.into_owned())
    }
}
