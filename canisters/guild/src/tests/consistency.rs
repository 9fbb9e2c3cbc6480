//! Guild and its graph agree in the end, whatever happens between them.
//!
//! A message that traps changes nothing and sends nothing: here the canister's memory is put back to what it was and opened
//! again, as the platform does. A call is four steps: Guild writes its intent and asks; the request travels; the graph
//! applies it; the answer travels and Guild settles. Each can fail, and requests and answers can also come twice and late.

use super::*;
use crate::records::Intent;
use crate::stored::Stored;
use guild_connections::{Graph, PairPage};
use std::cell::RefCell;
use std::rc::Rc;

type TestGraph = Graph<VectorMemory>;

const PEOPLE: u8 = 6;

fn guild_id() -> Principal {
    Principal::from_slice(&[9, 9])
}

fn copy(memory: &VectorMemory) -> VectorMemory {
    Rc::new(RefCell::new(memory.borrow().clone()))
}

/// What can go wrong with one call from Guild to the graph.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    Nothing,
    GuildTrapsBeforeItAsks,
    RequestIsLost,
    GraphTraps,
    AnswerIsLost,
    GuildTrapsWhenItSettles,
    RequestComesTwice,
    AnswerComesTwice,
    /// After the repair has told the same.
    RequestComesLate,
}

const FAULTS: [Fault; 9] = [
    Fault::Nothing,
    Fault::GuildTrapsBeforeItAsks,
    Fault::RequestIsLost,
    Fault::GraphTraps,
    Fault::AnswerIsLost,
    Fault::GuildTrapsWhenItSettles,
    Fault::RequestComesTwice,
    Fault::AnswerComesTwice,
    Fault::RequestComesLate,
];

type Answer = Vec<(u64, Outcome)>;

/// Both canisters, and what travels between them.
struct World {
    app_memory: VectorMemory,
    graph_memory: VectorMemory,
    app: TestApp,
    graph: TestGraph,
    requests: Vec<Vec<Change>>,
    answers: Vec<Answer>,
    ids: Vec<UserId>,
}

impl World {
    /// People who know nobody; person n has `ids[n]`.
    fn new() -> Self {
        let (app_memory, graph_memory) = (VectorMemory::default(), VectorMemory::default());
        let mut app = TestApp::open(app_memory.clone());
        let mut graph = TestGraph::open(graph_memory.clone());
        graph.set_guild(Some(guild_id()));
        let ids = (0..PEOPLE).map(|person| join(&mut app, person)).collect();
        let (requests, answers) = (Vec::new(), Vec::new());
        Self { app_memory, graph_memory, app, graph, requests, answers, ids }
    }

    fn upgrade_both(&mut self) {
        self.app = TestApp::open(self.app_memory.clone());
        self.graph = TestGraph::open(self.graph_memory.clone());
    }

    /// A message to Guild; one that traps leaves nothing.
    fn guild<T>(&mut self, traps: bool, work: impl FnOnce(&mut TestApp) -> T) -> Option<T> {
        let before = traps.then(|| copy(&self.app_memory));
        let answer = work(&mut self.app);
        let Some(before) = before else { return Some(answer) };
        self.app_memory = before;
        self.app = TestApp::open(self.app_memory.clone());
        None
    }

    /// A message to the graph with changes; its answer, unless it traps.
    fn deliver(&mut self, traps: bool, changes: &[Change]) -> Option<Answer> {
        let before = traps.then(|| copy(&self.graph_memory));
        let outcomes = self.graph.apply(guild_id(), changes);
        if let Some(before) = before {
            self.graph_memory = before;
            self.graph = TestGraph::open(self.graph_memory.clone());
            return None;
        }
        Some(changes.iter().map(|it| it.number).zip(outcomes.expect("Guild may write")).collect())
    }

    fn settle(&mut self, traps: bool, answer: &Answer) {
        self.guild(traps, |app| {
            answer.iter().for_each(|(number, outcome)| app.settle(*number, *outcome, NOW))
        });
    }

