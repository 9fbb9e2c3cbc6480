//! Random proposals over a chain that refuses, deals, forgets and moves on, with readings and carriers that
//! come late or not at all: in the end the members are who was asked for, and the records say so.

use super::*;
use crate::orders::is_under_way;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeSet;

const SEEDS: u64 = 30;
const TURNS: u32 = 300;
const NODES: u16 = 24;

struct World {
    memory: VectorMemory,
    registry: TestRegistry,
    chain: Chain,
    /// The nodes that shall be members once all orders are done.
    wanted: BTreeSet<Principal>,
    /// Orders that replicas carry, old ones too.
    carried: Vec<Vec<u8>>,
    accepted: u32,
    refused: u32,
}

impl World {
    fn new(members: u16) -> Self {
        let memory = VectorMemory::default();
        let mut registry = Registry::open(memory.clone(), own_id());
        let operators = vec![
            InitialOperator { operator: operator(1), nodes: vec![] },
            InitialOperator { operator: operator(2), nodes: vec![] },
        ];
        let args = InitArgs {
            data_centers: Some(vec![center()]),
            operators: Some(operators),
            ..InitArgs::default()
        };
        registry.configure(args, true, by(principal(9))).unwrap_or_else(|error| panic!("{error:?}"));
        let chain = Chain::of((0..members).map(card).collect());
        read(&mut registry, &chain);
        let wanted = (0..members).map(id).collect();
        Self { memory, registry, chain, wanted, carried: Vec::new(), accepted: 0, refused: 0 }
    }

    fn propose(&mut self, random: &mut StdRng) {
        let (coming, leaving) = (random.gen_range(0..NODES), random.gen_range(0..NODES));
        let (is_in, comes) = (self.wanted.contains(&id(leaving)), !self.wanted.contains(&id(coming)));
        let (made, possible) = match random.gen_range(0..3) {
            0 => (self.registry.add_node(voted(), adding(coming)), comes),
            1 => (self.registry.remove_node(voted(), removing(leaving)), is_in && self.wanted.len() > 1),
            _ => (self.registry.replace_node(voted(), replacing(leaving, coming)), is_in && comes),
        };
        assert_eq!(made.is_ok(), possible, "{made:?}");
        self.accepted += u32::from(possible);
        self.refused += u32::from(!possible);
        // Which kind it was shows in the last order.
        if let (true, Some(order)) = (possible, self.registry.orders().pop()) {
            if let Some(leaving) = order.remove {
                self.wanted.remove(&leaving);
            }
            if let Some(card) = order.add {
                self.wanted.insert(node_id(&card.identity_key));
            }
        }
    }

    fn turn(&mut self, random: &mut StdRng) {
        match random.gen_range(0..20) {
            0..=2 => self.propose(random),
            3..=6 => self.carried.extend(self.registry.open_order_bytes()),
            7..=11 if !self.carried.is_empty() => {
                let order = &self.carried[random.gen_range(0..self.carried.len())];
                self.chain.take(order);
            }
            12 => self.chain.dealing = true,
            13..=14 => self.chain.end_epoch(),
            15 => self.registry = Registry::open(self.memory.clone(), own_id()),
            _ => {
                read(&mut self.registry, &self.chain);
            }
        }
        self.check();
    }

    fn check(&self) {
        let orders: Vec<Order> = self.registry.orders().into_iter().filter(is_under_way).collect();
        let open = orders.iter().filter(|order| order.status != OrderStatus::Queued).count();
        assert_eq!(open, usize::from(!orders.is_empty()), "one is open if any is under way");
        assert_eq!(self.registry.open_order_bytes().is_some(), open == 1);
    }

    /// Everything works now.
    fn come_to_rest(&mut self) {
        for _ in 0..1_000 {
            read(&mut self.registry, &self.chain);
            if self.registry.is_settled() {
                return;
            }
            if let Some(order) = self.registry.open_order_bytes() {
                self.chain.take(&order);
            }
            self.chain.end_epoch();
        }
        panic!("orders are under way for ever");
    }

    fn check_end(&self) {
        let members: BTreeSet<Principal> =
            self.chain.members.iter().map(|card| node_id(&card.identity_key)).collect();
        assert_eq!(members, self.wanted);
        for node in self.registry.nodes() {
            let expected =
                if members.contains(&node.node_id) { NodeStatus::Member } else { NodeStatus::Gone };
            assert_eq!(node.status, expected, "{}", node.card.name);
        }
        let ended = self.registry.orders();
        assert!(ended.iter().all(|order| order.status == OrderStatus::Done));
    }
}

#[test]
fn every_order_that_was_accepted_is_done_and_the_records_follow_the_chain() {
    let (mut accepted, mut refused) = (0, 0);
    for seed in 0..SEEDS {
        let mut random = StdRng::seed_from_u64(seed);
        let mut world = World::new(1 + (seed % 10) as u16);
        for _ in 0..TURNS {
            world.turn(&mut random);
            // Giving up has its own case; here the chain never stands still for so long.
            if random.gen_bool(0.1)
                && let Some(order) = world.registry.open_order_bytes()
            {
                world.chain.dealing = false;
                world.chain.take(&order);
            }
        }
        world.come_to_rest();
        world.check_end();
        accepted += world.accepted;
        refused += world.refused;
    }
    assert!(accepted > 300 && refused > 300, "{accepted} accepted, {refused} refused");
}
