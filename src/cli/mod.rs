//! (preface to be written by the room's builder)

pub mod canister;
pub mod gateway;
pub mod genesis;
pub mod keygen;
pub mod sim;