    /// One call to Guild that is to be told the graph, with one fault on its way.
    fn ask(&mut self, fault: Fault, work: impl Fn(&mut TestApp) -> Result<Option<Change>, Refusal>) {
        let begun = self.guild(fault == Fault::GuildTrapsBeforeItAsks, &work);
        let Some(Some(wish)) = begun.map(ok) else { return };
        match fault {
            Fault::RequestIsLost => return,
            Fault::RequestComesLate => return self.requests.push(vec![wish]),
            Fault::RequestComesTwice => {
                self.deliver(false, &[wish]);
            }
            _ => {}
        }
        let Some(answer) = self.deliver(fault == Fault::GraphTraps, &[wish]) else { return };
        if fault == Fault::AnswerIsLost {
            return;
        }
        self.settle(fault == Fault::GuildTrapsWhenItSettles, &answer);
        if fault == Fault::AnswerComesTwice {
            self.settle(false, &answer);
        }
    }

    /// A stroke of the timer.
    fn tick(&mut self) {
        let changes = self.app.unsettled();
        if let Some(answer) = self.deliver(false, &changes) {
            self.settle(false, &answer);
        }
        self.app.sweep(NOW);
    }

    /// Strokes until nothing waits any more: a bounded number of them.
    fn repair(&mut self) {
        for _ in 0..8 {
            self.tick();
        }
        assert_eq!((self.app.totals().pending, self.app.is_sweeping()), (0, false));
    }

    fn connected_in_guild(&self, a: UserId, b: UserId) -> bool {
        let page = self.app.connections(nobody(), a, None, 50).people;
        page.iter().any(|card| card.id == b)
    }

    /// What holds at every moment: what Guild calls connected, the graph does too; and what the graph calls connected
    /// Guild knows of.
    #[track_caller]
    fn assert_sound(&self) {
        for (index, a) in self.ids.iter().enumerate() {
            for b in &self.ids[index + 1..] {
                let (guild, graph) = (self.connected_in_guild(*a, *b), self.graph.connected(*a, *b));
                assert!(!guild || graph, "{a} and {b} are connected in Guild alone");
                assert!(
                    !graph || self.app.bond(*a, *b).is_some(),
                    "{a} and {b} are connected in the graph alone"
                );
            }
        }
    }

    /// Both say the same, and all counts are right.
    #[track_caller]
    fn assert_agree(&self) {
        let mut sum = 0;
        for a in &self.ids {
            let mut degree = 0;
            for b in self.ids.iter().filter(|it| *it != a) {
                let graph = self.graph.connected(*a, *b);
                assert_eq!(
                    (self.connected_in_guild(*a, *b), graph),
                    (graph, self.graph.connected(*b, *a)),
                    "{a} {b}"
                );
                degree += u32::from(graph);
            }
            if let Some(card) = self.app.cards(nobody(), &[*a]).first() {
                assert_eq!(card.connections, degree);
            }
            if let Ok(user) = self.app.user(*a) {
                assert_eq!(user.bonds, degree);
            }
            sum += u64::from(degree);
        }
        assert_eq!((self.app.totals().connections * 2, self.graph.totals().connections * 2), (sum, sum));
    }

    /// What an admin does after one of the two was put back to an older state.
    fn reconcile(&mut self) {
        let mut after = None;
        loop {
            let page = self.graph.pairs(after);
            after = ok(self.app.part_unknown(controller(), &page));
            if after.is_none() {
                break;
            }
        }
        assert_eq!(ok(self.app.tell_again(controller(), None)), None);
        self.repair();
    }

    /// Person 1 is connected with persons 2, 3 and 4.
    fn of_four() -> Self {
        let mut world = Self::new();
        let ids = world.ids.clone();
        for other in 2..=4 {
            ok(world.app.invite(by(1), ids[usize::from(other)], ""));
            world.ask(Fault::Nothing, accept(other, ids[1]));
        }
        world
    }

