//! Whom a fetch asks, what is late, what counts as silence, and whose state it is.

use super::newer::changed;
use super::*;
use crate::crypto::node_key::simulated;
use crate::crypto::reshare::PublicShares;
use crate::crypto::threshold::Keyring;
use crate::membership::{Succession, simulated_members};
use crate::node::sync::fetch::Verdict;
use crate::node::sync::task::What;
use std::sync::mpsc::Receiver;

/// A replica, the one whose state it is to fetch, and what comes of asking.
struct Bench {
    other: Place,
    sync: Sync<Fake>,
    news: Receiver<News>,
    _own: Place,
}

fn bench(own: Place, manners: &[Manner]) -> Bench {
    let other = Place::full();
    let (door, news) = sync_channel(1 << 12);
    let fake = Fake {
        manners: manners.to_vec(),
        offers: other.offers(),
        parts: Mutex::new(usize::MAX),
        door: Mutex::new(Some(door)),
    };
    Bench { sync: syncing(&own, fake), other, news, _own: own }
}

impl Bench {
    fn errand(&self) -> Errand<'_, Fake> {
        let offer = Offer::of(&self.other.package()).unwrap();
        let (own, engine) = (self.sync.rocks.source(), self.sync.engine.clone());
        let fetch = Fetch::begin(self.sync.open().unwrap(), own, engine, offer).unwrap();
        Errand::new(&self.sync, fetch, offer).unwrap()
    }

    /// Another state that may be fetched.
    fn another(&self) -> Box<ChainSegment> {
        Box::new(changed(&self.other, |offer| offer.height = Height(30)))
    }

    /// The next part that came.
    fn part(&self) -> Received {
        match self.news.try_recv().unwrap() {
            News::Part(received, _) => received,
            News::Package(_) => unreachable!("nobody sent a package"),
        }
    }
}

fn later(patiences: u32) -> Instant {
    Instant::now().checked_add(PATIENCE * patiences).unwrap()
}

/// What is asked for at the moment.
fn under_way(errand: &Errand<Fake>) -> Vec<What> {
    errand.asked.values().map(|asked| asked.task.what.clone()).collect()
}

/// The succession of a subnet of four whose second epoch began after this height.
fn second_epoch(start: u64) -> Succession {
    let (_, committee) = simulated(CHAIN, 4);
    let shares = PublicShares::of_keyring(&Keyring::simulated(CHAIN, 4)[0]);
    let first = Succession::genesis(CHAIN, 10, simulated_members(&committee), &shares);
    let mut record: ciborium::Value = ciborium::from_reader(first.encode().as_slice()).unwrap();
    for (name, value) in record.as_map_mut().unwrap() {
        match name.as_text() {
            Some("epoch") => *value = 1.into(),
            Some("start") => *value = start.into(),
            _ => {}
        }
    }
    let mut bytes = Vec::new();
    ciborium::into_writer(&record, &mut bytes).unwrap();
    Succession::decode(&bytes).unwrap()
}

#[test]
fn a_block_of_another_epoch_is_not_taken_for_that_of_the_state() {
    let (old, new) = (View(22), Epoch(1).first_view());
    // When the second epoch began, the block of which the state is, and a void one or one that never was.
    for (start, own_view, wrong) in [(19, new, old), (20, old, new)] {
        let mut other = place();
        other.state = other.state.with_succession(second_epoch(start));
        other.advance(HEIGHT, |_| ());
        let [wrong, right] = [wrong, own_view].map(|view| changed(&other, |offer| offer.view = view));
        let own = place();
        let (door, news) = sync_channel(1 << 12);
        door.send(News::Package(Box::new(right.clone()))).unwrap();
        let fake = Fake {
            manners: vec![Manner::Honest; 3],
            offers: other.offers(),
            parts: Mutex::new(usize::MAX),
            door: Mutex::new(Some(door)),
        };
        let sync = syncing(&own, fake);
        let outcome = sync.fetch(&wrong, &news).unwrap();
        assert!(matches!(outcome, Outcome::GivenUp(Some(next)) if *next == right), "start {start}");
        assert!(!own.dir.path().join(INCOMING).join(COMPLETE).exists());
        let outcome = sync.fetch(&right, &news).unwrap();
        assert!(matches!(outcome, Outcome::Complete), "{outcome:?}");
    }
}

