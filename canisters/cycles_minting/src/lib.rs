//! The cycles minting canister: tokens in, cycles out at a rate that is voted on.
//!
//! # How a payment goes
//! Somebody transfers tokens to this canister's account for a principal ([`icrc::subaccount_of`]) with a
//! memo that says what for, and notifies it of the block. The canister reads the block from the token
//! ledger, mints the cycles that the tokens buy ([`rate`]), sends them (top-up), creates a canister with
//! them, or deposits them on the cycles ledger, and burns the tokens. If that fails the cycles are burnt
//! and the tokens given back, less the ledger's fee.
//!
//! # What it keeps
//! 1. A block buys once, whoever notifies it how often and when ([`notify`], rules 1 to 4).
//! 2. Cycles are minted in the message that sends them; those that come back are burnt and counted off.
//! 3. In any hour no more than [`limiter::CYCLES_PER_HOUR`] are minted; operations that failed do not count.
//! 4. Records are bounded: [`mint::MAX_OPEN`] payments under way, [`mint::MAX_CLOSED`] that ended; older ones
//!    are `TransactionTooOld`.
//! 5. The rate is changed by the governance canister alone, and certified.
//! 6. All state is in stable memory; an upgrade has nothing to save.
//! 7. In every accounting mode all methods answer: the rate is certified, canisters are created with cycles
//!    that come with the call; where there are no tokens, `notify_*` says so ([`interface::ErrorCode::NoTokens`]).
//!
//! # What can stay open
//! A callback that traps after cycles were sent leaves the payment `Processing`: it is not known whether
//! they arrived, so they are not sent again, and the tokens stay in this canister's account.

pub mod account;
mod calls;
pub mod interface;
mod ledger;
pub mod limiter;
pub mod mint;
pub mod notify;
pub mod payment;
pub mod rate;

#[cfg(test)]
mod tests;

use account::AccountIdentifier;
use candid::{Nat, Principal};
use cycles_interface::{
    CanisterSettings, CreateCanisterArg, CreateCanisterError, SubnetSelection,
    UpdateIcpXdrConversionRatePayload,
};
use ic_cdk::{init, post_upgrade, query, update};
use ic_certification::{HashTree, label, leaf};
use ic_stable_structures::DefaultMemoryImpl;
use icrc::{Account, tree};
use interface::*;
use mint::Mint;
use notify::{Answer, Step};
use payment::{Bought, Claim};
use serde_bytes::ByteBuf;
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// Where clients look for the rate in the certified tree.
const RATE_LABEL: &str = "ICP_XDR_CONVERSION_RATE";

/// When tokens that did not move are tried again.
const SWEEP_AFTER: Duration = Duration::from_secs(60);

/// Most steps of one payment in one message; far more than any takes.
const MAX_STEPS: u32 = 16;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

#[cfg(target_family = "wasm")]
const INTERFACE: &[u8] = include_bytes!("../cycles_minting.did");

/// Public metadata `candid:service`, by which tools learn the interface.
#[cfg(target_family = "wasm")]
#[unsafe(link_section = "icp:public candid:service")]
#[used]
static SERVICE: [u8; INTERFACE.len()] = *include_bytes!("../cycles_minting.did");

thread_local! {
    static MINT: RefCell<Mint<DefaultMemoryImpl>> =
        RefCell::new(Mint::open(DefaultMemoryImpl::default(), ic_cdk::api::canister_self()));
    static SWEEP_IS_SET: Cell<bool> = const { Cell::new(false) };
}

fn read<T>(f: impl FnOnce(&Mint<DefaultMemoryImpl>) -> T) -> T {
    MINT.with_borrow(f)
}

fn change<T>(f: impl FnOnce(&mut Mint<DefaultMemoryImpl>) -> T) -> T {
    MINT.with_borrow_mut(f)
}

fn now() -> u64 {
    ic_cdk::api::time()
}

/// The tree that certifies the rate; empty while there is none.
fn rate_tree(rate: Option<IcpXdrConversionRate>) -> HashTree {
    match rate.map(candid::encode_one) {
        Some(Ok(bytes)) => label(RATE_LABEL, leaf(bytes)),
        _ => ic_certification::empty(),
    }
}

fn certify() {
    ic_cdk::api::certified_data_set(rate_tree(read(|mint| mint.config().rate)).digest());
}

