//! The machine's rules, one case each; payments under failures beside a model of the world; the interface
//! against the file.

mod interface;
mod rules;
mod steps;
mod words;
mod world;

use crate::account::AccountIdentifier;
use crate::interface::IcpXdrConversionRate;
use crate::mint::{Config, Mint};
use crate::notify::{BlockRead, Paid, PayReport, Step, TokenTransfer};
use crate::payment::{Claim, MEMO_TOP_UP, Payment};
use candid::Principal;
use ic_stable_structures::VectorMemory;
use icrc::subaccount_of;

type TestMint = Mint<VectorMemory>;

const NOW: u64 = 1_800_000_000_000_000_000;
const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3_600 * SECOND;
const FEE: u64 = 10_000;
/// One token.
const E8S: u64 = 100_000_000;
/// 3.5 XDR for a token.
const RATE: u64 = 35_000;
/// What one token buys.
const CYCLES: u128 = 3_500_000_000_000;

fn own_id() -> Principal {
    Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 4, 1, 1])
}

fn principal(number: u8) -> Principal {
    Principal::from_slice(&[number, 7])
}

fn payer() -> AccountIdentifier {
    AccountIdentifier::of(principal(99), [0; 32])
}

fn config() -> Config {
    let rate = IcpXdrConversionRate { timestamp_seconds: 1, xdr_permyriad_per_icp: RATE };
    Config { rate: Some(rate), ..Config::usual() }
}

fn mint() -> TestMint {
    let mut mint = Mint::open(VectorMemory::default(), own_id());
    mint.set_config(config());
    mint
}

fn top_up(number: u8) -> Claim {
    Claim::TopUp { canister: principal(number) }
}

/// A payment of one token for topping up a canister.
fn payment(number: u8) -> Payment {
    Payment {
        from: payer(),
        to: AccountIdentifier::of(own_id(), subaccount_of(principal(number))),
        e8s: E8S,
        memo: MEMO_TOP_UP,
        icrc1_memo: None,
    }
}

fn read(payment: Payment) -> BlockRead {
    BlockRead::Transfer(payment)
}

fn arrived(cycles: u128) -> PayReport {
    PayReport { minted: cycles, returned: 0, burnt: 0, result: Ok(Paid::ToppedUp) }
}

fn came_back(cycles: u128) -> PayReport {
    PayReport { minted: cycles, returned: cycles, burnt: cycles, result: Err("no such canister".to_owned()) }
}

/// The order for tokens in a step.
fn order(step: Step) -> TokenTransfer {
    match step {
        Step::Settle { transfer, .. } => transfer,
        other => panic!("no order for tokens: {other:?}"),
    }
}

/// Notifies a block and has it read.
fn decided(mint: &mut TestMint, block: u64, payment: Payment) -> Step {
    assert_eq!(mint.notify(block, top_up(1), NOW), Step::Read { block });
    mint.block_read(block, read(payment), NOW)
}

/// Brings a good payment to the step at which its cycles are sent.
fn paying(mint: &mut TestMint, block: u64) {
    let expected = Step::Pay { block, claim: top_up(1), cycles: CYCLES };
    assert_eq!(decided(mint, block, payment(1)), expected);
}
