//! The links between nodes: late, lossy, doubling, reordering, clogged, cut one way or both.

use super::random::Random;
use crate::types::{NodeIndex, Time};

/// How links behave when nobody cuts or clogs them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Weather {
    /// Shortest one-way delay, in nanoseconds.
    pub delay_min: u64,
    /// Mean of what comes on top of it, in nanoseconds.
    pub delay_mean: u64,
    /// Of a thousand messages so many get lost.
    pub loss_per_mille: u64,
    /// Of a thousand messages so many arrive twice.
    pub twice_per_mille: u64,
    /// Whether a link keeps the order of its messages, as one TCP connection does.
    pub ordered: bool,
}

/// One direction between two nodes.
#[derive(Clone, Copy, Default)]
struct Link {
    /// Partitions that cut this link now.
    cuts: u32,
    /// Nothing arrives before this moment.
    clogged_until: Time,
    /// Arrival of the newest message.
    last: Time,
}

/// When a message arrives: not at all, once, or twice.
pub type Arrivals = [Option<Time>; 2];

/// All links of a subnet.
pub struct Network {
    n: usize,
    links: Vec<Link>,
    weather: Weather,
    /// What every message from or to each node takes longer, in nanoseconds.
    slow: Vec<u64>,
    random: Random,
    lost: u64,
    doubled: u64,
}

impl Network {
    /// Whole links between all nodes; from and to each of them it takes as much longer as `slow` says.
    pub fn new(slow: Vec<u64>, weather: Weather, random: Random) -> Network {
        let n = slow.len();
        Network { n, links: vec![Link::default(); n * n], weather, slow, random, lost: 0, doubled: 0 }
    }

    /// Sends one message and says when it arrives.
    pub fn route(&mut self, now: Time, from: NodeIndex, to: NodeIndex) -> Arrivals {
        let link = self.place(from, to);
        if self.links[link].cuts > 0 || self.random.chance(self.weather.loss_per_mille) {
            self.lost += 1;
            return [None, None];
        }
        let first = self.arrival(now, link);
        let twice = self.random.chance(self.weather.twice_per_mille);
        self.doubled += u64::from(twice);
        [Some(first), twice.then(|| self.arrival(now, link))]
    }

    fn arrival(&mut self, now: Time, link: usize) -> Time {
        let far = self.slow[link / self.n] + self.slow[link % self.n];
        let delay = far + self.weather.delay_min + self.random.waiting(self.weather.delay_mean);
        let link = &mut self.links[link];
        let mut at = Time(now.0 + delay).max(Time(link.clogged_until.0 + delay / 8));
        if self.weather.ordered {
            at = at.max(Time(link.last.0 + 1));
        }
        link.last = link.last.max(at);
        at
    }

    /// Cuts one direction; as many `mend`s as `cut`s make it whole.
    pub fn cut(&mut self, from: NodeIndex, to: NodeIndex) {
        let link = self.place(from, to);
        self.links[link].cuts += 1;
    }

    /// Takes one cut away.
    pub fn mend(&mut self, from: NodeIndex, to: NodeIndex) {
        let link = self.place(from, to);
        self.links[link].cuts = self.links[link].cuts.saturating_sub(1);
    }

    /// Holds back everything sent over this direction until `until`.
    pub fn clog(&mut self, from: NodeIndex, to: NodeIndex, until: Time) {
        let link = self.place(from, to);
        self.links[link].clogged_until = self.links[link].clogged_until.max(until);
    }

    /// Ends all trouble: every link whole and free, from now on with `weather`.
    pub fn calm(&mut self, weather: Weather) {
        self.weather = weather;
        for link in &mut self.links {
            *link = Link { last: link.last, ..Link::default() };
        }
    }

    /// Messages lost so far.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Messages that arrived twice so far.
    pub fn doubled(&self) -> u64 {
        self.doubled
    }

    fn place(&self, from: NodeIndex, to: NodeIndex) -> usize {
        usize::from(from.0) * self.n + usize::from(to.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::EPOCH;
    use super::*;

    const A: NodeIndex = NodeIndex(0);
    const B: NodeIndex = NodeIndex(1);
    const FAIR: Weather =
        Weather { delay_min: 5, delay_mean: 100, loss_per_mille: 0, twice_per_mille: 0, ordered: false };

    fn arrivals(network: &mut Network, count: u64) -> Vec<Arrivals> {
        (0..count).map(|step| network.route(Time(EPOCH.0 + step), A, B)).collect()
    }

    #[test]
    fn a_cut_link_carries_nothing_until_every_cut_is_mended() {
        let mut network = Network::new(vec![0; 2], FAIR, Random::new(1));
        network.cut(A, B);
        network.cut(A, B);
        network.mend(A, B);
        assert_eq!(network.route(EPOCH, A, B), [None, None]);
        assert!(network.route(EPOCH, B, A)[0].is_some(), "the other way is whole");
        network.mend(A, B);
        assert!(network.route(EPOCH, A, B)[0].is_some());
    }

    #[test]
    fn a_clogged_link_delivers_late_but_delivers() {
        let mut network = Network::new(vec![0; 2], FAIR, Random::new(1));
        let until = EPOCH.plus_ms(500);
        network.clog(A, B, until);
        assert!(network.route(EPOCH, A, B)[0].is_some_and(|at| at >= until));
    }

    #[test]
    fn what_is_far_away_answers_late() {
        let mut network = Network::new(vec![0, 1_000, 0], FAIR, Random::new(1));
        let mut takes = |from, to| network.route(EPOCH, from, to)[0].map(|at| at.0 - EPOCH.0);
        assert!(takes(A, B) >= Some(1_000) && takes(B, A) >= Some(1_000));
        assert!(takes(A, NodeIndex(2)) < Some(1_000));
    }

    #[test]
    fn loses_and_doubles_as_often_as_the_weather_says() {
        let weather = Weather { loss_per_mille: 300, twice_per_mille: 200, ..FAIR };
        let mut network = Network::new(vec![0; 2], weather, Random::new(1));
        let all = arrivals(&mut network, 10_000);
        let lost = all.iter().filter(|at| at[0].is_none()).count();
        let twice = all.iter().filter(|at| at[1].is_some()).count();
        assert!((2_700..3_300).contains(&lost), "{lost} lost");
        assert!((1_200..1_600).contains(&twice), "{twice} twice");
    }

    #[test]
    fn reorders_unless_the_link_is_ordered() {
        let late = |ordered| {
            let mut network = Network::new(vec![0; 2], Weather { ordered, ..FAIR }, Random::new(1));
            let at: Vec<Time> = arrivals(&mut network, 1_000).into_iter().filter_map(|at| at[0]).collect();
            at.windows(2).filter(|pair| pair[1] < pair[0]).count()
        };
        assert!(late(false) > 100);
        assert_eq!(late(true), 0);
    }
}
