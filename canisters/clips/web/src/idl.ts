// The canister's interface (clips.did), as the agent wants it.
import { IDL } from "@icp-sdk/core/candid";

const { Record: R, Variant: V, Opt, Vec, Text, Nat8, Nat32, Nat64, Bool, Null, Tuple } = IDL;

const unit = <K extends string>(...names: K[]) => V(Object.fromEntries(names.map((name) => [name, Null])));

const Refusal = V({
  Anonymous: Null, NoProfile: Null, Suspended: Null, NotAllowed: Null, NotFound: Null, Taken: Null, Blocked: Null,
  Invalid: Text, TooMany: Text, NotBefore: Nat64, NoPoints: Nat64,
});
const Result = (ok: IDL.Type) => V({ Ok: ok, Err: Refusal });
const Role = unit("User", "Moderator", "Admin");
const Card = R({ id: Nat32, name: Text, display: Text, picture: Opt(Nat64), followers: Nat32, following_them: Bool });
const Profile = R({
  card: Card, bio: Text, joined: Nat64, following: Nat32, clips: Nat32, likes: Nat64, role: Role, suspended: Bool,
  blocked_by_me: Bool, own: Bool,
});
const Me = R({ profile: Profile, points: Nat64, superlikes_left: Nat32, unread_notifications: Nat32, unread_messages: Nat32 });
const MediaKind = unit("Mp4", "Webm", "Jpeg", "Png", "Webp");
const Upload = R({ id: Nat64, kind: MediaKind, bytes: Nat64, chunk_bytes: Nat32, missing: Vec(Nat32) });
const Mine = R({ own: Bool, liked: Bool, superliked: Bool, bookmarked: Bool });
const Clip = R({
  id: Nat64, author: Card, caption: Text, tags: Vec(Text), video: Nat64, poster: Opt(Nat64), width: Nat32, height: Nat32,
  duration_ms: Nat32, created: Nat64, likes: Nat32, superlikes: Nat32, comments: Nat32, views: Nat32, tips: Nat64,
  viral: Bool, hidden: Bool, mine: Mine,
});
const Cursor = R({ part: Nat8, rank: Nat64, id: Nat64 });
const ClipPage = R({ clips: Vec(Clip), next: Opt(Cursor) });
const ClipList = V({ Of: Nat32, Liked: Null, Bookmarked: Null, Tagged: Text });
const PeopleList = V({ Followers: Nat32, FollowedBy: Nat32, Blocked: Null });
const TagCount = R({ tag: Text, clips: Nat64 });
const Comment = R({ id: Nat64, clip: Nat64, author: Card, text: Text, created: Nat64, own: Bool, removable: Bool });
const News = V({
  Followed: Null, Liked: Nat64, Superliked: Nat64, Commented: Nat64, Tipped: R({ clip: Nat64, points: Nat64 }),
  Viral: R({ clip: Nat64, points: Nat64 }), Messaged: Null, Hidden: Nat64, Restored: Nat64, Removed: Nat64,
  CommentRemoved: Nat64, RoleChanged: Role,
});
const Notification = R({ id: Nat64, at: Nat64, from: Opt(Card), news: News, unread: Bool });
const Message = R({ id: Nat64, at: Nat64, own: Bool, text: Text });
const Thread = R({ with: Card, last: Message, unread: Nat32 });
const Target = V({ Clip: Nat64, Comment: R({ clip: Nat64, comment: Nat64 }) });
const Reason = unit("Illegal", "Violence", "Hate", "Sexual", "Harassment", "Copyright", "Spam", "Other");
const Verdict = unit("Keep", "Remove");
const Case = R({
  id: Nat64, target: Target, clip: Opt(Clip), comment: Opt(Comment), reasons: Vec(Tuple(Reason, Nat32)), notes: Vec(Text),
  reports: Nat32, hidden: Bool, keep: Nat32, remove: Nat32, needed: Nat32, state: unit("Open", "Kept", "Removed"),
  opened: Nat64, my_vote: Opt(Verdict),
});
const Deed = V({
  Joined: Nat32, Published: Nat64, Deleted: Nat64, WentViral: Nat64, Reported: Nat64, Hid: Nat64,
  Voted: R({ case: Nat64, verdict: Verdict }), Decided: R({ case: Nat64, verdict: Verdict }), GaveRole: R({ user: Nat32, role: Role }),
  Suspended: R({ user: Nat32, suspended: Bool }),
});
const Event = R({ id: Nat64, at: Nat64, by: Opt(Nat32), deed: Deed });
const query = ["query"];

