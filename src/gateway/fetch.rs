//! A canister's page from whichever replica tells it in a way that holds.
//!
//! 1. Replicas are asked in turn. The first page that verifies is the answer; whoever told one before that did not is
//!    put aside.
//! 2. If nobody's verifies, the canister certifies nothing: there is no page, and nobody is put aside.
//! 3. A refusal is one replica's word. It counts when more replicas say it than may be faulty, at least two, or nobody
//!    else answers.
//! 4. A page of verification version 1 is believed only of a canister that proves to know no other version.
//! 5. What the canister wants upgraded is asked by an update call: signed once for the request, the same bytes for every
//!    replica, so that it is executed once. What the subnet certifies of it is the answer, also a refusal or what is no
//!    page; without that, nobody knows whether it was executed, and the answer says so.

use super::ask::{self, AskError, Asked, Told};
use super::cache::{Kept, Key, Pages};
use super::limit::Limits;
use super::metrics::Metrics;
use super::range::{Part, Whole};
use super::upstream::{Replica, Upstream};
use super::verify::{Judge, Page, Proof, unverified};
use crate::types::{ErrorCode, Principal, faults_max};
use hyper::http::StatusCode;
use ic_agent::AgentError;
use quick_cache::sync::Cache;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// One replica has so long for a page, its parts included.
const ATTEMPT: Duration = Duration::from_secs(20);
/// An update call is waited for so long, by all replicas together; but by each of them at least so long.
const UPDATE: Duration = Duration::from_secs(60);
const UPDATE_TURN: Duration = Duration::from_secs(10);
/// The parts of an update call's reply are update calls, one after the other, and have so long together.
const UPDATE_PARTS: Duration = Duration::from_secs(300);
/// So many replicas must say a refusal, however few may be faulty.
const REFUSALS_MIN: usize = 2;
/// How long it is remembered that a canister knows only version 1; it may be upgraded.
const OLD_FOR: Duration = Duration::from_secs(30);
const OLD_MAX: usize = 4_096;
/// Where a canister says which versions it knows, separated by commas.
const VERSIONS: &str = "supported_certificate_versions";

/// What a part must be, besides certified.
#[derive(Clone, Debug)]
pub struct Expected {
    /// It must begin here or before, and end after.
    pub place: u64,
    /// Of this asset.
    pub whole: Whole,
}

/// Where a page may come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// From those that are kept, or new.
    Any,
    /// New: the client wants no kept one.
    Replicas,
    /// New, and believed as it is: the host name says so.
    Raw,
}

/// Pages of canisters, by replicas that are not trusted.
pub struct Fetcher {
    pub upstream: Arc<Upstream>,
    judge: Arc<Judge>,
    pub pages: Pages,
    pub limits: Arc<Limits>,
    pub metrics: Arc<Metrics>,
    /// Canisters that proved to know only version 1, and when.
    old: Cache<Principal, Instant>,
}

impl Fetcher {
    /// Asks the replicas of `upstream`, and keeps what may be kept in `pages`.
    pub fn new(
        upstream: Arc<Upstream>,
        judge: Judge,
        pages: Pages,
        limits: Arc<Limits>,
        metrics: Arc<Metrics>,
    ) -> Fetcher {
        Fetcher { upstream, judge: Arc::new(judge), pages, limits, metrics, old: Cache::new(OLD_MAX) }
    }

    /// The page, and whether it is one that was kept.
    pub async fn page(
        &self,
        canister: Principal,
        asked: &Asked,
        expected: Option<&Expected>,
        source: Source,
    ) -> Result<(Arc<Kept>, bool), AskError> {
        let key = Key::new(canister, asked).filter(|_| source != Source::Raw);
        // A page that is whole has all of its ranges.
        let whole = || asked.header("range").and_then(|_| Key::new(canister, &asked.ranged(None)));
        let get = |key: &Key| self.pages.get(key).filter(|kept| fits(&kept.page, expected).is_ok());
        let kept = key.as_ref().filter(|_| source == Source::Any).and_then(|key| {
            get(key).or_else(|| get(&whole()?).filter(|kept| kept.page.status == StatusCode::OK))
        });
        if let Some(kept) = kept {
            self.metrics.cache.with_label_values(&["hit"]).inc();
            return Ok((kept, true));
        }
        self.metrics.cache.with_label_values(&["miss"]).inc();
        let page = self.ask_all(canister, asked, expected, source == Source::Raw).await?;
        let key = match key {
            Some(key) if page.status == StatusCode::OK && !page.ranged => whole().or(Some(key)),
            key => key,
        };
        Ok((self.pages.put(key, page), false))
    }

