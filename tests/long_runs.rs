//! A run of 30 billion instructions on real subnets: others are not held up, and a replica that is killed in the
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

/// What a run came to: its rounds and instructions, and what calls of the counter took meanwhile, in heights.
struct Outcome {
    rounds: u64,
    used: u64,
    latencies: Vec<u64>,
}

/// Runs the mill while calls go on at replica 0; `between` is told before each how many there were.
fn grind(network: &mut Network, mut between: impl FnMut(&mut Network, usize)) -> Outcome {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let counter = Principal::from_text(network.counter.as_ref().expect("the counter")).expect("a principal");
    let agent = patient_agent(network);
    let mill = runtime.block_on(install_mill(&agent, counter));
    let begun = Instant::now();
    let long = runtime.spawn(async move {
        agent.update(&mill, "grind").with_arg(ROUNDS.to_le_bytes().to_vec()).call_and_wait().await
    });
    let client = load::agent(&network.replicas[0].api_url, &network.root_key, 9);
    let mut latencies = Vec::new();
    while !long.is_finished() {
        between(network, latencies.len());
        let height = eventually("replica 0 answers", || network.certified_height(0));
        runtime.block_on(load::increment(&client, counter)).expect("counted");
        latencies.push(eventually("replica 0 answers", || network.certified_height(0)) - height);
    }
    let reply = runtime.block_on(long).expect("the task ends").expect("the run replies");
    let number = |at: usize| u64::from_le_bytes(reply[at..at + 8].try_into().expect("eight bytes"));
    let (rounds, used) = (number(8), number(32));
    latencies.sort_unstable();
    eprintln!("{used} instructions in {:?}; calls took heights: {latencies:?}", begun.elapsed());
    Outcome { rounds, used, latencies }
}

#[test]
fn calls_keep_their_latency_while_30_billion_instructions_run() {
    // One replica: four on two cores run slower than block time grants, so heights would wait for the host.
    let mut network = Network::with(&["--nodes", "1"]);
    let Outcome { rounds, used, latencies } = grind(&mut network, |_, _| ());
    assert_eq!(rounds, u64::from(ROUNDS));
    assert!(used >= INSTRUCTIONS, "{used}");
    assert!(latencies.len() > 20, "{latencies:?}");
    assert!(latencies.iter().all(|heights| *heights <= LATENCY_HEIGHTS_MAX), "{latencies:?}");
}

#[test]
fn a_run_of_30_billion_instructions_outlives_a_kill() {
    let mut network = Network::up();
    let (victim, mut revived) = (3, false);
    let Outcome { rounds, used, .. } = grind(&mut network, |network, calls| match calls {
        2 => network.kill(victim),
        4 => {
            network.revive(victim);
            revived = true;
        }
        _ => (),
    });
    assert!(revived, "the run was too short");
    assert_eq!(rounds, u64::from(ROUNDS));
    assert!(used >= INSTRUCTIONS, "{used}");
    // A replica whose root differs halts and certifies nothing more.
    let tip = eventually("replica 0 answers", || network.certified_height(0));
    network.await_height(victim, tip + 2);
}
