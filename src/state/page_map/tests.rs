use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn page(seed: u8) -> Page {
    Arc::new(std::array::from_fn(|at| seed.wrapping_mul(7).wrapping_add((at % 13) as u8) | 1))
}

fn map_of(pages: &[(u64, u8)]) -> PageMap {
    let mut map = PageMap::new();
    for (index, seed) in pages {
        map.set(*index, Some(page(*seed))).unwrap();
    }
    map
}

/// A source over plain maps, whose entries a test may damage.
#[derive(Default, Clone)]
struct Shelf {
    pages: BTreeMap<u64, Page>,
    digests: BTreeMap<u64, Digest>,
}

impl Shelf {
    fn of(map: &PageMap) -> Shelf {
        let pages: BTreeMap<_, _> = map.pages().unwrap().into_iter().collect();
        let digests = pages.iter().map(|(index, page)| (*index, page_digest(page))).collect();
        Shelf { pages, digests }
    }
}

impl PageSource for Shelf {
    fn load(&self, index: u64) -> Result<Option<Page>, HostFailure> {
        Ok(self.pages.get(&index).cloned())
    }
    fn digests(&self) -> Result<Vec<(u64, Digest)>, HostFailure> {
        Ok(self.digests.iter().map(|(index, digest)| (*index, *digest)).collect())
    }
    fn name(&self) -> String {
        "heap of canister 7".into()
    }
}

fn failure<T>(result: Result<T, HostFailure>) -> String {
    result.err().expect("the host must be seen to fail").to_string()
}

/// The expected digests come from a second implementation (twenty lines of Python).
#[test]
fn digests_are_pinned() {
    let roots = |pages: &[(u64, u8)]| map_of(pages).root().to_string();
    assert_eq!(map_of(&[]).root(), Digest::ZERO);
    assert_eq!(roots(&[(0, 1)]), "6135e125ef20824b14a0ae6a9314d607f53d1ea70dc6967f1a60a3c0af1c992b");
    assert_eq!(
        roots(&[(0, 1), (31, 2), (32, 3)]),
        "13f237c1ee4951ad1fe1f54303f44bc7d05c941c73fdcaec7edfeeb9c5d91f08"
    );
    assert_eq!(
        roots(&[(5, 1), (u64::MAX, 2)]),
        "fa4ee07aeb720d807f55af673450add66b563ae3bb1a3aee155726af5b87a693"
    );
}

#[test]
fn holds_pages_at_both_ends_of_the_index() {
    let map = map_of(&[(0, 1), (u64::MAX, 2)]);
    assert_eq!(map.get(u64::MAX).unwrap(), Some(page(2)));
    assert_eq!(map.get(1).unwrap(), None);
    assert_eq!(map.get(1 << 40).unwrap(), None);
    assert_eq!(map.len().unwrap(), 2);
    assert_eq!(map.pages().unwrap(), [(0, page(1)), (u64::MAX, page(2))]);
}

#[test]
fn a_page_of_zeros_is_no_page() {
    let mut map = map_of(&[(3, 1), (4000, 2)]);
    map.set(4000, Some(Arc::new([0; PAGE_BYTES]))).unwrap();
    assert_eq!(map.root(), map_of(&[(3, 1)]).root());
    map.set(3, None).unwrap();
    assert!(map.is_empty());
    assert_eq!(map.root(), Digest::ZERO);
}

#[test]
fn a_clone_is_a_snapshot() {
    let old = map_of(&[(1, 1), (99, 2)]);
    let mut new = old.clone();
    new.set(99, Some(page(3))).unwrap();
    new.set(5_000, Some(page(4))).unwrap();
    assert_eq!(old.get(99).unwrap(), Some(page(2)));
    assert_eq!(new.changes_since(&old).unwrap(), [(99, Some(page(3))), (5_000, Some(page(4)))]);
    assert_eq!(old.changes_since(&new).unwrap(), [(99, Some(page(2))), (5_000, None)]);
}

#[test]
fn a_page_written_with_what_it_held_is_no_change() {
    let old = map_of(&[(1, 1), (99, 2)]);
    let mut new = old.clone();
    new.set(99, Some(page(2))).unwrap();
    assert_eq!(new.changes_since(&old).unwrap(), []);
}

