//! What cannot be proposed, and by whom.

use super::*;
use crate::action::*;
use crate::interface::ListProposals;
use interfaces::registry::{DataCenter, ReplicaVersion};

fn rich() -> (TestGovernance, u64) {
    let mut governance = governance();
    let id = neuron(&mut governance, 1, 1_000, 50);
    neuron(&mut governance, 2, 5_000, 50);
    (governance, id)
}

/// A proposal that is refused, and costs nothing.
fn check_invalid(proposal: Proposal, why: &str) {
    let (mut governance, id) = rich();
    match governance.make_proposal(person(1), Some(id), proposal, NOW) {
        Err(GovernanceError::Invalid(reason)) => assert!(reason.contains(why), "{reason}"),
        other => panic!("not invalid: {other:?}"),
    }
    assert_eq!(governance.neuron(id).map(|it| it.reserved_e8s), Some(0));
}

#[test]
fn texts_are_bounded() {
    check_invalid(Proposal { title: String::new(), ..motion() }, "title");
    check_invalid(Proposal { title: "x".repeat(MAX_TITLE_BYTES + 1), ..motion() }, "title");
    check_invalid(Proposal { summary: "x".repeat(MAX_SUMMARY_BYTES + 1), ..motion() }, "summary");
    check_invalid(Proposal { url: "x".repeat(MAX_URL_BYTES + 1), ..motion() }, "url");
    let center = |id: String| DataCenter { id, region: String::new(), owner: String::new() };
    check_invalid(proposal(Action::AddDataCenter(center("x".repeat(MAX_ACTION_BYTES)))), "action");
    let freeze = |reason| Action::FreezeCanister { canister_id: id(99), reason };
    check_invalid(proposal(freeze("x".repeat(MAX_REASON_BYTES + 1))), "reason");
    check_invalid(proposal(freeze(String::new())), "reason");
}

#[test]
fn a_module_is_one_and_has_the_hash_that_is_voted_on() {
    let of = |module: Vec<u8>, sha256: Vec<u8>, arg: usize| {
        proposal(Action::UpgradeCanister {
            canister_id: id(4),
            wasm_module: ByteBuf::from(module),
            arg: ByteBuf::from(vec![0; arg]),
            sha256: ByteBuf::from(sha256),
        })
    };
    let hashed = |module: &[u8]| Sha256::digest(module).to_vec();
    let good = b"\0asm\x01\0\0\0".to_vec();
    let large = [&good[..], &vec![0; MAX_MODULE_BYTES]].concat();
    check_invalid(of(good.clone(), hashed(b"other"), 0), "sha256");
    check_invalid(of(b"text".to_vec(), hashed(b"text"), 0), "WebAssembly");
    check_invalid(of(large.clone(), hashed(&large), 0), "module");
    check_invalid(of(good.clone(), hashed(&good), MAX_ARG_BYTES + 1), "argument");
}

#[test]
fn numbers_that_mean_nothing_are_refused() {
    check_invalid(proposal(Action::SetConversionRate { xdr_permyriad_per_icp: 0 }), "rate");
    check_invalid(proposal(Action::SetPrices(prices(MAX_PRICE + 1))), "price");
    let share = Action::SetRewardParameters { period_seconds: None, share_permille: Some(1_001) };
    check_invalid(proposal(share), "share");
    let period = Action::SetRewardParameters { period_seconds: Some(0), share_permille: None };
    check_invalid(proposal(period), "period");
    let version = ReplicaVersion { version: "1".to_owned(), sha256: ByteBuf::from([0; 31]), urls: vec![] };
    check_invalid(proposal(Action::SetReplicaVersion(version)), "sha256");
}

fn prices(ingress: u128) -> Prices {
    Prices {
        ingress,
        ingress_byte: 1,
        call: 1,
        call_byte: 1,
        message: 1,
        instruction: 1,
        gib_second: 1,
        compute_percent_second: 1,
        creation: 1,
        http: 1,
        http_node: 1,
        http_request_byte: 1,
        http_response_byte: MAX_PRICE,
    }
}

