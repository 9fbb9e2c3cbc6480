//! The graph, by what it promises.

use crate::*;
use candid::Principal;
use ic_stable_structures::VectorMemory;

type TestGraph = Graph<VectorMemory>;

fn guild() -> Principal {
    Principal::from_slice(&[7, 1])
}

fn graph() -> TestGraph {
    let mut graph = TestGraph::open(VectorMemory::default());
    graph.set_guild(Some(guild()));
    graph
}

fn change(a: PersonId, b: PersonId, connected: bool, number: u64) -> Change {
    Change { a, b, connected, number }
}

#[track_caller]
fn apply(graph: &mut TestGraph, one: Change) -> Outcome {
    match graph.apply(guild(), &[one]).as_deref() {
        Ok([outcome]) => *outcome,
        other => panic!("{other:?}"),
    }
}

/// Connects pairs, each once.
fn of_pairs(pairs: &[(PersonId, PersonId)]) -> TestGraph {
    let mut graph = graph();
    for (index, (a, b)) in pairs.iter().enumerate() {
        assert_eq!(apply(&mut graph, change(*a, *b, true, index as u64 + 1)), Outcome::Done);
    }
    graph
}

/// Counts agree with the connections, which are there in both directions.
#[track_caller]
fn assert_whole(graph: &TestGraph, people: std::ops::RangeInclusive<PersonId>) {
    let mut sum = 0;
    for a in people.clone() {
        let page = graph.connections(a, None, PAGE_MAX as u32).people;
        assert!(page.iter().all(|b| graph.connected(*b, a)));
        sum += page.len() as u64;
    }
    assert_eq!(sum, graph.totals().connections * 2);
}

#[test]
fn only_guild_writes() {
    let mut graph = graph();
    let one = [change(1, 2, true, 1)];
    for stranger in [Principal::anonymous(), Principal::from_slice(&[7, 2])] {
        assert_eq!(graph.apply(stranger, &one), Err(Refusal::NotGuild));
    }
    assert_eq!(graph.totals(), Totals::default());
    graph.set_guild(None);
    assert_eq!(graph.apply(guild(), &one), Err(Refusal::NotGuild));
    assert_eq!(graph.guild(), None);
}

#[test]
fn a_call_takes_a_bounded_number_of_changes() {
    let mut graph = graph();
    let many: Vec<Change> =
        (0..=CHANGES_MAX as u32).map(|it| change(1, it + 2, true, u64::from(it) + 1)).collect();
    assert_eq!(graph.apply(guild(), &many), Err(Refusal::TooMany(CHANGES_MAX as u32)));
    assert!(graph.apply(guild(), &many[1..]).is_ok());
    assert_eq!(graph.totals().connections, CHANGES_MAX as u64);
}

#[test]
fn a_change_that_comes_twice_is_done_once() {
    let mut graph = graph();
    for _ in 0..3 {
        assert_eq!(apply(&mut graph, change(1, 2, true, 1)), Outcome::Done);
        assert_eq!(apply(&mut graph, change(2, 1, true, 1)), Outcome::Done);
    }
    assert_eq!(graph.totals(), Totals { people: 2, connections: 1, ended: 0 });
    for _ in 0..3 {
        assert_eq!(apply(&mut graph, change(2, 1, false, 2)), Outcome::Done);
    }
    assert_eq!(graph.totals(), Totals { people: 0, connections: 0, ended: 1 });
}

#[test]
fn in_every_order_the_latest_change_wins() {
    let changes =
        [change(1, 2, true, 1), change(2, 1, false, 2), change(1, 2, true, 3), change(1, 2, false, 4)];
    for last in 1..=changes.len() {
        for first in 0..last {
            // a rotation, each change twice
            let mut graph = graph();
            for index in (0..2 * last).map(|it| (it + first) % last) {
                apply(&mut graph, changes[index]);
            }
            assert_eq!(graph.connected(1, 2), changes[last - 1].connected);
            assert_whole(&graph, 1..=2);
        }
    }
}

#[test]
fn an_older_change_is_told_what_it_is_older_than() {
    let mut graph = graph();
    assert_eq!(apply(&mut graph, change(1, 2, false, 9)), Outcome::Done);
    assert_eq!(apply(&mut graph, change(1, 2, true, 8)), Outcome::Older(9));
    assert_eq!(apply(&mut graph, change(1, 2, true, 10)), Outcome::Done);
    assert_eq!(apply(&mut graph, change(1, 2, false, 9)), Outcome::Older(10));
}

#[test]
fn a_number_given_again_for_the_opposite_is_not_done() {
    let mut graph = graph();
    assert_eq!(apply(&mut graph, change(1, 2, true, 8)), Outcome::Done);
    assert_eq!(apply(&mut graph, change(1, 2, false, 8)), Outcome::Older(8));
    assert_eq!(apply(&mut graph, change(1, 2, false, 9)), Outcome::Done);
    assert_eq!(apply(&mut graph, change(2, 1, true, 9)), Outcome::Older(9));
    assert!(!graph.connected(1, 2));
}

#[test]
fn a_late_change_lets_nothing_come_back_that_was_forgotten() {
    let mut graph = graph();
    let end = |it: u64| change(it as u32, it as u32 + 1, false, it + 1);
    assert_eq!(apply(&mut graph, change(1_000_000, 1_000_001, true, 1)), Outcome::Done);
    let ends: Vec<Change> = (1..=ENDED_MAX + 5).map(end).collect();
    for part in ends.chunks(CHANGES_MAX) {
        assert!(graph.apply(guild(), part).is_ok());
    }
    // the floor is 6; a connection that is known ends later, and its end is the oldest of all
    assert_eq!(apply(&mut graph, change(0, 1, true, 6)), Outcome::Older(6));
    assert_eq!(apply(&mut graph, change(1_000_000, 1_000_001, false, 2)), Outcome::Done);
    assert_eq!(apply(&mut graph, change(1_000_000, 1_000_001, true, 3)), Outcome::Older(6));
}

