// The canister's interface (guild.did), as the agent wants it.
import { IDL } from "@icp-sdk/core/candid";

const { Record: R, Variant: V, Opt, Vec, Text, Nat8, Nat16, Nat32, Nat64, Bool, Null, Tuple } = IDL;

const unit = (...names) => V(Object.fromEntries(names.map((name) => [name, Null])));

const Refusal = V({
  Anonymous: Null, NoProfile: Null, Suspended: Null, NotAllowed: Null, NotFound: Null, Taken: Null, NotConnected: Null,
  Pending: Null, NoAnswer: Null, Invalid: Text, TooMany: Text,
});
const Result = (ok) => V({ Ok: ok, Err: Refusal });
const Tie = unit("Stranger", "Own", "Invited", "Invites", "Connecting", "Connected", "Parting");
const Card = R({ id: Nat32, name: Text, display: Text, headline: Text, picture: Opt(Nat64), connections: Nat32, tie: Tie });
const Month = R({ year: Nat16, month: Nat8 });
const Experience = R({ title: Text, company: Text, place: Text, from: Month, to: Opt(Month), text: Text });
const Education = R({ school: Text, degree: Text, from: Nat16, to: Opt(Nat16) });
const Skill = R({ id: Nat32, name: Text, endorsements: Nat32, endorsed_by_me: Bool });
const Profile = R({
  card: Card, company: Text, place: Text, about: Text, open_to_work: Bool, joined: Nat64, posts: Nat32,
  experience: Vec(Experience), education: Vec(Education), skills: Vec(Skill), suspended: Bool, invitation_note: Opt(Text),
});
const Me = R({
  profile: Profile, unread_notifications: Nat32, unread_messages: Nat32, invitations: Nat32, views: Nat64, private_views: Bool,
});
const ProfileEdit = R({
  display: Text, headline: Text, company: Text, place: Text, about: Text, open_to_work: Bool, private_views: Bool,
  experience: Vec(Experience), education: Vec(Education), skills: Vec(Text),
});
const Picture = R({ kind: unit("Jpeg", "Png", "Webp"), bytes: Vec(Nat8) });
const PeopleFilter = R({ query: Text, company: Text, place: Text, school: Text, skill: Text, open_to_work: Bool, connected: Bool });
const PeoplePage = R({ people: Vec(Card), next: Opt(Nat32) });
const View = R({ id: Nat64, viewer: Opt(Card), at: Nat64 });
const Invitation = R({ with: Card, note: Text, at: Nat64 });
const Network = R({ degree: Opt(Nat8), mutual: Vec(Card), mutual_count: Nat32 });
const Acquaintance = R({ card: Card, mutual: Nat32 });
const Reaction = unit("Like", "Celebrate", "Support", "Insightful", "Funny");
const Post = R({
  id: Nat64, author: Card, text: Text, picture: Opt(Nat64), created: Nat64, reactions: Vec(Tuple(Reaction, Nat32)),
  comments: Nat32, mine: Opt(Reaction),
});
const PostList = V({ Network: Null, Everyone: Null, Of: Nat32, Found: Text });
const Comment = R({ id: Nat64, post: Nat64, author: Card, text: Text, created: Nat64, removable: Bool });
const Workplace = unit("OnSite", "Hybrid", "Remote");
const Hours = unit("FullTime", "PartTime", "Contract", "Internship");
const State = unit("Sent", "Seen", "Invited", "Declined");
const Job = R({
  id: Nat64, poster: Card, title: Text, company: Text, place: Text, workplace: Workplace, hours: Hours, text: Text,
  created: Nat64, open: Bool, applications: Nat32, mine: Opt(State),
});
const NewJob = R({ title: Text, company: Text, place: Text, workplace: Workplace, hours: Hours, text: Text, order: Nat64 });
const JobFilter = R({ query: Text, place: Text, workplace: Opt(Workplace), hours: Opt(Hours) });
const JobList = V({ Open: JobFilter, Posted: Null, Applied: Null });
const Application = R({ job: Nat64, applicant: Card, letter: Text, at: Nat64, state: State });
const News = V({
  Invited: Null, Connected: Null, Reacted: R({ post: Nat64, reaction: Reaction }), Commented: Nat64, Endorsed: Text,
  Messaged: Null, Applied: Nat64, Answered: R({ job: Nat64, state: State }),
});
const Notification = R({ id: Nat64, at: Nat64, from: Opt(Card), news: News, unread: Bool });
const Message = R({ id: Nat64, at: Nat64, own: Bool, text: Text });
const Thread = R({ with: Card, last: Message, unread: Nat32 });
const ExportCursor = R({ part: Nat8, after: Nat64 });
const Totals = R({
  users: Nat64, posts: Nat64, jobs: Nat64, connections: Nat64, picture_bytes: Nat64, pending: Nat64, not_held: Nat64, leaving: Nat64,
});
const Pair = Tuple(Nat32, Nat32);
const Done = Result(Null);
const query = ["query"];
const composite = ["composite_query"];

