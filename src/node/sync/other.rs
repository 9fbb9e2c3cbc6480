//! The package that is tried next, if the state that is being fetched is given up.
//!
//! Every height is certified, its state held by whoever wants to, and packages come whenever their senders like: an
//! order, of heights or of moments, would be for a liar to decide. So one is drawn, of about as many as there are peers,
//! the last to come counting as much as the others: as every peer answers about as often, an honest one is drawn more
//! often than not.

use crate::types::ChainSegment;
use rand::Rng;

/// Draws one of the packages that come.
pub struct Others {
    drawn: Option<Box<ChainSegment>>,
    came: u32,
    /// Of so many the last one has its share.
    window: u32,
}

impl Others {
    /// None came yet, of so many peers.
    pub fn new(peers: usize) -> Others {
        Others { drawn: None, came: 0, window: u32::try_from(peers).unwrap_or(u32::MAX).max(1) }
    }

    /// A package came.
    pub fn put(&mut self, package: Box<ChainSegment>, rng: &mut impl Rng) {
        self.came = self.came.saturating_add(1).min(self.window);
        if rng.gen_range(0..self.came) == 0 {
            self.drawn = Some(package);
        }
    }

    /// Whether there is one.
    pub fn is_empty(&self) -> bool {
        self.drawn.is_none()
    }

    /// The one that was drawn.
    pub fn take(&mut self) -> Option<Box<ChainSegment>> {
        self.drawn.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    fn package(height: u64) -> Box<ChainSegment> {
        let signature = BlsBytes([0; 48]);
        let finalization = Finalization { view: View(1), block: Digest::ZERO, signature };
        let root = StateRoot(Digest::ZERO);
        let certification = Some(Certification { height: Height(height), root, signature });
        Box::new(ChainSegment { blocks: Vec::new(), finalization, certification })
    }

    #[test]
    fn neither_heights_nor_moments_let_one_of_three_peers_decide_what_is_tried_next() {
        // What the liar names, and when among the three of each turn.
        let lies: [fn(u64) -> u64; 3] = [|turn| 900 - turn, |turn| 1_100 + turn, |turn| 900 + turn % 2];
        for (lie, place) in lies.into_iter().flat_map(|lie| [(lie, 0), (lie, 1), (lie, 2)]) {
            let tried_honest = |seed: &u64| {
                let mut rng = StdRng::seed_from_u64(*seed);
                let mut others = Others::new(3);
                for (turn, at) in (0..20).flat_map(|turn| (0..3).map(move |at| (turn, at))) {
                    let height = if at == place { lie(turn) } else { 1_000 };
                    others.put(package(height), &mut rng);
                }
                others.take().and_then(|package| package.certification).map(|of| of.height)
                    == Some(Height(1_000))
            };
            let honest = (0..1_000).filter(tried_honest).count();
            assert!(honest > 450, "liar at place {place}: {honest} of 1000");
        }
    }
}
