//! Profiles: who somebody is, and what they did.

use crate::app::{App, Call, Edge, spend};
use crate::limits::*;
use crate::memory::Memory;
use crate::records::{User, Written};
use crate::resume;
use crate::search::Shelf;
use crate::text;
use crate::types::*;
use candid::Principal;

impl<M: Memory> App<M> {
    /// Makes the caller a user.
    pub fn create_profile(&mut self, call: Call, new: NewProfile) -> Result<Profile, Refusal> {
        if call.caller == Principal::anonymous() {
            return Err(Refusal::Anonymous);
        }
        let name = text::name(&new.name)?;
        let display = text::line("display name", &new.display, 1, DISPLAY_MAX)?;
        let headline = text::line("headline", &new.headline, 0, HEADLINE_MAX)?;
        if let Some(id) = self.viewer(call) {
            // the same call once more, or somebody who has a name already
            let same = self.user(id)?.name == name;
            return if same {
                self.profile(call, id)
            } else {
                Err(Refusal::Invalid("you have a profile".into()))
            };
        }
        if self.by_name.contains_key(&name) {
            return Err(Refusal::Taken);
        }
        if self.users.len() >= USERS_MAX {
            return Err(Refusal::TooMany("there are as many users as fit".into()));
        }
        self.check_room()?;
        let id = self.count(|counters| {
            counters.users = counters.users.saturating_add(1);
            counters.next_user = counters.next_user.saturating_add(1);
            counters.next_user
        });
        let user = newcomer(call, name.clone(), display, headline);
        self.by_principal.insert(call.caller, id);
        self.by_name.insert(name, id);
        self.file(Shelf::People, id.into(), "", &resume::all_words(&user));
        self.put_user(id, user);
        self.profile(call, id)
    }

    /// Makes the caller's profile say this.
    pub fn edit_profile(&mut self, call: Call, edit: ProfileEdit) -> Result<Profile, Refusal> {
        let (id, mut user) = self.signed(call)?;
        let before = resume::all_words(&user);
        let line = |what, text: &str| text::line(what, text, 0, LINE_MAX);
        let display = text::line("display name", &edit.display, 1, DISPLAY_MAX)?;
        let headline = text::line("headline", &edit.headline, 0, HEADLINE_MAX)?;
        let (company, place) = (line("company", &edit.company)?, line("place", &edit.place)?);
        let about = text::tidy("about", &edit.about, 0, ABOUT_MAX)?;
        let experience = resume::experience(&edit.experience)?;
        let education = resume::education(&edit.education)?;
        let skills = resume::skills(&edit.skills)?;
        (user.display, user.headline, user.company) = (display, headline, company);
        (user.place, user.about) = (place, about);
        (user.experience, user.education) = (experience, education);
        (user.open_to_work, user.private_views) = (edit.open_to_work, edit.private_views);
        let bytes = resume::bytes(&user, &skills);
        if bytes > PROFILE_BYTES_MAX {
            return Err(Refusal::TooMany(format!("a profile has at most {PROFILE_BYTES_MAX} bytes")));
        }
        self.check_room()?;
        spend(&mut user, call.now, bytes)?;
        self.replace_skills(id, &mut user, skills);
        self.file(Shelf::People, id.into(), &before, &resume::all_words(&user));
        self.put_user(id, user);
        self.write_first_page();
        self.profile(call, id)
    }

    /// Gives the caller's profile another picture, or none.
    pub fn set_picture(&mut self, call: Call, new: Option<NewPicture>) -> Result<Profile, Refusal> {
        let (id, user) = self.signed(call)?;
        let picture = match new {
            Some(new) => {
                self.check_picture(id, &new)?;
                self.spend(id, call.now, 0)?;
                Some(self.add_picture(id, new)?)
            }
            None => None,
        };
        self.change_user(id, |user| user.picture = picture);
        if let Some(old) = user.picture {
            self.remove_picture(old);
        }
        self.write_first_page();
        self.profile(call, id)
    }

