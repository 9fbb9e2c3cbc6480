// The canister, called through the agent. Loaded after the first video plays.
import { Actor, CanisterStatus, HttpAgent, type ActorSubclass, type Identity } from "@icp-sdk/core/agent";
import { Principal } from "@icp-sdk/core/principal";
import { originOf } from "../../../site/web/gateway";
import { sessions } from "./auth";
import { service } from "./idl";
import type {
  Case, Clip, ClipList, Comment, Cursor, Entry, Me, MediaKind, Message, News, Page, PeopleList, Person, Profile, Role, Thread, Upload,
} from "./types";

// What candid gives and takes; turned into the app's types below.
type Raw = any;
type Methods = Record<string, (...args: unknown[]) => Promise<Raw>>;

/** The canister refused; the text is for people. */
export class Refused extends Error {
  constructor(readonly kind: string, message: string) {
    super(message);
  }
}

const optional = <T>(value: [] | [T]): T | undefined => value[0];
const option = <T>(value?: T): [] | [T] => (value === undefined ? [] : [value]);
const milliseconds = (nanoseconds: bigint) => Number(nanoseconds / 1_000_000n);
const variant = (value: object) => Object.keys(value)[0]!;
export const randomOrder = () => crypto.getRandomValues(new BigUint64Array(1))[0]!;

function explain(refusal: Raw): Refused {
  const kind = variant(refusal);
  const detail = refusal[kind];
  const texts: Record<string, string> = {
    Anonymous: "Sign in first.",
    NoProfile: "Choose a name first.",
    Suspended: "Your account is suspended.",
    NotAllowed: "That is not yours to change.",
    NotFound: "That is gone.",
    Taken: "That name belongs to somebody else.",
    Blocked: "One of you blocked the other.",
    Invalid: `Not accepted: ${detail}.`,
    TooMany: `No more: ${detail}.`,
    NotBefore: `Not before ${new Date(milliseconds(BigInt(detail ?? 0))).toLocaleString()}.`,
    NoPoints: `You have ${detail} points.`,
  };
  return new Refused(kind, texts[kind] ?? kind);
}

function ok(answer: Raw): Raw {
  if ("Err" in answer) throw explain(answer.Err);
  return answer.Ok;
}

const person = (raw: Raw): Person => ({
  id: raw.id, name: raw.name, display: raw.display, picture: optional(raw.picture), followers: raw.followers,
  followed: raw.following_them,
});

const profile = (raw: Raw): Profile => ({
  ...person(raw.card), bio: raw.bio, joined: milliseconds(raw.joined), following: raw.following, clips: raw.clips,
  likes: raw.likes, role: variant(raw.role) as Role, suspended: raw.suspended, blocked: raw.blocked_by_me, own: raw.own,
});

const clip = (raw: Raw): Clip => ({
  id: raw.id, author: person(raw.author), caption: raw.caption, tags: raw.tags, video: raw.video,
  poster: optional(raw.poster), width: raw.width, height: raw.height, duration: raw.duration_ms,
  created: milliseconds(raw.created), likes: raw.likes, superlikes: raw.superlikes, comments: raw.comments,
  views: raw.views, tips: raw.tips, viral: raw.viral, hidden: raw.hidden, mine: raw.mine,
});

const clipPage = (raw: Raw): Page<Clip> => ({ items: raw.clips.map(clip), next: optional(raw.next) });

const comment = (raw: Raw): Comment => ({ ...raw, author: person(raw.author), created: milliseconds(raw.created) });

const message = (raw: Raw): Message => ({ ...raw, at: milliseconds(raw.at) });

function news(raw: Raw): News {
  const kind = variant(raw.news);
  const detail = raw.news[kind];
  return {
    id: raw.id, at: milliseconds(raw.at), from: raw.from[0] && person(raw.from[0]), kind, unread: raw.unread,
    clip: typeof detail === "bigint" ? detail : detail?.clip,
    points: detail?.points,
    role: kind === "RoleChanged" ? (variant(detail) as Role) : undefined,
  };
}

const moderationCase = (raw: Raw): Case => ({
  id: raw.id, clip: raw.clip[0] && clip(raw.clip[0]), comment: raw.comment[0] && comment(raw.comment[0]),
  reasons: raw.reasons.map(([reason, count]: [object, number]) => [variant(reason), count]), notes: raw.notes,
  reports: raw.reports, hidden: raw.hidden, keep: raw.keep, remove: raw.remove, needed: raw.needed,
  state: variant(raw.state), vote: raw.my_vote[0] && variant(raw.my_vote[0]),
});

