//! The links between replicas, each through a proxy of its own in this process, and the weather over them.
//!
//! A link is what one replica dials to another. What is sent on it and what comes back on it are two directions, and
//! the weather is made for directions: a cut from A to B holds what A sends on its own link and what it answers on B's.

use super::plan::{Climate, Cut};
use crate::cli::proxy::clock::Clock;
use crate::cli::proxy::lateness::Lateness;
use crate::cli::proxy::link::{Lane, Link, Weather};
use crate::cli::proxy::serve;
use crate::cli::proxy::uplink::Uplink;
use crate::cli::testnet::layout::Place;
use crate::sim::random::Random;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::sleep;

/// Longest halt of one direction in bad weather.
const STALL_MS_MAX: u64 = 1_500;

/// All links of a subnet.
pub struct Sky {
    nodes: usize,
    /// By sender times nodes plus receiver.
    weather: Vec<watch::Sender<Weather>>,
    cuts: Vec<watch::Sender<u64>>,
    uplinks: Vec<Arc<Uplink>>,
    resets: AtomicU64,
    stalls: AtomicU64,
}

impl Sky {
    /// Listens for every link; must be called inside a runtime, which carries the traffic.
    ///
    /// # Errors
    /// An address cannot be listened on.
    pub async fn open(places: &[Place]) -> io::Result<Arc<Sky>> {
        let nodes = places.len();
        let sky = Arc::new(Sky {
            nodes,
            weather: (0..nodes * nodes).map(|_| watch::Sender::default()).collect(),
            cuts: (0..nodes * nodes).map(|_| watch::Sender::default()).collect(),
            uplinks: (0..nodes).map(|_| Arc::new(Uplink::new(None))).collect(),
            resets: AtomicU64::new(0),
            stalls: AtomicU64::new(0),
        });
        let (clock, lateness) = (Clock::start()?, Arc::new(Lateness::default()));
        for to in places {
            for from in (0..nodes).filter(|from| *from != to.index) {
                let address = to.link_from(from);
                let listener = TcpListener::bind(address).await.map_err(|error| {
                    io::Error::new(
                        error.kind(),
                        format!("cannot listen on {}:{}: {error}", address.0, address.1),
                    )
                })?;
                let lane = |from: usize, to: usize| Lane {
                    weather: sky.weather[from * nodes + to].subscribe(),
                    uplink: sky.uplinks[from].clone(),
                    clock: clock.clone(),
                    lateness: lateness.clone(),
                };
                let link = Link {
                    there: lane(from, to.index),
                    back: lane(to.index, from),
                    cuts: sky.cuts[from * nodes + to.index].subscribe(),
                };
                tokio::spawn(serve(listener, format!("127.0.0.1:{}", to.peer_port), link));
            }
        }
        Ok(sky)
    }

    /// Delay, jitter and rate from now on; resets and stalls are [`Sky::storm`]'s.
    pub fn begin(&self, climate: &Climate) {
        for lane in &self.weather {
            lane.send_modify(|weather| {
                (weather.delay, weather.jitter) = (climate.delay, climate.jitter);
            });
        }
        for uplink in &self.uplinks {
            uplink.limit(climate.mbit.map(|mbit| mbit * 1_000_000));
        }
    }

    /// Fair weather everywhere, all cuts healed.
    pub fn clear(&self) {
        self.begin(&Climate::default());
        self.weather.iter().for_each(|lane| lane.send_modify(|weather| weather.held = false));
    }

    /// Cuts `side` off from the others.
    pub fn cut(&self, side: &[usize], cut: Cut) {
        for from in 0..self.nodes {
            for to in 0..self.nodes {
                let crosses = match cut {
                    Cut::Both => side.contains(&from) != side.contains(&to),
                    Cut::Out => side.contains(&from) && !side.contains(&to),
                    Cut::In => !side.contains(&from) && side.contains(&to),
                };
                if crosses {
                    self.hold(from, to, true);
                }
            }
        }
    }

    fn hold(&self, from: usize, to: usize, held: bool) {
        if let Some(lane) = self.weather.get(from * self.nodes + to) {
            lane.send_modify(|weather| weather.held = held);
        }
    }

    /// Resets connections and halts directions as often as `climate` says, for as long as it is polled.
    pub async fn storm(&self, climate: Climate, seed: u64) {
        let random = Random::new(seed);
        tokio::join!(self.reset(climate.resets, random.fork(0)), self.stall(climate.stalls, random.fork(1)));
    }

    async fn reset(&self, mean: Option<Duration>, mut random: Random) {
        let Some(mean) = mean else { return std::future::pending().await };
        loop {
            sleep(waiting(mean, &mut random)).await;
            let (from, to) = self.direction(&mut random);
            if let Some(cuts) = self.cuts.get(from * self.nodes + to) {
                cuts.send_modify(|cuts| *cuts += 1);
            }
            self.resets.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn stall(&self, mean: Option<Duration>, mut random: Random) {
        let Some(mean) = mean else { return std::future::pending().await };
        loop {
            sleep(waiting(mean, &mut random)).await;
            let (from, to) = self.direction(&mut random);
            self.hold(from, to, true);
            sleep(Duration::from_millis(random.between(50, STALL_MS_MAX))).await;
            self.hold(from, to, false);
            self.stalls.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A sender and another node.
    fn direction(&self, random: &mut Random) -> (usize, usize) {
        let from = random.index(self.nodes);
        let to = (from + 1 + random.index(self.nodes.saturating_sub(1))) % self.nodes.max(1);
        (from, to)
    }

    /// How many connections were reset and directions halted so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.resets.load(Ordering::Relaxed), self.stalls.load(Ordering::Relaxed))
    }
}

fn waiting(mean: Duration, random: &mut Random) -> Duration {
    let mean = u64::try_from(mean.as_millis()).unwrap_or(u64::MAX).max(1);
    Duration::from_millis(random.waiting(mean))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sky(nodes: usize) -> Sky {
        Sky {
            nodes,
            weather: (0..nodes * nodes).map(|_| watch::Sender::default()).collect(),
            cuts: Vec::new(),
            uplinks: Vec::new(),
            resets: AtomicU64::new(0),
            stalls: AtomicU64::new(0),
        }
    }

    /// Cuts node 0 and 1 of four off; the directions on which nothing passes.
    fn check(cut: Cut, expected: &[(usize, usize)]) {
        let sky = sky(4);
        sky.cut(&[0, 1], cut);
        let held = |lane: &watch::Sender<Weather>| lane.borrow().held;
        let found: Vec<_> =
            (0..16).filter(|lane| held(&sky.weather[*lane])).map(|lane| (lane / 4, lane % 4)).collect();
        assert_eq!(found, expected, "{cut:?}");
        sky.clear();
        assert!(!sky.weather.iter().any(held), "all is healed");
    }

    #[test]
    fn a_cut_holds_what_crosses_it_in_its_direction() {
        let (out, into) = ([(0, 2), (0, 3), (1, 2), (1, 3)], [(2, 0), (2, 1), (3, 0), (3, 1)]);
        check(Cut::Out, &out);
        check(Cut::In, &into);
        check(Cut::Both, &[out, into].concat());
    }

    #[test]
    fn nobody_has_a_link_to_himself() {
        let mut random = Random::new(1);
        assert!((0..1_000).map(|_| sky(4).direction(&mut random)).all(|(from, to)| from != to && to < 4));
    }
}
