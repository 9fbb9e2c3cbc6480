//! Numbers and names: the rate, accounts, memos, limits, selections.

use super::*;
use crate::limiter::{CYCLES_PER_HOUR, Limiter, WINDOW_MINUTES, minute};
use crate::payment::{MEMO_CREATE_CANISTER, MEMO_MINT_CYCLES};
use crate::rate::cycles_for;
use crate::{check_selection, next_rate};
use cycles_interface::{SubnetFilter, SubnetSelection};
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
    const GOVERNANCE: &str = "d3e13d4777e22367532053190b6c6ccf57444a61337e996242b1abfb52cf92c8";
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
fn a_rate_of_nothing_and_an_older_rate_are_refused() {
    let rate = |timestamp_seconds, xdr_permyriad_per_icp| IcpXdrConversionRate {
        timestamp_seconds,
        xdr_permyriad_per_icp,
    };
    assert_eq!(next_rate(None, rate(5, 7)), Ok(rate(5, 7)));
    assert_eq!(next_rate(Some(rate(5, 7)), rate(5, 8)), Ok(rate(5, 8)));
    assert!(next_rate(Some(rate(5, 7)), rate(4, 8)).is_err());
    assert!(next_rate(None, rate(5, 0)).is_err());
}
