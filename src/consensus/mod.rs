//! Consensus: orders blocks and certifies states. Simplex-style BFT among n ≥ 3f + 1 replicas.
//!
//! Pure: [`Consensus::handle`] takes the moment and one input and returns effects, which are to be
//! performed strictly in order. There is no clock, no I/O, no randomness; own messages loop back
//! inside. Every rule below is one file, and is cited by its number where it is kept.
//!
//! **Views**
//! 1. Views are 1, 2, …. The leader of view v is drawn by the random beacon of view v − 1. A replica
//!    enters v + 1 when it holds a certificate of v (notarization, nullification or finalization) and
//!    the beacon of v; it may jump to any later view that way. (`pacemaker`)
//! 2. The leader builds on the highest notarized block above which all views are nullified. It
//!    proposes at once when a payload waits, else an empty block after the heartbeat. When recent blocks
//!    were full of calls it first gathers, a little while from the last block or from the first call on.
//!    While too many heights are uncertified, or the epoch ends below, there is no payload, and the pace is the
//!    heartbeat's.
//!    (`propose`, `pacemaker`)
//! 3. A replica votes to notarize at most one block a view: a proposal of the view's leader, at
//!    parent height + 1, whose parent is notarized or final, with every view between them nullified,
//!    later than its parent, not far ahead of the own clock, with a valid payload; and only while it
//!    has not voted to nullify the view. (`validate`, `notarize`)
//! 4. A replica votes to nullify its current view when the time for it is over. It may have voted to
//!    notarize; it has not voted to finalize, and never will in this view. A leader that said nothing
//!    for `SILENT_VIEWS_MAX` views is not waited for. (`nullify`, `pacemaker`)
//! 5. A replica votes to finalize a notarized block whose certificate it has on disk, unless it voted to nullify
//!    its view. A quorum of these finalizes the block and all its ancestors. (`finalize`)
//! 6. Finalized blocks are delivered oldest first, each exactly once a run. (`deliver`)
//!
//! **Signatures**
//! 7. A vote is on disk before it is sent: its record stands before its share in the effects. No
//!    restart votes differently. (`notarize`, `nullify`, `finalize`, `recover`)
//! 8. One share counts per signer, kind and view; a share comes from its signer. Shares are combined
//!    unverified, those of a view's beacon together with the certificate that closes the view; culprits that
//!    make that fail are dropped, and from then on verified one by one.
//!    Two different votes of one node are kept as evidence. (`share`, `aggregate`)
//! 9. Only views above the finalized one are kept. Shares are taken up to `VIEWS_AHEAD_MAX` views
//!    ahead, certificates from any view, for they are verified first. (`receive`, `pool`)
//!
//! **Certification**
//! 10. Every executed height's root is signed and the share broadcast. A quorum's signature
//!     certifies the height. The signature covers the root alone, not the height, so a
//!     certification *that a peer sent* counts against this replica only when f + 1 peers assert it;
//!     one combined here from shares for that height counts at once. A quorum for another root than
//!     the own one halts this replica. (`certify`)
//!
//! **Loss and lag**
//! 11. At a steady pace every replica says where it stands; when its view does not move it also
//!     sends again its votes of the view, and the certificates that brought it here. A peer that is behind is
//!     sent what it lacks. (`resend`, `catch_up`)
//! 12. A certified block, and each that it descends from, is kept, and fetched by its hash from those who voted for it
//!     and then from everybody, one after the other: if a quorum also gave its view up, others repeat that alone. A
//!     chain that cannot be linked is fetched as a segment, from one peer at a time, with more patience where answers
//!     came late. (`fetch`, `catch_up`)
//!     A peer that has purged the blocks, or cannot send them in one message, answers with a package instead: a final
//!     block with the certified root of its state. Verified, and if no blocks came meanwhile from others, it leaves as
//!     [`Effect::FetchState`](crate::types::Effect); whoever performs that starts this machine again on the fetched state.
//! 13. A replica that lost its disk does not know what it voted. It gives no vote until a block is final of a view in
//!     which it cannot have given any, and never again one in that view or an earlier one. (`amnesia`)
//!
//! **Dissemination** (docs/adr/0016)
//! 14. A proposal travels as a header and the hashes of its calls, which cover all their bytes. The block is put
//!     together from calls that spread by themselves; those that are missing after a little while are fetched from
//!     who sent the proposal, then from those who voted for it, then from everybody. Until it is whole, it is not there:
//!     it is not voted for, and its view goes on without it. Only the block of the current view and those of
//!     rule 12 are fetched. The calls of a block that was put together are proven: each was authenticated when it came.
//!     (`assemble`)
//!
//! **Epochs** (docs/adr/0015)
//! 15. A view's upper bits are its epoch. Votes and shares are of the epoch that this replica is in, whose
//!     keyring signs and takes nothing about views of another; messages about those are ignored. The root
//!     key is one for all epochs. (`epoch`, `receive`)
//! 16. What finalized blocks say about the members takes effect as they are delivered (`membership`). The
//!     block with which the succession is complete is the last of its epoch. What the old epoch built on top
//!     of it is void: empty, never delivered, and kept only to prove that the last block is final, until the
//!     next epoch finalizes a block of its own. (`deliver`, `validate`)
//! 17. With the last block delivered, the next epoch opens at its first view, on top of that block, with its
//!     keys and its committee, which are stored before anything is signed with them; the old shares are
//!     forgotten. Heights that are not certified yet are signed again. (`epoch`, `certify`)
//! 18. A node without shares follows: it votes for nothing and proposes nothing unless it is a member. Nodes
//!     that come with the next epoch are guests of this one: they are heard when they fetch, and when they
//!     prove that they were dealt bad shares. (`epoch`, `receive`)
//!
//! **Attendance** (docs/adr/0019)
//! 19. A block names the members whose votes for its parent its leader had seen, a quorum at least, or nobody: a
//!     leader that was brought the certificate may have seen fewer. Nor does it name anybody where its epoch begins. And
//!     it names the leaders of the views since its parent, which were nullified. Who votes for the block checks all
//!     of it but that the votes were seen. A vote for a block that is final counts for this alone. (`attendance`, `receive`)