    fn told_connected(&self, person: u8) -> usize {
        let page = ok(self.app.notifications(by(person), None, 50)).notifications;
        page.iter().filter(|it| it.news == News::Connected).count()
    }
}

fn accept(person: u8, whom: UserId) -> impl Fn(&mut TestApp) -> Result<Option<Change>, Refusal> {
    move |app| app.accept(by(person), whom)
}

/// Ends a connection, or one that is being made.
fn part(person: u8, whom: UserId) -> impl Fn(&mut TestApp) -> Result<Option<Change>, Refusal> {
    move |app| match app.disconnect(by(person), whom) {
        // what trapped when it was accepted is an invitation still
        Err(Refusal::NotConnected) => Ok(None),
        other => other,
    }
}

#[test]
fn a_call_that_nothing_happens_to_connects_at_once() {
    let mut world = World::new();
    let (ann, bob) = (world.ids[1], world.ids[2]);
    ok(world.app.invite(by(1), bob, "hello"));
    world.ask(Fault::Nothing, accept(2, ann));
    assert_eq!((tie(&world.app, 1, bob), tie(&world.app, 2, ann)), (Tie::Connected, Tie::Connected));
    world.assert_agree();
    world.ask(Fault::Nothing, part(1, bob));
    assert_eq!((tie(&world.app, 1, bob), world.graph.connected(ann, bob)), (Tie::Stranger, false));
    world.assert_agree();
}

/// One fault when connecting, another when parting, with or without an upgrade of both canisters before the repair.
fn check(connecting: Fault, parting: Option<Fault>, upgrade: bool) {
    let mut world = World::new();
    let (ann, bob) = (world.ids[1], world.ids[2]);
    ok(world.app.invite(by(1), bob, ""));
    world.ask(connecting, accept(2, ann));
    world.assert_sound();
    if let Some(fault) = parting {
        world.ask(fault, part(1, bob));
        world.assert_sound();
    }
    if upgrade {
        world.upgrade_both();
    }
    world.repair();
    for late in std::mem::take(&mut world.requests) {
        if let Some(answer) = world.deliver(false, &late) {
            world.settle(false, &answer);
        }
        world.assert_sound();
    }
    world.repair();
    world.assert_agree();
    let begun = connecting != Fault::GuildTrapsBeforeItAsks;
    let ended = parting.is_some_and(|it| it != Fault::GuildTrapsBeforeItAsks);
    assert_eq!(world.graph.connected(ann, bob), begun && !ended, "{connecting:?} {parting:?}");
    if begun && parting.is_none() {
        assert_eq!(world.told_connected(1), 1, "{connecting:?}");
        // told once, and not again in place of the first: one was invited, one connected
        assert_eq!(world.app.counters.get().0.next_notice, 2, "{connecting:?}");
    }
}

#[test]
fn whatever_fails_when_connecting_both_agree_after_the_repair() {
    for fault in FAULTS {
        check(fault, None, false);
    }
}

#[test]
fn whatever_fails_when_connecting_both_agree_after_an_upgrade_and_the_repair() {
    for fault in FAULTS {
        check(fault, None, true);
    }
}

#[test]
fn whatever_fails_when_connecting_and_when_parting_both_agree_after_the_repair() {
    for connecting in FAULTS {
        for parting in FAULTS {
            check(connecting, Some(parting), false);
        }
    }
}

#[test]
fn a_trap_before_asking_leaves_the_invitation_as_it_was() {
    let mut world = World::new();
    let (ann, bob) = (world.ids[1], world.ids[2]);
    ok(world.app.invite(by(1), bob, "hello"));
    world.ask(Fault::GuildTrapsBeforeItAsks, accept(2, ann));
    assert_eq!(tie(&world.app, 2, ann), Tie::Invites);
    assert_eq!(ok(world.app.profile(by(2), ann)).invitation_note.as_deref(), Some("hello"));
    world.ask(Fault::Nothing, accept(2, ann));
    world.assert_agree();
    assert_eq!(world.told_connected(1), 1);
}

