//! Who has which quota.

use crate::interface::{ListMembersArgs, QuotaAnswer, QuotaArgs, QuotaMember, SetAllowanceArgs};
use crate::quota::{MAX_PAGE, QuotaError};
use crate::{change, now, read, small};
use candid::Principal;
use ic_cdk::{query, update};
use icrc::Account;

#[update]
fn quota_list(owners: Vec<Principal>) -> Result<(), QuotaError> {
    change(|book| book.quota_list(ic_cdk::api::msg_caller(), &owners, true))
}

#[update]
fn quota_unlist(owners: Vec<Principal>) -> Result<(), QuotaError> {
    change(|book| book.quota_list(ic_cdk::api::msg_caller(), &owners, false))
}

#[update]
fn quota_set_allowance(args: SetAllowanceArgs) -> Result<(), QuotaError> {
    let cycles = args.cycles.map(|it| small(it).ok_or(QuotaError::AllowanceTooLarge)).transpose()?;
    change(|book| book.quota_set_allowance(ic_cdk::api::msg_caller(), args.owner, cycles))
}

#[query]
fn quota_settings() -> Option<QuotaArgs> {
    read(|book| book.settings().quota.as_ref().map(QuotaArgs::from))
}

#[query]
fn quota_of(owner: Principal) -> QuotaAnswer {
    read(|book| {
        let (allowance, granted_at) = book.quota_of(owner);
        let account = Account::from(owner);
        QuotaAnswer {
            is_member: allowance.is_some(),
            allowance: allowance.unwrap_or(0).into(),
            due: (book.spendable(&account, now()) - book.balance(&account)).into(),
            granted_at,
        }
    })
}

#[query]
fn quota_members(args: ListMembersArgs) -> Vec<QuotaMember> {
    let take = args.take.map_or(MAX_PAGE, |take| usize::try_from(take).unwrap_or(MAX_PAGE));
    read(|book| book.quota_members(args.after, take))
        .into_iter()
        .map(|(owner, member)| QuotaMember {
            owner,
            is_listed: member.is_listed,
            cycles: member.cycles.map(Into::into),
        })
        .collect()
}
