//! How many cycles tokens buy.

/// Cycles of one XDR.
pub const CYCLES_PER_XDR: u128 = 1_000_000_000_000;

const E8S_PER_TOKEN: u128 = 100_000_000;
const PERMYRIAD: u128 = 10_000;

/// `e8s × xdr_permyriad_per_icp × cycles_per_xdr / (10^8 × 10^4)`, rounded down; none beyond 128 bits.
pub fn cycles_for(e8s: u64, xdr_permyriad_per_icp: u64) -> Option<u128> {
    let product = u128::from(e8s).checked_mul(xdr_permyriad_per_icp.into())?.checked_mul(CYCLES_PER_XDR)?;
    Some(product / (E8S_PER_TOKEN * PERMYRIAD))
}