#[test]
fn what_is_not_confirmed_is_told_honestly() {
    let mut world = World::new();
    let (ann, bob) = (world.ids[1], world.ids[2]);
    ok(world.app.invite(by(1), bob, ""));
    world.ask(Fault::AnswerIsLost, accept(2, ann));
    assert_eq!((tie(&world.app, 2, ann), world.app.totals().pending), (Tie::Connecting, 1));
    assert_eq!(world.told_connected(1), 0);
    // asked again, it is the same wish
    world.ask(Fault::Nothing, accept(2, ann));
    assert_eq!((tie(&world.app, 2, ann), world.told_connected(1)), (Tie::Connected, 1));
    world.ask(Fault::GraphTraps, part(2, ann));
    assert_eq!((tie(&world.app, 2, ann), world.app.totals().pending), (Tie::Parting, 1));
    refused(world.app.invite(by(2), ann, ""), Refusal::Pending);
    world.repair();
    assert_eq!(tie(&world.app, 2, ann), Tie::Stranger);
    world.assert_agree();
}

#[test]
fn a_graph_that_is_full_ends_the_wish() {
    let mut world = World::new();
    let (ann, bob) = (world.ids[1], world.ids[2]);
    let others = (0..CONNECTIONS_MAX).map(|it| Change {
        a: bob,
        b: 1_000 + it,
        connected: true,
        number: u64::from(it) + 1,
    });
    for part in others.collect::<Vec<_>>().chunks(100) {
        world.deliver(false, part);
    }
    ok(world.app.invite(by(1), bob, ""));
    world.ask(Fault::Nothing, accept(2, ann));
    assert_eq!((tie(&world.app, 2, ann), world.app.totals().pending), (Tie::Stranger, 0));
    assert_eq!(ok(world.app.user(bob)).bonds, 0);
}

#[test]
fn a_guild_put_back_to_an_older_state_comes_to_agree_again() {
    let mut world = World::new();
    let (ann, bob) = (world.ids[1], world.ids[2]);
    ok(world.app.invite(by(1), bob, ""));
    let old = copy(&world.app_memory);
    world.ask(Fault::Nothing, accept(2, ann));
    world.ask(Fault::Nothing, part(2, ann));
    world.app_memory = old;
    world.upgrade_both();
    world.ask(Fault::Nothing, accept(2, ann));
    assert_eq!(tie(&world.app, 2, ann), Tie::Connecting);
    world.repair();
    assert_eq!(tie(&world.app, 2, ann), Tie::Connected);
    world.assert_agree();
}

#[test]
fn a_number_that_a_guild_put_back_gives_again_keeps_both_in_agreement() {
    let mut world = World::new();
    let (ann, bob) = (world.ids[1], world.ids[2]);
    ok(world.app.invite(by(1), bob, ""));
    world.ask(Fault::Nothing, accept(2, ann));
    let old = copy(&world.app_memory);
    // one change, whose number the Guild that is put back gives to the opposite
    world.ask(Fault::Nothing, part(2, ann));
    world.app_memory = old;
    world.upgrade_both();
    assert_eq!(ok(world.app.tell_again(controller(), None)), None);
    world.repair();
    world.assert_agree();
    assert!(world.graph.connected(ann, bob));
}

#[test]
fn a_graph_that_lost_all_is_told_again() {
    let mut world = World::new();
    let ids = world.ids.clone();
    for other in 2..PEOPLE {
        ok(world.app.invite(by(1), ids[usize::from(other)], ""));
        world.ask(Fault::Nothing, accept(other, ids[1]));
    }
    world.graph_memory = VectorMemory::default();
    world.upgrade_both();
    world.graph.set_guild(Some(guild_id()));
    refused(world.app.tell_again(by(1), None), Refusal::NotAllowed);
    assert_eq!(ok(world.app.tell_again(controller(), None)), None);
    // somebody parts meanwhile: the later wish wins
    world.ask(Fault::RequestIsLost, part(1, ids[2]));
    world.repair();
    world.assert_agree();
    assert_eq!(world.graph.totals().connections, u64::from(PEOPLE) - 3);
}