/// Takes over what a payload names.
fn configure(payload: CyclesCanisterInitPayload) {
    change(|mint| {
        let mut config = mint.config().clone();
        if let Some(governance) = payload.governance_canister_id {
            config.governance = governance;
            config.minting_account = AccountIdentifier::of(governance, [0; 32]);
        }
        if let Some(text) = payload.minting_account_id {
            config.minting_account = AccountIdentifier::parse(&text)
                .unwrap_or_else(|_| ic_cdk::trap(format!("no account identifier: {text}")));
        }
        config.ledger = payload.ledger_canister_id.unwrap_or(config.ledger);
        config.cycles_ledger = payload.cycles_ledger_canister_id.unwrap_or(config.cycles_ledger);
        let own = || Some(ic_cdk::api::subnet_self());
        config.subnet_id = payload.subnet_id.or(config.subnet_id).or_else(own);
        if let Some(xdr_permyriad_per_icp) = payload.icp_xdr_permyriad.filter(|rate| *rate > 0) {
            let timestamp_seconds = now() / NANOS_PER_SECOND;
            config.rate = Some(IcpXdrConversionRate { timestamp_seconds, xdr_permyriad_per_icp });
        }
        let accounting = payload.accounting.unwrap_or(config.accounting);
        mint.set_config(config.accounted(accounting, now()));
        if let Some(last) = payload.last_purged_notification {
            mint.count(|totals| totals.lowest = totals.lowest.max(last.saturating_add(1)));
        }
    });
    certify();
}

#[init]
fn init(payload: Option<CyclesCanisterInitPayload>) {
    configure(payload.unwrap_or_default());
}

/// What is named changes, the rest stays.
#[post_upgrade]
fn post_upgrade() {
    let bytes = ic_cdk::api::msg_arg_data();
    let payload = match bytes.is_empty() {
        true => None,
        false => candid::decode_one::<Option<CyclesCanisterInitPayload>>(&bytes)
            .unwrap_or_else(|error| ic_cdk::trap(format!("unreadable upgrade arguments: {error}"))),
    };
    configure(payload.unwrap_or_default());
    if read(|mint| mint.open_payments()) > 0 {
        sweep_later();
    }
}

/// A payment that this message works on; it is released also if the message traps.
struct Work(u64);

impl Drop for Work {
    fn drop(&mut self) {
        change(|mint| mint.release(self.0));
    }
}

/// Takes steps until there is an answer.
async fn drive(block: u64, first: Step) -> Answer {
    if let Step::Answer(answer) = first {
        return answer;
    }
    let _work = Work(block);
    let mut step = first;
    for _ in 0..MAX_STEPS {
        let (token_ledger, cycles_ledger) = read(|mint| (mint.config().ledger, mint.config().cycles_ledger));
        step = match step {
            Step::Answer(answer) => return answer,
            Step::Read { .. } => {
                let found = calls::read_block(token_ledger, block).await;
                change(|mint| mint.block_read(block, found, now()))
            }
            Step::Pay { claim, cycles, .. } => {
                let report = calls::pay(cycles_ledger, claim, cycles).await;
                change(|mint| mint.paid(block, report, now()))
            }
            Step::Settle { transfer, .. } => {
                let report = calls::transfer(token_ledger, transfer).await;
                change(|mint| mint.settled(block, report, now()))
            }
        };
    }
    Err(ErrorCode::Internal.error("the payment takes too many steps; notify again"))
}

/// Drives a notified payment. If its tokens did not move, they are tried again later.
async fn notified(block: u64, claim: Claim) -> Answer {
    let first = change(|mint| mint.notify(block, claim, now()));
    let answer = drive(block, first).await;
    if read(|mint| mint.get_open(block)).is_some() {
        sweep_later();
    }
    answer
}

/// Looks at open payments in a while, once.
fn sweep_later() {
    if !SWEEP_IS_SET.replace(true) {
        ic_cdk_timers::set_timer(SWEEP_AFTER, sweep());
    }
}

/// Tries one payment whose tokens did not move.
async fn sweep() {
    SWEEP_IS_SET.set(false);
    if let Some(Step::Settle { block, transfer }) = change(|mint| mint.sweep(now())) {
        let answer = drive(block, Step::Settle { block, transfer }).await;
        if let Err(error) = answer {
            ic_cdk::api::debug_print(format!("block {block}: {error:?}"));
        }
    }
    if read(|mint| mint.open_payments()) > 0 {
        sweep_later();
    }
}

/// Whether a canister can be on the subnet that is asked for: there is one, and it has no type.
fn check_selection(
    subnet_type: Option<&str>,
    selection: Option<&SubnetSelection>,
    subnet_id: Option<Principal>,
) -> Result<(), String> {
    match (subnet_type, selection) {
        (Some(_), Some(_)) => Err("subnet_type and subnet_selection exclude each other".to_owned()),
        (Some(name), None) => Err(format!("there are no subnets of type {name}")),
        (None, None) => Ok(()),
        (None, Some(SubnetSelection::Filter(filter))) => match &filter.subnet_type {
            None => Ok(()),
            Some(name) => Err(format!("there are no subnets of type {name}")),
        },
        (None, Some(SubnetSelection::Subnet { subnet })) if Some(*subnet) == subnet_id => Ok(()),
        (None, Some(SubnetSelection::Subnet { subnet })) => {
            Err(format!("{subnet} is no subnet of this network"))
        }
    }
}

