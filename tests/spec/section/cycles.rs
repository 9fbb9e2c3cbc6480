//! Cycles: what a canister has, gives and takes; what things cost.

use super::section;
use crate::case::*;

pub fn sections() -> Vec<Section> {
    vec![
        section("system-api-cycles", CYCLES),
        section("canister-cycles", ACCOUNT),
        section("system-api-cycle-cost", COST),
        section("ic-deposit_cycles", DEPOSIT),
        section("ic-provisional_create_canister_with_cycles", PROVISIONAL),
        section("ic-provisional_top_up_canister", TOP_UP),
    ]
}

#[rustfmt::skip]
const CYCLES: &[Case] = &[
    case("a canister has cycles", &[update("0u128 balance less append reply", reply("1"))]),
    case("a query sees the balance", &[query("0u128 balance less append reply", reply("1"))]),
    case("the balance in 64 bits is the one in 128", &[
        query("ic0.canister_cycle_balance 0 concat balance equal append reply", reply("1")),
    ]),
    case("the liquid balance is at most the balance", &[
        query("balance 16 allocate dup ic0.canister_liquid_cycle_balance128 16 peek less append reply", reply("0")),
    ]),
    fresh("a balance that does not fit into 64 bits traps where it is asked for in 64", &[
        manage("provisional_top_up_canister", "(record { canister_id = $self; amount = 20_000_000_000_000_000_000 })", REPLIED),
        update("ic0.canister_cycle_balance drop", CONTRACT),
        update("18446744073709551615u128 balance less append reply", reply("1")),
    ]),
    case("a user attaches no cycles", &[update("available append reply", reply("0u128"))]),
    case("a user attaches no cycles in 64 bits", &[update("ic0.msg_cycles_available append reply", reply("0"))]),
    case("the callee sees what was attached", &[
        update("$peer 'run' { available append reply } 5_000_000u128 { argument append reply } { } call drop", reply("5000000u128")),
    ]),
    case("the callee sees what was attached in 64 bits", &[
        update("$peer 'run' { ic0.msg_cycles_available append reply } 5_000_000u128 { argument append reply } { } call drop", reply("5000000")),
    ]),
    case("what nobody accepts is refunded", &[
        update("$peer 'run' { reply } 5_000_000u128 { refunded append reply } { } call drop", reply("5000000u128")),
    ]),
    case("what nobody accepts is refunded in 64 bits", &[
        update("$peer 'run' { reply } 5_000_000u128 { ic0.msg_cycles_refunded append reply } { } call drop", reply("5000000")),
    ]),
    case("what is accepted is not refunded", &[
        update("$peer 'run' { 2_000_000u128 accept drop reply } 5_000_000u128 { refunded append reply } { } call drop", reply("3000000u128")),
    ]),
    case("no more is accepted than the most that was asked for", &[
        update("$peer 'run' { 2_000_000u128 accept append reply } 5_000_000u128 { argument append reply } { } call drop", reply("2000000u128")),
    ]),
    case("no more is accepted than there is", &[
        update("$peer 'run' { 9_000_000u128 accept append reply } 5_000_000u128 { argument append reply } { } call drop", reply("5000000u128")),
    ]),
    case("cycles can be accepted in steps", &[
        update("$peer 'run' { 2_000_000u128 accept append 9_000_000u128 accept append reply } 5_000_000u128 { argument append reply } { } call drop",
            reply("2000000u128 3000000u128")),
    ]),
    case("cycles can be accepted in 64 bits", &[
        update("$peer 'run' { 9000000 ic0.msg_cycles_accept append reply } 5_000_000u128 { argument append reply } { } call drop", reply("5000000")),
    ]),
    case("what is accepted is not available any more", &[
        update("$peer 'run' { 2_000_000u128 accept drop available append reply } 5_000_000u128 { argument append reply } { } call drop",
            reply("3000000u128")),
    ]),
    case("nothing is available after the reply", &[
        update("$peer 'run' { reply available 0u128 assert } 5_000_000u128 { 'ok' append reply } { reject_message trap } call drop", reply("'ok'")),
    ]),
    case("nothing is available after the reject", &[
        update("$peer 'run' { 'no' reject available 0u128 assert } 5_000_000u128 { } { reject_message append reply } call drop", reply("'no'")),
    ]),
    case("nothing can be accepted after the reply", &[
        update("$peer 'run' { reply 1u128 accept 0u128 assert } 5_000_000u128 { refunded append reply } { reject_message trap } call drop",
            reply("5000000u128")),
    ]),
    case("a reject refunds everything that was not accepted", &[
        update("$peer 'run' { 'no' reject } 5_000_000u128 { } { refunded append reply } call drop", reply("5000000u128")),
    ]),
    case("a callee that rejects may have accepted", &[
        update("$peer 'run' { 2_000_000u128 accept drop 'no' reject } 5_000_000u128 { } { refunded append reply } call drop", reply("3000000u128")),
    ]),
    case("a callee that traps has accepted nothing", &[
        update("$peer 'run' { 2_000_000u128 accept drop 'stop' trap } 5_000_000u128 { } { refunded append reply } call drop", reply("5000000u128")),
    ]),
    case("a call of a canister that does not exist refunds everything", &[
        update("$nobody 'run' { } 5_000_000u128 { } { refunded append reply } call drop", reply("5000000u128")),
    ]),
    case("a call without cycles refunds none", &[
        update("$peer 'run' { reply } 0u128 { refunded append reply } { } call drop", reply("0u128")),
    ]),
    case("a callback may accept what the call brought", &[
        update("$peer 'run' { $probe 'ask' { reply } 0u128 { 9_000_000u128 accept append reply } { } call drop } 5_000_000u128 \
                { argument append refunded append reply } { } call drop", reply("5000000u128 0u128")),
    ]),
    case("a query that is called may accept cycles", &[
        update("$peer 'ask' { 9_000_000u128 accept append reply } 5_000_000u128 { argument append refunded append reply } { } call drop",
            reply("5000000u128 0u128")),
    ]),
    fresh("attached cycles leave the balance at once", &[
        update("balance $peer address 'run' address { } callback { } callback ic0.call_new 1_000_000_000_000 ic0.call_cycles_add \
                balance swap less append reply", reply("1")),
    ]),
    fresh("a new call gives attached cycles back", &[
        update("$peer address 'run' address { } callback { } callback ic0.call_new 0 1_000_000_000_000 ic0.call_cycles_add128 balance \
                $peer address 'run' address { } callback { } callback ic0.call_new balance less append reply", reply("1")),
    ]),
    fresh("cycles can be attached several times", &[
        update("$peer address 'run' address { argument append reply } callback { } callback ic0.call_new \
                { available append reply } address ic0.call_data_append 3 ic0.call_cycles_add 0 4 ic0.call_cycles_add128 \
                ic0.call_perform drop", reply("7u128")),
    ]),
    case("more cycles than there are cannot be attached", &[
        update("$peer address 'run' address { } callback { } callback ic0.call_new 1 0 ic0.call_cycles_add128", CONTRACT),
    ]),
    case("the frozen part of the balance cannot be attached", &[
        update("$peer address 'run' address { } callback { } callback ic0.call_new 0 ic0.canister_cycle_balance ic0.call_cycles_add128", CONTRACT),
    ]),
    fresh("burnt cycles are told and gone", &[
        update("'a' 16 allocate put balance 0 1_000_000_000_000 'a' get ic0.cycles_burn128 'a' get 16 peek append \
                balance swap less append reply", reply("1000000000000u128 1")),
    ]),
    fresh("no more is burnt than is liquid", &[
        update("'a' 16 allocate put 1 0 'a' get ic0.cycles_burn128 'a' get 16 peek 18446744073709551616u128 less append reply", reply("1")),
    ]),
    fresh("cycles can be burnt several times", &[
        update("'a' 16 allocate put 0 5 'a' get ic0.cycles_burn128 0 6 'a' get ic0.cycles_burn128 'a' get 16 peek append reply", reply("6u128")),
    ]),
    fresh("a trap burns nothing", &[
        update("'a' 16 allocate put 0 50_000_000_000_000 'a' get ic0.cycles_burn128 'stop' trap", called_trap("stop")),
        query("90_000_000_000_000u128 balance less append reply", reply("1")),
    ]),
    case("a query cannot burn", &[query("0 1 16 allocate ic0.cycles_burn128", CONTRACT)]),
    fresh("work costs cycles", &[
        query("balance append reply", REPLIED).save("before"),
        update("1000000 spin drop reply", REPLIED),
        query("balance $before less append reply", reply("1")),
    ]),
    fresh("a query costs nothing that can be seen", &[
        query("balance append reply", REPLIED).save("before"),
        query("1000000 spin drop reply", REPLIED),
        query("$before balance less append reply", reply("0")),
    ]),
    fresh("a trapped update costs cycles", &[
        query("balance append reply", REPLIED).save("before"),
        update("1000000 spin drop 'stop' trap", called_trap("stop")),
        query("balance $before less append reply", reply("1")),
    ]),
];