#[test]
fn a_graph_put_back_to_an_older_state_is_told_what_ended_since() {
    let mut world = World::of_four();
    let ids = world.ids.clone();
    let old = copy(&world.graph_memory);
    world.ask(Fault::Nothing, part(1, ids[2]));
    ok(world.app.delete_me(by(3)));
    world.repair();
    // one who parted and invites again stays one who invites
    ok(world.app.invite(by(1), ids[2], "again"));
    world.graph_memory = old;
    world.upgrade_both();
    assert!(world.graph.connected(ids[1], ids[2]) && world.graph.connected(ids[1], ids[3]));
    let page = world.graph.pairs(None);
    refused(world.app.part_unknown(by(1), &page), Refusal::NotAllowed);
    world.reconcile();
    world.assert_agree();
    assert_eq!((tie(&world.app, 2, ids[1]), world.graph.totals().connections), (Tie::Invites, 1));
}

#[test]
fn a_guild_put_back_to_an_older_state_parts_who_connected_since() {
    let mut world = World::of_four();
    let ids = world.ids.clone();
    let old = copy(&world.app_memory);
    ok(world.app.invite(by(2), ids[3], ""));
    world.ask(Fault::Nothing, accept(3, ids[2]));
    world.app_memory = old;
    world.upgrade_both();
    world.reconcile();
    world.assert_agree();
    assert_eq!(world.graph.totals().connections, 3);
}

#[test]
fn a_guild_installed_anew_parts_all_that_the_graph_knows() {
    let mut world = World::of_four();
    world.app_memory = VectorMemory::default();
    world.upgrade_both();
    world.ids = (0..PEOPLE).map(|person| join(&mut world.app, person)).collect();
    let ids = world.ids.clone();
    // two who connect meanwhile stay connected
    ok(world.app.invite(by(1), ids[2], ""));
    world.ask(Fault::AnswerIsLost, accept(2, ids[1]));
    world.reconcile();
    world.assert_agree();
    assert_eq!((tie(&world.app, 1, ids[2]), world.graph.totals().connections), (Tie::Connected, 1));
}

#[test]
fn who_tells_many_changes_leaves_room_to_everybody_else() {
    let mut world = World::of_four();
    let ids = world.ids.clone();
    ok(world.app.invite(by(2), ids[3], ""));
    world.ask(Fault::Nothing, accept(3, ids[2]));
    publish(&mut world.app, 1, "of one who leaves");
    ok(world.app.invite(by(2), ids[5], ""));
    let waiting = |nth: u64| (1_000_000 + nth, Intent { a: 1_000_000, b: 1_000_001, connected: true });
    for (number, intent) in (0..INTENTS_OF_MANY).map(waiting) {
        world.app.intents.insert(number, Stored(intent));
    }
    ok(world.app.delete_me(by(1)));
    world.app.sweep(NOW);
    // nothing but the partings waits for room
    assert_eq!((world.app.totals().pending, world.app.totals().posts), (INTENTS_OF_MANY, 0));
    let page = world.graph.pairs(None);
    let from = ok(world.app.tell_again(controller(), None));
    let stranger = PairPage { pairs: vec![(0, 77)], next: page.next };
    assert_eq!(ok(world.app.part_unknown(controller(), &stranger)), Some((0, 76)));
    assert!(from.is_some() && world.app.totals().pending == INTENTS_OF_MANY);
    // others connect and part
    world.ask(Fault::Nothing, accept(5, ids[2]));
    world.ask(Fault::Nothing, part(3, ids[2]));
    assert_eq!((tie(&world.app, 5, ids[2]), tie(&world.app, 3, ids[2])), (Tie::Connected, Tie::Stranger));
    (0..INTENTS_OF_MANY).map(waiting).for_each(|(number, _)| {
        world.app.intents.remove(&number);
    });
    assert_eq!(ok(world.app.tell_again(controller(), from)), None);
    world.repair();
    world.assert_agree();
    assert_eq!(world.graph.totals().connections, 1);
}

