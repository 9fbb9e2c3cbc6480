//! Makes a failure smaller: what can be switched off without losing the violation is switched off, and
//! what is left is the cause, with a short trace.

use super::adversary::Sin;
use super::network::Weather;
use super::scenario::Scenario;
use super::world::{Verdict, run};

/// Something that a scenario can do without.
type Switch = (&'static str, fn(&mut Scenario));

/// All that can be switched off, by name; the costliest to understand come first.
pub const SWITCHES: &[Switch] = &[
    ("equivocator", |s| forgive(s, Sin::Equivocator)),
    ("double-voter", |s| forgive(s, Sin::DoubleVoter)),
    ("forger", |s| forgive(s, Sin::Forger)),
    ("replayer", |s| forgive(s, Sin::Replayer)),
    ("flooder", |s| forgive(s, Sin::Flooder)),
    ("usurper", |s| forgive(s, Sin::Usurper)),
    ("twin", |s| forgive(s, Sin::Twin)),
    ("withholder", |s| forgive(s, Sin::Withholder)),
    ("babbler", |s| forgive(s, Sin::Babbler)),
    ("anachronist", |s| forgive(s, Sin::Anachronist)),
    ("false-dealer", |s| forgive(s, Sin::FalseDealer)),
    ("boaster", |s| forgive(s, Sin::Boaster)),
    ("perjurer", |s| forgive(s, Sin::Perjurer)),
    ("deserter", |s| forgive(s, Sin::Deserter)),
    ("crashes", |s| s.rates.weights[0] = 0),
    ("pauses", |s| s.rates.weights[1] = 0),
    ("partitions", |s| s.rates.weights[2] = 0),
    ("one-way", |s| s.rates.weights[3] = 0),
    ("clogs", |s| s.rates.weights[4] = 0),
    ("blackouts", |s| s.rates.weights[5] = 0),
    ("clock-steps", |s| s.rates.weights[6] = 0),
    ("leaps", |s| s.rates.weights[7] = 0),
    ("lost disks", |s| s.wiped_per_mille = 0),
    ("purges", |s| s.checkpoint_every = 0),
    ("torn-writes", |s| s.rates.torn_per_mille = 0),
    ("cut-short", |s| s.rates.cut_short_per_100k = 0),
    ("slow-disk", |s| s.rates.sync_max = 0),
    ("slow-execution", |s| s.rates.execute_max = 0),
    ("loss", |s| s.weather.loss_per_mille = 0),
    ("doubling", |s| s.weather.twice_per_mille = 0),
    ("delays", |s| {
        s.weather.delay_min = Weather::CALM.delay_min;
        s.weather.delay_mean = Weather::CALM.delay_mean;
    }),
    ("reordering", |s| s.weather.ordered = true),
    ("clocks", |s| s.clocks.iter_mut().for_each(|clock| *clock = (0, 0))),
    ("far-nodes", |s| s.slow.iter_mut().for_each(|slow| *slow = 0)),
    ("changes", |s| s.change_every = 0),
    ("epochs", |s| s.epoch_length = 0),
    ("pipelining", |s| s.pipelined = false),
    ("real-execution", |s| s.real_execution = false),
];

fn forgive(scenario: &mut Scenario, sin: Sin) {
    scenario.sins.iter_mut().filter(|found| **found == Some(sin)).for_each(|found| *found = None);
}

/// Switches off what `names` name; the first of them that is no switch is the error.
///
/// # Errors
/// A name that is none.
pub fn without(mut scenario: Scenario, names: &[String]) -> Result<Scenario, String> {
    for name in names {
        let (_, off) = SWITCHES.iter().find(|(known, _)| known == name).ok_or_else(|| name.clone())?;
        off(&mut scenario);
    }
    Ok(scenario)
}

/// A failure with nothing in it that it can do without.
#[derive(Clone, Debug)]
pub struct Shrunk {
    pub scenario: Scenario,
    /// What is switched off.
    pub without: Vec<&'static str>,
    pub verdict: Verdict,
}

/// Makes the failure of `scenario` as small as switching things off, one by one, can make it: every
/// step still violates the same invariant.
pub fn shrink(scenario: &Scenario, verdict: &Verdict) -> Shrunk {
    let invariant = |verdict: &Verdict| verdict.violation.as_ref().map(|violation| violation.invariant);
    let mut shrunk = Shrunk { scenario: scenario.clone(), without: Vec::new(), verdict: verdict.clone() };
    for (name, off) in SWITCHES {
        let mut smaller = shrunk.scenario.clone();
        off(&mut smaller);
        if format!("{smaller:?}") == format!("{:?}", shrunk.scenario) {
            continue;
        }
        let again = run(smaller.clone());
        if invariant(&again) == invariant(verdict) {
            shrunk.scenario = smaller;
            shrunk.without.push(name);
            shrunk.verdict = again;
        }
    }
    shrunk
}