#[test]
fn what_is_forgotten_does_not_come_back() {
    let mut graph = graph();
    let ends: Vec<Change> =
        (0..=ENDED_MAX).map(|it| change(it as u32, it as u32 + 1, false, it + 1)).collect();
    for part in ends.chunks(CHANGES_MAX) {
        assert!(graph.apply(guild(), part).is_ok_and(|it| it.iter().all(|one| *one == Outcome::Done)));
    }
    assert_eq!(graph.totals().ended, ENDED_MAX);
    assert_eq!(apply(&mut graph, change(0, 1, true, 1)), Outcome::Older(1));
    assert_eq!(apply(&mut graph, change(0, 1, true, ENDED_MAX + 2)), Outcome::Done);
}

#[test]
fn nobody_is_connected_with_themselves() {
    let mut graph = graph();
    assert_eq!(apply(&mut graph, change(3, 3, true, 1)), Outcome::Itself);
    assert_eq!(graph.totals(), Totals::default());
}

#[test]
fn one_refused_change_keeps_no_other_from_being_applied() {
    let mut graph = graph();
    let outcomes = graph.apply(guild(), &[change(3, 3, true, 1), change(3, 4, true, 2)]);
    assert_eq!(outcomes, Ok(vec![Outcome::Itself, Outcome::Done]));
}

#[test]
fn a_person_has_a_bounded_number_of_connections() {
    let mut graph = graph();
    for other in 1..=CONNECTIONS_MAX {
        assert_eq!(apply(&mut graph, change(0, other, true, other.into())), Outcome::Done);
    }
    assert_eq!(apply(&mut graph, change(0, 9_999, true, 9_999)), Outcome::Full);
    // what is there can still be said again, and ended
    assert_eq!(apply(&mut graph, change(0, 1, true, 10_000)), Outcome::Done);
    assert_eq!(apply(&mut graph, change(0, 1, false, 10_001)), Outcome::Done);
    assert_eq!(apply(&mut graph, change(0, 9_999, true, 10_002)), Outcome::Done);
}

#[test]
fn degrees_are_the_length_of_the_shortest_way() {
    // 1 - 2 - 3 - 4 - 5, and 1 - 6 - 3
    let graph = of_pairs(&[(1, 2), (2, 3), (3, 4), (4, 5), (1, 6), (6, 3)]);
    let check = |a, b, degree| {
        assert_eq!((graph.between(a, b).degree, graph.between(b, a).degree), (degree, degree), "{a} {b}");
    };
    check(1, 2, Some(1));
    check(1, 3, Some(2));
    check(1, 4, Some(3));
    check(1, 5, None);
    check(1, 77, None);
    check(1, 1, None);
    assert_eq!(graph.degrees(1, &[2, 3, 4, 5, 6, 77, 1]), [1, 2, 3, 0, 1, 0, 0]);
    let Between { mutual, mutual_count, .. } = graph.between(3, 1);
    assert_eq!((mutual, mutual_count), (vec![2, 6], 2));
}

#[test]
fn suggestions_have_most_mutual_connections_first_and_nobody_known() {
    let graph = of_pairs(&[(1, 2), (1, 3), (2, 4), (3, 4), (2, 5), (2, 3), (4, 9)]);
    let expected = [Suggestion { person: 4, mutual: 2 }, Suggestion { person: 5, mutual: 1 }];
    assert_eq!(graph.suggestions(1, 10), expected);
    assert_eq!(graph.suggestions(1, 1), expected[..1]);
    assert!(graph.suggestions(77, 10).is_empty());
}

#[test]
fn pages_hold_every_connection_once() {
    let pairs: Vec<_> = (1..=7).map(|it| (0, it)).chain([(0, PersonId::MAX)]).collect();
    let graph = of_pairs(&pairs);
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = graph.connections(0, after, 3);
        all.extend(page.people);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(all, [1, 2, 3, 4, 5, 6, 7, PersonId::MAX]);
    assert!(graph.connections(0, Some(PersonId::MAX), 3).people.is_empty());
}

#[test]
fn pages_of_all_pairs_hold_every_connection_once() {
    let pairs: Vec<_> = (1..=PAIRS_SEEN_MAX as PersonId).map(|it| (it / 7, it + 7)).collect();
    let graph = of_pairs(&pairs);
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = graph.pairs(after);
        all.extend(page.pairs);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(all, pairs);
}

#[test]
fn a_graph_that_is_opened_again_knows_all_it_knew() {
    let memory = VectorMemory::default();
    let mut graph = TestGraph::open(memory.clone());
    graph.set_guild(Some(guild()));
    apply(&mut graph, change(1, 2, true, 1));
    apply(&mut graph, change(2, 3, true, 2));
    apply(&mut graph, change(2, 3, false, 3));
    let snapshot = |graph: &TestGraph| {
        (graph.totals(), graph.guild(), graph.between(1, 2), graph.connections(2, None, 9))
    };
    let before = snapshot(&graph);
    drop(graph);
    let mut again = TestGraph::open(memory);
    assert_eq!(snapshot(&again), before);
    assert_eq!(apply(&mut again, change(2, 3, true, 2)), Outcome::Older(3));
}