#[test]
fn who_leaves_is_connected_with_nobody_in_either() {
    for fault in FAULTS {
        let mut world = World::new();
        let ids = world.ids.clone();
        for (other, fault) in [(2, Fault::Nothing), (3, fault), (4, Fault::Nothing)] {
            ok(world.app.invite(by(1), ids[usize::from(other)], ""));
            world.ask(fault, accept(other, ids[1]));
        }
        ok(world.app.delete_me(by(1)));
        world.assert_sound();
        world.upgrade_both();
        world.repair();
        for late in std::mem::take(&mut world.requests) {
            world.deliver(false, &late);
        }
        world.assert_agree();
        assert_eq!((world.graph.totals().connections, world.app.totals().users), (0, u64::from(PEOPLE) - 1));
    }
}

/// Numbers that look like chance and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn happens(&mut self, percent: usize) -> bool {
        self.roll(100) < percent
    }

    fn person(&mut self) -> u8 {
        self.roll(PEOPLE.into()) as u8
    }
}

/// One thing that happens somewhere.
fn one_step(world: &mut World, dice: &mut Dice) {
    let (one, other) = (dice.person(), dice.person());
    let whom = world.ids[usize::from(other)];
    let traps = dice.happens(4);
    match dice.roll(8) {
        0 | 1 => {
            let wish = world.guild(traps, |app| app.invite(by(one), whom, "").ok().flatten()).flatten();
            world.requests.extend(wish.map(|it| vec![it]));
        }
        2 => {
            let wish = world.guild(traps, |app| app.accept(by(one), whom).ok().flatten()).flatten();
            world.requests.extend(wish.map(|it| vec![it]));
        }
        3 => {
            let wish = world.guild(traps, |app| app.disconnect(by(one), whom).ok().flatten()).flatten();
            world.requests.extend(wish.map(|it| vec![it]));
        }
        4 if !world.requests.is_empty() => {
            // in any order; some are lost, some come again
            let at = dice.roll(world.requests.len());
            let request = world.requests[at].clone();
            if !dice.happens(15) {
                world.requests.swap_remove(at);
            }
            if !dice.happens(10) {
                let answer = world.deliver(traps, &request);
                world.answers.extend(answer);
            }
        }
        5 if !world.answers.is_empty() => {
            let at = dice.roll(world.answers.len());
            let answer = world.answers[at].clone();
            if !dice.happens(15) {
                world.answers.swap_remove(at);
            }
            if !dice.happens(10) {
                world.settle(traps, &answer);
            }
        }
        6 => {
            let changes = world.app.unsettled();
            world.requests.extend(Some(changes).filter(|it| !it.is_empty()));
        }
        7 if dice.happens(5) => world.upgrade_both(),
        _ => {}
    }
}

#[test]
fn in_every_history_of_faults_both_stay_sound_and_agree_in_the_end() {
    for seed in 1..=12 {
        let (mut world, mut dice) = (World::new(), Dice(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed)));
        for _ in 0..500 {
            one_step(&mut world, &mut dice);
            world.assert_sound();
        }
        assert!(world.graph.totals().connections + world.graph.totals().ended > 0, "seed {seed} did nothing");
        world.repair();
        // what still travels changes nothing
        for late in std::mem::take(&mut world.requests) {
            world.deliver(false, &late);
        }
        for late in std::mem::take(&mut world.answers) {
            world.settle(false, &late);
        }
        world.assert_agree();
    }
}
