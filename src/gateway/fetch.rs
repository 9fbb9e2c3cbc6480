//! A canister's page from whichever replica tells it in a way that holds.
//!
//! 1. Replicas are asked in turn. The first page that verifies is the answer; whoever told one before that did not is
//!    asked once more, as a canister may have told it in one state and not in the next, and put aside if that does not
//!    verify either.
//! 2. If the pages of more replicas than may be faulty do not verify, and one's more, which may lag behind, or nobody's
//!    does, the canister certifies nothing: there is no page, nobody is put aside, and for a moment that is remembered.
//!    A part of a body that verifies, but does not continue it, is nobody's fault.
//! 3. A refusal is one replica's word. It counts when more replicas say it than may be faulty, at least two, or nobody
//!    else answers.
//! 4. A page of verification version 1 is believed only of a canister that proves to know no other version.
//! 5. What the canister wants upgraded is asked by an update call: signed once for the request, the same bytes for every
//!    replica, so that it is executed once. What the subnet certifies of it is the answer, also a refusal or what is no
//!    page; without that, nobody knows whether it was executed, and the answer says so.

use super::answers::Answers;
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
/// Who is asked once more has so long.
const ONCE_MORE: Duration = Duration::from_secs(2);
/// How long it is remembered that there is no page that verifies, of how many pages, with how long keys and reasons.
const FAILED_FOR: Duration = Duration::from_millis(900);
const FAILED_MAX: usize = 4_096;
const FAILED_KEY_BYTES_MAX: usize = 2_048;
const REASON_CHARS_MAX: usize = 256;

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
    /// Pages that do not verify, or are too large (then there is no reason), and since when.
    failed: Cache<Key, (Instant, Option<String>)>,
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
        let (old, failed) = (Cache::new(OLD_MAX), Cache::new(FAILED_MAX));
        Fetcher { upstream, judge: Arc::new(judge), pages, limits, metrics, old, failed }
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
        let short = key.as_ref().filter(|key| expected.is_none() && key.bytes() <= FAILED_KEY_BYTES_MAX);
        if let Some(error) = short.filter(|_| source == Source::Any).and_then(|key| self.failed(key)) {
            return Err(error);
        }
        let asking = self.ask_all(canister, asked, expected, source == Source::Raw).await;
        let page = asking.inspect_err(|error| self.remember(short, error))?;
        let key = match key {
            Some(key) if page.status == StatusCode::OK && !page.ranged => whole().or(Some(key)),
            key => key,
        };
        Ok((self.pages.put(key, page), false))
    }

    /// Why there was no page a moment ago.
    fn failed(&self, key: &Key) -> Option<AskError> {
        let (since, reason) = self.failed.get(key)?;
        let error = reason.map_or(AskError::TooLarge, AskError::Unproved);
        (since.elapsed() < FAILED_FOR).then_some(error)
    }

    fn remember(&self, key: Option<&Key>, error: &AskError) {
        let reason = match error {
            AskError::Unproved(reason) => Some(reason.chars().take(REASON_CHARS_MAX).collect()),
            AskError::TooLarge => None,
            _ => return,
        };
        if let Some(key) = key {
            self.failed.insert(key.clone(), (Instant::now(), reason));
        }
    }

    async fn ask_all(
        &self,
        canister: Principal,
        asked: &Asked,
        expected: Option<&Expected>,
        raw: bool,
    ) -> Result<Page, AskError> {
        let replicas = self.upstream.order();
        let (mut answers, enough) = (Answers::default(), refusals(replicas.len()));
        for replica in replicas {
            if answers.suffice(enough) {
                break;
            }
            let asking = self.ask(&replica, canister, asked, expected, raw);
            let late = |_| Err(AskError::Silent(format!("no page in {ATTEMPT:?}")));
            let error = match timeout(2 * ATTEMPT, asking).await.unwrap_or_else(late) {
                Ok(None) => match self.upgraded(canister, asked).await {
                    // Proved: the canister did nothing, and whoever said that it wants this made it up.
                    Err(AskError::Rejected(error)) if has_no_update(&error) => AskError::Rejected(error),
                    // Whatever came of it, it is not asked again: the canister may have done what it was asked for.
                    outcome => return outcome,
                },
                Ok(Some(page)) => {
                    self.contradict(answers, canister, asked, raw).await;
                    return Ok(page);
                }
                Err(error) => error,
            };
            if matches!(error, AskError::Unproved(_) | AskError::TooLarge) {
                self.metrics.unverified.with_label_values(&[replica.name()]).inc();
                tracing::warn!(%canister, replica = replica.name(), error = brief(&error), "does not verify");
            }
            answers.take(replica, error)?;
        }
        Err(answers.verdict(enough))
    }

    /// There is a page that verifies: what others said before is looked into.
    async fn contradict(&self, answers: Answers, canister: Principal, asked: &Asked, raw: bool) {
        for (replica, _) in &answers.refused {
            self.metrics.contradicted.with_label_values(&[replica.name()]).inc();
        }
        answers.late.iter().for_each(|replica| self.upstream.put_back(replica));
        for replica in answers.doubted {
            let asking = timeout(ONCE_MORE, self.ask(&replica, canister, asked, None, raw)).await;
            // Whoever now says something else than a page, or nothing, has not told it before for good reason.
            if !matches!(asking, Ok(Ok(Some(_)) | Err(AskError::Busy))) {
                self.upstream.put_aside(&replica, canister);
            }
        }
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
        fits(&page, expected).map_err(AskError::Unfit)?;
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
        let told = timeout(UPDATE_PARTS, telling).await.unwrap_or_else(late);
        let page = told.and_then(|told| unverified(told, Proof::Update).map_err(AskError::Unproved));
        page.map_err(|error| match error {
            // It says by itself what became of it.
            AskError::Rejected(_) | AskError::Unsure(_) => error,
            error => AskError::Unsure(format!("it was executed, but of its reply there is no page: {error}")),
        })
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
                Err(AskError::Silent(reason)) => unsure = Some(AskError::Unsure(reason)),
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

/// What went wrong, in not too many words: replicas choose some of them.
pub fn brief(error: &AskError) -> String {
    error.to_string().chars().take(REASON_CHARS_MAX).collect()
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
