//! The asset canister's methods, called.

use super::wire::{
    Batch, Commit, Limits, ListPage, NoArgument, Operation, PieceIds, Pieces, Properties, Remote,
};
use crate::agent::{AgentFailure, Client};
use crate::types::Principal;
use candid::{CandidType, Decode, DecoderConfig, Encode, Nat};
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The version of the interface that has `create_chunks`.
const VERSION_MIN: u16 = 2;
/// The id of no batch: they are counted from zero. Committing it ends none.
const NO_BATCH: u64 = u64::MAX;
/// Pages of `list` that are read: as many assets as fit in a canister come in fewer.
const LIST_PAGES_MAX: usize = 10_000;
/// What is known of a canister's assets takes no more memory: a hundred thousand files take a third of it.
pub const KNOWN_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Candid's measure of the work that an answer may make; one of the largest that is what it should be makes a tenth.
const ANSWER_COST_MAX: usize = 1_000_000_000;

/// A canister did not do what an asset canister does.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("{method}: {source}")]
    Call { method: &'static str, source: AgentFailure },
    #[error("{0} answers with an id beyond 64 bits")]
    Id(&'static str),
    #[error("{method} answers with {have} ids for {want} pieces")]
    Ids { method: &'static str, have: usize, want: usize },
    #[error("the asset canister's interface has version {0}, older than {VERSION_MIN}: upgrade it")]
    Version(u16),
    #[error("{0} does not come to an end")]
    Endless(&'static str),
}

impl CallError {
    /// Whether the canister, or the subnet for it, said no: asking again would not help.
    pub fn is_refusal(&self) -> bool {
        matches!(self, CallError::Call { source, .. } if source.is_refusal())
    }
}

/// An asset canister.
#[derive(Clone)]
pub struct AssetCanister {
    client: Arc<Client>,
    id: Principal,
}

impl AssetCanister {
    /// # Errors
    /// [`CallError`]: it is none, or an old one.
    pub async fn new(client: Arc<Client>, id: Principal) -> Result<AssetCanister, CallError> {
        const METHOD: &str = "api_version";
        let wrong = |source: AgentFailure| CallError::Call { method: METHOD, source };
        let arg = Encode!(&NoArgument {}).map_err(|error| wrong(error.into()))?;
        // Whoever is not there to begin with is not waited for.
        let reply = client.query(id, METHOD, arg).await.map_err(wrong)?;
        let version: u16 = Self::decoded(METHOD, &reply)?;
        match version < VERSION_MIN {
            true => Err(CallError::Version(version)),
            false => Ok(AssetCanister { client, id }),
        }
    }

    async fn query<T: DeserializeOwned + CandidType>(
        &self,
        method: &'static str,
        arg: &impl CandidType,
    ) -> Result<T, CallError> {
        let asked = async {
            let arg = Encode!(arg)?;
            self.client.query_patiently(self.id, method, arg).await
        };
        let reply = asked.await.map_err(|source| CallError::Call { method, source })?;
        Self::decoded(method, &reply)
    }

    async fn update(&self, method: &'static str, arg: &impl CandidType) -> Result<Vec<u8>, CallError> {
        let called = async {
            let arg = Encode!(arg)?;
            self.client.update_once(self.id, method, arg).await
        };
        called.await.map_err(|source| CallError::Call { method, source })
    }

    fn decoded<T: DeserializeOwned + CandidType>(method: &'static str, reply: &[u8]) -> Result<T, CallError> {
        let mut config = DecoderConfig::new();
        config.set_decoding_quota(ANSWER_COST_MAX);
        Decode!([config]; reply, T).map_err(|error| CallError::Call { method, source: error.into() })
    }

    /// All assets by key.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list(&self) -> Result<BTreeMap<String, Remote>, CallError> {
        const METHOD: &str = "list";
        let (mut all, mut bytes) = (BTreeMap::new(), 0);
        for _ in 0..LIST_PAGES_MAX {
            let page = ListPage { start: Some(Nat::from(all.len())), length: None };
            let page: Vec<Remote> = self.query(METHOD, &page).await?;
            bytes += page.iter().map(Remote::bytes).sum::<usize>();
            if bytes > KNOWN_BYTES_MAX {
                break;
            }
            let before = all.len();
            all.extend(page.into_iter().map(|remote| (remote.key.clone(), remote)));
            // An empty page, or the same again from a canister without pages.
            if all.len() == before {
                return Ok(all);
            }
        }
        Err(CallError::Endless(METHOD))
    }

    /// # Errors
    /// [`CallError`].
    pub async fn properties(&self, key: &str) -> Result<Properties, CallError> {
        self.query("get_asset_properties", &key).await
    }

    /// # Errors
    /// [`CallError`].
    pub async fn limits(&self) -> Result<Limits, CallError> {
        let reply = self.update("get_configuration", &NoArgument {}).await?;
        Self::decoded("get_configuration", &reply)
    }

    /// A new batch.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn create_batch(&self) -> Result<u64, CallError> {
        const METHOD: &str = "create_batch";
        let reply = self.update(METHOD, &NoArgument {}).await?;
        number(METHOD, Self::decoded::<Batch>(METHOD, &reply)?.batch_id)
    }

    /// Adds pieces to a batch, which lives on from then; their ids.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn create_chunks(&self, batch: u64, content: Vec<ByteBuf>) -> Result<Vec<u64>, CallError> {
        const METHOD: &str = "create_chunks";
        let want = content.len();
        let reply = self.update(METHOD, &Pieces { batch_id: Nat::from(batch), content }).await?;
        let ids = Self::decoded::<PieceIds>(METHOD, &reply)?.chunk_ids;
        match ids.len() == want {
            true => ids.into_iter().map(|id| number(METHOD, id)).collect(),
            false => Err(CallError::Ids { method: METHOD, have: ids.len(), want }),
        }
    }

    /// Does operations, all or none, and ends `batch`; without it the batch that pieces came from goes on.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn commit(&self, batch: Option<u64>, operations: Vec<Operation>) -> Result<(), CallError> {
        let commit = Commit { batch_id: Nat::from(batch.unwrap_or(NO_BATCH)), operations };
        self.update("commit_batch", &commit).await.map(drop)
    }
}

fn number(method: &'static str, id: Nat) -> Result<u64, CallError> {
    u64::try_from(id.0).map_err(|_| CallError::Id(method))
}
