//! Profiles, search, invitations, endorsements, views, pictures.

use super::*;

fn month(year: u16, month: u8) -> Month {
    Month { year, month }
}

fn work(company: &str, from: Month, to: Option<Month>) -> Experience {
    Experience {
        title: "Engineer".into(),
        company: company.into(),
        place: String::new(),
        from,
        to,
        text: String::new(),
    }
}

#[test]
fn a_profile_needs_a_signature_a_free_name_and_comes_once() {
    let mut app = app();
    let new = |name: &str| NewProfile { name: name.into(), display: "Ann".into(), headline: String::new() };
    refused(app.create_profile(nobody(), new("ann")), Refusal::Anonymous);
    for name in ["", "a", "a b", "ä_ö", &"x".repeat(25)] {
        refused(app.create_profile(by(1), new(name)), invalid());
    }
    let ann = ok(app.create_profile(by(1), new("Ann")));
    assert_eq!(ok(app.create_profile(by(1), new("ann"))), ann);
    refused(app.create_profile(by(1), new("other")), invalid());
    refused(app.create_profile(by(2), new("ANN")), Refusal::Taken);
    refused(app.edit_profile(by(2), edit()), Refusal::NoProfile);
    assert_eq!(ok(app.profile_named(nobody(), "ANN")).card.name, "ann");
}

#[test]
fn an_edit_says_all_of_a_profile_the_latest_work_first() {
    let mut app = app();
    join(&mut app, 1);
    let (old, now) = (work("Old", month(2010, 1), Some(month(2012, 2))), work("New", month(2020, 5), None));
    let school = Education { school: "Porto".into(), degree: "MSc".into(), from: 2004, to: Some(2009) };
    let change =
        ProfileEdit { experience: vec![old.clone(), now.clone()], education: vec![school.clone()], ..edit() };
    let profile = ok(app.edit_profile(by(1), change));
    assert_eq!((profile.experience, profile.education), (vec![now, old], vec![school]));
    assert_eq!(profile.card.display, "Ann Example");
    assert_eq!(profile.skills.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["Statics", "Welding"]);
}

#[test]
fn what_cannot_be_is_refused() {
    let mut app = app();
    join(&mut app, 1);
    let mut check = |change: ProfileEdit, refusal: Refusal| refused(app.edit_profile(by(1), change), refusal);
    check(ProfileEdit { display: " ".into(), ..edit() }, invalid());
    check(ProfileEdit { headline: "two\nlines".into(), ..edit() }, invalid());
    check(ProfileEdit { about: "x".repeat(ABOUT_MAX + 1), ..edit() }, invalid());
    check(ProfileEdit { about: "bell\u{7}".into(), ..edit() }, invalid());
    check(ProfileEdit { experience: vec![work("", month(2010, 1), None)], ..edit() }, invalid());
    check(ProfileEdit { experience: vec![work("x", month(2010, 13), None)], ..edit() }, invalid());
    check(
        ProfileEdit { experience: vec![work("x", month(2010, 2), Some(month(2010, 1)))], ..edit() },
        invalid(),
    );
    check(ProfileEdit { experience: vec![work("x", month(9, 2), None)], ..edit() }, invalid());
    check(ProfileEdit { experience: vec![work("x", month(2010, 2), None); 21], ..edit() }, too_many());
    let skills = (0..=SKILLS_PER_USER).map(|it| it.to_string()).collect();
    check(ProfileEdit { skills, ..edit() }, too_many());
}

