//! Where parts come in: no peer has more than a few waiting, so nobody's parts keep out those of others or packages.

use super::News;
use crate::net::Received;
use crate::types::NodeIndex;
use crate::types::limits::STATE_PARTS_WAITING_PER_PEER;
use std::collections::BTreeMap;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A part's place among those of its sender, given back when dropped.
pub struct Place {
    _held: OwnedSemaphorePermit,
}

#[cfg(test)]
impl Place {
    /// One of nobody.
    pub fn new() -> Place {
        let held = Arc::new(Semaphore::new(1)).try_acquire_owned();
        Place { _held: held.expect("a new semaphore has a permit") }
    }
}

/// The end at which parts are put.
pub struct PartDoor {
    news: SyncSender<News>,
    free: Mutex<BTreeMap<NodeIndex, Arc<Semaphore>>>,
}

impl PartDoor {
    /// A door to the thread that hears these news.
    pub fn new(news: SyncSender<News>) -> PartDoor {
        PartDoor { news, free: Mutex::default() }
    }

    /// Puts a part; lets it go if too many of its sender wait, which are more than one is asked for.
    pub fn put(&self, received: Received) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let places = || Arc::new(Semaphore::new(STATE_PARTS_WAITING_PER_PEER));
        let place = free.entry(received.from).or_insert_with(places).clone().try_acquire_owned();
        drop(free);
        if let Ok(held) = place {
            let _ = self.news.try_send(News::Part(received, Place { _held: held }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{PeerMessage, StatePart};
    use std::sync::mpsc::sync_channel;

    #[test]
    fn parts_that_one_peer_sends_unasked_leave_room_for_those_of_others() {
        let (news, heard) = sync_channel(100);
        let door = PartDoor::new(news);
        let put = |peer, id| {
            let part = PeerMessage::StatePart(StatePart { id, part: None });
            door.put(Received::new(NodeIndex(peer), part));
        };
        (0..10_000).for_each(|id| put(1, id));
        put(2, 0);
        assert_eq!(heard.try_iter().count(), STATE_PARTS_WAITING_PER_PEER + 1);
        (0..10_000).for_each(|id| put(1, id));
        assert_eq!(heard.try_iter().count(), STATE_PARTS_WAITING_PER_PEER, "what was taken made room");
    }
}