export const service: IDL.InterfaceFactory = () => IDL.Service({
  me: IDL.Func([], [Opt(Me)], query),
  create_profile: IDL.Func([R({ name: Text, display: Text, bio: Text })], [Result(Profile)]),
  edit_profile: IDL.Func([R({ display: Text, bio: Text, picture: Opt(Nat64) })], [Result(Profile)]),
  profile: IDL.Func([Text], [Result(Profile)], query),
  people: IDL.Func([PeopleList, Opt(Cursor), Nat32], [R({ people: Vec(Card), next: Opt(Cursor) })], query),
  follow: IDL.Func([Nat32, Bool], [Result(Null)]),
  block: IDL.Func([Nat32, Bool], [Result(Null)]),
  begin_upload: IDL.Func([R({ kind: MediaKind, bytes: Nat64 })], [Result(Upload)]),
  put_chunk: IDL.Func([R({ upload: Nat64, index: Nat32, bytes: Vec(Nat8) })], [Result(Upload)]),
  uploads: IDL.Func([], [Result(Vec(Upload))], query),
  cancel_upload: IDL.Func([Nat64], [Result(Null)]),
  publish: IDL.Func([R({
    video: Nat64, poster: Opt(Nat64), caption: Text, width: Nat32, height: Nat32, duration_ms: Nat32,
  })], [Result(Clip)]),
  delete_clip: IDL.Func([Nat64], [Result(Null)]),
  clip: IDL.Func([Nat64], [Result(Clip)], query),
  feed: IDL.Func([unit("ForYou", "Following"), Opt(Cursor), Nat32], [ClipPage], query),
  clips: IDL.Func([ClipList, Opt(Cursor), Nat32], [ClipPage], query),
  like: IDL.Func([Nat64, Bool], [Result(Clip)]),
  superlike: IDL.Func([Nat64], [Result(Clip)]),
  bookmark: IDL.Func([Nat64, Bool], [Result(Null)]),
  tip: IDL.Func([R({ clip: Nat64, points: Nat64, order: Nat64 })], [Result(Clip)]),
  viewed: IDL.Func([Nat64], [Result(Null)]),
  comment: IDL.Func([R({ clip: Nat64, text: Text, order: Nat64 })], [Result(Comment)]),
  delete_comment: IDL.Func([Nat64, Nat64], [Result(Null)]),
  comments: IDL.Func([Nat64, Opt(Nat64), Nat32], [R({ comments: Vec(Comment), next: Opt(Nat64) })], query),
  search: IDL.Func([Text], [Result(R({ people: Vec(Card), clips: Vec(Clip), tags: Vec(TagCount) }))], query),
  trends: IDL.Func([], [Vec(TagCount)], query),
  notifications: IDL.Func([Opt(Nat64), Nat32], [Result(R({ notifications: Vec(Notification), next: Opt(Nat64) }))], query),
  read_notifications: IDL.Func([Nat64], [Result(Null)]),
  conversations: IDL.Func([], [Result(Vec(Thread))], query),
  messages: IDL.Func([Nat32, Opt(Nat64), Nat32], [Result(R({ messages: Vec(Message), next: Opt(Nat64) }))], query),
  send_message: IDL.Func([R({ to: Nat32, text: Text, order: Nat64 })], [Result(Message)]),
  read_messages: IDL.Func([Nat32], [Result(Null)]),
  report: IDL.Func([R({ target: Target, reason: Reason, note: Text })], [Result(Null)]),
  queue: IDL.Func([Opt(Nat64), Nat32], [Result(R({ cases: Vec(Case), next: Opt(Nat64) }))], query),
  evidence: IDL.Func([Nat64, Nat32], [Result(Vec(Nat8))], query),
  vote: IDL.Func([Nat64, Verdict], [Result(Case)]),
  events: IDL.Func([Opt(Nat64), Nat32], [Result(R({ events: Vec(Event), next: Opt(Nat64) }))], query),
  totals: IDL.Func([], [R({ users: Nat64, clips: Nat64, media_bytes: Nat64, open_cases: Nat64, points: Nat64 })], query),
});
