//! Asks the registry canister what the members are to become, and hands its order to the chain (rule 15).

use super::handle::{CertifiedState, Handle};
use super::wall_clock;
use crate::encoding::management::encode_unit;
use crate::encoding::registry::{GET_MEMBERSHIP_ORDER, decode_order};
use crate::ingress::anonymous_query;
use crate::types::limits::{REGISTRY_PAUSE_MS, REGISTRY_RETRY_MS};
use crate::types::*;
use std::time::Duration;

/// The registry canister, as this node asks it.
pub struct Registry {
    canister: CanisterId,
    handle: Handle,
    /// When it last answered.
    answered: Option<Sight>,
}

/// What its answer can depend on.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Sight {
    certified_data: Vec<u8>,
    version: u64,
    epoch: Epoch,
}

impl Sight {
    /// Of this state; `None` while no order would be taken, or if there is no such canister.
    fn of(certified: &CertifiedState, canister: CanisterId) -> Option<Sight> {
        let succession = certified.state.succession()?;
        if succession.is_dealing(certified.height.next()) {
            return None;
        }
        Some(Sight {
            certified_data: certified.state.canister(canister)?.record.certified_data.clone(),
            version: succession.version(),
            epoch: succession.epoch(),
        })
    }
}

impl Registry {
    pub fn new(canister: CanisterId, handle: Handle) -> Registry {
        Registry { canister, handle, answered: None }
    }

    /// Looks after certified heights, until none is certified any more because the node has ended.
    pub async fn run(mut self) {
        let mut certified = self.handle.certified.clone();
        while certified.changed().await.is_ok() {
            if let Some(pause_ms) = self.look().await {
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            }
        }
    }

    /// Asks, if the answer may be another than before; then, how long not to ask again.
    async fn look(&mut self) -> Option<u64> {
        let sight = Sight::of(&*self.handle.certified()?, self.canister)?;
        if self.answered.as_ref() == Some(&sight) {
            return None;
        }
        let (canister, arg) = (self.canister.principal(), encode_unit());
        let query = anonymous_query(canister, GET_MEMBERSHIP_ORDER, &arg, wall_clock());
        let Ok(QueryResult::Replied(reply)) = self.handle.query(query).await else {
            return Some(REGISTRY_RETRY_MS);
        };
        self.answered = Some(sight);
        match decode_order(&reply) {
            Ok(Some(order)) => self.hand_over(order).await,
            Ok(None) => {}
            Err(error) => tracing::warn!(%canister, %error, "the registry canister's answer cannot be read"),
        }
        Some(REGISTRY_PAUSE_MS)
    }