#[update]
async fn notify_top_up(arg: NotifyTopUpArg) -> Result<Nat, NotifyError> {
    match notified(arg.block_index, Claim::TopUp { canister: arg.canister_id }).await? {
        Bought::Cycles { cycles } => Ok(cycles.into()),
        other => Err(ErrorCode::Internal.error(format!("{other:?}"))),
    }
}

#[update]
async fn notify_create_canister(arg: NotifyCreateCanisterArg) -> Result<Principal, NotifyError> {
    let claim = Claim::creation(ic_cdk::api::msg_caller(), arg.controller, arg.settings)?;
    let subnet_id = read(|mint| mint.config().subnet_id);
    check_selection(arg.subnet_type.as_deref(), arg.subnet_selection.as_ref(), subnet_id)
        .map_err(|reason| ErrorCode::BadSubnetSelection.error(reason))?;
    match notified(arg.block_index, claim).await? {
        Bought::Canister { canister_id } => Ok(canister_id),
        other => Err(ErrorCode::Internal.error(format!("{other:?}"))),
    }
}

#[update]
async fn notify_mint_cycles(arg: NotifyMintCyclesArg) -> Result<NotifyMintCyclesSuccess, NotifyError> {
    let to = Account { owner: ic_cdk::api::msg_caller(), subaccount: arg.to_subaccount };
    let claim = Claim::minting(to, arg.deposit_memo)?;
    match notified(arg.block_index, claim).await? {
        Bought::Deposit { block_index, minted, balance } => Ok(NotifyMintCyclesSuccess {
            block_index: block_index.into(),
            minted: minted.into(),
            balance: balance.into(),
        }),
        other => Err(ErrorCode::Internal.error(format!("{other:?}"))),
    }
}

/// Creates a canister with the cycles attached. If that fails they are sent back to the caller.
#[update]
async fn create_canister(arg: CreateCanisterArg) -> Result<Principal, CreateCanisterError> {
    let caller = ic_cdk::api::msg_caller();
    let available = ic_cdk::api::msg_cycles_available();
    let subnet_id = read(|mint| mint.config().subnet_id);
    let checked = check_selection(arg.subnet_type.as_deref(), arg.subnet_selection.as_ref(), subnet_id);
    if let Err(create_error) = checked {
        return Err(CreateCanisterError::Refunded { refund_amount: available.into(), create_error });
    }
    let cycles = ic_cdk::api::msg_cycles_accept(available);
    let settings = CanisterSettings::controlled_by(arg.settings, caller);
    let failure = match calls::create_canister(settings, cycles).await {
        Ok(canister_id) => return Ok(canister_id),
        Err(failure) => failure,
    };
    let refunded = match failure.returned {
        0 => 0,
        returned => calls::deposit_cycles(caller, returned).await.map_or(0, |_| returned),
    };
    Err(CreateCanisterError::Refunded { refund_amount: refunded.into(), create_error: failure.reason })
}

/// Only the governance canister, after a vote.
#[update]
fn set_icp_xdr_conversion_rate(payload: UpdateIcpXdrConversionRatePayload) -> Result<(), String> {
    let UpdateIcpXdrConversionRatePayload { timestamp_seconds, xdr_permyriad_per_icp, .. } = payload;
    let rate = IcpXdrConversionRate { timestamp_seconds, xdr_permyriad_per_icp };
    change(|mint| mint.adopt_rate(ic_cdk::api::msg_caller(), rate))?;
    certify();
    Ok(())
}

#[query]
fn get_icp_xdr_conversion_rate() -> IcpXdrConversionRateResponse {
    let rate = read(|mint| mint.config().rate);
    let Some(data) = rate else { ic_cdk::trap("there is no conversion rate yet") };
    IcpXdrConversionRateResponse {
        data,
        hash_tree: ByteBuf::from(tree::encode_self_described(&rate_tree(rate))),
        certificate: ByteBuf::from(ic_cdk::api::data_certificate().unwrap_or_default()),
    }
}

#[query]
fn get_default_subnets() -> Vec<Principal> {
    read(|mint| mint.config().subnet_id).into_iter().collect()
}

/// There are no types of subnets.
#[query]
fn get_subnet_types_to_subnets() -> SubnetTypesToSubnetsResponse {
    SubnetTypesToSubnetsResponse::default()
}

/// Everybody may create canisters on the one subnet; nobody has others.
#[query]
fn get_principals_authorized_to_create_canisters_to_subnets()
-> PrincipalsAuthorizedToCreateCanistersToSubnetsResponse {
    PrincipalsAuthorizedToCreateCanistersToSubnetsResponse::default()
}

#[query]
fn get_build_metadata() -> String {
    concat!("atoll cycles_minting ", env!("CARGO_PKG_VERSION")).to_owned()
}

/// Minted and not burnt again.
#[query]
fn total_cycles_minted() -> Nat {
    read(|mint| mint.total_cycles_minted().into())
}

#[cfg(test)]
candid::export_service!();
