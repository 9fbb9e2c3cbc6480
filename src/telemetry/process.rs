//! What the operating system says about this process (`/proc/self`).

use std::fs;

/// Memory, CPU time and open files; a figure that cannot be read is left out.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Process {
    pub resident_bytes: Option<u64>,
    pub cpu_seconds: Option<f64>,
    pub open_files: Option<u64>,
}

impl Process {
    /// As of now.
    pub fn read() -> Process {
        Process {
            resident_bytes: resident_bytes(),
            cpu_seconds: cpu_seconds(),
            open_files: fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as u64),
        }
    }
}

/// Second field of `statm`, in pages.
fn resident_bytes() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(rustix::param::page_size() as u64)
}

/// Fields 14 and 15 of `stat`, user and system time in ticks; counted after the name, which may
/// hold spaces.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11);
    let user: u64 = ticks.next()?.parse().ok()?;
    let system: u64 = ticks.next()?.parse().ok()?;
    let per_second = rustix::param::clock_ticks_per_second();
    (per_second > 0).then(|| user.saturating_add(system) as f64 / per_second as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_own_memory_time_and_files() {
        let process = Process::read();
        assert!(process.resident_bytes.unwrap() > 100_000);
        assert!(process.cpu_seconds.unwrap() >= 0.0);
        assert!(process.open_files.unwrap() >= 3);
    }
}
