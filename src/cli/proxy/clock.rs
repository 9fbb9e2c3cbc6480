//! Waking at a moment to within a fraction of a millisecond; tokio's timers count whole ones.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Instant;
use tokio::sync::oneshot;

/// One thread that sleeps until the next moment asked for. It ends with the process.
#[derive(Clone)]
pub struct Clock(Arc<Shared>);

#[derive(Default)]
struct Shared {
    alarms: Mutex<Alarms>,
    earlier: Condvar,
}

#[derive(Default)]
struct Alarms {
    moments: BinaryHeap<Reverse<(Instant, u64)>>,
    wakers: std::collections::BTreeMap<u64, oneshot::Sender<()>>,
    next: u64,
}

impl Clock {
    /// Starts the thread.
    pub fn start() -> io::Result<Clock> {
        let shared = Arc::new(Shared::default());
        let clock = Clock(shared.clone());
        thread::Builder::new().name("atoll-clock".to_string()).spawn(move || shared.run())?;
        Ok(clock)
    }

    /// Waits until `moment`.
    pub async fn until(&self, moment: Instant) {
        if moment <= Instant::now() {
            return;
        }
        let alarm = self.0.set(moment);
        let _ = alarm.await;
    }
}

impl Shared {
    fn set(&self, moment: Instant) -> oneshot::Receiver<()> {
        let (waker, alarm) = oneshot::channel();
        let mut alarms = self.alarms.lock().unwrap_or_else(PoisonError::into_inner);
        let number = alarms.next;
        alarms.next += 1;
        alarms.wakers.insert(number, waker);
        alarms.moments.push(Reverse((moment, number)));
        let first = matches!(alarms.moments.peek(), Some(Reverse((_, first))) if *first == number);
        drop(alarms);
        if first {
            self.earlier.notify_one();
        }
        alarm
    }

    fn run(&self) {
        let mut alarms = self.alarms.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let now = Instant::now();
            alarms.wake_due(now);
            let next = alarms.moments.peek().map(|Reverse((moment, _))| *moment);
            alarms = match next {
                Some(moment) => {
                    let wait = moment.saturating_duration_since(now);
                    let woken = self.earlier.wait_timeout(alarms, wait);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let woken = self.earlier.wait(alarms);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }
}

impl Alarms {
    fn wake_due(&mut self, now: Instant) {
        while let Some(Reverse((moment, number))) = self.moments.peek().copied()
            && moment <= now
        {
            self.moments.pop();
            if let Some(waker) = self.wakers.remove(&number) {
                let _ = waker.send(());
            }
        }
    }
}
