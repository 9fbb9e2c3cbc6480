//! What makes the canister's asset the folder's, and how that is cut into commits (rules 7 and 8 of the room). Pure.

use super::encode::{Content, Contents, Encoding, pieces};
use super::folder::Asset;
use super::wire::{Headers, Operation, Properties, Remote};
use candid::Nat;
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;

/// What one commit may do: the canister certifies each operation's responses within the instructions of one message.
const COMMIT_OPERATIONS_MAX: usize = 500;
/// What one commit may weigh; headers are most of it.
const COMMIT_BYTES_MAX: usize = 1_500_000;

/// Where a content belongs. The canister's pieces are used up when they are set, so two equal files share none.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    pub key: String,
    pub encoding: Encoding,
}

/// What happens to an asset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    New,
    Changed,
    Deleted,
}

/// All that happens to one asset; committed together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    pub key: String,
    pub kind: Kind,
    /// Before the contents.
    first: Vec<Operation>,
    /// Contents to be sent and set.
    pub contents: Vec<(Encoding, Content)>,
    /// After the contents.
    last: Vec<Operation>,
}

impl Change {
    /// The end of an asset that the folder does not have.
    pub fn deletion(key: &str) -> Change {
        let first = vec![Operation::DeleteAsset { key: key.into() }];
        Change { key: key.into(), kind: Kind::Deleted, first, contents: vec![], last: vec![] }
    }

    /// Bytes that are to be sent.
    pub fn bytes(&self) -> u64 {
        self.contents.iter().map(|(_, content)| content.length).sum()
    }

    /// Pieces that are to be sent.
    pub fn pieces(&self) -> u64 {
        self.contents.iter().map(|(_, content)| pieces(content.length)).sum()
    }

    /// The steps, with the ids of the pieces that were sent.
    pub fn operations(self, ids: &BTreeMap<Place, Vec<u64>>) -> Vec<Operation> {
        let Change { key, first, contents, last, .. } = self;
        let set = contents.into_iter().map(|(encoding, content)| {
            let place = Place { key: key.clone(), encoding };
            let chunk_ids = ids.get(&place).into_iter().flatten().copied().map(Nat::from).collect();
            let (key, content_encoding) = (place.key, encoding.name().into());
            let sha256 = Some(ByteBuf::from(content.sha256));
            Operation::SetAssetContent { key, content_encoding, chunk_ids, sha256 }
        });
        first.into_iter().chain(set).chain(last).collect()
    }

    /// Where one of its contents belongs.
    pub fn place(&self, encoding: Encoding) -> Place {
        Place { key: self.key.clone(), encoding }
    }
}

/// The properties that the rules give an asset.
fn wanted(asset: &Asset) -> Properties {
    let settings = &asset.settings;
    Properties {
        max_age: settings.max_age,
        headers: settings.headers(),
        is_aliased: settings.enable_aliasing,
        allow_raw_access: settings.allow_raw_access,
    }
}

/// What makes the canister's asset the folder's; `None` if it is so already.
pub fn change(
    asset: &Asset,
    contents: &Contents,
    remote: Option<&Remote>,
    properties: Option<&Properties>,
) -> Option<Change> {
    let key = asset.key.clone();
    let same_type = remote.filter(|remote| remote.content_type == asset.media_type);
    let Some(remote) = same_type else {
        let kind = if remote.is_some() { Kind::Changed } else { Kind::New };
        // An asset's type cannot be changed.
        let mut first: Vec<_> =
            remote.map(|_| Operation::DeleteAsset { key: key.clone() }).into_iter().collect();
        first.push(creation(asset));
        let contents = contents.iter().map(|(encoding, found)| (*encoding, found.content)).collect();
        return Some(Change { key, kind, first, contents, last: vec![] });
    };
    let in_place = |encoding: Encoding, content: &Content| {
        remote.encoding(encoding.name()).is_some_and(|known| known.is(&content.sha256))
    };
    let sent = contents.iter().map(|(encoding, found)| (*encoding, found.content));
    let sent: Vec<_> = sent.filter(|(encoding, content)| !in_place(*encoding, content)).collect();
    let obsolete = remote.encodings.iter().map(|known| &known.content_encoding);
    let obsolete =
        obsolete.filter(|name| !Encoding::named(name).is_some_and(|it| contents.contains_key(&it)));
    let unset = obsolete
        .map(|name| Operation::UnsetAssetContent { key: key.clone(), content_encoding: name.clone() });
    let restated = properties.and_then(|have| properties_change(asset, have));
    let last: Vec<_> = unset.chain(restated).collect();
    let differs = !sent.is_empty() || !last.is_empty();
    differs.then_some(Change { key, kind: Kind::Changed, first: vec![], contents: sent, last })
}

fn creation(asset: &Asset) -> Operation {
    let Properties { max_age, headers, is_aliased, allow_raw_access } = wanted(asset);
    Operation::CreateAsset {
        key: asset.key.clone(),
        content_type: asset.media_type.clone(),
        max_age,
        headers,
        enable_aliasing: is_aliased,
        allow_raw_access,
    }
}

fn properties_change(asset: &Asset, have: &Properties) -> Option<Operation> {
    fn differing<T: PartialEq>(want: Option<T>, have: &Option<T>) -> Option<Option<T>> {
        (want != *have).then_some(want)
    }
    // No headers and none at all are the same to a reader.
    let some = |headers: &Option<Headers>| headers.clone().filter(|headers| !headers.is_empty());
    let want = wanted(asset);
    let max_age = differing(want.max_age, &have.max_age);
    let headers = differing(some(&want.headers), &some(&have.headers));
    let is_aliased = differing(want.is_aliased, &have.is_aliased);
    let allow_raw_access = differing(want.allow_raw_access, &have.allow_raw_access);
    let differs =
        max_age.is_some() || headers.is_some() || is_aliased.is_some() || allow_raw_access.is_some();
    let key = asset.key.clone();
    differs.then_some(Operation::SetAssetProperties { key, max_age, headers, is_aliased, allow_raw_access })
}

/// Cuts changes into commits; a change is never cut.
pub fn commits(changes: impl IntoIterator<Item = Vec<Operation>>) -> Vec<Vec<Operation>> {
    let mut commits: Vec<Vec<Operation>> = Vec::new();
    let mut bytes = 0;
    for change in changes {
        let more: usize = change.iter().map(Operation::bytes).sum();
        match commits.last_mut() {
            Some(last)
                if last.len() + change.len() <= COMMIT_OPERATIONS_MAX && bytes + more <= COMMIT_BYTES_MAX =>
            {
                last.extend(change);
                bytes += more;
            }
            _ => {
                commits.push(change);
                bytes = more;
            }
        }
    }
    commits
}
