//! The table: one line a row, with the figure, its baseline, the ratio, the target, and whether it is met.

/// Median, least and greatest of a row of figures.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub greatest: f64,
}

impl Spread {
    /// Of at least one figure.
    pub fn of(mut figures: Vec<f64>) -> Spread {
        figures.sort_by(f64::total_cmp);
        let at = |index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
        Spread { median: at(figures.len() / 2), least: at(0), greatest: at(figures.len().saturating_sub(1)) }
    }
}

/// One line.
pub struct Row {
    pub number: &'static str,
    pub what: String,
    pub figure: String,
    pub baseline: String,
    /// What is compared with the target; smaller is better.
    pub ratio: Spread,
    pub target: f64,
}

/// Prints the table's head.
pub fn head() {
    println!(
        "{:<4} {:<58} {:>22} {:>22} {:>24} {:>8}  met",
        "row", "work", "figure", "baseline", "ratio (min–max)", "target"
    );
}

impl Row {
    /// Prints the line.
    pub fn print(&self) {
        let Spread { median, least, greatest } = self.ratio;
        let met = if median <= self.target { "yes" } else { "NO" };
        let ratio = format!("{median:.2} ({least:.2}–{greatest:.2})");
        println!(
            "{:<4} {:<58} {:>22} {:>22} {ratio:>24} {:>8.2}  {met}",
            self.number, self.what, self.figure, self.baseline, self.target
        );
    }
}

/// CPU seconds (user and system) of this thread, to the nanosecond.
pub fn thread_cpu() -> f64 {
    cpu_clock(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn cpu_clock(clock: libc::clockid_t) -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: clock_gettime fills the plain data that it is given.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// CPU seconds that `work` takes in this process: long runs have a thread of their own.
pub fn cpu_of(work: impl FnOnce()) -> f64 {
    let before = cpu_clock(libc::CLOCK_PROCESS_CPUTIME_ID);
    work();
    cpu_clock(libc::CLOCK_PROCESS_CPUTIME_ID) - before
}

/// User and system CPU seconds of a process so far, its threads included.
pub fn process_cpu(pid: i32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    // SAFETY: sysconf takes and returns plain numbers.
    (ticks(11) + ticks(12)) / unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64
}
