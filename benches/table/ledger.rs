//! Row 21: transfers of the token ledger on four real replicas, against increments of the counter.

use crate::network::{Network, load};
use crate::report::{Row, Spread};
use crate::subnet::{UPDATERS, Update, press_unchecked, scaled, servers_cpu};
use candid::{CandidType, Nat};
use ic_agent::Agent;
use ic_agent::export::Principal;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const LEDGER: &str = "ryjl3-tyaaa-aaaaa-aaaba-cai";
const PLAN: &str = "canisters/economy.toml";
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(8);
/// Identities that pay.
const PAYERS: u8 = 32;
/// What each of them gets, in e8s: more than the bench can spend.
const FUNDS: u64 = 1_000_000_000_000;

#[derive(CandidType)]
struct Account {
    owner: Principal,
    subaccount: Option<Vec<u8>>,
}

/// The argument of `icrc1_transfer`, as far as it is used.
#[derive(CandidType)]
struct Transfer {
    to: Account,
    amount: Nat,
}

fn transfer(to: Principal, amount: u64) -> Vec<u8> {
    let to = Account { owner: to, subaccount: None };
    candid::encode_args((Transfer { to, amount: amount.into() },)).expect("encodes")
}

/// Whoever calls without an identity owns the tokens at first, and gives some to the payers.
fn fund(runtime: &Runtime, network: &Network, ledger: Principal) {
    let url = &network.replicas[0].api_url;
    let banker = Agent::builder().with_url(url).build().expect("an agent");
    banker.set_root_key(network.root_key.clone());
    for payer in 0..PAYERS {
        let payer = load::agent(url, &network.root_key, payer).get_principal().expect("a principal");
        let call = banker.update(&ledger, "icrc1_transfer").with_arg(transfer(payer, FUNDS));
        let reply = runtime.block_on(call.call_and_wait()).expect("certified");
        let (result,): (Result<Nat, candid::Reserved>,) = candid::decode_args(&reply).expect("a result");
        assert!(result.is_ok(), "the payer is not funded");
    }
}

/// Updates a second, and microseconds of the servers' CPU for one.
struct Measured {
    rate: f64,
    cpu: f64,
}

fn measure(runtime: &Runtime, network: &Network, update: &Update) -> Measured {
    let (cpu, begun) = (servers_cpu(network), Instant::now());
    let done = press_unchecked(runtime, network, UPDATERS, update, ROUND) as f64;
    let rate = done / begun.elapsed().as_secs_f64();
    Measured { rate, cpu: (servers_cpu(network) - cpu) / done.max(1.0) * 1e6 }
}

/// A B A B: the ledger and the counter.
pub fn transfers() -> Vec<Row> {
    let flags = ["--nodes", "4", "--genesis-canisters", PLAN];
    let network = Network::with(&flags);
    let runtime = Runtime::new().expect("a runtime");
    let ledger = Principal::from_text(LEDGER).expect("a principal");
    fund(&runtime, &network, ledger);
    let (to, method) = (Principal::from_slice(&[7, 7, 7]), "icrc1_transfer");
    let pay = Update { canister: ledger, method, arg: transfer(to, 1), identities: PAYERS };
    let count = Update::increment(&network);
    let rounds: Vec<_> =
        (0..ROUNDS).map(|_| [&pay, &count].map(|update| measure(&runtime, &network, update))).collect();
    let spread = |of: usize, figure: fn(&Measured) -> f64| {
        Spread::of(rounds.iter().map(|round| figure(&round[of])).collect())
    };
    let (rate, base_rate) = (spread(0, |measured| measured.rate), spread(1, |measured| measured.rate));
    let (cpu, base_cpu) = (spread(0, |measured| measured.cpu), spread(1, |measured| measured.cpu));
    let slower = Spread {
        median: base_rate.median / rate.median,
        least: base_rate.median / rate.greatest,
        greatest: base_rate.median / rate.least,
    };
    vec![
        Row {
            number: "21a",
            what: "token transfer: CPU of four replicas / increment of the counter".into(),
            figure: format!("{:.0} µs", cpu.median),
            baseline: format!("{:.0} µs", base_cpu.median),
            ratio: scaled(cpu, 1.0 / base_cpu.median),
            target: 1.5,
        },
        Row {
            number: "21b",
            what: "token transfers a second, clients on the same 2 cores (increments / figure)".into(),
            figure: format!("{:.0}/s", rate.median),
            baseline: format!("{:.0}/s", base_rate.median),
            ratio: slower,
            target: 1.5,
        },
    ]
}
