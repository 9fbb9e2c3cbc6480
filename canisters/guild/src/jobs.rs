//! Jobs, and applications for them. An application is seen by the one who applies and the one who posted the job.

use crate::app::{App, Call, Edge, collect, next, page, step};
use crate::limits::*;
use crate::memory::Memory;
use crate::records::{Application, Job, Ordered};
use crate::search::{Shelf, asked};
use crate::stored::Stored;
use crate::text;
use crate::types::*;

/// The text by whose words a job is found.
fn all_words(job: &Job) -> String {
    format!("{} {} {} {}", job.title, job.company, job.place, job.text)
}

impl<M: Memory> App<M> {
    pub(crate) fn job_record(&self, id: JobId) -> Result<Job, Refusal> {
        self.jobs.get(&id).map(|Stored(job)| job).ok_or(Refusal::NotFound)
    }

    /// Posts a job. The same order is done once.
    pub fn post_job(&mut self, call: Call, new: NewJob) -> Result<JobView, Refusal> {
        let (poster, user) = self.signed(call)?;
        if let Some(id) = Self::done(&user, Ordered::Job, new.order) {
            return self.job(call, id);
        }
        let job = Job {
            poster,
            title: text::line("title", &new.title, 1, LINE_MAX)?,
            company: text::line("company", &new.company, 1, LINE_MAX)?,
            place: text::line("place", &new.place, 0, LINE_MAX)?,
            workplace: new.workplace,
            hours: new.hours,
            text: text::tidy("description", &new.text, 1, JOB_MAX)?,
            created: call.now,
            open: true,
            applications: 0,
        };
        if user.jobs >= JOBS_PER_USER {
            return Err(Refusal::TooMany(format!("you have {JOBS_PER_USER} jobs")));
        }
        self.spend(poster, call.now, all_words(&job).len())?;
        let id = self.count(|counters| next(&mut counters.next_job));
        self.file(Shelf::Jobs, id, "", &all_words(&job));
        self.jobs.insert(id, Stored(job));
        self.link(Edge::Posted, poster.into(), id, true);
        self.change_user(poster, |user| {
            user.jobs = step(user.jobs, true);
            Self::remember(user, Ordered::Job, new.order, id);
        });
        self.job(call, id)
    }

    /// Closes a job to applications, or opens it again.
    pub fn open_job(&mut self, call: Call, id: JobId, open: bool) -> Result<JobView, Refusal> {
        let mut job = self.job_record(id)?;
        self.owns(call, job.poster)?;
        job.open = open;
        self.jobs.insert(id, Stored(job));
        self.job(call, id)
    }

    /// Takes a job away, with its applications.
    pub fn delete_job(&mut self, call: Call, id: JobId) -> Result<(), Refusal> {
        let job = self.job_record(id)?;
        self.owns(call, job.poster)?;
        self.erase_job(id);
        Ok(())
    }

    pub(crate) fn erase_job(&mut self, id: JobId) {
        let Some(Stored(job)) = self.jobs.remove(&id) else { return };
        let range = self.applications.range((id, 0)..=(id, UserId::MAX));
        let applicants: Vec<UserId> = range.map(|it| it.key().1).collect();
        for user in applicants {
            self.strike(id, job.poster, user);
        }
        self.file(Shelf::Jobs, id, &all_words(&job), "");
        self.link(Edge::Posted, job.poster.into(), id, false);
        self.change_user(job.poster, |user| user.jobs = step(user.jobs, false));
    }

    pub(crate) fn erase_application(&mut self, id: JobId, user: UserId) {
        let Ok(mut job) = self.job_record(id) else { return };
        if self.strike(id, job.poster, user) {
            job.applications = step(job.applications, false);
            self.jobs.insert(id, Stored(job));
        }
    }

    /// Erases an application, but leaves the job's count; whether there was one.
    fn strike(&mut self, id: JobId, poster: UserId, user: UserId) -> bool {
        let there = self.applications.remove(&(id, user)).is_some();
        if there {
            self.link(Edge::Applied, user.into(), id, false);
            self.change_user(user, |user| user.applications = step(user.applications, false));
            self.count_candidate(poster, user, false);
        }
        there
    }

    fn count_candidate(&mut self, poster: UserId, applicant: UserId, up: bool) {
        let (from, to) = (poster.into(), applicant.into());
        let count = self.edge(Edge::Candidate, from, to).unwrap_or_default();
        match if up { count.saturating_add(1) } else { count.saturating_sub(1) } {
            0 => {
                self.link(Edge::Candidate, from, to, false);
            }
            count => self.set_edge(Edge::Candidate, from, to, count),
        }
    }

