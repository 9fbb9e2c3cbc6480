//! `execute_batch(state, batch)`; queries; scheduler; management canister; cycles prices.
