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

/// Of which height the package is with which a fetch is given up, when packages of these heights come meanwhile;
/// `None` if it is not given up.
fn given_up_for(manners: &[Manner], pause: Duration, heights: &[u64]) -> Option<Option<Height>> {
    let (own, other) = (place(), Place::full());
    let (door, news) = sync_channel(1 << 12);
    for height in heights {
        let mut package = other.package();
        package.certification.as_mut().unwrap().height = Height(*height);
        door.send(News::Package(Box::new(package))).unwrap();
    }
    let fake = Fake {
        manners: manners.to_vec(),
        offers: other.offers(),
        parts: Mutex::new(usize::MAX),
        door: Mutex::new(Some(door)),
    };
    let sync = Sync {
        data_dir: own.dir.path().to_path_buf(),
        chain: CHAIN,
        rocks: own.rocks.clone(),
        engine: Arc::new(Engine::new(None)),
        net: Arc::new(Slow { fake, pause, answered: Mutex::default() }),
        metrics: Arc::new(Metrics::new().unwrap()),
        patience: PATIENCE,
    };
    match sync.fetch(&other.package(), &news).unwrap() {
        Outcome::GivenUp(other) => Some(other.as_deref().and_then(certified)),
        Outcome::Complete | Outcome::Stopped => None,
    }
}

#[test]
fn a_package_below_what_nobody_has_is_tried_before_one_above() {
    let silent = [Manner::Silent; 3];
    assert_eq!(given_up_for(&silent, Duration::ZERO, &[HEIGHT.0]), Some(None));
    assert_eq!(given_up_for(&silent, Duration::ZERO, &[30, 15, HEIGHT.0, 40]), Some(Some(Height(15))));
    assert_eq!(given_up_for(&silent, Duration::ZERO, &[30, HEIGHT.0, 25]), Some(Some(Height(25))));
}

#[test]
fn a_state_that_one_slow_peer_alone_has_is_given_up_for_a_newer_one() {
    let manners = [Manner::Honest, Manner::Silent, Manner::Silent, Manner::Silent];
    assert_eq!(given_up_for(&manners, PATIENCE, &[30]), Some(Some(Height(30))));
}

#[test]
fn a_state_that_comes_is_not_given_up_for_a_newer_one() {
    assert_eq!(given_up_for(&[Manner::Honest; 3], Duration::ZERO, &[30]), None);
}