#[test]
fn a_restored_map_reads_its_pages_from_the_source() {
    let map = map_of(&[(1, 1), (99, 2), (5_000, 3)]);
    let mut restored = PageMap::unloaded(map.root(), Arc::new(Shelf::of(&map)));
    assert_eq!((restored.root(), restored.is_empty()), (map.root(), false));
    let before = restored.clone();
    restored.set(99, Some(page(9))).unwrap();
    assert_eq!(restored.changes_since(&before).unwrap(), [(99, Some(page(9)))]);
    assert_eq!(restored.changes_since(&map).unwrap(), [(99, Some(page(9)))]);
    assert_eq!(before.pages().unwrap(), map.pages().unwrap());
    assert_eq!(restored.get(5_000).unwrap(), Some(page(3)));
    assert_eq!(restored.len().unwrap(), 3);
}

#[test]
fn damage_in_the_source_is_named() {
    let map = map_of(&[(1, 1), (99, 2)]);
    let damaged = |damage: &dyn Fn(&mut Shelf)| {
        let mut shelf = Shelf::of(&map);
        damage(&mut shelf);
        PageMap::unloaded(map.root(), Arc::new(shelf))
    };
    let changed = damaged(&|shelf| drop(shelf.pages.insert(99, page(8))));
    let text = "host failure: heap of canister 7: page 99 does not match its digest";
    assert_eq!(failure(changed.get(99)), text);
    assert_eq!(failure(changed.pages()), text);
    assert_eq!(changed.get(1).unwrap(), Some(page(1)));
    let missing = damaged(&|shelf| drop(shelf.pages.remove(&1)));
    assert!(failure(missing.get(1)).ends_with("page 1 is missing"));
    let wrong = damaged(&|shelf| {
        shelf.digests.insert(1, Digest([9; 32]));
    });
    assert!(failure(wrong.get(99)).contains("page index has root"));
    let mut emptied = damaged(&|shelf| shelf.digests.clear());
    assert!(failure(emptied.set(1, None)).contains("page index has root"));
}

proptest! {
    #[test]
    fn behaves_as_a_sorted_map(
        steps in prop::collection::vec((index(), 0u8..4), 1..80),
        cut in 0usize..80,
    ) {
        let mut model = BTreeMap::new();
        let mut map = PageMap::new();
        let (mut old_model, mut old) = (model.clone(), map.clone());
        for (at, (index, seed)) in steps.iter().enumerate() {
            if at == cut {
                (old_model, old) = (model.clone(), map.clone());
                map.root();
            }
            let new = (*seed > 0).then(|| page(*seed));
            map.set(*index, new.clone()).unwrap();
            match new {
                Some(page) => drop(model.insert(*index, page)),
                None => drop(model.remove(index)),
            }
        }
        let expected: Vec<_> = model.clone().into_iter().collect();
        prop_assert_eq!(map.pages().unwrap(), expected.clone());
        prop_assert_eq!(map.len().unwrap(), model.len() as u64);
        let mut rebuilt = PageMap::new();
        for (index, page) in expected.into_iter().rev() {
            rebuilt.set(index, Some(page)).unwrap();
        }
        prop_assert_eq!(rebuilt.root(), map.root());
        prop_assert_eq!(PageMap::unloaded(map.root(), Arc::new(Shelf::of(&map))).pages().unwrap(), map.pages().unwrap());
        prop_assert_eq!(map.changes_since(&old).unwrap(), difference(&model, &old_model));
        prop_assert_eq!(old.changes_since(&map).unwrap(), difference(&old_model, &model));
    }
}

fn index() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..70, 1_000u64..1_100, Just(u64::MAX), Just(1 << 33)]
}

fn difference(new: &BTreeMap<u64, Page>, old: &BTreeMap<u64, Page>) -> Vec<(u64, Option<Page>)> {
    let indices: std::collections::BTreeSet<u64> = new.keys().chain(old.keys()).copied().collect();
    let changed = indices.into_iter().filter(|index| new.get(index) != old.get(index));
    changed.map(|index| (index, new.get(&index).cloned())).collect()
}
