//! Stable memory, by both of its interfaces.

use super::section;
use crate::case::*;

pub fn sections() -> Vec<Section> {
    vec![section("system-api-stable-memory", WIDE), section("system-api-stable-memory", NARROW)]
}

#[rustfmt::skip]
const WIDE: &[Case] = &[
    fresh("stable memory is empty at first", &[query("stable_size append reply", reply("0"))]),
    fresh("stable64_grow gives the old size", &[update("3 stable_grow append 4 stable_grow append stable_size append reply", reply("0 3 7"))]),
    fresh("growing by nothing gives the size", &[update("3 stable_grow drop 0 stable_grow append reply", reply("3"))]),
    fresh("new pages are zero", &[update("1 stable_grow drop 65528 8 stable_read append reply", reply("0"))]),
    fresh("what is written can be read", &[update("1 stable_grow drop 10 'hello' stable_write 10 5 stable_read append reply", reply("'hello'"))]),
    fresh("what is written stays", &[
        update("1 stable_grow drop 10 'hello' stable_write reply", REPLIED),
        query("10 5 stable_read append reply", reply("'hello'")),
    ]),
    fresh("a write may cross pages", &[
        update("2 stable_grow drop 65534 'hello' stable_write 65534 5 stable_read append reply", reply("'hello'")),
    ]),
    fresh("the last byte can be written", &[update("1 stable_grow drop 65535 'x' stable_write 65535 1 stable_read append reply", reply("'x'"))]),
    fresh("a write beyond the end traps", &[update("1 stable_grow drop 65536 'x' stable_write", Expect::RejectCode(5))]),
    fresh("a write across the end traps", &[update("1 stable_grow drop 65535 'xy' stable_write", Expect::RejectCode(5))]),
    fresh("a read beyond the end traps", &[update("1 stable_grow drop 65536 1 stable_read drop", Expect::RejectCode(5))]),
    fresh("a read across the end traps", &[update("1 stable_grow drop 65535 2 stable_read drop", Expect::RejectCode(5))]),
    fresh("a write into an empty stable memory traps", &[update("0 'x' stable_write", Expect::RejectCode(5))]),
    fresh("a write of nothing at the end is fine", &[update("1 stable_grow drop 65536 '' stable_write reply", reply(""))]),
    fresh("a read of nothing at the end is fine", &[update("1 stable_grow drop 65536 0 stable_read append reply", reply(""))]),
    fresh("a write whose offset overflows traps", &[update("1 stable_grow drop 18446744073709551615 'xy' stable_write", Expect::RejectCode(5))]),
    fresh("a read whose offset overflows traps", &[
        update("1 stable_grow drop 16 allocate 18446744073709551615 2 ic0.stable64_read", Expect::RejectCode(5)),
    ]),
    fresh("a write from beyond the heap traps", &[update("1 stable_grow drop 0 4294967295 9 ic0.stable64_write", TRAPPED)]),
    fresh("a write from beyond 32 bits traps", &[update("1 stable_grow drop 0 1099511627776 9 ic0.stable64_write", TRAPPED)]),
    fresh("a read to beyond the heap traps", &[update("1 stable_grow drop 4294967290 0 9 ic0.stable64_read", TRAPPED)]),
    fresh("a read to beyond 32 bits traps", &[update("1 stable_grow drop 1099511627776 0 9 ic0.stable64_read", TRAPPED)]),
    fresh("growing beyond the limit gives -1 and changes nothing", &[
        update("1 stable_grow drop 8192000 stable_grow append stable_size append reply", reply("18446744073709551615 1")),
    ]),
    fresh("a query may grow for itself", &[
        query("1 stable_grow append stable_size append reply", reply("0 1")),
        query("stable_size append reply", reply("0")),
    ]),
    fresh("a query may write for itself", &[
        update("1 stable_grow drop 0 'old' stable_write reply", REPLIED),
        query("0 'new' stable_write 0 3 stable_read append reply", reply("'new'")),
        query("0 3 stable_read append reply", reply("'old'")),
    ]),
    fresh("a replicated query's writes are discarded", &[
        update("1 stable_grow drop 0 'old' stable_write reply", REPLIED),
        update_to("self", "ask", "0 'new' stable_write 0 3 stable_read append reply", reply("'new'")),
        query("0 3 stable_read append reply", reply("'old'")),
    ]),
    fresh("beyond 4 GiB there is memory too", &[
        update("65540 stable_grow drop 4295000000 'far' stable_write 4295000000 3 stable_read append reply", reply("'far'")),
    ]),
    fresh("a callback's writes stay", &[
        update("1 stable_grow drop $peer 'ask' { reply } 0u128 { 0 'back' stable_write reply } { } call drop", REPLIED),
        query("0 4 stable_read append reply", reply("'back'")),
    ]),
    fresh("writes overlap as they come", &[
        update("1 stable_grow drop 0 'aaaa' stable_write 2 'bbbb' stable_write 0 6 stable_read append reply", reply("'aabbbb'")),
    ]),
    fresh("stable memory is told in the status", &[
        update("2 stable_grow drop reply", REPLIED),
        manage("canister_status", "(record { canister_id = $self })", shows(&["stable_memory_size = 131_072 : nat"])),
    ]),
    fresh("uninstalling forgets stable memory", &[
        update("2 stable_grow drop reply", REPLIED),
        manage("uninstall_code", "(record { canister_id = $self })", REPLIED),
        install("install", Module::Probe, "stable_size 0 assert", REPLIED),
    ]),
];

