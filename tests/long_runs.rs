//! A run of 30 billion instructions on a real subnet: others are not held up, and a replica that is killed in the
//! middle comes to the same end.

mod network;

use atoll::encoding::management as candid;
use atoll::encoding::management::{
    CanisterIdRecord, InstallCodeArgs, InstallMode, ProvisionalCreateCanisterArgs,
};
use ic_agent::Agent;
use ic_agent::export::Principal;
use ic_agent::identity::BasicIdentity;
use network::{DEADLINE, Network, eventually, load};
use std::time::Instant;

/// Rounds of the mill, thirteen instructions each.
const ROUNDS: u32 = 2_350_000_000;
const INSTRUCTIONS: u64 = 30_000_000_000;
/// Heights between a call's sending and its certified reply.
const LATENCY_HEIGHTS_MAX: u64 = 3;

fn patient_agent(network: &Network) -> Agent {
    let agent = Agent::builder()
        .with_url(&network.gateway_url)
        .with_identity(BasicIdentity::from_raw_key(&[7; 32]))
        .with_max_polling_time(DEADLINE)
        .build()
        .expect("an agent");
    agent.set_root_key(network.root_key.clone());
    agent
}

async fn manage(agent: &Agent, effective: Principal, method: &str, arg: Vec<u8>) -> Vec<u8> {
    let call = agent.update(&Principal::management_canister(), method);
    let call = call.with_effective_canister_id(effective).with_arg(arg).call_and_wait();
    call.await.unwrap_or_else(|error| panic!("{method}: {error}"))
}

async fn install_mill(agent: &Agent, near: Principal) -> Principal {
    let arg = candid::encode(&ProvisionalCreateCanisterArgs::default()).expect("encodes");
    let reply = manage(agent, near, "provisional_create_canister_with_cycles", arg).await;
    let canister_id = candid::decode::<CanisterIdRecord>(&reply).expect("decodes").canister_id;
    let args = InstallCodeArgs {
        mode: InstallMode::Install,
        canister_id,
        wasm_module: wat::parse_str(include_str!("../src/execution/tests/mill.wat")).expect("a module"),
        arg: vec![],
        sender_canister_version: None,
    };
    manage(agent, canister_id, "install_code", candid::encode(&args).expect("encodes")).await;
    canister_id
}

#[test]
fn a_run_of_30_billion_instructions_outlives_a_kill_and_holds_nobody_up() {
    let mut network = Network::up();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let counter = Principal::from_text(network.counter.as_ref().expect("the counter")).expect("a principal");
    let agent = patient_agent(&network);
    let mill = runtime.block_on(install_mill(&agent, counter));
    let (begun, victim) = (Instant::now(), 3);
    let long = runtime.spawn(async move {
        agent.update(&mill, "grind").with_arg(ROUNDS.to_le_bytes().to_vec()).call_and_wait().await
    });
    let client = load::agent(&network.replicas[0].api_url, &network.root_key, 9);
    let mut latencies = Vec::new();
    let (mut killed, mut revived) = (false, false);
    while !long.is_finished() {
        let height = eventually("replica 0 answers", || network.certified_height(0));
        let sent = Instant::now();
        runtime.block_on(load::increment(&client, counter)).expect("counted");
        let heights = eventually("replica 0 answers", || network.certified_height(0)) - height;
        latencies.push((heights, sent.elapsed()));
        if !killed && latencies.len() == 5 {
            network.kill(victim);
            killed = true;
        } else if !revived && latencies.len() == 8 {
            network.revive(victim);
            revived = true;
        }
    }
    let reply = runtime.block_on(long).expect("the task ends").expect("the run replies");
    let number = |at: usize| u64::from_le_bytes(reply[at..at + 8].try_into().expect("eight bytes"));
    let (rounds, used) = (number(8), number(32));
    let took = begun.elapsed();
    latencies.sort();
    let worst = latencies.last().expect("calls were answered");
    eprintln!("{used} instructions in {took:?}; {} calls, the slowest {worst:?}", latencies.len());
    assert_eq!(rounds, u64::from(ROUNDS));
    assert!(used >= INSTRUCTIONS, "{used}");
    assert!(revived, "the run was too short: {} calls", latencies.len());
    assert!(worst.0 <= LATENCY_HEIGHTS_MAX, "a call took {worst:?}");
    // A replica whose root differs halts and certifies nothing more.
    let tip = eventually("replica 0 answers", || network.certified_height(0));
    network.await_height(victim, tip + 2);
}
