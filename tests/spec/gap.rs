//! What is known not to be as the spec says yet.

use crate::section;

/// A gap: the cases that fail and why.
pub struct Gap {
    /// A case's name; or `*` and how names end, `~` and words in them, `#` and a section of the spec.
    pub cases: &'static str,
    /// Why, for people.
    pub why: &'static str,
}

impl Gap {
    pub fn covers(&self, case: &str) -> bool {
        let Some((kind, rest)) = self.cases.split_at_checked(1) else { return false };
        match kind {
            "*" => case.ends_with(rest),
            "~" => case.contains(rest),
            "#" => {
                let mut sections = section::all().iter().filter(|section| section.anchor == rest);
                sections.any(|section| section.cases.iter().any(|known| known.name == case))
            }
            _ => case == self.cases,
        }
    }
}

#[allow(dead_code, reason = "none is known at the moment")]
const fn gap(cases: &'static str, why: &'static str) -> Gap {
    Gap { cases, why }
}

/// Each of these must still fail somewhere: what works again is removed from the table.
pub const KNOWN_GAPS: &[Gap] = &[];

/// The gap that a failing case belongs to.
pub fn of(case: &str) -> Option<&'static Gap> {
    KNOWN_GAPS.iter().find(|gap| gap.covers(case))
}

#[test]
fn every_gap_is_about_a_case() {
    let cases = crate::all();
    for gap in KNOWN_GAPS {
        assert!(cases.iter().any(|case| gap.covers(case.name)), "`{}` names no case", gap.cases);
        assert!(!gap.why.is_empty(), "`{}` has no reason", gap.cases);
    }
}