    pub fn me(&self, call: Call) -> Option<Me> {
        let id = self.viewer(call)?;
        let user = self.user(id).ok()?;
        let unread = self.notices.range((id, user.seen.saturating_add(1))..=(id, u64::MAX)).count();
        Some(Me {
            profile: self.profile(call, id).ok()?,
            unread_notifications: u32::try_from(unread).unwrap_or(u32::MAX),
            unread_messages: user.unread_messages,
            invitations: user.invitations_received,
            views: user.views,
            private_views: user.private_views,
        })
    }

    pub fn profile_named(&self, call: Call, name: &str) -> Result<Profile, Refusal> {
        let id = self.by_name.get(&name.to_ascii_lowercase()).ok_or(Refusal::NotFound)?;
        self.profile(call, id)
    }

    pub fn profile(&self, call: Call, id: UserId) -> Result<Profile, Refusal> {
        let viewer = self.viewer(call);
        let mut user = self.user(id)?;
        if user.suspended && viewer != Some(id) && !self.is_admin(call) {
            take_down(&mut user);
        }
        let card = self.card(id, viewer).ok_or(Refusal::NotFound)?;
        let mine =
            |skill| viewer.is_some_and(|it| self.linked(Edge::Endorser, resume::key(id, skill), it.into()));
        let skill = |it: &crate::records::Skill| SkillView {
            id: it.id,
            name: it.name.clone(),
            endorsements: it.endorsements,
            endorsed_by_me: mine(it.id),
        };
        Ok(Profile {
            invitation_note: self.note_to(viewer, id),
            card,
            company: user.company,
            place: user.place,
            about: user.about,
            open_to_work: user.open_to_work,
            joined: user.joined,
            posts: user.posts,
            experience: user.experience,
            education: user.education,
            skills: user.skills.iter().map(skill).collect(),
            suspended: user.suspended,
        })
    }

    /// People by their numbers; those who left are left out.
    pub fn cards(&self, call: Call, ids: &[UserId]) -> Vec<Card> {
        let viewer = self.viewer(call);
        ids.iter().take(PAGE_MAX).filter_map(|id| self.card(*id, viewer)).collect()
    }

    /// Takes away, or gives back, what a user may do, and what others see of what they wrote in their profile. Admins may.
    pub fn suspend(&mut self, call: Call, whom: UserId, on: bool) -> Result<(), Refusal> {
        self.admin(call)?;
        let mut user = self.user(whom)?;
        user.suspended = on;
        self.put_user(whom, user);
        self.write_first_page();
        Ok(())
    }
}

/// Leaves of a suspended user's profile nothing that they wrote but their handle.
pub(crate) fn take_down(user: &mut User) {
    user.display.clone_from(&user.name);
    for text in [&mut user.headline, &mut user.company, &mut user.place, &mut user.about] {
        text.clear();
    }
    user.picture = None;
    user.experience.clear();
    user.education.clear();
    user.skills.clear();
}

fn newcomer(call: Call, name: String, display: String, headline: String) -> User {
    User {
        principal: call.caller,
        name,
        display,
        headline,
        company: String::new(),
        place: String::new(),
        about: String::new(),
        picture: None,
        open_to_work: false,
        private_views: false,
        joined: call.now,
        suspended: false,
        leaving: false,
        experience: Vec::new(),
        education: Vec::new(),
        skills: Vec::new(),
        next_skill: 0,
        connections: 0,
        bonds: 0,
        invitations_sent: 0,
        invitations_received: 0,
        posts: 0,
        comments: 0,
        reactions: 0,
        endorsed: 0,
        jobs: 0,
        applications: 0,
        views: 0,
        viewed: 0,
        picture_bytes: 0,
        orders: Vec::new(),
        seen: 0,
        threads: 0,
        unread_messages: 0,
        parted: 0,
        written: Written::default(),
    }
}
