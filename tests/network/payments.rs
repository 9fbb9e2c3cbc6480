//! Clients that transfer tokens again and again, each transfer until the ledger has it on its book.

use super::load;
use candid::{CandidType, Deserialize, Nat, Reserved};
use ic_agent::Agent;
use ic_agent::export::Principal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// What each transfer moves.
pub const AMOUNT: u64 = 3;
const AGAIN: Duration = Duration::from_millis(200);

#[derive(CandidType, Clone)]
struct Account {
    owner: Principal,
    subaccount: Option<Vec<u8>>,
}

/// The argument of `icrc1_transfer`.
#[derive(CandidType, Clone)]
struct Transfer {
    to: Account,
    amount: Nat,
    created_at_time: Option<u64>,
}

/// As much of the answer as tells whether the transfer is on the book.
#[derive(CandidType, Deserialize, Debug)]
enum Refusal {
    Duplicate { duplicate_of: Nat },
    BadFee(Reserved),
    BadBurn(Reserved),
    InsufficientFunds(Reserved),
    TooOld,
    CreatedInFuture(Reserved),
    TemporarilyUnavailable,
    GenericError(Reserved),
}

/// Transfers `amount` to `to`, certified.
pub async fn transfer(
    agent: &Agent,
    ledger: Principal,
    to: Principal,
    amount: u64,
    created_at_time: Option<u64>,
) -> Result<(), String> {
    let transfer =
        Transfer { to: Account { owner: to, subaccount: None }, amount: amount.into(), created_at_time };
    let arg = candid::encode_args((transfer,)).expect("encodes");
    let reply = agent.update(&ledger, "icrc1_transfer").with_arg(arg).call_and_wait().await;
    let reply = reply.map_err(|error| error.to_string())?;
    let (answer,): (Result<Nat, Refusal>,) =
        candid::decode_args(&reply).map_err(|error| error.to_string())?;
    match answer {
        Ok(_) | Err(Refusal::Duplicate { .. }) => Ok(()),
        Err(refusal) => Err(format!("{refusal:?}")),
    }
}

/// Payers at work.
pub struct Payments {
    stop: Arc<AtomicBool>,
    payers: Vec<JoinHandle<u64>>,
}

impl Payments {
    /// One payer for each URL, with the identities of `load::agent` from `first` on, pays `to` until it is told to stop.
    pub fn start(
        runtime: &Runtime,
        urls: &[String],
        root_key: &[u8],
        first: u8,
        ledger: Principal,
        to: Principal,
    ) -> Payments {
        let stop = Arc::new(AtomicBool::new(false));
        let payer = |(url, seed): (&String, u8)| {
            let (agent, stop) = (load::agent(url, root_key, seed), stop.clone());
            runtime.spawn(async move { pay(agent, ledger, to, stop).await })
        };
        let payers = urls.iter().zip(first..).map(payer).collect();
        Payments { stop, payers }
    }

    /// They finish what they began; how many transfers that were.
    pub fn stop(self, runtime: &Runtime) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let count = |payer: JoinHandle<u64>| runtime.block_on(payer).expect("a payer ends");
        self.payers.into_iter().map(count).sum()
    }
}

async fn pay(agent: Agent, ledger: Principal, to: Principal, stop: Arc<AtomicBool>) -> u64 {
    let mut done = 0;
    while !stop.load(Ordering::Relaxed) {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock");
        let created = Some(since.as_nanos() as u64);
        // Whatever became of the call: the same one again changes nothing, once it is on the book.
        while let Err(error) = transfer(&agent, ledger, to, AMOUNT, created).await {
            assert!(!error.contains("InsufficientFunds"), "{error}");
            tokio::time::sleep(AGAIN).await;
        }
        done += 1;
    }
    done
}
