//! Which entry points take long. A guess from what they did last, that may save work and changes no result.

use super::call::Entry;
use crate::types::CanisterId;
use crate::types::limits::LONG_ENTRIES_KEPT_MAX;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Entry points whose last run was long, the latest last.
#[derive(Default)]
pub struct Habits(Mutex<VecDeque<(CanisterId, Entry)>>);

impl Habits {
    pub fn is_long(&self, canister: CanisterId, entry: &Entry) -> bool {
        self.with(|long| long.iter().any(|known| is(known, canister, entry)))
    }

    pub fn was_long(&self, canister: CanisterId, entry: Entry) {
        self.with(|long| {
            long.retain(|known| !is(known, canister, &entry));
            long.push_back((canister, entry));
            if long.len() > LONG_ENTRIES_KEPT_MAX {
                long.pop_front();
            }
        });
    }

    pub fn was_short(&self, canister: CanisterId, entry: &Entry) {
        self.with(|long| long.retain(|known| !is(known, canister, entry)));
    }

    fn with<T>(&self, look: impl FnOnce(&mut VecDeque<(CanisterId, Entry)>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Callbacks of one function are alike, whatever their environment.
fn is((of, known): &(CanisterId, Entry), canister: CanisterId, entry: &Entry) -> bool {
    *of == canister
        && match (known, entry) {
            (Entry::Callback { fun: known, .. }, Entry::Callback { fun, .. }) => known == fun,
            _ => known == entry,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(name: usize) -> Entry {
        Entry::Export(format!("canister_update {name}"))
    }

    #[test]
    fn an_entry_point_is_long_until_it_was_short() {
        let habits = Habits::default();
        let entries = [method(1), Entry::Callback { fun: 3, env: 4 }];
        let other = [method(2), Entry::Callback { fun: 4, env: 4 }];
        for entry in entries {
            assert!(!habits.is_long(CanisterId(1), &entry));
            habits.was_long(CanisterId(1), entry.clone());
            assert!(habits.is_long(CanisterId(1), &entry));
            assert!(!habits.is_long(CanisterId(2), &entry));
            assert!(other.iter().all(|other| !habits.is_long(CanisterId(1), other)));
        }
        let alike = Entry::Callback { fun: 3, env: 5 };
        assert!(habits.is_long(CanisterId(1), &alike));
        habits.was_short(CanisterId(1), &alike);
        assert!(!habits.is_long(CanisterId(1), &alike) && habits.is_long(CanisterId(1), &method(1)));
    }

    #[test]
    fn a_bounded_number_is_known() {
        let habits = Habits::default();
        (0..=LONG_ENTRIES_KEPT_MAX).for_each(|name| habits.was_long(CanisterId(1), method(name)));
        assert!(!habits.is_long(CanisterId(1), &method(0)));
        assert!(habits.is_long(CanisterId(1), &method(1)));
    }
}
