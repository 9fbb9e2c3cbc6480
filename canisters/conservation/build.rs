//! Three canisters in one test: each has an entry point `canister_init`, which nobody calls here.

fn main() {
    println!("cargo:rustc-link-arg=-Wl,--allow-multiple-definition");
    println!("cargo:rerun-if-changed=build.rs");
}
