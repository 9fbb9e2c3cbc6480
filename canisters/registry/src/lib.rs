//! The registry: who runs which node where, and which changes of the membership are asked of the chain.
//!
//! # What it keeps
//! 1. Records of data centers, operators, nodes, orders and the subnet, each under a key. Every change is a new
//!    version, with who made it, by which proposal, and the records after it ([`book`]); the newest
//!    [`book::MAX_CHANGES`] are remembered. Records and their version are certified ([`certify`]).
//! 2. Governance alone changes them; an operator changes its own reward account ([`changes`]). What is refused
//!    changes nothing.
//! 3. Members come and leave by orders that replicas carry to the chain: one at a time, tried until the chain
//!    takes it ([`orders`]).
//! 4. Who is a member is what the chain says (`atoll_membership`), whatever was ordered. It is read at the
//!    start, every [`READ_AFTER`] while anything is under way, and now and then. No change puts that off
//!    ([`mod@alarm`]).
//! 5. The governance canister is upgraded here, since it cannot do it itself ([`upgrade`]).
//! 6. All state is in stable memory; an upgrade has nothing to save.
//!
//! # What it does not do
//! Replicas do not install the version of the record `subnet` by themselves: it says what operators shall run.

pub mod alarm;
pub mod book;
mod calls;
pub mod certify;
pub mod chain;
pub mod changes;
pub mod check;
pub mod orders;
pub mod upgrade;

pub use interfaces::registry as interface;

#[cfg(test)]
mod tests;

use book::Registry;
use changes::Call;
use cycles_interface::encode_hash_tree;
use ic_cdk::{init, post_upgrade, query, update};
use ic_cdk_timers::TimerId;
use ic_stable_structures::DefaultMemoryImpl;
use interface::*;
use serde_bytes::ByteBuf;
use std::cell::{Cell, RefCell};
use std::time::Duration;
use upgrade::Step;

/// When the chain is read again while an order, a node or the first reading is under way.
pub const READ_AFTER: Duration = Duration::from_secs(3);

/// When it is read again while nothing is under way.
pub const READ_IDLE_AFTER: Duration = Duration::from_secs(600);

/// When a step of an upgrade that must not fail is tried again.
const UPGRADE_AGAIN_AFTER: Duration = Duration::from_secs(5);

#[cfg(target_family = "wasm")]
const INTERFACE: &[u8] = include_bytes!("../registry.did");

/// Public metadata `candid:service`, by which tools learn the interface.
#[cfg(target_family = "wasm")]
#[unsafe(link_section = "icp:public candid:service")]
#[used]
static SERVICE: [u8; INTERFACE.len()] = *include_bytes!("../registry.did");

/// A timer of which there is one, and when it is due.
type Slot = std::thread::LocalKey<Cell<Option<(u64, TimerId)>>>;

thread_local! {
    static REGISTRY: RefCell<Registry<DefaultMemoryImpl>> =
        RefCell::new(Registry::open(DefaultMemoryImpl::default(), ic_cdk::api::canister_self()));
    static READ_NEXT: Cell<Option<(u64, TimerId)>> = const { Cell::new(None) };
    static UPGRADE_NEXT: Cell<Option<(u64, TimerId)>> = const { Cell::new(None) };
}

fn read<T>(f: impl FnOnce(&Registry<DefaultMemoryImpl>) -> T) -> T {
    REGISTRY.with_borrow(f)
}

fn change<T>(f: impl FnOnce(&mut Registry<DefaultMemoryImpl>) -> T) -> T {
    REGISTRY.with_borrow_mut(f)
}

fn now() -> u64 {
    ic_cdk::api::time()
}

fn call() -> Call {
    Call { caller: ic_cdk::api::msg_caller(), now: now() }
}

fn certify() {
    ic_cdk::api::certified_data_set(read(|registry| registry.order_tree().digest()));
}

/// Does what was asked; what follows a change follows here.
fn perform(
    action: impl FnOnce(&mut Registry<DefaultMemoryImpl>, Call) -> Result<u64, Error>,
) -> Result<u64, Error> {
    let version = change(|registry| action(registry, call()))?;
    certify();
    read_later();
    Ok(version)
}

/// Sets a timer, or brings it forward.
fn alarm(slot: &'static Slot, after: Duration, work: impl Future<Output = ()> + 'static) {
    let now = now();
    let due = now.saturating_add(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX));
    let before = slot.get();
    if !alarm::is_to_be_set(before.map(|(due, _)| due), due, now) {
        return;
    }
    slot.set(Some((due, ic_cdk_timers::set_timer(after, work))));
    if let Some((_, id)) = before {
        ic_cdk_timers::clear_timer(id);
    }
}

/// Reads the chain in a while: soon, if something is under way.
fn read_later() {
    let after = if read(Registry::is_settled) { READ_IDLE_AFTER } else { READ_AFTER };
    alarm(&READ_NEXT, after, read_chain());
}

async fn read_chain() {
    READ_NEXT.set(None);
    // Before anything can trap: there is always a next reading.
    read_later();
    let Some(_held) = read(|registry| registry.begin_reading(now())) else { return };
    let followed = match calls::membership().await {
        Ok(membership) => change(|registry| registry.follow(membership, now())),
        Err(reason) => Err(reason),
    };
    match followed {
        Ok(_) => certify(),
        Err(reason) => ic_cdk::api::debug_print(format!("the membership cannot be read: {reason}")),
    }
    read_later();
}

