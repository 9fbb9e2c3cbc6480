//! Numbers with units. No `From<u64>`: a unit is always spelt out where a number enters.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl $name {
            /// Zero of this unit.
            pub const ZERO: $name = $name(0);
            /// The sum, or `None` where it does not fit.
            pub fn checked_add(self, other: $name) -> Option<$name> {
                self.0.checked_add(other.0).map($name)
            }
            /// The difference, or `None` where it would be negative.
            pub fn checked_sub(self, other: $name) -> Option<$name> {
                self.0.checked_sub(other.0).map($name)
            }
            /// The difference, zero where it would be negative.
            pub fn saturating_sub(self, other: $name) -> $name {
                $name(self.0.saturating_sub(other.0))
            }
            /// The sum, the largest value where it does not fit.
            pub fn saturating_add(self, other: $name) -> $name {
                $name(self.0.saturating_add(other.0))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

unit! {
    /// A place in the chain, and the state after executing the block there. Genesis is 0.
    Height(u64)
}
unit! {
    /// One leader's attempt to extend the chain. The first view is 1.
    View(u64)
}
unit! {
    /// The reign of one set of shares of the threshold keys. The first is 0; views name theirs.
    Epoch(u64)
}
unit! {
    /// Nanoseconds since the Unix epoch.
    Time(u64)
}
unit! {
    /// Cycles, the unit in which canisters pay.
    Cycles(u128)
}
unit! {
    /// Metered Wasm instructions.
    Instructions(u64)
}
unit! {
    /// A size in bytes.
    Bytes(u64)
}

impl Height {
    /// The next height. Heights are reached one by one and never overflow in practice.
    pub fn next(self) -> Height {
        Height(self.0.saturating_add(1))
    }
}

/// A view's lower bits are its place in its epoch.
const EPOCH_SHIFT: u32 = 40;

impl View {
    /// The next view.
    pub fn next(self) -> View {
        View(self.0.saturating_add(1))
    }

    /// The epoch that the view is of. Whatever names a view is thereby of exactly one epoch.
    pub fn epoch(self) -> Epoch {
        Epoch(self.0 >> EPOCH_SHIFT)
    }
}

impl Epoch {
    /// The last epoch whose views can be numbered.
    pub const MAX: Epoch = Epoch((1 << (u64::BITS - EPOCH_SHIFT)) - 1);

    /// The next epoch.
    pub fn next(self) -> Epoch {
        Epoch(self.0.saturating_add(1).min(Epoch::MAX.0))
    }

    /// Its first view: 1 in the first epoch, since 0 stands for genesis.
    pub fn first_view(self) -> View {
        View((self.0.min(Epoch::MAX.0) << EPOCH_SHIFT).max(1))
    }
}

impl Time {
    /// Whether no moment is named.
    pub fn is_zero(&self) -> bool {
        *self == Time::ZERO
    }

    /// This moment moved on by `ms` milliseconds, saturating.
    pub fn plus_ms(self, ms: u64) -> Time {
        Time(self.0.saturating_add(ms.saturating_mul(1_000_000)))
    }

    /// Milliseconds from `earlier` to this moment, zero if it is not earlier.
    pub fn ms_since(self, earlier: Time) -> u64 {
        self.0.saturating_sub(earlier.0) / 1_000_000
    }
}
