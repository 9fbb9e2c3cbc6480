//! What the graph's answers mean to the caller: numbers become people.

use crate::app::{App, Call};
use crate::limits::*;
use crate::memory::Memory;
use crate::types::*;
use guild_connections::{Between, Suggestion};
use std::collections::BTreeSet;

impl<M: Memory> App<M> {
    /// How the caller and somebody are connected.
    pub fn network(&self, call: Call, between: &Between) -> Network {
        let mutual = self.cards(call, &between.mutual);
        Network { degree: between.degree, mutual, mutual_count: between.mutual_count }
    }

    /// People whom the caller may know: by the graph, then by a word of their profiles, then who came last.
    pub fn acquaintances(&self, call: Call, graph: &[Suggestion], limit: u32) -> Vec<Acquaintance> {
        let viewer = self.viewer(call);
        let (room, mut seen, mut found) = (crate::app::page(limit), BTreeSet::new(), Vec::new());
        let of_graph = graph.iter().map(|it| (it.person, it.mutual));
        let further = self.alike(viewer).into_iter().chain(self.newest()).map(|it| (it, 0));
        for (id, mutual) in of_graph.chain(further) {
            if found.len() >= room {
                break;
            }
            if seen.insert(id) {
                let card = self.card(id, viewer).filter(|it| it.tie == Tie::Stranger);
                found.extend(card.map(|card| Acquaintance { card, mutual }));
            }
        }
        found
    }

    /// People with the viewer's company, school or place.
    fn alike(&self, viewer: Option<UserId>) -> Vec<UserId> {
        let Some(user) = viewer.and_then(|it| self.user(it).ok()) else { return Vec::new() };
        let schools = user.education.first().map(|it| it.school.as_str());
        let texts = [user.company.as_str()].into_iter().chain(schools).chain([user.place.as_str()]);
        let like = |text: &str| self.find(crate::search::Shelf::People, &crate::text::words(text));
        let ids = texts.filter(|it| !it.is_empty()).flat_map(like);
        ids.filter_map(|it| UserId::try_from(it).ok())
            .filter(|it| viewer != Some(*it))
            .take(SCAN_MAX)
            .collect()
    }

    fn newest(&self) -> impl Iterator<Item = UserId> + '_ {
        self.users.iter().rev().take(SCAN_MAX).map(|it| *it.key())
    }
}
