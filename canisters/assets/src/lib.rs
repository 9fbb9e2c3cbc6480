//! The asset canister as crate `ic-certified-assets` means it: its methods, and its state kept through upgrades.

use ic_cdk::{init, post_upgrade, pre_upgrade};
use ic_certified_assets::StableState;
use ic_certified_assets::types::AssetCanisterArgs;

ic_certified_assets::export_canister_methods!();

#[init]
fn init(args: Option<AssetCanisterArgs>) {
    ic_certified_assets::init(args);
}

#[pre_upgrade]
fn pre_upgrade() {
    let saved = ic_cdk::storage::stable_save((ic_certified_assets::pre_upgrade(),));
    saved.unwrap_or_else(|error| ic_cdk::trap(format!("the assets cannot be saved: {error}")));
}

#[post_upgrade]
fn post_upgrade(args: Option<AssetCanisterArgs>) {
    let (state,): (StableState,) = ic_cdk::storage::stable_restore()
        .unwrap_or_else(|error| ic_cdk::trap(format!("the assets cannot be restored: {error}")));
    ic_certified_assets::post_upgrade(state, args);
}
