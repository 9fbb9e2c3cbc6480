//! A private subnet: no tokens, and an allowance of cycles for everyone.

use crate::network::economy::{self, CYCLES, MINTING};
use crate::network::person::Person;
use crate::network::{Network, load};
use candid::{CandidType, Deserialize, Nat, Reserved};
use ic_agent::Agent;
use ic_agent::export::Principal;
use tokio::runtime::Runtime;

/// What everyone gets for a period, and what a transfer costs.
const ALLOWANCE: u128 = 3_000_000_000_000;
const FEE: u128 = 100_000_000;

#[derive(CandidType)]
struct CreateArgs {
    from_subaccount: Option<Vec<u8>>,
    created_at_time: Option<u64>,
    amount: Nat,
    creation_args: Option<candid::Empty>,
}

#[derive(CandidType, Deserialize)]
struct Created {
    canister_id: Principal,
}

#[derive(CandidType)]
struct TopUp {
    block_index: u64,
    canister_id: Principal,
}

/// What the minting canister answers where there are no tokens.
#[derive(CandidType, Deserialize, Debug)]
enum NotifyError {
    Refunded(Reserved),
    InvalidTransaction(Reserved),
    Other { error_code: u64, error_message: String },
    Processing,
    TransactionTooOld(Reserved),
}

async fn update<A: CandidType, R>(agent: &Agent, canister: &str, method: &str, arg: &A) -> R
where
    R: CandidType + for<'de> Deserialize<'de>,
{
    let canister = Principal::from_text(canister).expect("a principal");
    let arg = candid::encode_one(arg).expect("encodes");
    let reply = agent.update(&canister, method).with_arg(arg).call_and_wait().await;
    candid::decode_one(&reply.unwrap_or_else(|error| panic!("{method}: {error}"))).expect("decodes")
}

fn private_network(folder: &std::path::Path) -> Network {
    let quota = format!(
        "minting_canister_id = null; quota = opt record {{ cycles = {ALLOWANCE} : nat; period_seconds = 2_592_000 : nat64; \
         members = variant {{ Everyone }}; governance = opt principal \"{}\" }};",
        economy::GOVERNANCE
    );
    let minting = ("subnet_id = null;", "subnet_id = null; accounting = opt variant { Quota };");
    let plan = economy::plan_with(folder, &[("minting_canister_id = null;", &quota), minting]);
    let flags = ["--no-apps", "--nodes", "4", "--accounting", "quota"].map(str::to_string);
    let flags = [flags.to_vec(), economy::flags(&plan)].concat();
    Network::with(&flags.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn on_a_private_subnet_everyone_has_an_allowance_of_cycles_and_no_one_needs_tokens() {
    let folder = tempfile::tempdir().expect("a folder");
    let network = private_network(folder.path());
    let (developer, friend) = (Person::new(&network, 21), Person::new(&network, 22));
    assert_eq!(developer.wallet(&["balance"], "cycles"), ALLOWANCE.to_string());
    developer.wallet(&["send", "--cycles", "0.5T", &friend.principal], "block");
    let left = ALLOWANCE - 500_000_000_000 - FEE;
    assert_eq!(developer.wallet(&["balance"], "cycles"), left.to_string());

    let runtime = Runtime::new().expect("a runtime");
    let agent = load::agent(&network.gateway_url, &network.root_key, 21);
    let args = CreateArgs {
        from_subaccount: None,
        created_at_time: None,
        amount: 2_000_000_000_000u64.into(),
        creation_args: None,
    };
    let created: Result<Created, Reserved> =
        runtime.block_on(update(&agent, CYCLES, "create_canister", &args));
    let canister_id = created.map_err(|_| "refused").expect("a canister").canister_id;
    assert_eq!(developer.wallet(&["balance"], "cycles"), (left - 2_000_000_000_000 - FEE).to_string());
    let refused = developer.run(&["canister", "create"]).expect_err("cycles out of nothing");
    assert!(refused.contains("provisional_create_canister_with_cycles"), "{refused}");
    let top_up = TopUp { block_index: 0, canister_id };
    let answer: Result<Nat, NotifyError> =
        runtime.block_on(update(&agent, MINTING, "notify_top_up", &top_up));
    let Err(NotifyError::Other { error_code, error_message }) = answer else { panic!("{answer:?}") };
    assert_eq!(error_code, 10, "{error_message}");
}
