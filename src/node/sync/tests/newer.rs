//! Packages that come while a state is fetched.

use super::*;

/// Peers of whom each answers no more often than once in a pause.
struct Slow {
    fake: Fake,
    pause: Duration,
    answered: Mutex<BTreeMap<NodeIndex, Instant>>,
}

impl Ask for Slow {
    fn peers(&self) -> Vec<NodeIndex> {
        self.fake.peers()
    }

    fn ask(&self, peer: NodeIndex, request: StateRequest) {
        let now = Instant::now();
        let mut answered = self.answered.lock().unwrap();
        if answered.get(&peer).is_none_or(|at| now.duration_since(*at) >= self.pause) {
            answered.insert(peer, now);
            self.fake.ask(peer, request);
        }
    }
}

/// The package of `other` with what it offers changed.
pub fn changed(other: &Place, change: impl FnOnce(&mut Offer)) -> ChainSegment {
    let mut package = other.package();
    let mut offer = Offer::of(&package).unwrap();
    change(&mut offer);
    let (block, _) = package.blocks.first_mut().unwrap();
    Arc::make_mut(block).view = offer.view;
    let certification = package.certification.as_mut().unwrap();
    (certification.height, certification.root) = (offer.height, offer.root);
    package
}

/// For what a fetch is given up, when packages with what is offered changed in these ways come meanwhile; `None` if it
/// is not given up.
fn given_up_for(manners: &[Manner], pause: Duration, changes: &[fn(&mut Offer)]) -> Option<Option<Offer>> {
    let (own, other) = (place(), Place::full());
    let (door, news) = sync_channel(1 << 12);
    for change in changes {
        door.send(News::Package(Box::new(changed(&other, change)))).unwrap();
    }
    let fake = Fake {
        manners: manners.to_vec(),
        offers: other.offers(),
        parts: Mutex::new(usize::MAX),
        door: Mutex::new(Some(door)),
    };
    let sync = syncing(&own, Slow { fake, pause, answered: Mutex::default() });
    match sync.fetch(&other.package(), &news).unwrap() {
        Outcome::GivenUp(other) => Some(other.as_deref().and_then(Offer::of)),
        Outcome::Complete | Outcome::Stopped => None,
    }
}

const NEWER: fn(&mut Offer) = |offer| offer.height = Height(30);

#[test]
fn any_package_but_the_one_that_nobody_helps_with_is_tried_next() {
    let silent = [Manner::Silent; 3];
    assert_eq!(given_up_for(&silent, Duration::ZERO, &[|_| ()]), Some(None));
    let others: [fn(&mut Offer); 4] = [
        |offer| offer.height = Height(15),
        NEWER,
        |offer| offer.root = StateRoot(Digest([9; 32])),
        |offer| offer.view = View(21),
    ];
    for other in others {
        let next = given_up_for(&silent, Duration::ZERO, &[|_| (), other, |_| ()]).flatten();
        assert_eq!(next, Offer::of(&changed(&Place::full(), other)));
    }
}

#[test]
fn a_state_that_one_slow_peer_alone_has_is_given_up_for_a_newer_one() {
    let manners = [Manner::Honest, Manner::Silent, Manner::Silent, Manner::Silent];
    let next = given_up_for(&manners, PATIENCE, &[NEWER]).flatten();
    assert_eq!(next.map(|offer| offer.height), Some(Height(30)));
}

#[test]
fn a_state_that_comes_is_not_given_up_for_a_newer_one() {
    assert_eq!(given_up_for(&[Manner::Honest; 3], Duration::ZERO, &[NEWER]), None);
}