export const service = () => IDL.Service({
  me: IDL.Func([], [Opt(Me)], query),
  create_profile: IDL.Func([R({ name: Text, display: Text, headline: Text })], [Result(Profile)], []),
  edit_profile: IDL.Func([ProfileEdit], [Result(Profile)], []),
  set_picture: IDL.Func([Opt(Picture)], [Result(Profile)], []),
  profile: IDL.Func([Text], [Result(Profile)], query),
  cards: IDL.Func([Vec(Nat32)], [Vec(Card)], query),
  search_people: IDL.Func([PeopleFilter, Opt(Nat32), Nat32], [Result(PeoplePage)], query),
  endorse: IDL.Func([Nat32, Nat32, Bool], [Done], []),
  endorsers: IDL.Func([Nat32, Nat32], [Vec(Card)], query),
  view: IDL.Func([Nat32], [Done], []),
  views: IDL.Func([Opt(Nat64), Nat32], [Result(R({ views: Vec(View), next: Opt(Nat64) }))], query),
  invite: IDL.Func([Nat32, Text], [Result(Tie)], []),
  accept: IDL.Func([Nat32], [Result(Tie)], []),
  withdraw: IDL.Func([Nat32], [Done], []),
  disconnect: IDL.Func([Nat32], [Result(Tie)], []),
  invitations: IDL.Func([unit("Received", "Sent"), Opt(Nat32), Nat32], [Result(R({ invitations: Vec(Invitation), next: Opt(Nat32) }))], query),
  connections: IDL.Func([Nat32, Opt(Nat32), Nat32], [PeoplePage], query),
  network: IDL.Func([Nat32], [Result(Network)], composite),
  degrees: IDL.Func([Vec(Nat32)], [Result(Vec(Nat8))], composite),
  suggestions: IDL.Func([Nat32], [Result(Vec(Acquaintance))], composite),
  publish: IDL.Func([R({ text: Text, picture: Opt(Picture), order: Nat64 })], [Result(Post)], []),
  delete_post: IDL.Func([Nat64], [Done], []),
  post: IDL.Func([Nat64], [Result(Post)], query),
  posts: IDL.Func([PostList, Opt(Nat64), Nat32], [Result(R({ posts: Vec(Post), next: Opt(Nat64) }))], query),
  react: IDL.Func([Nat64, Opt(Reaction)], [Result(Post)], []),
  reactions: IDL.Func([Nat64, Opt(Nat32), Nat32], [Vec(Tuple(Card, Reaction))], query),
  comment: IDL.Func([R({ post: Nat64, text: Text, order: Nat64 })], [Result(Comment)], []),
  delete_comment: IDL.Func([Nat64, Nat64], [Done], []),
  comments: IDL.Func([Nat64, Opt(Nat64), Nat32], [R({ comments: Vec(Comment), next: Opt(Nat64) })], query),
  post_job: IDL.Func([NewJob], [Result(Job)], []),
  open_job: IDL.Func([Nat64, Bool], [Result(Job)], []),
  delete_job: IDL.Func([Nat64], [Done], []),
  job: IDL.Func([Nat64], [Result(Job)], query),
  jobs: IDL.Func([JobList, Opt(Nat64), Nat32], [Result(R({ jobs: Vec(Job), next: Opt(Nat64) }))], query),
  apply: IDL.Func([R({ job: Nat64, letter: Text })], [Result(Job)], []),
  withdraw_application: IDL.Func([Nat64], [Done], []),
  applications: IDL.Func([Nat64, Opt(Nat32), Nat32], [Result(R({ applications: Vec(Application), next: Opt(Nat32) }))], query),
  answer_application: IDL.Func([Nat64, Nat32, State], [Done], []),
  notifications: IDL.Func([Opt(Nat64), Nat32], [Result(R({ notifications: Vec(Notification), next: Opt(Nat64) }))], query),
  read_notifications: IDL.Func([Nat64], [Done], []),
  conversations: IDL.Func([], [Result(Vec(Thread))], query),
  messages: IDL.Func([Nat32, Opt(Nat64), Nat32], [Result(R({ messages: Vec(Message), next: Opt(Nat64) }))], query),
  send_message: IDL.Func([R({ to: Nat32, text: Text, order: Nat64 })], [Result(Message)], []),
  read_messages: IDL.Func([Nat32], [Done], []),
  export_data: IDL.Func([Opt(ExportCursor)], [Result(R({ entries: Vec(Text), next: Opt(ExportCursor) }))], query),
  delete_me: IDL.Func([], [Done], []),
  suspend: IDL.Func([Nat32, Bool], [Done], []),
  tell_again: IDL.Func([Opt(Pair)], [Result(Opt(Pair))], []),
  totals: IDL.Func([], [Totals], query),
});