#[test]
fn a_part_that_comes_late_is_taken_unless_somebody_else_was_asked_for_it() {
    let bench = bench(place(), &[Manner::Honest; 2]);
    let mut errand = bench.errand();
    errand.ask().unwrap();
    assert_eq!(under_way(&errand), [What::Head]);
    errand.expire(later(1)).unwrap();
    assert!(errand.asked.is_empty());
    errand.take(&bench.part()).unwrap();
    errand.ask().unwrap();
    assert!(matches!(under_way(&errand)[..], [What::Records { column: 0, .. }]));

    drop(errand);
    let mut errand = bench.errand();
    bench.part();
    errand.ask().unwrap();
    errand.expire(later(1)).unwrap();
    errand.ask().unwrap();
    errand.take(&bench.part()).unwrap();
    assert_eq!(under_way(&errand), [What::Head], "it is on its way from the other");
    errand.take(&bench.part()).unwrap();
    assert!(errand.asked.is_empty());
}

#[test]
fn a_late_part_that_is_not_of_the_state_is_refused() {
    let bench = bench(place(), &[Manner::Lying(LIES[0]); 2]);
    let mut errand = bench.errand();
    errand.ask().unwrap();
    errand.expire(later(1)).unwrap();
    assert_eq!(errand.take(&bench.part()).unwrap(), Verdict::Flaw);
    errand.ask().unwrap();
    assert_eq!(under_way(&errand), [What::Head]);
}

#[test]
fn what_came_while_this_thread_worked_is_not_late() {
    let mut bench = bench(place(), &[Manner::Honest; 3]);
    bench.sync.patience = Duration::ZERO;
    let outcome = bench.errand().run(&bench.news).unwrap();
    assert!(matches!(outcome, Outcome::Complete), "{outcome:?}");
}

#[test]
fn a_sequence_is_no_silence_until_its_time_is_over() {
    let bench = bench(place(), &[Manner::Silent; 3]);
    let mut errand = bench.errand();
    errand.keep(bench.another());
    errand.ask().unwrap();
    let asked = errand.asked.values_mut().next().unwrap();
    asked.task.only = Some(asked.peer);
    errand.wait(PATIENCE * 100);
    assert!(!errand.is_in_vain());
    errand.expire(later(7)).unwrap();
    assert!(errand.asked.is_empty() && errand.cuts == 1);
    errand.wait(PATIENCE * 7);
    assert!(errand.is_in_vain());
}

#[test]
fn a_sequence_has_twice_as_long_when_as_many_were_cut_as_there_are_peers() {
    let bench = bench(place(), &[Manner::Silent; 3]);
    let mut errand = bench.errand();
    errand.ask().unwrap();
    let (_, mut asked) = errand.asked.pop_first().unwrap();
    assert_eq!(errand.end(&asked.task), None, "nothing of it came");
    asked.task.only = Some(asked.peer);
    for (cuts, patiences) in [(0, 6), (2, 6), (3, 12), (7, 24), (usize::MAX, 6 << 10)] {
        errand.cuts = cuts;
        assert_eq!(errand.end(&asked.task), asked.at.checked_add(PATIENCE * patiences), "{cuts} cuts");
    }
}

#[test]
fn of_those_who_help_members_count_and_no_more_than_f_are_not_enough() {
    let mut own = place();
    own.state = own.state.with_succession(second_epoch(0));
    own.advance(Height(1), |_| ());
    // Four members, of whom one may lie, and three guests.
    let bench = bench(own, &[Manner::Silent; 7]);
    for (helpers, in_vain) in [(&[1, 2][..], false), (&[1], true), (&[1, 4, 5, 6], true), (&[], true)] {
        let mut errand = bench.errand();
        errand.keep(bench.another());
        errand.wait(PATIENCE * 7);
        errand.helped = helpers.iter().map(|node| (NodeIndex(*node), PATIENCE)).collect();
        assert_eq!(errand.is_in_vain(), in_vain, "{helpers:?}");
    }
}
