//! What happened: a running hash over everything, and the last lines for a person to read.

use super::clock::EPOCH;
use super::random::mix;
use crate::types::*;
use std::collections::VecDeque;
use std::fmt;

/// One thing that happened.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    pub at: Time,
    /// What happened, in a word.
    pub verb: &'static str,
    /// Where it happened.
    pub node: NodeIndex,
    /// The other side, if there is one.
    pub peer: Option<NodeIndex>,
    pub facts: Facts,
}

/// The content of a message, record or effect, short.
#[derive(Clone, Copy, Default, Debug)]
pub struct Facts {
    pub kind: &'static str,
    /// View or height, or 0.
    pub number: u64,
    /// First bytes of the block hash or root, or 0.
    pub digest: u64,
}

/// Hash and last lines of a run.
#[derive(Default)]
pub struct Trace {
    hash: u64,
    events: u64,
    /// The last ones, at most `kept`.
    lines: VecDeque<Line>,
    kept: usize,
}

impl Trace {
    /// Keeps the last `kept` lines for the report of a failure.
    pub fn new(kept: usize) -> Trace {
        Trace { kept, ..Trace::default() }
    }

    /// Takes `line` into the hash and among the last lines.
    pub fn note(&mut self, line: Line) {
        self.events += 1;
        let peer = line.peer.map_or(u64::MAX, |peer| u64::from(peer.0));
        for part in [
            line.at.0,
            word(line.verb),
            u64::from(line.node.0),
            peer,
            word(line.facts.kind),
            line.facts.number,
            line.facts.digest,
        ] {
            self.hash = mix(self.hash.rotate_left(5) ^ part);
        }
        self.lines.push_back(line);
        if self.lines.len() > self.kept {
            self.lines.pop_front();
        }
    }

    /// Hash over every line so far: equal for equal runs.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// How many lines there were.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The last lines, oldest first.
    pub fn last_lines(&self) -> Vec<String> {
        self.lines.iter().map(Line::to_string).collect()
    }
}

/// The length and the first letters of a word as a number: enough to tell the words here apart.
fn word(text: &str) -> u64 {
    text.bytes().take(7).fold(text.len() as u64, |number, byte| (number << 8) | u64::from(byte))
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.at.saturating_sub(EPOCH).0 / 1_000;
        write!(f, "{:>5}.{:06}s node {} {}", micros / 1_000_000, micros % 1_000_000, self.node, self.verb)?;
        if let Some(peer) = self.peer {
            write!(f, " {peer}")?;
        }
        if !self.facts.kind.is_empty() {
            write!(f, " {} {}", self.facts.kind, self.facts.number)?;
        }
        if self.facts.digest != 0 {
            write!(f, " {:016x}", self.facts.digest)?;
        }
        Ok(())
    }
}

/// The first eight bytes of a digest.
pub fn short(digest: &Digest) -> u64 {
    digest.0.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

impl Facts {
    /// Facts about something with a number and a digest.
    pub fn new(kind: &'static str, number: u64, digest: u64) -> Facts {
        Facts { kind, number, digest }
    }

    /// What a message says, in short.
    pub fn of_message(message: &PeerMessage) -> Facts {
        use PeerMessage as M;
        match message {
            M::Proposal(p) => Facts::new("proposal", p.header.view.0, p.header.time.0),
            M::NotarizationShare(s) => Facts::new("notarization share", s.view.0, short(&s.block)),
            M::NullificationShare(s) => Facts::new("nullification share", s.view.0, 0),
            M::FinalizationShare(s) => Facts::new("finalization share", s.view.0, short(&s.block)),
            M::CertificationShare(s) => Facts::new("certification share", s.height.0, short(&s.root.0)),
            M::Notarization(c, _) => Facts::new("notarization", c.view.0, short(&c.block)),
            M::Nullification(c, _) => Facts::new("nullification", c.view.0, 0),
            M::Finalization(c) => Facts::new("finalization", c.view.0, short(&c.block)),
            M::Certification(c) => Facts::new("certification", c.height.0, short(&c.root.0)),
            M::Ingress(bytes) => Facts::new("ingress", bytes.len() as u64, 0),
            M::Status(s) => Facts::new("status", s.view.0, s.finalized.0),
            M::FetchBlock(hash) => Facts::new("fetch block", 0, short(hash)),
            M::FetchBodies { block, places } => Facts::new("fetch bodies", places.len() as u64, short(block)),
            M::Bodies { block, bodies } => Facts::new("bodies", bodies.len() as u64, short(block)),
            M::FetchChain(height) => Facts::new("fetch chain", height.0, 0),
            M::Chain(c) => Facts::new("chain", c.finalization.view.0, c.blocks.len() as u64),
            M::Package(c) => Facts::new("package", c.finalization.view.0, c.blocks.len() as u64),
            M::FetchState(request) => Facts::new("fetch state", request.height.0, request.id),
            M::StatePart(part) => Facts::new("state part", part.id, 0),
            M::Ceremony(_) => Facts::new("ceremony", 0, 0),
            M::System(_) => Facts::new("system", 0, 0),
        }
    }

    /// What a record says, in short.
    pub fn of_record(record: &Record) -> Facts {
        match record {
            Record::Vote(Vote::Notarize { view, block }) => Facts::new("vote notarize", view.0, short(block)),
            Record::Vote(Vote::Nullify { view }) => Facts::new("vote nullify", view.0, 0),
            Record::Vote(Vote::Finalize { view, block }) => Facts::new("vote finalize", view.0, short(block)),
            Record::Proposal { hash, proposal } => Facts::new("proposal", proposal.block.view.0, short(hash)),
            Record::Block { hash, block } => Facts::new("block", block.view.0, short(hash)),
            Record::Notarization(c, _) => Facts::new("notarization", c.view.0, short(&c.block)),
            Record::Nullification(c, _) => Facts::new("nullification", c.view.0, 0),
            Record::Finalized { height, hash, .. } => Facts::new("finalized", height.0, short(hash)),
            Record::Void { blocks, finalization } => {
                Facts::new("void", finalization.view.0, blocks.len() as u64)
            }
            Record::Certification(c) => Facts::new("certification", c.height.0, short(&c.root.0)),
            Record::Recollected { until } => Facts::new("recollected", until.0, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: u64) -> Line {
        Line {
            at: EPOCH.plus_ms(number),
            verb: "got",
            node: NodeIndex(1),
            peer: Some(NodeIndex(2)),
            facts: Facts::new("proposal", number, 0),
        }
    }

    #[test]
    fn hashes_every_line_in_order() {
        let hash = |numbers: &[u64]| {
            let mut trace = Trace::default();
            numbers.iter().for_each(|number| trace.note(line(*number)));
            trace.hash()
        };
        assert_eq!(hash(&[1, 2]), hash(&[1, 2]));
        assert_ne!(hash(&[1, 2]), hash(&[2, 1]));
        assert_ne!(hash(&[1, 2]), hash(&[1, 3]));
    }

    #[test]
    fn keeps_only_the_last_lines() {
        let mut trace = Trace::new(60);
        (0..1_000).for_each(|number| trace.note(line(number)));
        assert_eq!(trace.last_lines().len(), 60);
        assert_eq!(trace.last_lines()[59], "    0.999000s node 1 got 2 proposal 999");
    }
}