    /// Applies for a job. The same call again changes nothing.
    pub fn apply(&mut self, call: Call, new: NewApplication) -> Result<JobView, Refusal> {
        let (id, user) = self.signed(call)?;
        let letter = text::tidy("letter", &new.letter, 0, LETTER_MAX)?;
        let mut job = self.job_record(new.job)?;
        self.user(job.poster)?;
        if job.poster == id {
            return Err(text::invalid("application", "the job is yours"));
        }
        if self.applications.contains_key(&(new.job, id)) {
            return self.job(call, new.job);
        }
        if !job.open {
            return Err(text::invalid("application", "the job is closed"));
        }
        if job.applications >= APPLICATIONS_PER_JOB || user.applications >= APPLICATIONS_PER_USER {
            return Err(Refusal::TooMany(format!("a job has at most {APPLICATIONS_PER_JOB} applications")));
        }
        self.spend(id, call.now, letter.len())?;
        let application = Application { letter, at: call.now, state: ApplicationState::Sent };
        self.applications.insert((new.job, id), Stored(application));
        self.link(Edge::Applied, id.into(), new.job, true);
        self.change_user(id, |user| user.applications = step(user.applications, true));
        job.applications = step(job.applications, true);
        let poster = job.poster;
        self.jobs.insert(new.job, Stored(job));
        self.count_candidate(poster, id, true);
        self.tell(poster, id, call.now, News::Applied(new.job));
        self.job(call, new.job)
    }

    /// Takes the caller's application back.
    pub fn withdraw_application(&mut self, call: Call, job: JobId) -> Result<(), Refusal> {
        let (id, _) = self.signed(call)?;
        self.erase_application(job, id);
        Ok(())
    }

    /// The applications for a job of the caller's.
    pub fn applications(
        &self,
        call: Call,
        id: JobId,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<ApplicationPage, Refusal> {
        let (caller, _) = self.signed(call)?;
        if self.job_record(id)?.poster != caller {
            return Err(Refusal::NotAllowed);
        }
        let first = after.map_or(0, |it| it.saturating_add(1));
        let users = self.applications.range((id, first)..=(id, UserId::MAX)).map(|it| it.key().1);
        let view = |user: UserId| {
            let Stored(it) = self.applications.get(&(id, user))?;
            let applicant = self.card(user, Some(caller))?;
            Some(ApplicationView { job: id, applicant, letter: it.letter, at: it.at, state: it.state })
        };
        let (applications, next) = collect(users, page(limit), view);
        Ok(ApplicationPage { applications, next })
    }

    /// Says what becomes of an application for a job of the caller's.
    pub fn answer_application(
        &mut self,
        call: Call,
        job: JobId,
        applicant: UserId,
        state: ApplicationState,
    ) -> Result<(), Refusal> {
        let (caller, _) = self.signed(call)?;
        if self.job_record(job)?.poster != caller {
            return Err(Refusal::NotAllowed);
        }
        let Stored(mut application) = self.applications.get(&(job, applicant)).ok_or(Refusal::NotFound)?;
        if application.state == state {
            return Ok(());
        }
        application.state = state;
        self.applications.insert((job, applicant), Stored(application));
        self.tell(applicant, caller, call.now, News::Answered { job, state });
        Ok(())
    }

    pub fn job(&self, call: Call, id: JobId) -> Result<JobView, Refusal> {
        self.job_view(self.viewer(call), id).ok_or(Refusal::NotFound)
    }

    fn job_view(&self, viewer: Option<UserId>, id: JobId) -> Option<JobView> {
        let job = self.job_record(id).ok()?;
        let mine = viewer.and_then(|it| self.applications.get(&(id, it))).map(|Stored(it)| it.state);
        Some(JobView {
            id,
            poster: self.card(job.poster, viewer)?,
            title: job.title,
            company: job.company,
            place: job.place,
            workplace: job.workplace,
            hours: job.hours,
            text: job.text,
            created: job.created,
            open: job.open,
            applications: job.applications,
            mine,
        })
    }

    /// A page of jobs before one, the latest first.
    pub fn list_jobs(
        &self,
        call: Call,
        list: &JobList,
        before: Option<JobId>,
        limit: u32,
    ) -> Result<JobPage, Refusal> {
        let (viewer, before) = (self.viewer(call), before.unwrap_or(u64::MAX));
        let ids: Box<dyn Iterator<Item = JobId> + '_> = match list {
            JobList::Posted => Box::new(self.ends(Edge::Posted, self.signed(call)?.0.into(), before)),
            JobList::Applied => Box::new(self.ends(Edge::Applied, self.signed(call)?.0.into(), before)),
            JobList::Open(filter) => {
                let words = asked(&[&filter.query, &filter.place])?;
                if words.is_empty() {
                    Box::new(self.jobs.range(..before).rev().map(|it| *it.key()))
                } else {
                    let found = self.find(Shelf::Jobs, &words).into_iter().rev();
                    Box::new(found.filter(move |it| *it < before))
                }
            }
        };
        let view = |id| self.job_view(viewer, id).filter(|job| wanted(list, job));
        let (jobs, next) = collect(ids, page(limit), view);
        Ok(JobPage { jobs, next })
    }
}

fn wanted(list: &JobList, job: &JobView) -> bool {
    let JobList::Open(filter) = list else { return true };
    job.open
        && text::holds(&job.place, &filter.place)
        && filter.workplace.is_none_or(|it| it == job.workplace)
        && filter.hours.is_none_or(|it| it == job.hours)
}
