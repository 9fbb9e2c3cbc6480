//! Messages of the ICP ledger's block log (package `ic_ledger.pb.v1`) and of our own store.
//!
//! Tags and types are the public ones: their bytes are hashed.

use prost::{Message, Oneof};

#[derive(Clone, PartialEq, Message)]
pub struct Block {
    #[prost(message, optional, tag = "1")]
    pub parent_hash: Option<Hash>,
    #[prost(message, optional, tag = "2")]
    pub timestamp: Option<TimeStamp>,
    #[prost(message, optional, tag = "3")]
    pub transaction: Option<Transaction>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Hash {
    #[prost(bytes = "vec", tag = "1")]
    pub hash: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct TimeStamp {
    #[prost(uint64, tag = "1")]
    pub timestamp_nanos: u64,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct Tokens {
    #[prost(uint64, tag = "1")]
    pub e8s: u64,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct Memo {
    #[prost(uint64, tag = "1")]
    pub memo: u64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Icrc1Memo {
    #[prost(bytes = "vec", tag = "1")]
    pub memo: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct AccountIdentifier {
    #[prost(bytes = "vec", tag = "1")]
    pub hash: Vec<u8>,
}

/// Tag 5 (`created_at`) is obsolete and never written.
#[derive(Clone, PartialEq, Message)]
pub struct Transaction {
    #[prost(oneof = "Transfer", tags = "1, 2, 3")]
    pub transfer: Option<Transfer>,
    #[prost(message, optional, tag = "4")]
    pub memo: Option<Memo>,
    #[prost(message, optional, tag = "6")]
    pub created_at_time: Option<TimeStamp>,
    #[prost(message, optional, tag = "7")]
    pub icrc1_memo: Option<Icrc1Memo>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum Transfer {
    #[prost(message, tag = "1")]
    Burn(Burn),
    #[prost(message, tag = "2")]
    Mint(Mint),
    #[prost(message, tag = "3")]
    Send(Send),
}

#[derive(Clone, PartialEq, Message)]
pub struct Burn {
    #[prost(message, optional, tag = "1")]
    pub from: Option<AccountIdentifier>,
    #[prost(message, optional, tag = "3")]
    pub amount: Option<Tokens>,
    #[prost(message, optional, tag = "4")]
    pub spender: Option<AccountIdentifier>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Mint {
    #[prost(message, optional, tag = "2")]
    pub to: Option<AccountIdentifier>,
    #[prost(message, optional, tag = "3")]
    pub amount: Option<Tokens>,
}

/// A transfer, or with an extension an approval (`to` is the spender, the amount zero).
#[derive(Clone, PartialEq, Message)]
pub struct Send {
    #[prost(message, optional, tag = "1")]
    pub from: Option<AccountIdentifier>,
    #[prost(message, optional, tag = "2")]
    pub to: Option<AccountIdentifier>,
    #[prost(message, optional, tag = "3")]
    pub amount: Option<Tokens>,
    #[prost(message, optional, tag = "4")]
    pub max_fee: Option<Tokens>,
    #[prost(oneof = "Extension", tags = "5, 6")]
    pub extension: Option<Extension>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum Extension {
    #[prost(message, tag = "5")]
    Approve(Approve),
    #[prost(message, tag = "6")]
    TransferFrom(TransferFrom),
}

#[derive(Clone, PartialEq, Message)]
pub struct Approve {
    #[prost(message, optional, tag = "1")]
    pub allowance: Option<Tokens>,
    #[prost(message, optional, tag = "2")]
    pub expires_at: Option<TimeStamp>,
    #[prost(message, optional, tag = "3")]
    pub expected_allowance: Option<Tokens>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TransferFrom {
    #[prost(message, optional, tag = "1")]
    pub spender: Option<AccountIdentifier>,
}

/// What is stored of a block (ours; never hashed).
#[derive(Clone, PartialEq, Message)]
pub struct Stored {
    /// The encoded [`Block`].
    #[prost(bytes = "vec", tag = "1")]
    pub block: Vec<u8>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub phash: Option<Vec<u8>>,
    #[prost(message, optional, tag = "3")]
    pub from: Option<Owner>,
    #[prost(message, optional, tag = "4")]
    pub to: Option<Owner>,
    #[prost(message, optional, tag = "5")]
    pub spender: Option<Owner>,
    #[prost(bool, tag = "6")]
    pub fee_given: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct Owner {
    #[prost(bytes = "vec", tag = "1")]
    pub principal: Vec<u8>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub subaccount: Option<Vec<u8>>,
}