mod aggregate;
mod amnesia;
mod assemble;
mod attendance;
mod catch_up;
pub mod ceremony;
mod certify;
mod chain;
mod clock;
mod deliver;
mod epoch;
mod evidence;
mod fetch;
mod finalize;
mod machine;
mod notarize;
mod nullify;
mod pacemaker;
mod peer;
mod pool;
mod propose;
mod receive;
mod recover;
mod resend;
mod share;
mod stall;
mod validate;

#[cfg(test)]
mod tests;

pub use evidence::Equivocation;
pub use machine::{Consensus, Keys, Pace};
pub use stall::{Votes, Waiting};

use crate::crypto::hash::sha256;
use crate::types::planted::{Bug, planted};
use crate::types::{Digest, Effect, RandomBeacon};

/// The randomness that execution of a block sees: the hash of its view's beacon.
pub fn randomness(beacon: &RandomBeacon) -> Digest {
    sha256(&beacon.signature.0)
}

/// The same effects with the records first, so that one sync serves them all. Nothing is performed
/// before a record that stood before it.
pub fn records_first(effects: Vec<Effect>) -> Vec<Effect> {
    let is_record = |effect: &Effect| matches!(effect, Effect::Persist(_));
    if effects.is_sorted_by_key(|effect| !is_record(effect)) && !planted(Bug::RecordsLast) {
        return effects;
    }
    let (mut records, rest): (Vec<Effect>, Vec<Effect>) = effects.into_iter().partition(is_record);
    if planted(Bug::RecordsLast) {
        return rest.into_iter().chain(records).collect();
    }
    records.extend(rest);
    records
}