fn upgrade_after(after: Duration) {
    alarm(&UPGRADE_NEXT, after, upgrade_step());
}

/// Takes the next step of the upgrade, and goes on as long as they work.
async fn upgrade_step() {
    UPGRADE_NEXT.set(None);
    if read(Registry::upgrade_step).is_none() {
        return;
    }
    // Should this trap or fail, it goes on there.
    upgrade_after(UPGRADE_AGAIN_AFTER);
    let Some((step, held)) = change(|registry| registry.begin_step(now())) else { return };
    let governance = read(|registry| registry.config().governance);
    let outcome = match step {
        Step::Stop => calls::stop(governance).await,
        Step::Look => calls::look(governance).await,
        Step::Install => {
            let module = read(|registry| registry.module().clone());
            calls::upgrade(governance, module.wasm, module.arg).await
        }
        Step::Start => calls::start(governance).await,
    };
    change(|registry| registry.step_went(&held, step, outcome, now()));
    certify();
    if read(Registry::upgrade_step).is_some_and(|next| next != step) {
        upgrade_after(Duration::ZERO);
    }
}

/// What is looked at when the canister begins to run.
fn wake() {
    certify();
    alarm(&READ_NEXT, Duration::ZERO, read_chain());
    if read(Registry::upgrade_step).is_some() {
        upgrade_after(Duration::ZERO);
    }
}

fn configure(args: Option<InitArgs>, is_new: bool) {
    change(|registry| registry.configure(args.unwrap_or_default(), is_new, call()))
        .unwrap_or_else(|error| ic_cdk::trap(format!("{error:?}")));
    wake();
}

#[init]
fn init(args: Option<InitArgs>) {
    configure(args, true);
}

/// What is named changes, the rest stays.
#[post_upgrade]
fn post_upgrade() {
    let bytes = ic_cdk::api::msg_arg_data();
    let args = match bytes.is_empty() {
        true => None,
        false => candid::decode_one::<Option<InitArgs>>(&bytes)
            .unwrap_or_else(|error| ic_cdk::trap(format!("unreadable upgrade arguments: {error}"))),
    };
    configure(args, false);
}

#[update]
fn add_data_center(args: AddDataCenter) -> Result<u64, Error> {
    perform(|registry, call| registry.add_data_center(call, args))
}

#[update]
fn add_operator(args: AddOperator) -> Result<u64, Error> {
    perform(|registry, call| registry.add_operator(call, args))
}

#[update]
fn update_operator(args: UpdateOperator) -> Result<u64, Error> {
    perform(|registry, call| registry.update_operator(call, args))
}

#[update]
fn add_node(args: AddNode) -> Result<u64, Error> {
    perform(|registry, call| registry.add_node(call, args))
}

#[update]
fn remove_node(args: RemoveNode) -> Result<u64, Error> {
    perform(|registry, call| registry.remove_node(call, args))
}

#[update]
fn replace_node(args: ReplaceNode) -> Result<u64, Error> {
    perform(|registry, call| registry.replace_node(call, args))
}

#[update]
fn assign_node(args: AssignNode) -> Result<u64, Error> {
    perform(|registry, call| registry.assign_node(call, args))
}

#[update]
fn set_replica_version(args: SetReplicaVersion) -> Result<u64, Error> {
    perform(|registry, call| registry.set_replica_version(call, args))
}

#[update]
fn upgrade_governance(args: UpgradeGovernance) -> Result<u64, Error> {
    let version = perform(|registry, call| registry.ask_upgrade(call, args))?;
    upgrade_after(Duration::ZERO);
    Ok(version)
}

#[query]
fn get_registry_version() -> u64 {
    read(Registry::version)
}

#[query]
fn list_data_centers() -> Vec<DataCenter> {
    read(Registry::data_centers)
}

#[query]
fn list_operators() -> Vec<Operator> {
    read(Registry::operators)
}

#[query]
fn list_nodes() -> Vec<Node> {
    read(Registry::nodes)
}

#[query]
fn get_subnet() -> SubnetView {
    read(|registry| registry.subnet_view(ic_cdk::api::subnet_self()))
}

#[query]
fn get_changes(from: u64, limit: u64) -> ChangesPage {
    read(|registry| registry.changes(from, limit))
}

#[query]
fn get_governance_upgrade() -> Option<GovernanceUpgrade> {
    read(|registry| registry.upgrade().map(|upgrade| upgrade.view.clone()))
}

/// None without an open order, or without a certificate: where the answer is not a query's.
#[query]
fn get_membership_order() -> Option<CertifiedOrder> {
    let certificate = ByteBuf::from(ic_cdk::api::data_certificate()?);
    read(|registry| {
        let order = ByteBuf::from(registry.open_order_bytes()?);
        let witness = ByteBuf::from(encode_hash_tree(&registry.order_tree()));
        Some(CertifiedOrder { order, certificate, witness })
    })
}

#[query]
fn get_certified_record(key: String) -> Option<CertifiedRecord> {
    let certificate = ByteBuf::from(ic_cdk::api::data_certificate()?);
    let (value, tree) = read(|registry| registry.record_tree(&key))?;
    let witness = ByteBuf::from(encode_hash_tree(&tree));
    Some(CertifiedRecord { value: ByteBuf::from(value), certificate, witness })
}

#[cfg(test)]
candid::export_service!();