#[test]
fn a_connection_needs_both() {
    let mut app = app();
    let (ann, bob) = (join(&mut app, 1), join(&mut app, 2));
    refused(app.invite(nobody(), bob, ""), Refusal::Anonymous);
    refused(app.invite(by(1), ann, ""), invalid());
    refused(app.invite(by(1), 77, ""), Refusal::NotFound);
    refused(app.invite(by(1), bob, &"x".repeat(NOTE_MAX + 1)), invalid());
    refused(app.accept(by(1), bob), Refusal::NotFound);
    assert_eq!(ok(app.invite(by(1), bob, "hi")), None);
    assert_eq!(ok(app.invite(by(1), bob, "hi again")), None);
    // who invited cannot accept
    refused(app.accept(by(1), bob), Refusal::NotFound);
    assert_eq!((tie(&app, 1, bob), tie(&app, 2, ann)), (Tie::Invited, Tie::Invites));
    let received = ok(app.invitations(by(2), InvitationList::Received, None, 10)).invitations;
    assert_eq!(received.iter().map(|it| (it.with.id, it.note.as_str())).collect::<Vec<_>>(), [(ann, "hi")]);
    assert_eq!(app.me(by(2)).map(|it| it.invitations), Some(1));
    assert!(ok(app.invitations(by(1), InvitationList::Received, None, 10)).invitations.is_empty());
    let wish = ok(app.accept(by(2), ann)).expect("a wish");
    app.settle(wish.number, Outcome::Done, NOW);
    assert_eq!(ok(app.accept(by(2), ann)), None);
    assert_eq!((tie(&app, 1, bob), tie(&app, 2, ann)), (Tie::Connected, Tie::Connected));
    assert_eq!(app.me(by(2)).map(|it| it.invitations), Some(0));
}

#[test]
fn an_invitation_is_withdrawn_or_declined_and_gone() {
    let mut app = app();
    let (ann, bob) = (join(&mut app, 1), join(&mut app, 2));
    for (person, whom) in [(1, bob), (2, ann)] {
        ok(app.invite(by(1), bob, ""));
        ok(app.withdraw(by(person), whom));
        ok(app.withdraw(by(person), whom));
        assert_eq!(tie(&app, 1, bob), Tie::Stranger);
        refused(app.accept(by(2), ann), Refusal::NotFound);
    }
    let sent = ok(app.invitations(by(1), InvitationList::Sent, None, 10));
    assert!(sent.invitations.is_empty() && app.me(by(2)).is_some_and(|it| it.invitations == 0));
}

#[test]
fn two_who_invite_each_other_have_accepted() {
    let mut app = app();
    let (ann, bob) = (join(&mut app, 1), join(&mut app, 2));
    ok(app.invite(by(1), bob, ""));
    let wish = ok(app.invite(by(2), ann, "")).expect("a wish");
    app.settle(wish.number, Outcome::Done, NOW);
    assert_eq!(tie(&app, 1, bob), Tie::Connected);
}

#[test]
fn invitations_that_wait_are_bounded() {
    let mut app = app();
    join(&mut app, 1);
    let others: Vec<UserId> = (0..=INVITATIONS_PER_USER)
        .map(|it| {
            let caller = Principal::from_slice(&it.to_be_bytes());
            let new = NewProfile { name: format!("n{it}"), display: "N".into(), headline: String::new() };
            ok(app.create_profile(Call { caller, ..by(9) }, new)).card.id
        })
        .collect();
    for other in &others[1..] {
        ok(app.invite(by(1), *other, ""));
    }
    refused(app.invite(by(1), others[0], ""), too_many());
    ok(app.withdraw(by(1), others[1]));
    ok(app.invite(by(1), others[0], ""));
}

#[test]
fn only_connections_endorse_and_each_counts_once() {
    let mut app = app();
    let (ann, _) = (join(&mut app, 1), join(&mut app, 2));
    let skill = ok(app.edit_profile(by(1), edit())).skills[0].id;
    refused(app.endorse(by(2), ann, skill, true), Refusal::NotConnected);
    befriend(&mut app, 1, 2);
    for _ in 0..2 {
        ok(app.endorse(by(2), ann, skill, true));
    }
    refused(app.endorse(by(2), ann, 99, true), Refusal::NotFound);
    refused(app.endorse(by(1), ann, skill, true), Refusal::NotConnected);
    let view = |app: &TestApp| {
        let it = ok(app.profile(by(2), ann)).skills.into_iter().find(|it| it.id == skill);
        it.map(|it| (it.endorsements, it.endorsed_by_me))
    };
    assert_eq!(view(&app), Some((1, true)));
    assert_eq!(app.endorsers(nobody(), ann, skill).len(), 1);
    // a skill that keeps its name keeps its endorsements, one that goes loses them
    ok(app.edit_profile(by(1), ProfileEdit { skills: vec!["Sailing".into(), "STATICS".into()], ..edit() }));
    assert_eq!(view(&app), Some((1, true)));
    ok(app.edit_profile(by(1), ProfileEdit { skills: vec!["Sailing".into()], ..edit() }));
    assert_eq!((view(&app), app.endorsers(nobody(), ann, skill).len()), (None, 0));
    let again = ok(app.edit_profile(by(1), edit())).skills;
    assert!(again.iter().all(|it| it.endorsements == 0 && it.id != skill));
    ok(app.endorse(by(2), ann, again[0].id, true));
    ok(app.endorse(by(2), ann, again[0].id, false));
    assert_eq!(ok(app.profile(by(2), ann)).skills[0].endorsements, 0);
}

