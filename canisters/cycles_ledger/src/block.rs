//! Blocks of the log: who did what, when, and the hash of the block before.

use icrc::{Account, Hash, Value};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

/// What a transaction did to balances and allowances.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum Operation {
    Mint {
        to: Account,
        amount: u128,
    },
    Burn {
        from: Account,
        spender: Option<Account>,
        amount: u128,
    },
    Transfer {
        from: Account,
        to: Account,
        spender: Option<Account>,
        amount: u128,
        fee: Option<u128>,
    },
    Approve {
        from: Account,
        spender: Account,
        amount: u128,
        expected_allowance: Option<u128>,
        expires_at: Option<u64>,
        fee: Option<u128>,
    },
}

/// An operation as its author ordered it. Two equal ones within the window are one ordered twice.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Transaction {
    pub operation: Operation,
    pub memo: Option<ByteBuf>,
    pub created_at_time: Option<u64>,
}

/// One entry of the log.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Block {
    pub parent_hash: Option<ByteArray<32>>,
    pub timestamp: u64,
    /// What was charged, beside the amount.
    pub fee: u128,
    pub transaction: Transaction,
}

/// Type names of ICRC-3, and where each is specified.
pub const BLOCK_TYPES: [(&str, &str); 5] = [
    ("1mint", ICRC1_URL),
    ("1burn", ICRC1_URL),
    ("1xfer", ICRC1_URL),
    ("2xfer", ICRC2_URL),
    ("2approve", ICRC2_URL),
];

pub const ICRC1_URL: &str = "https://github.com/dfinity/ICRC-1/blob/main/standards/ICRC-1/README.md";
pub const ICRC2_URL: &str = "https://github.com/dfinity/ICRC-1/blob/main/standards/ICRC-2/README.md";

/// A map under construction: absent fields leave no trace in it.
struct Fields(Vec<(String, Value)>);

impl Fields {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn put(mut self, name: &str, value: Value) -> Self {
        self.0.push((name.to_owned(), value));
        self
    }

    fn put_some<T>(self, name: &str, field: &Option<T>, value: impl FnOnce(&T) -> Value) -> Self {
        match field {
            Some(field) => self.put(name, value(field)),
            None => self,
        }
    }
}

fn account(account: &Account) -> Value {
    let mut parts = vec![Value::blob(account.owner.as_slice())];
    if let Some(subaccount) = account.subaccount.filter(|_| !account.is_default()) {
        parts.push(Value::blob(subaccount.as_slice()));
    }
    Value::Array(parts)
}

impl Operation {
    fn block_type(&self) -> &'static str {
        match self {
            Self::Mint { .. } => "1mint",
            Self::Burn { .. } => "1burn",
            Self::Transfer { spender: None, .. } => "1xfer",
            Self::Transfer { spender: Some(_), .. } => "2xfer",
            Self::Approve { .. } => "2approve",
        }
    }

    /// The fee that the author named; the block says the one charged only where he named none.
    fn named_fee(&self) -> Option<u128> {
        match self {
            Self::Mint { .. } | Self::Burn { .. } => None,
            Self::Transfer { fee, .. } | Self::Approve { fee, .. } => *fee,
        }
    }

    fn fields(&self) -> Fields {
        let fields = Fields::new().put_some("fee", &self.named_fee(), |fee| Value::nat(*fee));
        match self {
            Self::Mint { to, amount } => {
                fields.put("op", Value::text("mint")).put("to", account(to)).put("amt", Value::nat(*amount))
            }
            Self::Burn { from, spender, amount } => fields
                .put("op", Value::text("burn"))
                .put("from", account(from))
                .put_some("spender", spender, account)
                .put("amt", Value::nat(*amount)),
            Self::Transfer { from, to, spender, amount, .. } => fields
                .put("op", Value::text("xfer"))
                .put("from", account(from))
                .put("to", account(to))
                .put_some("spender", spender, account)
                .put("amt", Value::nat(*amount)),
            Self::Approve { from, spender, amount, expected_allowance, expires_at, .. } => fields
                .put("op", Value::text("approve"))
                .put("from", account(from))
                .put("spender", account(spender))
                .put("amt", Value::nat(*amount))
                .put_some("expected_allowance", expected_allowance, |it| Value::nat(*it))
                .put_some("expires_at", expires_at, |it| Value::nat(*it)),
        }
    }
}

impl Transaction {
    /// The `tx` field of a block.
    pub fn to_value(&self) -> Value {
        let fields = self.operation.fields().put_some("memo", &self.memo, |memo| Value::blob(memo)).put_some(
            "ts",
            &self.created_at_time,
            |time| Value::nat(*time),
        );
        Value::Map(fields.0)
    }
}

impl Block {
    /// The block as ICRC-3 shows it.
    pub fn to_value(&self) -> Value {
        let operation = &self.transaction.operation;
        let charged = operation.named_fee().is_none().then_some(self.fee);
        let fields = Fields::new()
            .put_some("phash", &self.parent_hash, |hash| Value::blob(hash.as_slice()))
            .put("btype", Value::text(operation.block_type()))
            .put("ts", Value::nat(self.timestamp))
            .put_some("fee", &charged, |fee| Value::nat(*fee))
            .put("tx", self.transaction.to_value());
        Value::Map(fields.0)
    }

    pub fn hash(&self) -> Hash {
        self.to_value().hash()
    }
}
