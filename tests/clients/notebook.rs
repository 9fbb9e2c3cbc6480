//! The notebook (`canisters/notebook`): what ic-cdk, its timers and stable structures make of the System API.

use super::network::{DEADLINE, Network, load};
use super::{deploy, upgrade};
use candid::utils::{ArgumentDecoder, ArgumentEncoder};
use candid::{CandidType, Deserialize, Principal};
use ic_agent::Agent;
use ic_agent::hash_tree::{HashTree, LookupResult};
use std::time::{Duration, Instant};

/// One notebook, and who asks it.
struct Notebook<'a> {
    agent: &'a Agent,
    id: Principal,
}

#[derive(CandidType, Deserialize)]
struct Certified {
    note: Option<String>,
    certificate: Vec<u8>,
    witness: Vec<u8>,
}

#[derive(CandidType, Deserialize, PartialEq, Eq, Debug)]
struct Sent {
    accepted: u128,
    refunded: u128,
}

fn decode<R: for<'a> ArgumentDecoder<'a>>(method: &str, reply: &[u8]) -> R {
    candid::decode_args(reply).unwrap_or_else(|error| panic!("{method} replied otherwise: {error}"))
}

impl Notebook<'_> {
    async fn update<R: for<'a> ArgumentDecoder<'a>>(&self, method: &str, args: impl ArgumentEncoder) -> R {
        let arg = candid::encode_args(args).expect("encodes");
        let reply = self.agent.update(&self.id, method).with_arg(arg).call_and_wait().await;
        decode(method, &reply.unwrap_or_else(|error| panic!("{method}: {error}")))
    }

    async fn query<R: for<'a> ArgumentDecoder<'a>>(&self, method: &str, args: impl ArgumentEncoder) -> R {
        let arg = candid::encode_args(args).expect("encodes");
        let reply = self.agent.query(&self.id, method).with_arg(arg).call().await;
        decode(method, &reply.unwrap_or_else(|error| panic!("{method}: {error}")))
    }

    async fn read(&self, key: &str) -> Option<String> {
        self.query::<(Option<String>,)>("read", (key,)).await.0
    }

    async fn strikes(&self) -> u64 {
        self.query::<(u64,)>("strikes", ()).await.0
    }

    /// Waits until the clock has struck more often than this.
    async fn await_strikes(&self, count: u64) -> u64 {
        let begun = Instant::now();
        loop {
            let strikes = self.strikes().await;
            if strikes > count {
                return strikes;
            }
            assert!(begun.elapsed() < DEADLINE, "the clock has struck {strikes} times only");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A note that the subnet signed: its certificate, the certified data in it, and the witness below that.
    async fn certified(&self, key: &str) -> Option<String> {
        let (answer,): (Certified,) = self.query("read_certified", (key,)).await;
        let mut certificate = serde_cbor::from_slice(&answer.certificate).expect("a certificate");
        self.agent.verify(&certificate, self.id).expect("the subnet signed it");
        let path: [&[u8]; 3] = [b"canister", self.id.as_slice(), b"certified_data"];
        let witness: HashTree<Vec<u8>> = serde_cbor::from_slice(&answer.witness).expect("a hash tree");
        match certificate.tree.lookup_path(path) {
            LookupResult::Found(data) => assert_eq!(data, witness.digest(), "the witness of {key}"),
            other => panic!("certified data is {other:?}"),
        }
        *certificate.signature.last_mut().expect("a signature") ^= 1;
        assert!(self.agent.verify(&certificate, self.id).is_err(), "a forged signature passed");
        match witness.lookup_path([key]) {
            LookupResult::Found(note) => assert_eq!(Some(note), answer.note.as_ref().map(String::as_bytes)),
            LookupResult::Absent => assert_eq!(answer.note, None),
            other => panic!("the witness of {key} says {other:?}"),
        }
        answer.note
    }
}

async fn notes_outlive_upgrades_and_are_certified(book: &Notebook<'_>) {
    let long = "long ".repeat(20_000);
    for (key, note) in [("first", "one"), ("second", "two"), ("third", long.as_str())] {
        assert_eq!(book.update::<(Option<String>,)>("write", (key, note)).await, (None,));
    }
    let (old,): (Option<String>,) = book.update("write", ("first", "1")).await;
    assert_eq!(old.as_deref(), Some("one"));
    upgrade(book.agent, book.id, "notebook").await;
    for (key, note) in
        [("first", Some("1")), ("second", Some("two")), ("third", Some(&*long)), ("fourth", None)]
    {
        assert_eq!(book.read(key).await.as_deref(), note, "{key}");
        assert_eq!(book.certified(key).await.as_deref(), note, "{key}");
    }
}

async fn timers_fire_before_and_after_an_upgrade(book: &Notebook<'_>) {
    let before = book.await_strikes(1).await;
    upgrade(book.agent, book.id, "notebook").await;
    let after = book.strikes().await;
    assert!(after >= before, "{after} strikes, {before} before the upgrade");
    book.update::<()>("remind", (100u64, "later", "now")).await;
    book.await_strikes(after + 1).await;
    assert_eq!(book.certified("later").await.as_deref(), Some("now"));
}

async fn canisters_call_each_other_and_the_management_canister(book: &Notebook<'_>, other: &Notebook<'_>) {
    let cycles = 1_000_000_000_001u128;
    let (sent,): (Result<Sent, String>,) = book.update("send", (other.id, "first", cycles)).await;
    assert_eq!(sent, Ok(Sent { accepted: cycles / 2, refunded: cycles - cycles / 2 }));
    assert_eq!(other.read("first").await.as_deref(), Some("1"));

    let nobody = Principal::from_slice(&[0, 0, 0, 0, 0, 9, 9, 9, 1, 1]);
    let (sent,): (Result<Sent, String>,) = book.update("send", (nobody, "first", cycles)).await;
    let error = sent.expect_err("nobody answered");
    assert!(error.contains("not found"), "{error}");

    let (roll,): (Result<Vec<u8>, String>,) = book.update("roll", ()).await;
    let (again,): (Result<Vec<u8>, String>,) = book.update("roll", ()).await;
    let (roll, again) = (roll.expect("random bytes"), again.expect("random bytes"));
    assert_eq!((roll.len(), again.len()), (32, 32));
    assert_ne!(roll, again);
}

async fn composite_queries_ask_other_canisters(book: &Notebook<'_>, other: &Notebook<'_>) {
    let read_in = async |key: &str| {
        let (answer,): (Result<Option<String>, String>,) = book.query("read_in", (other.id, key)).await;
        answer.expect("the other notebook answers")
    };
    other.update::<(Option<String>,)>("write", ("abroad", "hello")).await;
    assert_eq!(read_in("abroad").await.as_deref(), Some("hello"));
    assert_eq!(read_in("nowhere").await, None);
}

/// A canister written with ic-cdk 0.20 has its timers, calls, stable structures, composite queries and certified data.
pub async fn a_canister_of_ic_cdk_lives(network: &Network) {
    let agent = load::agent(&network.gateway_url, &network.root_key, 2);
    let book = Notebook { agent: &agent, id: deploy(&agent, "notebook").await };
    let other = Notebook { agent: &agent, id: deploy(&agent, "notebook").await };
    eprintln!("notebooks {} and {}", book.id, other.id);
    notes_outlive_upgrades_and_are_certified(&book).await;
    timers_fire_before_and_after_an_upgrade(&book).await;
    canisters_call_each_other_and_the_management_canister(&book, &other).await;
    composite_queries_ask_other_canisters(&book, &other).await;
}