function entry(raw: Raw): Entry {
  const kind = variant(raw.deed);
  const detail = raw.deed[kind];
  const texts: Record<string, () => string> = {
    Joined: () => "joined", Published: () => `published clip ${detail}`, Deleted: () => `deleted clip ${detail}`, WentViral: () => `Clip ${detail} went viral`,
    Reported: () => `Case ${detail} was reported`, Hid: () => `Case ${detail}: hidden until decided`,
    Voted: () => `voted to ${variant(detail.verdict).toLowerCase()} in case ${detail.case}`,
    Decided: () => `Case ${detail.case} is decided: ${variant(detail.verdict).toLowerCase()}`,
    GaveRole: () => `made user ${detail.user} ${variant(detail.role)}`, Suspended: () => `${detail.suspended ? "suspended" : "restored"} user ${detail.user}`,
  };
  return { id: raw.id, at: milliseconds(raw.at), by: optional(raw.by), text: texts[kind]?.() ?? kind };
}

const upload = (raw: Raw): Upload => ({
  id: raw.id, bytes: Number(raw.bytes), chunkBytes: raw.chunk_bytes, missing: Array.from(raw.missing),
});

const fromHex = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));

export class Backend {
  private actor: ActorSubclass<Methods>;

  private constructor(readonly canister: string, readonly provider: string | undefined, readonly agent: HttpAgent, public identity: Identity) {
    this.actor = Actor.createActor<Methods>(service, { agent, canisterId: canister });
  }

  /** Knows the subnet's key from the canister's certified file, and checks every answer against it. */
  static async open(): Promise<Backend> {
    const response = await fetch("/env.json");
    if (!response.ok) throw new Error(`the gateway answered ${response.status}`);
    const env = await response.json() as { canister: string; identity: string | null; root_key: string };
    const identity = await sessions.restore();
    const agent = await HttpAgent.create({ host: location.origin, rootKey: fromHex(env.root_key), identity });
    return new Backend(env.canister, env.identity ? originOf(env.identity, env.canister) : undefined, agent, identity);
  }

  use(identity: Identity) {
    this.identity = identity;
    this.agent.replaceIdentity(identity);
  }

  get signedIn() {
    return !this.identity.getPrincipal().isAnonymous();
  }

  // people
  async me(): Promise<Me | undefined> {
    const raw = optional<Raw>(await this.actor.me!());
    return raw && {
      profile: profile(raw.profile), points: raw.points, superlikesLeft: raw.superlikes_left,
      unreadNotifications: raw.unread_notifications, unreadMessages: raw.unread_messages,
    };
  }
  createProfile = async (name: string, display: string) =>
    profile(ok(await this.actor.create_profile!({ name, display, bio: "" })));
  editProfile = async (display: string, bio: string, picture?: bigint) =>
    profile(ok(await this.actor.edit_profile!({ display, bio, picture: option(picture) })));
  profile = async (name: string) => profile(ok(await this.actor.profile!(name)));
  async people(list: PeopleList, after?: Cursor): Promise<Page<Person>> {
    const raw = await this.actor.people!(list, option(after), 30);
    return { items: raw.people.map(person), next: optional(raw.next) };
  }
  follow = async (user: number, on: boolean) => ok(await this.actor.follow!(user, on));
  block = async (user: number, on: boolean) => ok(await this.actor.block!(user, on));

  // clips
  feed = async (tab: "ForYou" | "Following", after?: Cursor, limit = 6) =>
    clipPage(await this.actor.feed!({ [tab]: null }, option(after), limit));
  clips = async (list: ClipList, after?: Cursor, limit = 24) => clipPage(await this.actor.clips!(list, option(after), limit));
  clip = async (id: bigint) => clip(ok(await this.actor.clip!(id)));
  like = async (id: bigint, on: boolean) => clip(ok(await this.actor.like!(id, on)));
  superlike = async (id: bigint) => clip(ok(await this.actor.superlike!(id)));
  bookmark = async (id: bigint, on: boolean) => ok(await this.actor.bookmark!(id, on));
  tip = async (id: bigint, points: bigint, order: bigint) => clip(ok(await this.actor.tip!({ clip: id, points, order })));
  viewed = async (id: bigint) => ok(await this.actor.viewed!(id));
  deleteClip = async (id: bigint) => ok(await this.actor.delete_clip!(id));

