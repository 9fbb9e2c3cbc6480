// The canister, called through the agent. Loaded after the first posts are shown.
import { Actor, CanisterStatus, HttpAgent, type ActorSubclass, type Identity } from "@icp-sdk/core/agent";
import { Principal } from "@icp-sdk/core/principal";
import { originOf } from "../../../site/web/gateway";
import { sessions } from "./auth";
import { service } from "./idl";
import type {
  Acquaintance, Application, Comment, Education, Experience, Invitation, Job, JobFilter, Me, Message, Network, News, Page, PeopleFilter,
  Person, Picture, Post, PostList, Profile, ProfileEdit, Reaction, Skill, State, Thread, Tie, View,
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
const named = (name?: string): [] | [object] => (name === undefined ? [] : [{ [name]: null }]);
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
    NotConnected: "Only people who are connected can do this.",
    Pending: "What you asked for before is not confirmed yet. Try again in a moment.",
    NoAnswer: "The connections did not answer. Try again in a moment.",
    Invalid: `Not accepted: ${detail}.`,
    TooMany: `No more: ${detail}.`,
  };
  return new Refused(kind, texts[kind] ?? kind);
}

function ok(answer: Raw): Raw {
  if ("Err" in answer) throw explain(answer.Err);
  return answer.Ok;
}

const person = (raw: Raw): Person => ({
  id: raw.id, name: raw.name, display: raw.display, headline: raw.headline, picture: optional(raw.picture),
  connections: raw.connections, tie: variant(raw.tie) as Tie,
});

const profile = (raw: Raw): Profile => ({
  ...person(raw.card), company: raw.company, place: raw.place, about: raw.about, openToWork: raw.open_to_work,
  joined: milliseconds(raw.joined), posts: raw.posts, suspended: raw.suspended, note: optional(raw.invitation_note),
  experience: raw.experience.map((it: Raw): Experience => ({ ...it, to: optional(it.to) })),
  education: raw.education.map((it: Raw): Education => ({ ...it, to: optional(it.to) })),
  skills: raw.skills.map((it: Raw): Skill => ({ id: it.id, name: it.name, endorsements: it.endorsements, endorsed: it.endorsed_by_me })),
});

const post = (raw: Raw): Post => ({
  id: raw.id, author: person(raw.author), text: raw.text, picture: optional(raw.picture), created: milliseconds(raw.created),
  reactions: raw.reactions.map(([reaction, count]: [object, number]) => [variant(reaction) as Reaction, count]),
  comments: raw.comments, mine: raw.mine[0] && (variant(raw.mine[0]) as Reaction),
});

const comment = (raw: Raw): Comment => ({ ...raw, author: person(raw.author), created: milliseconds(raw.created) });

const job = (raw: Raw): Job => ({
  ...raw, poster: person(raw.poster), workplace: variant(raw.workplace), hours: variant(raw.hours),
  created: milliseconds(raw.created), mine: raw.mine[0] && variant(raw.mine[0]),
});

const message = (raw: Raw): Message => ({ ...raw, at: milliseconds(raw.at) });

function news(raw: Raw): News {
  const kind = variant(raw.news);
  const detail = raw.news[kind];
  return {
    id: raw.id, at: milliseconds(raw.at), from: raw.from[0] && person(raw.from[0]), kind, unread: raw.unread,
    post: kind === "Commented" ? detail : detail?.post,
    job: kind === "Applied" ? detail : detail?.job,
    reaction: detail?.reaction && (variant(detail.reaction) as Reaction),
    skill: kind === "Endorsed" ? detail : undefined,
    state: detail?.state && (variant(detail.state) as State),
  };
}

const rawPicture = (picture?: Picture) => option(picture && { kind: { [picture.kind]: null }, bytes: picture.bytes });
const fromHex = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));

export class Backend {
  private actor: ActorSubclass<Methods>;

  private constructor(
    readonly canister: string, readonly graph: string | undefined, readonly provider: string | undefined, readonly agent: HttpAgent, public identity: Identity,
  ) {
    this.actor = Actor.createActor<Methods>(service, { agent, canisterId: canister });
  }

