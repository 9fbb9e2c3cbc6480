//! ICRC-21: what a wallet shows its user before signing a call of the ledger.

use crate::config::DECIMALS;
use crate::types::{ApproveArgs, TransferArg, TransferArgs, TransferFromArgs};
use candid::{CandidType, Decode, Deserialize, Nat};
use icrc::Account;
use serde_bytes::ByteBuf;

/// Longer arguments have no message.
pub const MAX_ARG_BYTES: usize = 1_000;
/// Narrower and lower displays are taken to be this size.
pub const MIN_DISPLAY: u16 = 1;

/// How to speak to the user.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ConsentMetadata {
    pub language: String,
    pub utc_offset_minutes: Option<i16>,
}

/// On what to show it.
#[derive(CandidType, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    GenericDisplay,
    LineDisplay { characters_per_line: u16, lines_per_page: u16 },
}

/// The user's preferences.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ConsentSpec {
    pub metadata: ConsentMetadata,
    pub device_spec: Option<Device>,
}

/// The call that is to be signed.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ConsentRequest {
    pub method: String,
    pub arg: ByteBuf,
    pub user_preferences: ConsentSpec,
}

/// A page of a small display.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub lines: Vec<String>,
}

/// What is shown.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum ConsentMessage {
    GenericDisplayMessage(String),
    LineDisplayMessage { pages: Vec<Page> },
}

/// What is shown, and in which language.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ConsentInfo {
    pub consent_message: ConsentMessage,
    pub metadata: ConsentMetadata,
}

/// Words about an error.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ErrorInfo {
    pub description: String,
}

/// Why there is no message.
#[derive(CandidType, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum ConsentError {
    UnsupportedCanisterCall(ErrorInfo),
    ConsentMessageUnavailable(ErrorInfo),
    InsufficientPayment(ErrorInfo),
    GenericError { error_code: Nat, description: String },
}

/// The token's traits that a message names.
pub struct Token<'a> {
    /// Symbol.
    pub symbol: &'a str,
    /// Fee.
    pub fee: u64,
}

/// A title, and lines of name and value.
struct Message {
    title: &'static str,
    fields: Vec<(&'static str, String)>,
}

/// `12345678901` is `123.45678901 SYM`.
fn amount(number: &Nat, token: &Token) -> String {
    let decimals = usize::from(DECIMALS);
    let digits = format!("{:0>width$}", number.0.to_string(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{whole}{point}{fraction} {}", token.symbol)
}

fn name(account: &Account) -> String {
    match account.subaccount {
        Some(subaccount) if subaccount.iter().any(|byte| *byte != 0) => {
            let digits: String = subaccount.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{} subaccount {digits}", account.owner)
        }
        _ => account.owner.to_string(),
    }
}

fn fee(token: &Token) -> String {
    amount(&Nat::from(token.fee), token)
}

fn memo(memo: &Option<ByteBuf>) -> Option<(&'static str, String)> {
    memo.as_ref().map(|memo| ("Memo", memo.iter().map(|byte| format!("{byte:02x}")).collect()))
}

fn transfer(arg: TransferArg, token: &Token) -> Message {
    let mut fields =
        vec![("Amount", amount(&arg.amount, token)), ("To", name(&arg.to)), ("Fee, paid by you", fee(token))];
    fields.extend(memo(&arg.memo));
    Message { title: "Send tokens", fields }
}

fn icp_transfer(arg: TransferArgs, token: &Token) -> Message {
    let to = arg.to.iter().map(|byte| format!("{byte:02x}")).collect();
    let amount = amount(&Nat::from(arg.amount.e8s), token);
    let fields = vec![
        ("Amount", amount),
        ("To account", to),
        ("Fee, paid by you", fee(token)),
        ("Memo", arg.memo.to_string()),
    ];
    Message { title: "Send tokens", fields }
}

fn approve(arg: ApproveArgs, token: &Token) -> Message {
    let mut fields = vec![
        ("Spender", name(&arg.spender)),
        ("May spend of your account", amount(&arg.amount, token)),
        ("Fee, paid by you", fee(token)),
        ("Ends at (ns since 1970)", arg.expires_at.map_or("never".to_string(), |end| end.to_string())),
    ];
    fields.extend(arg.expected_allowance.map(|old| ("Spent until now at most", amount(&old, token))));
    fields.extend(memo(&arg.memo));
    Message { title: "Let another spend", fields }
}

fn transfer_from(arg: TransferFromArgs, token: &Token) -> Message {
    let mut fields = vec![
        ("Amount", amount(&arg.amount, token)),
        ("From", name(&arg.from)),
        ("To", name(&arg.to)),
        ("Fee, paid by the account", fee(token)),
    ];
    fields.extend(memo(&arg.memo));
    Message { title: "Spend from another account", fields }
}

fn unreadable(error: candid::Error) -> ConsentError {
    ConsentError::UnsupportedCanisterCall(ErrorInfo { description: format!("unreadable argument: {error}") })
}

fn read(request: &ConsentRequest, token: &Token) -> Result<Message, ConsentError> {
    let arg = request.arg.as_slice();
    if arg.len() > MAX_ARG_BYTES {
        let description = format!("an argument has at most {MAX_ARG_BYTES} bytes");
        return Err(ConsentError::UnsupportedCanisterCall(ErrorInfo { description }));
    }
    Ok(match request.method.as_str() {
        "transfer" => icp_transfer(Decode!(arg, TransferArgs).map_err(unreadable)?, token),
        "icrc1_transfer" => transfer(Decode!(arg, TransferArg).map_err(unreadable)?, token),
        "icrc2_approve" => approve(Decode!(arg, ApproveArgs).map_err(unreadable)?, token),
        "icrc2_transfer_from" => transfer_from(Decode!(arg, TransferFromArgs).map_err(unreadable)?, token),
        _ => {
            let description = "the method moves no tokens".to_string();
            return Err(ConsentError::UnsupportedCanisterCall(ErrorInfo { description }));
        }
    })
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(width).map(|chunk| chunk.iter().collect()).collect()
}

fn show(message: Message, device: Option<Device>) -> ConsentMessage {
    match device {
        Some(Device::LineDisplay { characters_per_line, lines_per_page }) => {
            let width = usize::from(characters_per_line.max(MIN_DISPLAY));
            let height = usize::from(lines_per_page.max(MIN_DISPLAY));
            let mut lines = wrap(message.title, width);
            for (name, value) in message.fields {
                lines.extend(wrap(&format!("{name}:"), width));
                lines.extend(wrap(&value, width));
            }
            let pages = lines.chunks(height).map(|lines| Page { lines: lines.to_vec() }).collect();
            ConsentMessage::LineDisplayMessage { pages }
        }
        _ => {
            let fields: Vec<String> =
                message.fields.into_iter().map(|(name, value)| format!("**{name}:**\n{value}")).collect();
            ConsentMessage::GenericDisplayMessage(format!("# {}\n\n{}", message.title, fields.join("\n\n")))
        }
    }
}

/// The message for a call.
pub fn consent_message(request: &ConsentRequest, token: &Token) -> Result<ConsentInfo, ConsentError> {
    let message = read(request, token)?;
    Ok(ConsentInfo {
        consent_message: show(message, request.user_preferences.device_spec),
        metadata: ConsentMetadata { language: "en".to_string(), utc_offset_minutes: None },
    })
}