  // comments, search
  async comments(id: bigint, before?: bigint): Promise<Page<Comment, bigint>> {
    const raw = await this.actor.comments!(id, option(before), 20);
    return { items: raw.comments.map(comment), next: optional(raw.next) };
  }
  comment = async (id: bigint, text: string, order: bigint) => comment(ok(await this.actor.comment!({ clip: id, text, order })));
  deleteComment = async (id: bigint, which: bigint) => ok(await this.actor.delete_comment!(id, which));
  async search(query: string) {
    const raw = ok(await this.actor.search!(query));
    return { people: raw.people.map(person) as Person[], clips: raw.clips.map(clip) as Clip[], tags: raw.tags as { tag: string; clips: bigint }[] };
  }
  trends = async () => await this.actor.trends!() as { tag: string; clips: bigint }[];

  // inbox
  async notifications(before?: bigint): Promise<Page<News, bigint>> {
    const raw = ok(await this.actor.notifications!(option(before), 30));
    return { items: raw.notifications.map(news), next: optional(raw.next) };
  }
  readNotifications = async (upTo: bigint) => ok(await this.actor.read_notifications!(upTo));
  async conversations(): Promise<Thread[]> {
    const raw = ok(await this.actor.conversations!());
    return raw.map((it: Raw) => ({ with: person(it.with), last: message(it.last), unread: it.unread }));
  }
  async messages(user: number, before?: bigint): Promise<Page<Message, bigint>> {
    const raw = ok(await this.actor.messages!(user, option(before), 30));
    return { items: raw.messages.map(message), next: optional(raw.next) };
  }
  sendMessage = async (to: number, text: string, order: bigint) => message(ok(await this.actor.send_message!({ to, text, order })));
  readMessages = async (user: number) => ok(await this.actor.read_messages!(user));

  // moderation
  report = async (target: object, reason: string, note: string) =>
    ok(await this.actor.report!({ target, reason: { [reason]: null }, note }));
  async queue(after?: bigint): Promise<Page<Case, bigint>> {
    const raw = ok(await this.actor.queue!(option(after), 10));
    return { items: raw.cases.map(moderationCase), next: optional(raw.next) };
  }
  evidence = async (id: bigint, chunk: number): Promise<Uint8Array> => Uint8Array.from(ok(await this.actor.evidence!(id, chunk)));
  async events(before?: bigint): Promise<Page<Entry, bigint>> {
    const raw = ok(await this.actor.events!(option(before), 30));
    return { items: raw.events.map(entry), next: optional(raw.next) };
  }
  vote = async (id: bigint, verdict: "Keep" | "Remove") => moderationCase(ok(await this.actor.vote!(id, { [verdict]: null })));

  // uploads
  beginUpload = async (kind: MediaKind, bytes: number) =>
    upload(ok(await this.actor.begin_upload!({ kind: { [kind]: null }, bytes: BigInt(bytes) })));
  putChunk = async (id: bigint, index: number, bytes: Uint8Array) => upload(ok(await this.actor.put_chunk!({ upload: id, index, bytes })));
  uploads = async () => (ok(await this.actor.uploads!()) as Raw[]).map(upload);
  cancelUpload = async (id: bigint) => ok(await this.actor.cancel_upload!(id));
  publish = async (video: bigint, poster: bigint | undefined, caption: string, width: number, height: number, duration: number) =>
    clip(ok(await this.actor.publish!({ video, poster: option(poster), caption, width, height, duration_ms: duration })));

  /** What the panel "How is this hosted?" shows; all of it from certificates that the agent verified. */
  async hosting() {
    const canisterId = Principal.fromText(this.canister);
    const paths: CanisterStatus.Path[] = ["time", "subnet", "module_hash"];
    const [status, found, totals] = await Promise.all([
      this.agent.status(), CanisterStatus.request({ canisterId, agent: this.agent, paths }), this.actor.totals!(),
    ]);
    const subnet = found.get("subnet") as { subnetId: string; nodeKeys: Map<string, unknown> } | undefined;
    return {
      canister: this.canister,
      subnet: subnet?.subnetId,
      replicas: subnet?.nodeKeys.size,
      certifiedAt: found.get("time") as Date | undefined,
      module: found.get("module_hash") as string | undefined,
      height: (status as Record<string, unknown>)["certified_height"],
      users: totals.users as bigint,
      clips: totals.clips as bigint,
      bytes: totals.media_bytes as bigint,
    };
  }
}
