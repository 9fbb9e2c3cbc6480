use super::*;
use crate::consent::{
    ConsentError, ConsentMessage, ConsentMetadata, ConsentRequest, ConsentSpec, Device, MAX_ARG_BYTES, Token,
    consent_message,
};
use crate::types::{ApproveArgs, TransferArg, TransferArgs, TransferFromArgs};
use candid::{Encode, Nat};

const TOKEN: Token<'static> = Token { symbol: "TST", fee: 10_000 };

fn request(method: &str, arg: Vec<u8>, device_spec: Option<Device>) -> ConsentRequest {
    let metadata = ConsentMetadata { language: "en".to_string(), utc_offset_minutes: None };
    ConsentRequest {
        method: method.to_string(),
        arg: arg.into(),
        user_preferences: ConsentSpec { metadata, device_spec },
    }
}

fn transfer_arg() -> TransferArg {
    TransferArg {
        from_subaccount: None,
        to: user(2),
        amount: Nat::from(123_450_000_u64),
        fee: None,
        memo: Some(vec![0xab].into()),
        created_at_time: None,
    }
}

fn check(method: &str, arg: Vec<u8>, lines: &[&str]) {
    let info = consent_message(&request(method, arg, None), &TOKEN).unwrap();
    let ConsentMessage::GenericDisplayMessage(text) = info.consent_message else { panic!("{info:?}") };
    lines.iter().for_each(|line| assert!(text.lines().any(|known| known == *line), "{line}: {text}"));
}

#[test]
fn a_wallet_is_told_what_each_call_does() {
    let to = principal(2).to_string();
    let (to, fee) = (to.as_str(), "0.0001 TST");
    check("icrc1_transfer", Encode!(&transfer_arg()).unwrap(), &["1.2345 TST", to, fee, "ab"]);
    let icp = TransferArgs {
        memo: 77,
        amount: Tokens { e8s: 300_000_000 },
        fee: Tokens { e8s: 10_000 },
        from_subaccount: None,
        to: user(2).identifier().as_bytes().to_vec().into(),
        created_at_time: None,
    };
    let identifier = user(2).identifier().to_string();
    check("transfer", Encode!(&icp).unwrap(), &["3 TST", "77", &identifier, fee]);
    let approval = ApproveArgs {
        from_subaccount: None,
        spender: user(2),
        amount: Nat::from(5_u8),
        expected_allowance: Some(Nat::from(0_u8)),
        expires_at: None,
        fee: None,
        memo: None,
        created_at_time: None,
    };
    check("icrc2_approve", Encode!(&approval).unwrap(), &["0.00000005 TST", to, "never", "0 TST"]);
    let from = Account { owner: principal(3), subaccount: Some(subaccount(1)) };
    let taken = TransferFromArgs {
        spender_subaccount: None,
        from,
        to: user(2),
        amount: Nat::from(100_000_000_u64),
        fee: None,
        memo: None,
        created_at_time: None,
    };
    let name = format!("{} subaccount {}", principal(3), "01".repeat(32));
    check("icrc2_transfer_from", Encode!(&taken).unwrap(), &["1 TST", &name, to]);
}

#[test]
fn a_small_display_gets_pages_that_fit() {
    let device = Device::LineDisplay { characters_per_line: 10, lines_per_page: 3 };
    let arg = Encode!(&transfer_arg()).unwrap();
    let info = consent_message(&request("icrc1_transfer", arg, Some(device)), &TOKEN).unwrap();
    let ConsentMessage::LineDisplayMessage { pages } = info.consent_message else { panic!("{info:?}") };
    assert!(pages.iter().all(|page| page.lines.len() <= 3));
    let lines: Vec<String> = pages.into_iter().flat_map(|page| page.lines).collect();
    assert!(lines.iter().all(|line| line.chars().count() <= 10));
    assert!(lines.contains(&"1.2345 TST".to_string()), "{lines:?}");
}

#[test]
fn other_calls_and_bad_arguments_have_no_message() {
    let check = |method: &str, arg: Vec<u8>| {
        let result = consent_message(&request(method, arg, None), &TOKEN);
        assert!(matches!(result, Err(ConsentError::UnsupportedCanisterCall(_))), "{result:?}");
    };
    let arg = Encode!(&transfer_arg()).unwrap();
    check("icrc1_balance_of", arg.clone());
    check("icrc2_approve", arg);
    check("icrc1_transfer", vec![]);
    check("icrc1_transfer", vec![0; MAX_ARG_BYTES + 1]);
}