    async fn ask_all(
        &self,
        canister: Principal,
        asked: &Asked,
        expected: Option<&Expected>,
        raw: bool,
    ) -> Result<Page, AskError> {
        let mut doubted: Vec<Arc<Replica>> = Vec::new();
        let (mut unproved, mut refused, mut silent) = (None, Vec::new(), None);
        let replicas = self.upstream.order();
        let enough = refusals(replicas.len());
        for replica in replicas {
            let asking = self.ask(&replica, canister, asked, expected, raw);
            let late = |_| Err(AskError::Silent(format!("no page in {ATTEMPT:?}")));
            match timeout(2 * ATTEMPT, asking).await.unwrap_or_else(late) {
                Ok(None) => match self.upgraded(canister, asked).await {
                    // Proved: the canister did nothing, and whoever said that it wants this made it up.
                    Err(AskError::Rejected(error)) if has_no_update(&error) => {
                        refused.push(AskError::Rejected(error));
                        if refused.len() == enough {
                            break;
                        }
                    }
                    // Whatever came of it, it is not asked again: the canister may have done what it was asked for.
                    outcome => return outcome,
                },
                Ok(Some(page)) => {
                    doubted.iter().for_each(|replica| self.upstream.put_aside(replica));
                    return Ok(page);
                }
                Err(AskError::Silent(reason)) => {
                    replica.fails();
                    silent = Some(AskError::Silent(reason));
                }
                Err(error @ (AskError::Unproved(_) | AskError::TooLarge)) => {
                    self.metrics.unverified.with_label_values(&[replica.name()]).inc();
                    tracing::warn!(%canister, replica = replica.name(), %error, "an answer does not verify");
                    unproved = Some(error);
                    doubted.push(replica);
                }
                Err(AskError::Rejected(error)) => {
                    refused.push(AskError::Rejected(error));
                    if refused.len() == enough {
                        break;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        let only_refused = if refused.len() == enough { refused.pop() } else { None };
        let nobody = || AskError::Silent("no replica is configured".into());
        Err(only_refused.or(unproved).or(refused.pop()).or(silent).unwrap_or_else(nobody))
    }

    /// What one replica tells, verified; `None` if the canister wants to be asked by an update call.
    async fn ask(
        &self,
        replica: &Replica,
        canister: Principal,
        asked: &Asked,
        expected: Option<&Expected>,
        raw: bool,
    ) -> Result<Option<Page>, AskError> {
        let querying = ask::query(replica, &canister, asked, &self.limits);
        let late = |_| Err(AskError::Silent(format!("no page in {ATTEMPT:?}")));
        let told = timeout(ATTEMPT, querying).await.unwrap_or_else(late)?;
        if told.upgrade {
            return Ok(None);
        }
        if raw {
            return unverified(told, Proof::Nothing).map(Some).map_err(AskError::Unproved);
        }
        let page = self.verify(canister, asked, told).await.map_err(AskError::Unproved)?;
        if page.proof == Proof::Body {
            self.check_old(replica, canister).await?;
        }
        fits(&page, expected).map_err(AskError::Unproved)?;
        Ok(Some(page))
    }

    /// Signatures are checked where they hold nobody up.
    async fn verify(&self, canister: Principal, asked: &Asked, told: Told) -> Result<Page, String> {
        let (judge, asked) = (self.judge.clone(), asked.clone());
        let work = tokio::task::spawn_blocking(move || judge.verify(&canister, &asked, told));
        work.await.unwrap_or_else(|error| Err(format!("the check of its certificate failed: {error}")))
    }

    /// Rule 4.
    async fn check_old(&self, replica: &Replica, canister: Principal) -> Result<(), AskError> {
        if self.old.get(&canister).is_some_and(|since| since.elapsed() < OLD_FOR) {
            return Ok(());
        }
        let reading = replica.agent.read_state_canister_metadata(canister, VERSIONS);
        let late = |_| Err(AgentError::RouteProviderError(format!("no answer in {ATTEMPT:?}")));
        match timeout(ATTEMPT, reading).await.unwrap_or_else(late) {
            Err(AgentError::LookupPathAbsent(_)) => {}
            Ok(versions) if !knows_more(&versions) => {}
            Ok(_) => {
                return Err(AskError::Unproved("version 1, of a canister that knows version 2".into()));
            }
            // A replica that does not prove it may have reasons not to.
            Err(error) => {
                return Err(match AskError::from(error) {
                    AskError::Silent(reason) => AskError::Silent(reason),
                    error => AskError::Unproved(format!("version 1, and no proof that it must be: {error}")),
                });
            }
        }
        self.old.insert(canister, Instant::now());
        Ok(())
    }

    /// Rule 5.
    async fn upgraded(&self, canister: Principal, asked: &Asked) -> Result<Page, AskError> {
        let (replica, reply) = self.update(canister, asked).await?;
        let telling = ask::told_by_update(&replica, &canister, &reply, &self.limits);
        let late = |_| Err(AskError::Unsure(format!("its reply did not come whole in {UPDATE_PARTS:?}")));
        let told = timeout(UPDATE_PARTS, telling).await.unwrap_or_else(late)?;
        unverified(told, Proof::Update).map_err(AskError::Unproved)
    }

    /// The certified reply to an update call, and who told it.
    async fn update(&self, canister: Principal, asked: &Asked) -> Result<(Arc<Replica>, Vec<u8>), AskError> {
        let replicas = self.upstream.order();
        let Some(first) = replicas.first() else {
            return Err(AskError::Silent("no replica is configured".into()));
        };
        let signed = ask::signed_update(first, &canister, asked)?;
        let turn = (UPDATE / u32::try_from(replicas.len()).unwrap_or(u32::MAX)).max(UPDATE_TURN);
        let (mut refused, mut unsure) = (None, None);
        for replica in replicas {
            let late = |_| Err(AskError::Silent(format!("no reply in {turn:?}")));
            let asking = ask::update(&replica, &canister, &signed);
            match timeout(turn, asking).await.unwrap_or_else(late) {
                Ok(reply) => return Ok((replica, reply)),
                Err(AskError::Silent(reason)) => {
                    replica.fails();
                    unsure = Some(AskError::Unsure(reason));
                }
                Err(AskError::Unproved(reason)) => {
                    self.metrics.unverified.with_label_values(&[replica.name()]).inc();
                    unsure = Some(AskError::Unsure(reason));
                }
                Err(AskError::Rejected(error)) if !matches!(*error, AgentError::CertifiedReject { .. }) => {
                    refused = Some(AskError::Rejected(error));
                }
                Err(error) => return Err(error),
            }
        }
        let nobody = || AskError::Silent("no replica is configured".into());
        Err(unsure.or(refused).unwrap_or_else(nobody))
    }
}

/// Rule 3, of so many replicas.
fn refusals(replicas: usize) -> usize {
    (faults_max(replicas) + 1).max(REFUSALS_MIN)
}

/// Whether the subnet certified that the canister has no method for update calls of pages.
fn has_no_update(error: &AgentError) -> bool {
    let code = ErrorCode::CanisterMethodNotFound.to_string();
    matches!(error, AgentError::CertifiedReject { reject, .. } if reject.error_code.as_ref() == Some(&code))
}

/// Whether a page is the part that was asked for.
fn fits(page: &Page, expected: Option<&Expected>) -> Result<(), String> {
    let Some(expected) = expected else { return Ok(()) };
    let part = Part::of(page)?;
    if !part.range.contains(&expected.place) {
        return Err(format!("the part at {:?} is not the one at {}", part.range, expected.place));
    }
    match Whole::of(page, &part) == expected.whole {
        true => Ok(()),
        false => Err("a part is of another asset, or of another version".into()),
    }
}

/// Whether a canister's list of versions has a later one than the first. What is no list may be anything.
fn knows_more(versions: &[u8]) -> bool {
    let text = String::from_utf8_lossy(versions);
    text.split(',').any(|version| version.trim() != "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_may_be_faulty_decide_no_refusal() {
        for (replicas, expected) in [(1, 2), (2, 2), (4, 2), (7, 3), (13, 5)] {
            assert_eq!(refusals(replicas), expected, "{replicas}");
        }
    }

    #[test]
    fn a_canister_that_lists_version_1_alone_knows_no_other() {
        for (versions, more) in
            [("1", false), (" 1 ", false), ("1,2", true), ("2", true), ("", true), ("x", true)]
        {
            assert_eq!(knows_more(versions.as_bytes()), more, "{versions:?}");
        }
    }
}