    async fn hand_over(&mut self, order: MembershipOrder) {
        match self.handle.order_members(order).await {
            Ok(Ok(())) => tracing::info!("the registry canister's order of the membership waits for a block"),
            Ok(Err(reason)) => tracing::info!(%reason, "the registry canister's order is not taken"),
            Err(_) => self.answered = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::handle::{IngressDoor, Job};
    use super::super::mailbox::{Event, Mailbox};
    use super::super::tests::first_state;
    use super::*;
    use crate::crypto::node_key::IdentityKey;
    use crate::crypto::reshare::PublicShares;
    use crate::crypto::threshold::Keyring;
    use crate::encoding::management::encode;
    use crate::membership::Succession;
    use crate::state::{CanisterState, Settings};
    use serde_bytes::ByteBuf;
    use std::sync::Arc;
    use std::time::Instant;
    use tokio::sync::{Semaphore, mpsc, watch};

    const REGISTRY: CanisterId = CanisterId(0);

    /// After `height`, of an epoch of 20 heights, with this certified data of the registry.
    fn certified(height: u64, data: u8) -> Arc<CertifiedState> {
        let shares = PublicShares::of_keyring(&Keyring::simulated(Digest::ZERO, 1)[0]);
        let members = Succession::genesis(Digest::ZERO, 20, Vec::new(), &shares);
        let mut state = first_state().with_succession(members);
        let mut canister = CanisterState::new(Settings::with_controllers(Vec::new()), Cycles(1), Time::ZERO);
        canister.record.certified_data = vec![data; 32];
        state.put_canister(REGISTRY, canister);
        let (height, root) = (Height(height), StateRoot(Digest::ZERO));
        let certification = Certification { height, root, signature: BlsBytes([0; 48]) };
        Arc::new(CertifiedState { height, time: Time::ZERO, certification, state })
    }

    /// A registry canister that answers every question in the same way, or is too busy to.
    struct Fake {
        registry: Registry,
        certified: watch::Sender<Option<Arc<CertifiedState>>>,
        mailbox: Arc<Mailbox>,
        asked: Arc<std::sync::atomic::AtomicUsize>,
    }

    fn fake(answers: Vec<QueryResult>) -> Fake {
        let (certified, seen) = watch::channel(None);
        let (jobs, mut waiting) = mpsc::channel(4);
        let mailbox = Arc::new(Mailbox::default());
        let handle = Handle {
            identity: watch::channel(None).1,
            certified: seen,
            ingress: IngressDoor { mailbox: mailbox.clone(), places: Arc::new(Semaphore::new(4)) },
            jobs,
            signer: IdentityKey::from_bytes(&[1; 32]),
        };
        let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = asked.clone();
        tokio::spawn(async move {
            let mut answers = answers.into_iter();
            while let Some(job) = waiting.recv().await {
                let Job::Query { query, answer } = job else { panic!("an inspection") };
                assert_eq!(query.content().method_name, "get_membership_order");
                assert_eq!(query.content().canister_id, REGISTRY.principal());
                count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let _ = answer.send(answers.next().expect("another question"));
            }
        });
        Fake { registry: Registry::new(REGISTRY, handle), certified, mailbox, asked }
    }

    impl Fake {
        /// What a look at this state leads to, and how often the canister was asked by then.
        async fn look(&mut self, height: u64, data: u8) -> (Option<u64>, usize) {
            self.certified.send_replace(Some(certified(height, data)));
            let pause = self.registry.look().await;
            (pause, self.asked.load(std::sync::atomic::Ordering::Relaxed))
        }
    }

    fn no_order() -> QueryResult {
        QueryResult::Replied(encode(&None::<u8>).unwrap())
    }

    #[tokio::test]
    async fn the_registry_is_asked_when_its_certified_data_changed_and_an_order_would_be_taken() {
        let mut fake = fake(vec![no_order(), no_order()]);
        assert_eq!(fake.registry.look().await, None, "nothing is certified");
        assert_eq!(fake.look(1, 7).await, (Some(REGISTRY_PAUSE_MS), 1));
        assert_eq!(fake.look(2, 7).await, (None, 1));
        assert_eq!(fake.look(10, 8).await, (None, 1), "members deal already");
        assert_eq!(fake.look(9, 8).await, (Some(REGISTRY_PAUSE_MS), 2));
    }

    #[tokio::test]
    async fn a_registry_that_does_not_answer_is_asked_again() {
        let refusal = QueryResult::Rejected(Reject::new(ErrorCode::CanisterStopped, "stopped"));
        let mut fake = fake(vec![refusal, QueryResult::Replied(b"nonsense".to_vec())]);
        assert_eq!(fake.look(1, 7).await, (Some(REGISTRY_RETRY_MS), 1));
        assert_eq!(fake.look(2, 7).await, (Some(REGISTRY_PAUSE_MS), 2));
        assert_eq!(fake.look(3, 7).await, (None, 2), "what cannot be read is not asked for again");
    }

    #[tokio::test]
    async fn an_order_goes_to_the_replica_as_the_registry_gave_it() {
        #[derive(candid::CandidType, serde::Deserialize)]
        struct Open {
            order: ByteBuf,
            certificate: ByteBuf,
            witness: ByteBuf,
        }
        let blob = |byte: u8| ByteBuf::from(vec![byte]);
        let open = Open { order: blob(1), certificate: blob(2), witness: blob(3) };
        let mut fake = fake(vec![QueryResult::Replied(encode(&Some(open)).unwrap())]);
        let mailbox = fake.mailbox.clone();
        let replica = std::thread::spawn(move || {
            let events = mailbox.take(9, 9, Some(Instant::now() + Duration::from_secs(60)));
            let Some(Event::Order { order, .. }) = events.into_iter().next() else { panic!("no order") };
            order
        });
        // The replica is gone before it answers, so the registry will be asked again.
        assert_eq!(fake.look(1, 7).await, (Some(REGISTRY_PAUSE_MS), 1));
        let order = replica.join().unwrap();
        assert_eq!(
            (&order.order[..], &order.certificate[..], &order.witness[..]),
            (&[1][..], &[2][..], &[3][..])
        );
        assert_eq!(fake.registry.answered, None);
    }
}
