//! What installation and upgrades decide.

use crate::types::{ArchiveOptions, Duration, InitArgs, UpgradeArgs};
use crate::window::NANOS_PER_SECOND;
use candid::{CandidType, Deserialize, Principal};
use ic_stable_structures::Storable;
use ic_stable_structures::storable::Bound;
use icrc::{Account, AccountIdentifier};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Fee where installation names none.
pub const DEFAULT_FEE: u64 = 10_000;
/// Decimals of the token.
pub const DECIMALS: u8 = 8;
/// Longest name and symbol, in bytes.
pub const MAX_NAME_BYTES: usize = 100;

const DEFAULT_WINDOW_NANOS: u64 = 24 * 60 * 60 * NANOS_PER_SECOND;
const DEFAULT_SYMBOL: &str = "ICP";
const DEFAULT_NAME: &str = "Internet Computer";

/// The ledger's settings.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq, Default)]
pub struct Config {
    /// The minting account's identifier, in hexadecimal digits.
    pub minting_account: String,
    /// Its owner, where known.
    pub icrc1_minting_account: Option<Account>,
    /// Name of the token.
    pub token_name: String,
    /// Symbol of the token.
    pub token_symbol: String,
    /// Fee of a transfer or an approval; the least that can be burnt.
    pub fee: u64,
    /// How long duplicates are known.
    pub window_nanos: u64,
    /// Whether there are allowances.
    pub icrc2: bool,
    /// The index canister.
    pub index: Option<Principal>,
    /// Archives, where old blocks move.
    pub archive: Option<ArchiveOptions>,
}

/// Why an installation or upgrade argument is refused, in words for the one who installs.
pub type ConfigError = String;

fn identifier(text: &str) -> Result<AccountIdentifier, ConfigError> {
    AccountIdentifier::parse(text).map_err(|error| format!("{text}: {error}"))
}

fn nanos(duration: Duration) -> u64 {
    duration.secs.saturating_mul(NANOS_PER_SECOND).saturating_add(u64::from(duration.nanos))
}

fn short(text: Option<String>, default: &str) -> Result<String, ConfigError> {
    let text = text.unwrap_or_else(|| default.to_string());
    if text.len() > MAX_NAME_BYTES {
        return Err(format!("a name or symbol has at most {MAX_NAME_BYTES} bytes"));
    }
    Ok(text)
}

impl Config {
    /// Reads an installation argument.
    pub fn from_init(args: &InitArgs) -> Result<Self, ConfigError> {
        let mut archive = args.archive_options.clone();
        if let Some(options) = &mut archive {
            options.max_message_size_bytes = options.max_message_size_bytes.or(args.max_message_size_bytes);
        }
        let config = Self {
            minting_account: identifier(&args.minting_account)?.to_string(),
            icrc1_minting_account: args.icrc1_minting_account,
            token_name: short(args.token_name.clone(), DEFAULT_NAME)?,
            token_symbol: short(args.token_symbol.clone(), DEFAULT_SYMBOL)?,
            fee: args.transfer_fee.map_or(DEFAULT_FEE, |fee| fee.e8s),
            window_nanos: args.transaction_window.map_or(DEFAULT_WINDOW_NANOS, nanos),
            icrc2: args.feature_flags.is_none_or(|flags| flags.icrc2),
            index: args.index_principal,
            archive,
        };
        config.validate()?;
        Ok(config)
    }

    /// Reads an upgrade argument.
    pub fn upgraded(&self, args: UpgradeArgs) -> Result<Self, ConfigError> {
        let config = Self {
            icrc1_minting_account: args.icrc1_minting_account.or(self.icrc1_minting_account),
            icrc2: args.feature_flags.map_or(self.icrc2, |flags| flags.icrc2),
            index: args.index_principal.or(self.index),
            archive: args.archive_options.or(self.archive.clone()),
            ..self.clone()
        };
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> Result<(), ConfigError> {
        if self.archive.as_ref().is_some_and(|it| it.node_max_memory_size_bytes == Some(0)) {
            return Err("archives of no bytes (node_max_memory_size_bytes) can hold nothing".to_string());
        }
        match self.icrc1_minting_account {
            Some(account) if account.identifier().to_string() != self.minting_account => {
                Err("icrc1_minting_account is not the account of minting_account".to_string())
            }
            _ => Ok(()),
        }
    }
}

/// The balances to begin with: each account once, and not the minting account.
pub fn initial_balances(args: &InitArgs) -> Result<Vec<(AccountIdentifier, u64)>, ConfigError> {
    let minting_account = identifier(&args.minting_account)?;
    let mut seen = BTreeSet::from([minting_account]);
    let mut balances = Vec::with_capacity(args.initial_values.len());
    for (text, amount) in &args.initial_values {
        let account = identifier(text)?;
        if !seen.insert(account) {
            return Err(format!("{text} has two initial values, or is the minting account"));
        }
        balances.push((account, amount.e8s));
    }
    Ok(balances)
}

impl Storable for Config {
    const BOUND: Bound = Bound::Unbounded;

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Owned(candid::encode_one(self).expect("a vector takes all that is written"))
    }

    fn into_bytes(self) -> Vec<u8> {
        self.to_bytes().into_owned()
    }

    fn from_bytes(bytes: Cow<[u8]>) -> Self {
        candid::decode_one(&bytes).expect("the ledger wrote its settings itself")
    }
}