#[rustfmt::skip]
const ACCOUNT: &[Case] = &[
    fresh("cycles come with a call and stay when accepted", &[
        query("balance append reply", REPLIED).save("before"),
        update_to("probe", "run", "$self 'run' { 5_000_000_000_000u128 accept drop reply } 5_000_000_000_000u128 { reply } { reject_message trap } call drop", REPLIED),
        query("$before balance less append reply", reply("1")),
    ]),
    fresh("a canister below its freezing threshold takes no calls", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { freezing_threshold = opt 18_000_000_000_000_000_000 } })", REPLIED),
        update("reply", Expect::RejectCode(2)),
        query("reply", Expect::RejectCode(2)),
    ]),
    fresh("a frozen canister thaws when the threshold is lowered", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { freezing_threshold = opt 18_000_000_000_000_000_000 } })", REPLIED),
        manage("update_settings", "(record { canister_id = $self; settings = record { freezing_threshold = opt 0 } })", REPLIED),
        update("'ok' append reply", reply("'ok'")),
    ]),
    fresh("a frozen canister cannot be called by a canister", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { freezing_threshold = opt 18_000_000_000_000_000_000 } })", REPLIED),
        update_to("probe", "run", "$self 'run' { reply } 0u128 { 'replied' trap } { reject_code append reply } call drop", reply("2u32")),
    ]),
    fresh("a frozen canister's status can be asked for", &[
        manage("update_settings", "(record { canister_id = $self; settings = record { freezing_threshold = opt 18_000_000_000_000_000_000 } })", REPLIED),
        manage_query("canister_status", "(record { canister_id = $self })", shows(&["freezing_threshold = 18_000_000_000_000_000_000"])),
    ]),
    fresh("balances saturate at 2^128 - 1 and lose nothing before", &[
        manage("provisional_top_up_canister", "(record { canister_id = $self; amount = 1_000_000_000_000_000_000_000 })", REPLIED),
        query("1_000_000_000_000_000_000_000u128 balance less append reply", reply("1")),
    ]),
];