  /** Knows the subnet's key from the canister's certified file, and checks every answer against it. */
  static async open(): Promise<Backend> {
    const response = await fetch("/env.json");
    if (!response.ok) throw new Error(`the gateway answered ${response.status}`);
    const env = await response.json() as { canister: string; graph: string | null; identity: string | null; root_key: string };
    const identity = await sessions.restore();
    const agent = await HttpAgent.create({ host: location.origin, rootKey: fromHex(env.root_key), identity });
    const provider = env.identity ? originOf(env.identity, env.canister) : undefined;
    return new Backend(env.canister, env.graph ?? undefined, provider, agent, identity);
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
      profile: profile(raw.profile), unreadNotifications: raw.unread_notifications, unreadMessages: raw.unread_messages,
      invitations: raw.invitations, views: raw.views, privateViews: raw.private_views,
    };
  }
  createProfile = async (name: string, display: string, headline: string) =>
    profile(ok(await this.actor.create_profile!({ name, display, headline })));
  editProfile = async (it: ProfileEdit) => profile(ok(await this.actor.edit_profile!({
    display: it.display, headline: it.headline, company: it.company, place: it.place, about: it.about, open_to_work: it.openToWork,
    private_views: it.privateViews, skills: it.skills,
    experience: it.experience.map((one) => ({ ...one, to: option(one.to) })),
    education: it.education.map((one) => ({ ...one, to: option(one.to) })),
  })));
  setPicture = async (picture?: Picture) => profile(ok(await this.actor.set_picture!(rawPicture(picture))));
  profile = async (name: string) => profile(ok(await this.actor.profile!(name)));
  async searchPeople(filter: PeopleFilter, after?: number): Promise<Page<Person, number>> {
    const raw = ok(await this.actor.search_people!(filter, option(after), 20));
    return { items: raw.people.map(person), next: optional(raw.next) };
  }
  endorse = async (user: number, skill: number, on: boolean) => ok(await this.actor.endorse!(user, skill, on));
  endorsers = async (user: number, skill: number): Promise<Person[]> => (await this.actor.endorsers!(user, skill)).map(person);
  view = async (user: number) => ok(await this.actor.view!(user));
  async views(before?: bigint): Promise<Page<View>> {
    const raw = ok(await this.actor.views!(option(before), 20));
    return { items: raw.views.map((it: Raw) => ({ id: it.id, viewer: it.viewer[0] && person(it.viewer[0]), at: milliseconds(it.at) })), next: optional(raw.next) };
  }

  // connections
  invite = async (user: number, note: string) => variant(ok(await this.actor.invite!(user, note))) as Tie;
  accept = async (user: number) => variant(ok(await this.actor.accept!(user))) as Tie;
  disconnect = async (user: number) => variant(ok(await this.actor.disconnect!(user))) as Tie;
  withdraw = async (user: number) => { ok(await this.actor.withdraw!(user)); return "Stranger" as Tie; };
  async invitations(list: "Received" | "Sent", after?: number): Promise<Page<Invitation, number>> {
    const raw = ok(await this.actor.invitations!({ [list]: null }, option(after), 20));
    return { items: raw.invitations.map((it: Raw) => ({ with: person(it.with), note: it.note, at: milliseconds(it.at) })), next: optional(raw.next) };
  }
  async connections(user: number, after?: number): Promise<Page<Person, number>> {
    const raw = await this.actor.connections!(user, option(after), 30);
    return { items: raw.people.map(person), next: optional(raw.next) };
  }
  async network(user: number): Promise<Network> {
    const raw = ok(await this.actor.network!(user));
    return { degree: optional(raw.degree), mutual: raw.mutual.map(person), mutualCount: raw.mutual_count };
  }
  degrees = async (users: number[]): Promise<number[]> => Array.from(ok(await this.actor.degrees!(users)));
  suggestions = async (limit: number): Promise<Acquaintance[]> =>
    ok(await this.actor.suggestions!(limit)).map((it: Raw) => ({ person: person(it.card), mutual: it.mutual }));

  // posts
  async posts(list: PostList, before?: bigint, limit = 10): Promise<Page<Post>> {
    const raw = ok(await this.actor.posts!(list, option(before), limit));
    return { items: raw.posts.map(post), next: optional(raw.next) };
  }
  post = async (id: bigint) => post(ok(await this.actor.post!(id)));
  publish = async (text: string, picture: Picture | undefined, order: bigint) => post(ok(await this.actor.publish!({ text, picture: rawPicture(picture), order })));
  deletePost = async (id: bigint) => ok(await this.actor.delete_post!(id));
  react = async (id: bigint, reaction?: Reaction) => post(ok(await this.actor.react!(id, named(reaction))));
  reactions = async (id: bigint): Promise<[Person, Reaction][]> =>
    (await this.actor.reactions!(id, [], 50)).map(([card, reaction]: [Raw, object]) => [person(card), variant(reaction) as Reaction]);
  async comments(id: bigint, before?: bigint): Promise<Page<Comment>> {
    const raw = await this.actor.comments!(id, option(before), 10);
    return { items: raw.comments.map(comment), next: optional(raw.next) };
  }
  comment = async (id: bigint, text: string, order: bigint) => comment(ok(await this.actor.comment!({ post: id, text, order })));
  deleteComment = async (id: bigint, which: bigint) => ok(await this.actor.delete_comment!(id, which));

  // jobs
  async jobs(list: { Open: JobFilter } | "Posted" | "Applied", before?: bigint): Promise<Page<Job>> {
    const which = typeof list === "string" ? { [list]: null } : { Open: {
      query: list.Open.query, place: list.Open.place, workplace: named(list.Open.workplace), hours: named(list.Open.hours),
    } };
    const raw = ok(await this.actor.jobs!(which, option(before), 20));
    return { items: raw.jobs.map(job), next: optional(raw.next) };
  }
  job = async (id: bigint) => job(ok(await this.actor.job!(id)));
  postJob = async (it: Pick<Job, "title" | "company" | "place" | "workplace" | "hours" | "text">, order: bigint) =>
    job(ok(await this.actor.post_job!({ ...it, workplace: { [it.workplace]: null }, hours: { [it.hours]: null }, order })));
  openJob = async (id: bigint, open: boolean) => job(ok(await this.actor.open_job!(id, open)));
  deleteJob = async (id: bigint) => ok(await this.actor.delete_job!(id));
  apply = async (id: bigint, letter: string) => job(ok(await this.actor.apply!({ job: id, letter })));
  withdrawApplication = async (id: bigint) => ok(await this.actor.withdraw_application!(id));
  async applications(id: bigint, after?: number): Promise<Page<Application, number>> {
    const raw = ok(await this.actor.applications!(id, option(after), 20));
    const view = (it: Raw): Application => ({ job: it.job, applicant: person(it.applicant), letter: it.letter, at: milliseconds(it.at), state: variant(it.state) as State });
    return { items: raw.applications.map(view), next: optional(raw.next) };
  }
  answerApplication = async (id: bigint, user: number, state: State) => ok(await this.actor.answer_application!(id, user, { [state]: null }));

  // inbox
  async notifications(before?: bigint): Promise<Page<News>> {
    const raw = ok(await this.actor.notifications!(option(before), 30));
    return { items: raw.notifications.map(news), next: optional(raw.next) };
  }
  readNotifications = async (upTo: bigint) => ok(await this.actor.read_notifications!(upTo));
  async conversations(): Promise<Thread[]> {
    const raw = ok(await this.actor.conversations!());
    return raw.map((it: Raw) => ({ with: person(it.with), last: message(it.last), unread: it.unread }));
  }
  async messages(user: number, before?: bigint): Promise<Page<Message>> {
    const raw = ok(await this.actor.messages!(user, option(before), 30));
    return { items: raw.messages.map(message), next: optional(raw.next) };
  }
  sendMessage = async (to: number, text: string, order: bigint) => message(ok(await this.actor.send_message!({ to, text, order })));
  readMessages = async (user: number) => ok(await this.actor.read_messages!(user));

  // what is the user's
  /** All entries of the export, page after page. */
  async exportData(): Promise<unknown[]> {
    const entries: unknown[] = [];
    let cursor: Raw;
    do {
      const page: Raw = ok(await this.actor.export_data!(option(cursor)));
      entries.push(...page.entries.map((it: string) => JSON.parse(it)));
      cursor = optional(page.next);
    } while (cursor);
    return entries;
  }
  deleteMe = async () => ok(await this.actor.delete_me!());

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
      graph: this.graph,
      subnet: subnet?.subnetId,
      replicas: subnet?.nodeKeys.size,
      certifiedAt: found.get("time") as Date | undefined,
      module: found.get("module_hash") as string | undefined,
      height: (status as Record<string, unknown>)["certified_height"],
      users: totals.users as bigint,
      posts: totals.posts as bigint,
      connections: totals.connections as bigint,
      pending: totals.pending as bigint,
    };
  }
}
