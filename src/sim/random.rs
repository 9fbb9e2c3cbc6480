//! The simulator's one source of chance: a splitmix64 sequence. The same seed gives the same numbers on
//! every machine and in every build.

/// A stream of numbers that its seed determines.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Random {
        Random(mix(seed))
    }

    /// A stream of its own for `purpose`: drawing from it moves no other stream.
    pub fn fork(&self, purpose: u64) -> Random {
        Random(mix(self.0 ^ mix(purpose.wrapping_add(1))))
    }

    /// The next 64 bits.
    #[allow(clippy::should_implement_trait)] // a stream without end is no iterator
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number below `bound`; 0 when `bound` is 0. The bias is below 2⁻³² for the bounds used here.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// An index of a list of `len` elements.
    pub fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// True `per_mille` times of a thousand.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    /// A waiting time with mean `mean`: many short, few long, none above six means.
    pub fn waiting(&mut self, mean: u64) -> u64 {
        let doublings = u64::from(self.next().leading_zeros().min(10));
        doublings * mean / 2 + self.below(mean)
    }

    /// The numbers from 0 to `len` - 1 in random order.
    pub fn shuffled(&mut self, len: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..len).collect();
        for last in (1..len).rev() {
            order.swap(last, self.index(last + 1));
        }
        order
    }
}

/// The finalizer of splitmix64 (Steele, Lea, Flood 2014): every input bit changes half the output bits.
pub fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forks_do_not_move_each_other() {
        let root = Random::new(7);
        let mut left = root.fork(1);
        let expected: Vec<u64> = (0..4).map(|_| left.next()).collect();
        let mut right = root.fork(2);
        right.next();
        let mut again = root.fork(1);
        assert_eq!(expected, (0..4).map(|_| again.next()).collect::<Vec<_>>());
    }

    #[test]
    fn chances_come_about_as_often_as_they_say() {
        let mut random = Random::new(3);
        let hits = (0..100_000).filter(|_| random.chance(300)).count();
        assert!((29_000..31_000).contains(&hits), "{hits} of 100,000");
    }

    #[test]
    fn waiting_times_keep_their_mean() {
        let mut random = Random::new(5);
        let sum: u64 = (0..100_000).map(|_| random.waiting(1_000)).sum();
        assert!((950..1_050).contains(&(sum / 100_000)), "mean {}", sum / 100_000);
    }

    #[test]
    fn shuffles_keep_every_element() {
        let mut order = Random::new(9).shuffled(13);
        order.sort_unstable();
        assert_eq!(order, (0..13).collect::<Vec<_>>());
    }
}