#[rustfmt::skip]
const COST: &[Case] = &[
    case("a call costs something", &[
        update("'a' 16 allocate put 4 100 'a' get ic0.cost_call 0u128 'a' get 16 peek less append reply", reply("1")),
    ]),
    case("a longer name costs more", &[
        update("'a' 16 allocate put 'b' 16 allocate put 4 100 'a' get ic0.cost_call 4000 100 'b' get ic0.cost_call \
                'a' get 16 peek 'b' get 16 peek less append reply", reply("1")),
    ]),
    case("a larger payload costs more", &[
        update("'a' 16 allocate put 'b' 16 allocate put 4 100 'a' get ic0.cost_call 4 100000 'b' get ic0.cost_call \
                'a' get 16 peek 'b' get 16 peek less append reply", reply("1")),
    ]),
    case("costs beyond what can be called are numbers all the same", &[
        query("18446744073709551615 18446744073709551615 16 allocate ic0.cost_call 'ok' append reply", reply("'ok'")),
    ]),
    fresh("a canister that has just enough for a call can make it", &[
        update("'a' 16 allocate put 3 100 'a' get ic0.cost_call 'a' get 16 peek 16 allocate dup 'l' swap put \
                'l' get ic0.canister_liquid_cycle_balance128 'l' get 16 peek less append reply", reply("1")),
    ]),
    case("creating a canister costs something", &[
        update("'a' 16 allocate put 'a' get ic0.cost_create_canister 0u128 'a' get 16 peek less append reply", reply("1")),
    ]),
    case("the cost of creating a canister is enough to create one", &[
        update(
            "'a' 16 allocate put 'a' get ic0.cost_create_canister \
             $management 'create_canister' 0x4449444c016c000100 'a' get 16 peek { 'created' append reply } { reject_message trap } call drop",
            reply("'created'")),
    ]),
    case("an HTTPS outcall costs something", &[
        update("'a' 16 allocate put 100 2000000 'a' get ic0.cost_http_request 0u128 'a' get 16 peek less append reply", reply("1")),
    ]),
    case("a larger HTTPS request costs more", &[
        update("'a' 16 allocate put 'b' 16 allocate put 100 2000000 'a' get ic0.cost_http_request 100000 2000000 'b' get ic0.cost_http_request \
                'a' get 16 peek 'b' get 16 peek less append reply", reply("1")),
    ]),
    case("a larger HTTPS response costs more", &[
        update("'a' 16 allocate put 'b' 16 allocate put 100 2000 'a' get ic0.cost_http_request 100 2000000 'b' get ic0.cost_http_request \
                'a' get 16 peek 'b' get 16 peek less append reply", reply("1")),
    ]),
    case("an ECDSA curve that there is not is told", &[update("'key' address 1 16 allocate ic0.cost_sign_with_ecdsa append reply", reply("1"))]),
    case("a Schnorr algorithm that there is not is told", &[update("'key' address 2 16 allocate ic0.cost_sign_with_schnorr append reply", reply("1"))]),
    case("a vetKD curve that there is not is told", &[update("'key' address 1 16 allocate ic0.cost_vetkd_derive_key append reply", reply("1"))]),
    case("an ECDSA key that there is not is told", &[update("'no such key' address 0 16 allocate ic0.cost_sign_with_ecdsa append reply", reply("2"))]),
    case("a Schnorr key for bip340secp256k1 that there is not is told", &[
        update("'no such key' address 0 16 allocate ic0.cost_sign_with_schnorr append reply", reply("2")),
    ]),
    case("a Schnorr key for ed25519 that there is not is told", &[
        update("'no such key' address 1 16 allocate ic0.cost_sign_with_schnorr append reply", reply("2")),
    ]),
    case("a vetKD key that there is not is told", &[update("'no such key' address 0 16 allocate ic0.cost_vetkd_derive_key append reply", reply("2"))]),
    case("a key that there is not leaves the memory unchanged", &[
        update("'a' 16 allocate put 'no such key' address 0 'a' get ic0.cost_sign_with_ecdsa drop 'a' get 16 peek append reply", reply("0u128")),
    ]),
    case("the price of a signature traps when it would be written beyond the memory", &[
        update("'key' address 0 4294967290 ic0.cost_sign_with_ecdsa drop", TRAPPED),
    ]),
];

