//! After a run: nothing that was certified to a client is lost, changed, or was done twice.
//!
//! The counter replies with the number of the call that it executed. So the replies of a run are distinct, rise at each
//! client, lie between what the counter stood at before and after; and all that lies between and was told to nobody is
//! no more than the calls that nobody was answered.

use super::journal::{Line, Reply};
use super::load::{Accounts, Found, now_ns};
use crate::certification::{Lookup, Verifier};
use crate::crypto::user::root_key_from_der;
use ic_agent::RequestId;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::sleep;

/// Certificates checked again, at most; of more, every so many-th.
const CERTIFICATES_MAX: usize = 20_000;
/// Replies read again at each replica, at most.
const READ_AGAIN_MAX: usize = 200;
/// A reply is looked for at a replica so often before it is missed.
const LOOKS: usize = 100;
const LOOK_PAUSE: Duration = Duration::from_millis(100);
/// A reply that expires sooner is not looked for: its time may be over when it is.
const EXPIRY_MARGIN_NS: u64 = 15_000_000_000;
/// Violations of one sort that are told one by one.
const TOLD_MAX: usize = 20;

/// What the journal comes to.
#[derive(Default, Debug)]
pub struct Ledger {
    pub replies: Vec<Reply>,
    pub sent: u64,
    pub rejected: u64,
    pub unanswered: u64,
    pub violations: Vec<String>,
    values: BTreeMap<u64, String>,
    last: BTreeMap<usize, u64>,
}

impl Ledger {
    /// The next line.
    pub fn take(&mut self, line: Line) {
        match line {
            Line::Sent { .. } => self.sent += 1,
            Line::Rejected { .. } => self.rejected += 1,
            Line::Unanswered { .. } => self.unanswered += 1,
            Line::Replied(reply) => self.replied(reply),
        }
    }

    fn replied(&mut self, reply: Reply) {
        let Reply { client, value, .. } = reply;
        if let Some(other) = self.values.insert(value, reply.request.clone()) {
            self.violation(format!("calls {other} and {} were both told {value}", reply.request));
        }
        if let Some(last) = self.last.insert(client, value).filter(|last| *last >= value) {
            self.violation(format!("client {client} was told {last}, and of a later call {value}"));
        }
        self.replies.push(reply);
    }

    /// All lines were taken; the counter stood at `first` before them and at `last` after them, and at most so many
    /// other calls were executed in between.
    pub fn close(&mut self, first: u64, last: u64, others: u64) {
        let outside = self.values.iter().find(|(value, _)| **value <= first || **value > last);
        if let Some((value, request)) = outside {
            let told =
                format!("call {request} was told {value}, but the counter went from {first} to {last}");
            self.violation(told);
        }
        let told = self.values.len() as u64 + others;
        let executed = last.saturating_sub(first);
        let open = self.sent.saturating_sub(self.replies.len() as u64 + self.rejected);
        if executed > told + open {
            self.violation(format!(
                "{executed} calls were executed, {told} replied to, only {open} are open: some were executed twice"
            ));
        }
    }

    fn violation(&mut self, what: String) {
        if self.violations.len() < TOLD_MAX {
            self.violations.push(what);
        }
    }

    /// Checks certificates from their bytes, by another verifier than the clients' own; how many.
    pub fn certificates(&mut self, root_key_der: &[u8]) -> usize {
        let Some(key) = root_key_from_der(root_key_der) else {
            self.violation("the root key is none".to_string());
            return 0;
        };
        let verifier = Verifier::new(key);
        let step = self.replies.len().div_ceil(CERTIFICATES_MAX).max(1);
        let wrong: Vec<String> = self
            .replies
            .iter()
            .step_by(step)
            .filter_map(|reply| {
                let error = certified(&verifier, reply).err()?;
                Some(format!("the certificate of call {}: {error}", reply.request))
            })
            .collect();
        wrong.into_iter().for_each(|what| self.violation(what));
        self.replies.len().div_ceil(step)
    }
}

/// The certificate of a reply says what the reply says.
fn certified(verifier: &Verifier, reply: &Reply) -> Result<(), String> {
    let bytes = hex::decode(&reply.certificate).map_err(|error| error.to_string())?;
    let request = hex::decode(&reply.request).map_err(|error| error.to_string())?;
    let certificate = verifier.verify_certificate(&bytes).map_err(|error| error.to_string())?;
    match certificate.lookup(&[b"request_status", &request, b"reply"]) {
        Lookup::Found(bytes) => {
            let (value,): (u64,) = candid::decode_args(bytes).map_err(|error| error.to_string())?;
            match value == reply.value {
                true => Ok(()),
                false => Err(format!("it says {value}, the client was told {}", reply.value)),
            }
        }
        other => Err(format!("it says nothing about the reply: {other:?}")),
    }
}