#[test]
fn search_finds_by_words_and_filters() {
    let mut app = app();
    let (ann, bob) = (join(&mut app, 1), join(&mut app, 2));
    let cleo = join(&mut app, 3);
    let school =
        Education { school: "Technical University".into(), degree: String::new(), from: 2000, to: None };
    ok(app.edit_profile(by(1), ProfileEdit { education: vec![school], open_to_work: true, ..edit() }));
    ok(app.edit_profile(by(2), ProfileEdit { display: "Bob Bridge".into(), place: "Oslo".into(), ..edit() }));
    befriend(&mut app, 1, 2);
    let check = |filter: PeopleFilter, expected: &[UserId]| {
        let page = ok(app.search_people(by(2), &filter, None, 10)).people;
        assert_eq!(page.iter().map(|it| it.id).collect::<Vec<_>>(), expected, "{filter:?}");
    };
    let all = PeopleFilter::default();
    check(all.clone(), &[ann, bob, cleo]);
    check(PeopleFilter { query: "BRID".into(), ..all.clone() }, &[ann, bob]);
    check(PeopleFilter { query: "bridge bob".into(), ..all.clone() }, &[bob]);
    check(PeopleFilter { query: "bridge".into(), place: "os".into(), ..all.clone() }, &[bob]);
    check(PeopleFilter { company: "bridge works".into(), ..all.clone() }, &[ann, bob]);
    check(PeopleFilter { school: "technical".into(), ..all.clone() }, &[ann]);
    check(PeopleFilter { skill: "weld".into(), ..all.clone() }, &[ann, bob]);
    check(PeopleFilter { skill: "bob".into(), ..all.clone() }, &[]);
    check(PeopleFilter { open_to_work: true, ..all.clone() }, &[ann]);
    check(PeopleFilter { connected: true, ..all.clone() }, &[ann]);
    check(PeopleFilter { query: "nothing".into(), ..all.clone() }, &[]);
    refused(
        app.search_people(by(2), &PeopleFilter { query: "x".repeat(81), ..all.clone() }, None, 10),
        invalid(),
    );
    refused(
        app.search_people(nobody(), &PeopleFilter { connected: true, ..all }, None, 10),
        Refusal::Anonymous,
    );
}