#[test]
fn parameters_by_which_nobody_could_vote_are_refused() {
    type Change = fn(&mut Parameters);
    let changes: [(&str, Change); 8] = [
        ("quorum", |it| it.quorum_permille = 1_001),
        ("threshold", |it| it.threshold_permille = 499),
        ("threshold", |it| it.threshold_permille = 1_000),
        ("voting_period", |it| it.voting_period_seconds = 0),
        ("wait_for_quiet", |it| it.wait_for_quiet_seconds = PERIOD + 1),
        ("min_dissolve", |it| it.min_dissolve_delay_seconds = 0),
        ("min_dissolve", |it| it.min_dissolve_delay_seconds = MAX_DELAY + 1),
        ("max_open", |it| it.max_open_proposals = 101),
    ];
    for (name, change) in changes {
        let mut wrong = parameters();
        change(&mut wrong);
        check_invalid(proposal(Action::SetParameters(wrong)), name);
    }
}

#[test]
fn who_could_lift_it_is_not_frozen() {
    for canister_id in [own_id(), id(0)] {
        let reason = "unlawful".to_owned();
        check_invalid(proposal(Action::FreezeCanister { canister_id, reason }), "lift");
    }
}

#[test]
fn what_a_canister_is_missing_for_is_refused() {
    let mut governance = governance();
    let id = neuron(&mut governance, 1, 1_000, 50);
    governance.change_config(|config| {
        config.canisters = Canisters { ledger: config.canisters.ledger, ..Default::default() }
    });
    for action in [
        Action::SetConversionRate { xdr_permyriad_per_icp: 1 },
        Action::SetRewardParameters { period_seconds: Some(1), share_permille: None },
        Action::RemoveNode { node_id: person(5) },
        upgrade_of(own_id()),
    ] {
        let refused = governance.make_proposal(person(1), Some(id), proposal(action.clone()), NOW);
        assert!(is_invalid(&refused), "{action:?}");
    }
}

#[test]
fn a_good_one_of_each_topic_is_taken() {
    for (action, topic) in [
        (Action::Motion, Topic::Governance),
        (Action::SetParameters(parameters()), Topic::Governance),
        (Action::SetPrices(prices(MAX_PRICE)), Topic::Economy),
        (Action::SetConversionRate { xdr_permyriad_per_icp: 1 }, Topic::Economy),
        (Action::RemoveNode { node_id: person(5) }, Topic::Membership),
        (upgrade_of(id(4)), Topic::Upgrades),
        (upgrade_of(own_id()), Topic::Upgrades),
        (Action::UnfreezeCanister { canister_id: id(99) }, Topic::Content),
    ] {
        let (mut governance, id) = rich();
        let made = propose(&mut governance, 1, id, action);
        assert_eq!(governance.get_proposal(made).map(|it| it.topic), Some(topic));
    }
}

#[test]
fn a_neuron_without_tokens_for_the_fee_or_with_a_short_delay_does_not_propose() {
    let mut governance = governance();
    let poor = neuron(&mut governance, 1, 1, 50);
    governance.change_config(|config| config.parameters.proposal_fee_e8s = E8S);
    let refused = governance.make_proposal(person(1), Some(poor), motion(), NOW);
    assert!(matches!(refused, Err(GovernanceError::InsufficientFunds { .. })));
    let short = neuron(&mut governance, 2, 50, MIN_DELAY - 1);
    assert!(is_unfit(&governance.make_proposal(person(2), Some(short), motion(), NOW)));
    assert!(is_invalid(&governance.make_proposal(person(2), None, motion(), NOW)));
}

#[test]
fn lists_show_the_newest_first_without_long_parts() {
    let (mut governance, id) = rich();
    let first = propose(&mut governance, 1, id, upgrade_of(super::id(4)));
    let second = propose(&mut governance, 1, id, Action::Motion);
    let ids = |before, limit| -> Vec<u64> {
        let list = ListProposals { before, open_only: true, limit };
        governance.list_proposals(list).iter().map(|it| it.id).collect()
    };
    assert_eq!(ids(None, 9), [second, first]);
    assert_eq!(ids(Some(second), 9), [first]);
    assert_eq!(ids(None, 1), [second]);
    let Some(Action::UpgradeCanister { wasm_module, sha256, .. }) =
        governance.get_proposal(first).map(|it| it.proposal.action)
    else {
        panic!("no upgrade");
    };
    assert!(wasm_module.is_empty() && sha256.len() == 32);
}