/// Reads replies again at one replica: within their time they are there, and never another one. Returns how many were
/// read, and what is wrong.
pub async fn read_again(accounts: &Accounts, replica: usize, replies: &[Reply]) -> (u64, Vec<String>) {
    let (mut read, mut wrong) = (0, Vec::new());
    let alive = |reply: &&Reply| reply.expiry_ns > now_ns() + EXPIRY_MARGIN_NS;
    let replies: Vec<&Reply> = replies.iter().filter(alive).collect();
    let step = replies.len().div_ceil(READ_AGAIN_MAX).max(1);
    for reply in replies.into_iter().rev().step_by(step) {
        let id = hex::decode(&reply.request).ok().and_then(|id| <[u8; 32]>::try_from(id).ok());
        let Some(id) = id else { continue };
        let id = RequestId::new(&id);
        read += 1;
        for look in 1..=LOOKS {
            let found = accounts.status(reply.client, replica, &id).await;
            match differs(reply, &found, now_ns()) {
                None => break,
                // A replica may be a few heights behind.
                Some(_) if look < LOOKS && !matches!(found, Ok(Found::Replied { .. })) => {
                    sleep(LOOK_PAUSE).await
                }
                Some(what) => {
                    wrong.push(format!("call {} at node {replica}: {what}", reply.request));
                    break;
                }
            }
        }
    }
    (read, wrong)
}

/// What is wrong with what a replica says of a reply.
fn differs(reply: &Reply, found: &Result<Found, String>, now_ns: u64) -> Option<String> {
    match found {
        Ok(Found::Replied { value, .. }) if *value == reply.value => None,
        Ok(Found::Replied { value, .. }) => Some(format!("the reply was {}, now it is {value}", reply.value)),
        Ok(Found::Rejected(why)) => Some(format!("the reply was {}, now it is rejected: {why}", reply.value)),
        Ok(Found::Gone) if now_ns < reply.expiry_ns => {
            Some("the certified reply is gone before its time".into())
        }
        Ok(Found::Gone) => None,
        Err(error) => Some(format!("no certified answer: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(client: usize, value: u64) -> Reply {
        let request = format!("{client}-{value}");
        Reply { client, request, expiry_ns: 100, value, certificate: String::new() }
    }

    /// Replies (client, value) to calls, and calls without an answer; the counter goes from 10 to `last`.
    fn check(replies: &[(usize, u64)], unanswered: u64, last: u64, expected: &str) {
        let mut ledger = Ledger::default();
        for (client, value) in replies {
            ledger.take(Line::Sent { client: *client, request: String::new(), expiry_ns: 100 });
            ledger.take(Line::Replied(reply(*client, *value)));
        }
        for _ in 0..unanswered {
            ledger.take(Line::Sent { client: 0, request: String::new(), expiry_ns: 100 });
            ledger.take(Line::Unanswered { client: 0, request: String::new() });
        }
        ledger.close(10, last, 0);
        match expected {
            "" => assert!(ledger.violations.is_empty(), "{:?}", ledger.violations),
            _ => assert!(
                ledger.violations.iter().any(|told| told.contains(expected)),
                "{:?}",
                ledger.violations
            ),
        }
    }

    #[test]
    fn lost_changed_and_doubled_calls_are_told() {
        check(&[(0, 11), (1, 12), (0, 13)], 0, 13, "");
        check(&[(0, 11), (1, 13)], 1, 13, "");
        check(&[(0, 11), (1, 13)], 1, 14, "some were executed twice");
        check(&[(0, 11), (1, 11)], 0, 12, "were both told 11");
        check(&[(0, 12), (0, 11)], 0, 12, "was told 12, and of a later call 11");
        check(&[(0, 11), (0, 12)], 0, 11, "the counter went from 10 to 11");
        check(&[(0, 10)], 0, 11, "was told 10");
    }

    #[test]
    fn a_reply_is_there_and_the_same_until_it_expires() {
        let told = |found: Result<Found, String>, now| differs(&reply(0, 5), &found, now);
        let replied = |value| Ok(Found::Replied { value, certificate: Vec::new() });
        assert_eq!(told(replied(5), 50), None);
        assert!(told(replied(6), 50).is_some());
        assert!(told(replied(6), 500).is_some(), "not even later");
        assert!(told(Ok(Found::Gone), 50).is_some());
        assert_eq!(told(Ok(Found::Gone), 150), None);
        assert!(told(Ok(Found::Rejected(String::new())), 150).is_some());
        assert!(told(Err(String::new()), 50).is_some());
    }

    #[test]
    fn a_certificate_that_is_none_is_told() {
        let mut ledger = Ledger::default();
        ledger.take(Line::Replied(Reply { certificate: "00".into(), ..reply(0, 1) }));
        let key = crate::crypto::user::root_key_der(&[0; 96]);
        assert_eq!(ledger.certificates(&key), 1);
        assert!(ledger.violations.iter().any(|told| told.contains("the certificate of call 0-1")));
    }
}
