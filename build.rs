//! Generates the protobuf messages (`encoding`) and the peer service (`net`) from `proto/`, without
//! needing `protoc`.

use std::error::Error;

const PROTOS: &[&str] = &[
    "atoll/v1/artifact.proto",
    "atoll/v1/record.proto",
    "atoll/v1/peer.proto",
    "atoll/net/v1/peer_service.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=build.rs");
    let descriptors = protox::compile(PROTOS, ["proto"])?;
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}
