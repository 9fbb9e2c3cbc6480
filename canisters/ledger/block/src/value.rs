//! ICRC-3: blocks as generic values.

use crate::account::Party;
use crate::block::{Block, Operation, Transaction};
use icrc::Value;

const ICRC1_URL: &str = "https://github.com/dfinity/ICRC-1/tree/main/standards/ICRC-1";
const ICRC2_URL: &str = "https://github.com/dfinity/ICRC-1/tree/main/standards/ICRC-2";
const ICP_URL: &str = "https://internetcomputer.org/docs/references/ledger";

/// The types of block that a log can hold, and where each is described.
pub const BLOCK_TYPES: [(&str, &str); 9] = [
    ("1burn", ICRC1_URL),
    ("1mint", ICRC1_URL),
    ("1xfer", ICRC1_URL),
    ("2approve", ICRC2_URL),
    ("2burn", ICRC2_URL),
    ("2xfer", ICRC2_URL),
    ("icp_burn", ICP_URL),
    ("icp_mint", ICP_URL),
    ("icp_xfer", ICP_URL),
];

fn party_to_value(party: &Party) -> Value {
    let Some(account) = party.account else { return Value::blob(party.identifier.as_bytes()) };
    let mut parts = vec![Value::blob(account.owner.as_slice())];
    parts.extend(account.subaccount.map(|subaccount| Value::blob(subaccount.as_slice())));
    Value::Array(parts)
}

/// The fields of a map, in the order of their names.
struct Fields(Vec<(String, Value)>);

impl Fields {
    fn add(&mut self, name: &str, value: impl Into<Option<Value>>) {
        if let Some(value) = value.into() {
            self.0.push((name.to_string(), value));
        }
    }

    fn into_value(mut self) -> Value {
        self.0.sort_by(|(a, _), (b, _)| a.cmp(b));
        Value::Map(self.0)
    }
}

fn knows_all_owners(operation: &Operation) -> bool {
    operation.parties().into_iter().flatten().all(|party| party.account.is_some())
}

/// `tx.op`, which is the block's type too where an owner is not known.
fn name(operation: &Operation) -> &'static str {
    match (operation, knows_all_owners(operation)) {
        (Operation::Mint { .. }, true) => "mint",
        (Operation::Mint { .. }, false) => "icp_mint",
        (Operation::Burn { .. }, true) => "burn",
        (Operation::Burn { .. }, false) => "icp_burn",
        (Operation::Transfer { .. }, true) => "xfer",
        (Operation::Transfer { .. }, false) => "icp_xfer",
        (Operation::Approve { .. }, _) => "approve",
    }
}

/// Amount and charged fee.
fn amounts(operation: &Operation) -> (u64, Option<u64>) {
    match operation {
        Operation::Mint { amount, .. } | Operation::Burn { amount, .. } => (*amount, None),
        Operation::Transfer { amount, fee, .. } => (*amount, Some(*fee)),
        Operation::Approve { allowance, fee, .. } => (*allowance, Some(*fee)),
    }
}

fn transaction_to_value(transaction: &Transaction) -> Value {
    let operation = &transaction.operation;
    let (amount, fee) = amounts(operation);
    let [from, to, spender] = operation.parties().map(|party| party.map(party_to_value));
    let mut fields = Fields(Vec::new());
    fields.add("amt", Value::nat(amount));
    fields.add("fee", fee.filter(|_| transaction.fee_given).map(Value::nat));
    fields.add("from", from);
    fields.add("to", to);
    fields.add("spender", spender);
    fields.add("memo", transaction.icrc1_memo.as_deref().map(Value::blob));
    fields.add("icp_memo", Some(transaction.memo).filter(|memo| *memo != 0).map(Value::nat));
    fields.add("op", Value::Text(name(operation).to_string()));
    fields.add("ts", transaction.created_at_time.map(Value::nat));
    if let Operation::Approve { expected_allowance, expires_at, .. } = operation {
        fields.add("expected_allowance", expected_allowance.map(Value::nat));
        fields.add("expires_at", expires_at.map(Value::nat));
    }
    fields.into_value()
}

impl Block {
    /// This block as an ICRC-3 value.
    pub fn to_value(&self) -> Value {
        let operation = &self.transaction.operation;
        let charged = amounts(operation).1.filter(|_| !self.transaction.fee_given);
        let typed = (!knows_all_owners(operation)).then(|| Value::Text(name(operation).to_string()));
        let mut fields = Fields(Vec::new());
        fields.add("btype", typed);
        fields.add("fee", charged.map(Value::nat));
        fields.add("phash", self.parent.map(|parent| Value::blob(&parent.icrc3)));
        fields.add("ts", Value::nat(self.timestamp));
        fields.add("tx", transaction_to_value(&self.transaction));
        fields.into_value()
    }
}