#[rustfmt::skip]
const DEPOSIT: &[Case] = &[
    fresh("deposit_cycles adds what was attached", &[
        query("balance append reply", REPLIED).save("before"),
        update_to("probe", "run",
            "$management 'deposit_cycles' 0x4449444c016c01b3c4b1f204680100010a $self concat 5_000_000_000_000u128 \
             { refunded append reply } { reject_message trap } call drop", reply("0u128")),
        query("$before balance less append reply", reply("1")),
    ]),
    case("deposit_cycles into a canister that does not exist refunds", &[
        update("$management 'deposit_cycles' 0x4449444c016c01b3c4b1f204680100010a $nobody concat 5_000_000u128 \
                { 'replied' trap } { refunded append reply } call drop", reply("5000000u128")),
    ]),
    fresh("deposit_cycles needs no control of the canister", &[
        update_to("peer", "run",
            "$management 'deposit_cycles' 0x4449444c016c01b3c4b1f204680100010a $self concat 5u128 { 'ok' append reply } { } call drop", reply("'ok'")),
    ]),
    fresh("a user cannot deposit cycles", &[
        manage("deposit_cycles", "(record { canister_id = $self })", NOT_ALLOWED),
    ]),
];

#[rustfmt::skip]
const PROVISIONAL: &[Case] = &[
    nowhere("anybody creates a canister", &[
        manage("provisional_create_canister_with_cycles", "(record {})", shows(&["canister_id"])).by(Who::Stranger),
    ]),
    nowhere("the anonymous user creates a canister", &[
        manage("provisional_create_canister_with_cycles", "(record {})", shows(&["canister_id"])).by(Who::Anonymous),
    ]),
    nowhere("a created canister has the amount", &[
        manage("provisional_create_canister_with_cycles", "(record { amount = opt 7_000_000_000_000 })", REPLIED).save("self"),
        manage("canister_status", "(record { canister_id = $self })", shows(&["cycles = 6_99"])),
    ]),
    nowhere("its creator controls a created canister", &[
        manage("provisional_create_canister_with_cycles", "(record {})", REPLIED).save("self"),
        manage("canister_status", "(record { canister_id = $self })", shows(&["controllers = vec { $me }"])),
    ]),
    nowhere("a canister is created with settings", &[
        manage("provisional_create_canister_with_cycles",
            "(record { settings = opt record { freezing_threshold = opt 7; controllers = opt vec { $me; $stranger } } })", REPLIED).save("self"),
        manage("canister_status", "(record { canister_id = $self })", shows(&["freezing_threshold = 7 : nat", "$stranger"])),
    ]),
    nowhere("a canister is created under a specified id, once", &[
        send(create_specified, REPLIED),
        send(create_specified, reject(2, "IC0205", "")),
    ]),
    case("a canister creates a canister provisionally", &[
        through("provisional_create_canister_with_cycles", "(record {})", 0, shows(&["canister_id"])),
    ]),
    case("cycles attached to a provisional creation come back", &[
        update("$management 'provisional_create_canister_with_cycles' 0x4449444c016c000100 5_000_000u128 \
                { refunded append reply } { reject_message trap } call drop", reply("5000000u128")),
    ]),
];

