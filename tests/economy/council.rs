//! Those who hold tokens decide, through the command line.

use crate::network::economy::LEDGER;
use crate::network::newcomer::Newcomer;
use crate::network::person::Person;
use crate::network::{Network, atoll, eventually, get};
use serde_json::Value;

/// People, and the network that they share.
pub struct Council<'n> {
    pub network: &'n Network,
    /// Owns all tokens at first.
    pub banker: Person,
    /// Has most of what is at stake.
    pub elder: Person,
    /// Has little.
    pub critic: Person,
}

impl Council<'_> {
    /// Each gets tokens from the banker, and locks some.
    pub fn gather(network: &Network) -> Council<'_> {
        let banker = Person::anonymous(network);
        let (elder, critic) = (Person::new(network, 11), Person::new(network, 12));
        for (person, tokens, stake) in [(&elder, "100_000", "90_000"), (&critic, "1_000", "100")] {
            banker.wallet(&["send", tokens, &person.principal], "block");
            let neuron = person.json(&["neuron", "stake", stake, "--delay", "30d"]);
            assert_ne!(neuron["neuron"]["voting_power"], "0", "{neuron}");
        }
        Council { network, banker, elder, critic }
    }

    /// Proposes it; its number.
    pub fn propose(&self, by: &Person, action: &[&str]) -> String {
        let title = action.join(" ");
        let title = title.chars().take(80).collect::<String>();
        let make = ["proposal", "make", "--title", &title, "--summary", "for the test"];
        by.json(&[&make, action].concat())["proposal"].to_string()
    }

    /// How it ended, once nothing is under way any more. While governance itself is upgraded it does not answer.
    pub fn ended(&self, proposal: &str) -> Value {
        eventually("the proposal is done", || {
            let shown = self.critic.run(&["proposal", "show", proposal, "--json"]).ok()?;
            let shown: Value = serde_json::from_str(&shown).expect("JSON");
            let status = shown["status"].clone();
            let open = ["Open", "Adopted", "Executing"].iter().any(|word| status == *word);
            (!open).then_some(status)
        })
    }

    /// The elder proposes it, which decides it; it is done.
    pub fn decree(&self, action: &[&str]) {
        let proposal = self.propose(&self.elder, action);
        assert_eq!(self.ended(&proposal), "Executed", "{action:?}");
    }

    /// What a top-up with one token says.
    fn rate(&self) -> String {
        let canister = self.elder.run(&["canister", "create"]).expect("a canister");
        self.elder.run(&["canister", "top-up", &canister, "--tokens", "1"]).expect("a top-up")
    }
}

/// A vote that is lost, and one that is won but cannot be done, change nothing but their record.
pub fn the_rate_changes_by_vote_alone(council: &Council) {
    assert!(council.rate().starts_with("3_520_000_000_000 cycles"));
    let lost = council.propose(&council.critic, &["rate", "10"]);
    council.elder.json(&["proposal", "vote", &lost, "no"]);
    assert_eq!(council.ended(&lost), "Rejected");
    let impossible = council.propose(&council.elder, &["unfreeze", LEDGER]);
    let failed = council.ended(&impossible);
    assert!(failed["Failed"]["reason"].is_string(), "{failed}");
    assert!(council.rate().starts_with("3_520_000_000_000 cycles"));
    council.decree(&["rate", "40000"]);
    assert!(council.rate().starts_with("4_000_000_000_000 cycles"));
}

/// Whoever asks for a frozen canister is told why; what it holds stays.
pub fn a_canister_is_frozen_for_its_content_and_lifted_again(council: &Council) {
    let counter = council.network.counter.as_ref().expect("the counter");
    let call = |method: &str| council.critic.run(&["canister", "call", counter, method]);
    let before = call("increment").expect("it counts");
    let page = format!("{}/?canisterId={counter}", council.network.gateway_url);
    assert!(get(&page).expect("a page").starts_with("HTTP/1.1 200"));
    council.decree(&["freeze", counter, "--reason", "it counts what nobody may count"]);
    for method in ["increment", "get"] {
        let refused = call(method).expect_err("it is frozen");
        assert!(refused.contains("it counts what nobody may count"), "{method}: {refused}");
    }
    let refused =
        eventually("the gateway knows", || get(&page).filter(|page| page.starts_with("HTTP/1.1 451")));
    assert!(refused.contains("it counts what nobody may count"), "{refused}");
    let stopped =
        council.banker.run(&["canister", "stop", counter]).expect_err("its controllers cannot help it");
    assert!(stopped.contains("frozen"), "{stopped}");
    council.decree(&["unfreeze", counter]);
    assert_ne!(call("increment").expect("it counts"), before);
    eventually("the page is back", || get(&page).filter(|page| page.starts_with("HTTP/1.1 200")));
}

/// The chain takes the new node, and a quorum that needs it certifies on.
pub fn a_node_is_replaced_by_vote(council: &Council) {
    let network = council.network;
    let newcomer = Newcomer::start(network, network.base_port() + 100);
    let card = newcomer.card.to_str().expect("a path");
    council.decree(&["replace-node", "node-3", card]);
    eventually("the new node votes", || newcomer.health().filter(|health| health["votes"] == true));
    // The newcomer may begin the epoch a moment before the replica that is asked.
    eventually("the new node is listed in place of the old one", || {
        let listed = atoll().args(["node", "list", "--url", &network.replicas[0].api_url]).output();
        let nodes = String::from_utf8(listed.expect("atoll node").stdout).expect("text");
        (nodes.contains("newcomer") && !nodes.contains("node-3")).then_some(())
    });
    network.kill(3);
    network.kill(2);
    let seen = eventually("it answers", || network.certified_height(0));
    network.await_height(0, seen + 40);
    let root_key = network.health(0).expect("it answers")["root_key"].clone();
    assert_eq!(root_key, hex::encode(&network.root_key));
}
