//! Numbers and names: the rate, accounts, memos, limits, selections.

use super::*;
use crate::check_selection;
use crate::interface::{ErrorCode, NotifyError};
use crate::limiter::{CYCLES_PER_HOUR, Limiter, WINDOW_MINUTES, minute};
use crate::payment::{MAX_SETTINGS_LENGTH, MEMO_CREATE_CANISTER, MEMO_MINT_CYCLES};
use crate::rate::cycles_for;
use cycles_interface::{CanisterSettings, EnvironmentVariable, SubnetFilter, SubnetSelection};
use serde_bytes::ByteBuf;

#[test]
fn tokens_buy_cycles_at_the_rate_rounded_down() {
    for (e8s, rate, cycles) in [
        (E8S, RATE, Some(CYCLES)),
        (1, 1, Some(1)),
        (0, RATE, Some(0)),
        (E8S, 0, Some(0)),
        (3, 7, Some(21)),
        (u64::MAX, 1, Some(u64::MAX.into())),
        (u64::MAX, u64::MAX, None),
    ] {
        assert_eq!(cycles_for(e8s, rate), cycles, "{e8s} at {rate}");
    }
}

#[test]
fn a_subaccount_is_the_length_and_the_bytes() {
    let mut expected = [0; 32];
    expected[..11].copy_from_slice(&[10, 0, 0, 0, 0, 0, 0, 0, 4, 1, 1]);
    assert_eq!(subaccount_of(own_id()), expected);
    let longest = Principal::from_slice(&[7; 29]);
    assert_eq!(subaccount_of(longest)[..30], [&[29][..], &[7; 29]].concat());
}

/// The minting account of the public network: the governance canister's default account.
#[test]
fn account_identifiers_are_those_of_the_public_ledger() {
    const GOVERNANCE: &str = "082ecf2e3f647ac600f43f38a68342fba5b8e68b085f02592b77f39808a8d2b5";
    let account = Config::usual().minting_account;
    assert_eq!(format!("{account:?}"), GOVERNANCE);
    assert_eq!(AccountIdentifier::parse(GOVERNANCE), Ok(account));
}

#[test]
fn an_account_identifier_with_a_wrong_digit_is_none() {
    let text = format!("{:?}", payer());
    let wrong = text.replacen(&text[..1], if text.starts_with('0') { "1" } else { "0" }, 1);
    for none in [&wrong, "", "zz", &text[..62], &format!("{text}00")] {
        assert!(AccountIdentifier::parse(none).is_err(), "{none}");
    }
}

#[test]
fn memos_spell_what_they_are_for() {
    for (memo, word) in [(MEMO_TOP_UP, b"TPUP"), (MEMO_CREATE_CANISTER, b"CREA"), (MEMO_MINT_CYCLES, b"MINT")]
    {
        assert_eq!(memo.to_le_bytes()[..4], word[..]);
    }
}

#[test]
fn eight_bytes_of_icrc_memo_are_a_memo_where_there_is_no_other() {
    let icrc = |bytes: &[u8]| Some(ByteBuf::from(bytes));
    for (memo, icrc1_memo, expected) in [
        (0, icrc(&MEMO_TOP_UP.to_le_bytes()), MEMO_TOP_UP),
        (5, icrc(&MEMO_TOP_UP.to_le_bytes()), 5),
        (0, icrc(&MEMO_TOP_UP.to_le_bytes()[..7]), 0),
        (MEMO_TOP_UP, None, MEMO_TOP_UP),
    ] {
        assert_eq!(Payment { memo, icrc1_memo, ..payment(1) }.effective_memo(), expected);
    }
}

#[test]
fn cycles_count_for_an_hour() {
    let mut limiter = Limiter::default();
    limiter.count(CYCLES_PER_HOUR, NOW);
    assert_eq!(limiter.room(NOW), 0);
    assert_eq!(limiter.room(NOW + HOUR - 60 * SECOND), 0);
    assert_eq!(limiter.room(NOW + HOUR), CYCLES_PER_HOUR);
}

#[test]
fn what_is_given_back_does_not_count() {
    let mut limiter = Limiter::default();
    limiter.count(100, NOW);
    limiter.give_back(60, minute(NOW));
    limiter.give_back(60, minute(NOW + HOUR));
    assert_eq!(limiter.room(NOW), CYCLES_PER_HOUR - 40);
}

#[test]
fn the_limiter_remembers_no_more_than_an_hour() {
    let mut limiter = Limiter::default();
    for passed in 0..1_000 {
        limiter.count(1, NOW + passed * 30 * SECOND);
    }
    assert_eq!(limiter.len() as u64, WINDOW_MINUTES);
    assert_eq!(limiter.room(NOW + 999 * 30 * SECOND), CYCLES_PER_HOUR - 2 * u128::from(WINDOW_MINUTES));
}

#[test]
fn a_canister_can_be_on_the_only_subnet() {
    let filter =
        |name: Option<&str>| SubnetSelection::Filter(SubnetFilter { subnet_type: name.map(str::to_owned) });
    let subnet = |number| SubnetSelection::Subnet { subnet: principal(number) };
    for (subnet_type, selection, accepted) in [
        (None, None, true),
        (None, Some(filter(None)), true),
        (None, Some(subnet(1)), true),
        (None, Some(subnet(2)), false),
        (None, Some(filter(Some("fiduciary"))), false),
        (Some("fiduciary"), None, false),
        (Some("fiduciary"), Some(subnet(1)), false),
    ] {
        let answer = check_selection(subnet_type, selection.as_ref(), Some(principal(1)));
        assert_eq!(answer.is_ok(), accepted, "{subnet_type:?} {selection:?}");
    }
    assert!(check_selection(None, Some(&subnet(1)), None).is_err());
}

#[test]
fn only_governance_sets_the_rate_and_neither_nothing_nor_an_older_one() {
    let governance = config().governance;
    for (caller, timestamp_seconds, xdr_permyriad_per_icp, accepted) in [
        (principal(1), 5, 7, false),
        (own_id(), 5, 7, false),
        (Principal::anonymous(), 5, 7, false),
        (governance, 5, 0, false),
        (governance, 0, 7, false),
        (governance, 1, 7, true),
        (governance, 5, 7, true),
    ] {
        let mut mint = mint();
        let rate = IcpXdrConversionRate { timestamp_seconds, xdr_permyriad_per_icp };
        assert_eq!(mint.adopt_rate(caller, rate).is_ok(), accepted, "{rate:?} by {caller}");
        assert_eq!(mint.config().rate == Some(rate), accepted);
    }
}

#[test]
fn only_the_controller_notifies_of_a_payment_for_its_canister() {
    let claim = |caller, controller| Claim::creation(principal(caller), principal(controller), None);
    assert_eq!(claim(1, 1), Ok(Claim::Create { controller: principal(1), settings: None }));
    assert!(
        matches!(claim(2, 1), Err(NotifyError::Other { error_code, .. }) if error_code == ErrorCode::Unauthorized as u64)
    );
}

#[test]
fn settings_and_memos_are_bounded() {
    let variable = EnvironmentVariable { name: "n".to_owned(), value: "v".repeat(MAX_SETTINGS_LENGTH) };
    let settings = CanisterSettings { environment_variables: Some(vec![variable]), ..Default::default() };
    assert!(Claim::creation(principal(1), principal(1), Some(settings)).is_err());
    let memo = |length| Claim::minting(principal(1).into(), Some(ByteBuf::from(vec![0; length])));
    assert!(memo(32).is_ok() && memo(33).is_err());
}