#[test]
fn pages_of_people_hold_everybody_once() {
    let mut app = app();
    let ids: Vec<UserId> = (1..=7).map(|person| join(&mut app, person)).collect();
    for query in ["", "works"] {
        let filter = PeopleFilter { query: query.into(), ..PeopleFilter::default() };
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = ok(app.search_people(nobody(), &filter, after, 3));
            all.extend(page.people.iter().map(|it| it.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(all, ids);
    }
}

#[test]
fn views_are_counted_once_a_day_and_told_to_the_viewed() {
    let mut app = app();
    let (ann, bob) = (join(&mut app, 1), join(&mut app, 2));
    join(&mut app, 3);
    ok(app.edit_profile(by(3), ProfileEdit { private_views: true, ..edit() }));
    for call in [by(2), by(2), at(2, NOW + VIEW_WINDOW), by(3), by(1)] {
        ok(app.view(call, ann));
    }
    refused(app.view(nobody(), ann), Refusal::Anonymous);
    let views = ok(app.views(by(1), None, 10)).views;
    let viewers: Vec<Option<UserId>> =
        views.iter().map(|it| it.viewer.as_ref().map(|card| card.id)).collect();
    assert_eq!(viewers, [None, Some(bob)]);
    assert_eq!(app.me(by(1)).map(|it| it.views), Some(3));
    // who is not named is not told names
    ok(app.edit_profile(by(1), ProfileEdit { private_views: true, ..edit() }));
    assert!(ok(app.views(by(1), None, 10)).views.iter().all(|it| it.viewer.is_none()));
}

#[test]
fn people_one_may_know_are_the_graphs_then_those_alike() {
    let mut app = app();
    let ids: Vec<UserId> = (1..=6).map(|person| join(&mut app, person)).collect();
    for person in [1, 4] {
        ok(app.edit_profile(by(person), edit()));
    }
    befriend(&mut app, 1, 2);
    ok(app.invite(by(1), ids[2], ""));
    let by_graph =
        [5, 2, 3].map(|person| guild_connections::Suggestion { person: ids[person - 1], mutual: 2 });
    let found = app.acquaintances(by(1), &by_graph, 10);
    // neither oneself, nor whom one knows or invited
    let expected = [(ids[4], 2), (ids[3], 0), (ids[5], 0)];
    assert_eq!(found.iter().map(|it| (it.card.id, it.mutual)).collect::<Vec<_>>(), expected);
    assert_eq!(app.acquaintances(by(1), &by_graph, 1).len(), 1);
}

#[test]
fn of_a_suspended_user_others_see_the_handle_alone() {
    let mut app = app();
    let ann = join(&mut app, 1);
    join(&mut app, 2);
    ok(app.edit_profile(by(1), edit()));
    ok(app.set_picture(by(1), Some(png(500))));
    publish(&mut app, 1, "a post");
    ok(app.suspend(controller(), ann, true));
    let seen = ok(app.profile(by(2), ann));
    assert_eq!((seen.card.display.as_str(), seen.card.headline.as_str()), ("user_1", ""));
    assert!(seen.card.picture.is_none() && seen.about.is_empty() && seen.skills.is_empty());
    let page = String::from_utf8_lossy(app.first_page()).into_owned();
    assert!(page.contains("a post") && !page.contains("Ann Example"));
    // they themselves see it all, and admins the texts that are to be judged
    assert!(!ok(app.profile(by(1), ann)).card.headline.is_empty());
    assert!(!ok(app.profile(controller(), ann)).about.is_empty());
    ok(app.suspend(controller(), ann, false));
    assert_eq!(ok(app.profile(by(2), ann)).card.display, "Ann Example");
}

#[test]
fn what_an_upgrade_does_not_say_stays() {
    let mut app = app();
    let (ann, _) = (join(&mut app, 1), join(&mut app, 2));
    let (admin, graph, identity) = (by(2).caller, by(3).caller, by(4).caller);
    app.configure(InitArgs { admin: Some(admin), graph: Some(graph), identity: Some(identity) });
    app.configure(InitArgs::default());
    assert_eq!((app.graph(), app.identity()), (Some(graph), Some(identity)));
    ok(app.suspend(by(2), ann, true));
    app.configure(InitArgs { identity: Some(graph), ..InitArgs::default() });
    assert_eq!((app.graph(), app.identity()), (Some(graph), Some(graph)));
}

#[test]
fn admins_suspend_and_nobody_else() {
    let mut app = app();
    let (ann, _) = (join(&mut app, 1), join(&mut app, 2));
    refused(app.suspend(by(2), ann, true), Refusal::NotAllowed);
    app.configure(InitArgs { admin: Some(by(2).caller), ..InitArgs::default() });
    ok(app.suspend(by(2), ann, true));
    refused(app.edit_profile(by(1), edit()), Refusal::Suspended);
    ok(app.suspend(controller(), ann, false));
    ok(app.edit_profile(by(1), edit()));
}
