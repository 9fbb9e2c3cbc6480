//! Jobs and applications.

use super::{Card, JobId, Order, UserId};
use candid::CandidType;
use serde::{Deserialize, Serialize};

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Workplace {
    OnSite,
    Hybrid,
    Remote,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hours {
    FullTime,
    PartTime,
    Contract,
    Internship,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NewJob {
    pub title: String,
    pub company: String,
    pub place: String,
    pub workplace: Workplace,
    pub hours: Hours,
    pub text: String,
    pub order: Order,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ApplicationState {
    Sent,
    Seen,
    Invited,
    Declined,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct JobView {
    pub id: JobId,
    pub poster: Card,
    pub title: String,
    pub company: String,
    pub place: String,
    pub workplace: Workplace,
    pub hours: Hours,
    pub text: String,
    pub created: u64,
    pub open: bool,
    pub applications: u32,
    /// What became of the caller's application.
    pub mine: Option<ApplicationState>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct JobFilter {
    pub query: String,
    pub place: String,
    pub workplace: Option<Workplace>,
    pub hours: Option<Hours>,
}

/// Which jobs a list has; the latest first.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum JobList {
    Open(JobFilter),
    /// Posted by the caller.
    Posted,
    /// To which the caller applied.
    Applied,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct JobPage {
    pub jobs: Vec<JobView>,
    pub next: Option<JobId>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NewApplication {
    pub job: JobId,
    pub letter: String,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ApplicationView {
    pub job: JobId,
    pub applicant: Card,
    pub letter: String,
    pub at: u64,
    pub state: ApplicationState,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ApplicationPage {
    pub applications: Vec<ApplicationView>,
    pub next: Option<UserId>,
}
