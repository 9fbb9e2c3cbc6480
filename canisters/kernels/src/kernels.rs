//! Seven kernels, the same source natively and in Wasm. Each does a fixed amount of work and returns a
//! digest of it, so that nothing can be optimized away. In hot loops arithmetic wraps: only native code is
//! compiled with checks.

use std::hint::black_box;

const K: [u32; 64] = {
    // Fractional parts of the cube roots of the first 64 primes, by integer arithmetic.
    let mut table = [0u32; 64];
    let (mut found, mut candidate) = (0, 2u64);
    while found < 64 {
        let (mut divisor, mut prime) = (2u64, true);
        while divisor * divisor <= candidate {
            if candidate % divisor == 0 {
                prime = false;
            }
            divisor += 1;
        }
        if prime {
            let target = (candidate as u128) << 96;
            let (mut low, mut high) = (0u128, 1u128 << 36);
            while high - low > 1 {
                let middle = (low + high) / 2;
                if middle * middle * middle <= target { low = middle } else { high = middle }
            }
            table[found] = low as u32;
            found += 1;
        }
        candidate += 1;
    }
    table
};

/// One compression of SHA-256's shape, over and over.
pub fn sha256() -> u64 {
    let mut state =
        [0x6a09e667u32, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
    for round in 0..20_000u32 {
        let mut words = [0u32; 64];
        for (index, word) in words[..16].iter_mut().enumerate() {
            *word = black_box(round).wrapping_mul(index as u32 + 1);
        }
        for t in 16..64 {
            let a = words[t - 15].rotate_right(7) ^ words[t - 15].rotate_right(18) ^ (words[t - 15] >> 3);
            let b = words[t - 2].rotate_right(17) ^ words[t - 2].rotate_right(19) ^ (words[t - 2] >> 10);
            words[t] = words[t - 16].wrapping_add(a).wrapping_add(words[t - 7]).wrapping_add(b);
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
        for t in 0..64 {
            let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let t1 =
                h.wrapping_add(s1).wrapping_add((e & f) ^ (!e & g)).wrapping_add(K[t]).wrapping_add(words[t]);
            let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            let t2 = s0.wrapping_add((a & b) ^ (a & c) ^ (b & c));
            (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(t1), c, b, a, t1.wrapping_add(t2));
        }
        for (word, value) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *word = word.wrapping_add(value);
        }
    }
    state.iter().fold(0, |sum, word| sum.wrapping_mul(31).wrapping_add(u64::from(*word)))
}

#[inline(never)]
fn fib_of(n: u32) -> u64 {
    if n < 2 {
        return u64::from(n);
    }
    fib_of(black_box(n).wrapping_sub(1)).wrapping_add(fib_of(n.wrapping_sub(2)))
}

/// Many tiny calls.
pub fn fib() -> u64 {
    fib_of(black_box(29))
}

/// Dense floating-point loops.
pub fn matmul() -> u64 {
    const N: usize = 128;
    let a: Vec<f64> = (0..N * N).map(|i| black_box(i as f64) * 0.5).collect();
    let b: Vec<f64> = (0..N * N).map(|i| (i % 7) as f64).collect();
    let mut c = vec![0.0f64; N * N];
    for i in 0..N {
        for j in 0..N {
            c[i * N + j] = (0..N).map(|k| a[i * N + k] * b[k * N + j]).sum();
        }
    }
    c.iter().fold(0, |sum, x| sum ^ x.to_bits())
}

fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    *state >> 16
}

/// Branches and scattered memory.
pub fn sort() -> u64 {
    let mut seed = black_box(7);
    let mut values: Vec<u64> = (0..200_000).map(|_| random(&mut seed)).collect();
    values.sort_unstable();
    values.iter().step_by(97).fold(0, |sum, value| sum.wrapping_mul(31).wrapping_add(*value))
}

/// Text out and in: numbers to JSON and back.
pub fn json() -> u64 {
    use std::fmt::Write;
    let mut seed = black_box(11);
    let mut text = String::from("[");
    for _ in 0..20_000 {
        let _ = write!(text, "{{\"id\":{},\"name\":\"n{}\"}},", random(&mut seed), random(&mut seed) % 1_000);
    }
    let (mut sum, mut number) = (0u64, 0u64);
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => number = number.wrapping_mul(10).wrapping_add(u64::from(byte - b'0')),
            _ => {
                sum = sum.wrapping_mul(31).wrapping_add(number);
                number = 0;
            }
        }
    }
    sum
}

/// Scalar floating point with unpredictable ends.
pub fn mandelbrot() -> u64 {
    let mut sum = 0u64;
    for y in 0..160 {
        for x in 0..160 {
            let (cr, ci) = (f64::from(black_box(x)) / 80.0 - 1.5, f64::from(y) / 80.0 - 1.0);
            let (mut zr, mut zi, mut n) = (0.0f64, 0.0f64, 0u64);
            while n < 200 && zr * zr + zi * zi < 4.0 {
                (zr, zi, n) = (zr * zr - zi * zi + cr, 2.0 * zr * zi + ci, n.wrapping_add(1));
            }
            sum = sum.wrapping_add(n);
        }
    }
    sum
}

/// Bulk moves.
pub fn memcpy() -> u64 {
    let source = vec![black_box(3u8); 1 << 20];
    let mut target = vec![0u8; 1 << 20];
    for round in 0..64 {
        target.copy_from_slice(black_box(&source));
        target[round] ^= 1;
    }
    target.iter().step_by(4096).map(|byte| u64::from(*byte)).sum()
}