/// Asks for an id that nobody else asks for.
fn create_specified(d: &mut crate::request::Draft) {
    static MOMENT: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    let number = *MOMENT.get_or_init(|| crate::request::now() >> 8);
    let id = [&number.to_be_bytes()[..], &[1, 1]].concat();
    d.variables.insert("wanted".into(), id);
    let method = "provisional_create_canister_with_cycles";
    let arg = crate::interface::encode(method, "(record { specified_id = opt $wanted })", &d.variables);
    d.call_of("management", method, arg).by_me().at("v3", "wanted", "call");
}

#[rustfmt::skip]
const TOP_UP: &[Case] = &[
    fresh("anybody tops a canister up", &[
        query("balance append reply", REPLIED).save("before"),
        manage("provisional_top_up_canister", "(record { canister_id = $self; amount = 5_000_000_000_000 })", REPLIED).by(Who::Stranger),
        query("$before balance less append reply", reply("1")),
    ]),
    nowhere("a canister that does not exist cannot be topped up", &[
        send(|draft| {
            let arg = crate::interface::encode("provisional_top_up_canister", "(record { canister_id = $nobody; amount = 5 })", &draft.variables);
            draft.call_of("management", "provisional_top_up_canister", arg).by_me().at("v3", "nobody", "call");
        }, reject(3, "IC0301", "")),
    ]),
    fresh("a canister tops another up", &[
        through("provisional_top_up_canister", "(record { canister_id = $peer; amount = 5 })", 0, REPLIED),
    ]),
];