#[rustfmt::skip]
const NARROW: &[Case] = &[
    fresh("stable_grow gives the old size", &[update("3 ic0.stable_grow append 4 ic0.stable_grow append ic0.stable_size append reply", reply("0 3 7"))]),
    fresh("stable_write and stable_read meet", &[
        update("1 ic0.stable_grow drop 10 'hello' address ic0.stable_write 'a' 5 allocate put 'a' get 10 5 ic0.stable_read \
                'a' get 5 peek append reply", reply("'hello'")),
    ]),
    fresh("both interfaces see one memory", &[
        update("1 ic0.stable_grow drop 10 'hello' address ic0.stable_write 10 5 stable_read append stable_size append reply", reply("'hello' 1")),
    ]),
    fresh("stable_write beyond the end traps", &[update("1 ic0.stable_grow drop 65536 'x' address ic0.stable_write", Expect::RejectCode(5))]),
    fresh("stable_read beyond the end traps", &[update("1 ic0.stable_grow drop 16 allocate 65535 2 ic0.stable_read", Expect::RejectCode(5))]),
    fresh("stable_write from beyond the heap traps", &[update("1 ic0.stable_grow drop 0 4294967295 9 ic0.stable_write", TRAPPED)]),
    fresh("stable_read to beyond the heap traps", &[update("1 ic0.stable_grow drop 4294967290 0 9 ic0.stable_read", TRAPPED)]),
    fresh("stable_grow beyond 4 GiB gives -1", &[
        update("1 ic0.stable_grow drop 65536 ic0.stable_grow append ic0.stable_size append reply", reply("4294967295 1")),
    ]),
    fresh("stable_grow up to 4 GiB works", &[update("65536 ic0.stable_grow append ic0.stable_size append reply", reply("0 65536"))]),
    fresh("stable_size traps above 4 GiB", &[update("65537 stable_grow drop ic0.stable_size drop", CONTRACT)]),
    fresh("stable_grow traps above 4 GiB", &[update("65537 stable_grow drop 0 ic0.stable_grow drop", CONTRACT)]),
    fresh("stable_write traps above 4 GiB", &[update("65537 stable_grow drop 0 'x' address ic0.stable_write", CONTRACT)]),
    fresh("stable_read traps above 4 GiB", &[update("65537 stable_grow drop 16 allocate 0 1 ic0.stable_read", CONTRACT)]),
];
