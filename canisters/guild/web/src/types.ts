// What the app knows of the canister's records.
export interface Page<T, C = bigint> {
  items: T[];
  next?: C;
}

export type Tie = "Stranger" | "Own" | "Invited" | "Invites" | "Connecting" | "Connected" | "Parting";

export interface Person {
  id: number;
  name: string;
  display: string;
  headline: string;
  picture?: bigint;
  connections: number;
  tie: Tie;
}

export interface Month {
  year: number;
  month: number;
}

export interface Experience {
  title: string;
  company: string;
  place: string;
  from: Month;
  to?: Month;
  text: string;
}

export interface Education {
  school: string;
  degree: string;
  from: number;
  to?: number;
}

export interface Skill {
  id: number;
  name: string;
  endorsements: number;
  endorsed: boolean;
}

export interface Profile extends Person {
  company: string;
  place: string;
  about: string;
  openToWork: boolean;
  joined: number;
  posts: number;
  experience: Experience[];
  education: Education[];
  skills: Skill[];
  suspended: boolean;
  note?: string;
}

export interface Me {
  profile: Profile;
  unreadNotifications: number;
  unreadMessages: number;
  invitations: number;
  views: bigint;
  privateViews: boolean;
}

export interface ProfileEdit {
  display: string;
  headline: string;
  company: string;
  place: string;
  about: string;
  openToWork: boolean;
  privateViews: boolean;
  experience: Experience[];
  education: Education[];
  skills: string[];
}

export interface PeopleFilter {
  query: string;
  company: string;
  place: string;
  school: string;
  skill: string;
  open_to_work: boolean;
  connected: boolean;
}

export interface Invitation {
  with: Person;
  note: string;
  at: number;
}

export interface Network {
  degree?: number;
  mutual: Person[];
  mutualCount: number;
}

export interface Acquaintance {
  person: Person;
  mutual: number;
}

export const REACTIONS = ["Like", "Celebrate", "Support", "Insightful", "Funny"] as const;
export type Reaction = (typeof REACTIONS)[number];

export interface Picture {
  kind: "Jpeg" | "Png" | "Webp";
  bytes: Uint8Array;
}

export interface Post {
  id: bigint;
  author: Person;
  text: string;
  picture?: bigint;
  created: number;
  reactions: [Reaction, number][];
  comments: number;
  mine?: Reaction;
  /** From the certified first page, which has no counts. */
  partial?: boolean;
  pending?: boolean;
}

export type PostList = { Network: null } | { Everyone: null } | { Of: number } | { Found: string };

export interface Comment {
  id: bigint;
  post: bigint;
  author: Person;
  text: string;
  created: number;
  removable: boolean;
  pending?: boolean;
}

export const WORKPLACES = { OnSite: "On site", Hybrid: "Hybrid", Remote: "Remote" } as const;
export type Workplace = keyof typeof WORKPLACES;
export const HOURS = { FullTime: "Full time", PartTime: "Part time", Contract: "Contract", Internship: "Internship" } as const;
export type Hours = keyof typeof HOURS;
export const STATES = { Sent: "Sent", Seen: "Seen by the poster", Invited: "Invited to talk", Declined: "Declined" } as const;
export type State = keyof typeof STATES;

export interface Job {
  id: bigint;
  poster: Person;
  title: string;
  company: string;
  place: string;
  workplace: Workplace;
  hours: Hours;
  text: string;
  created: number;
  open: boolean;
  applications: number;
  mine?: State;
}

export interface JobFilter {
  query: string;
  place: string;
  workplace?: Workplace;
  hours?: Hours;
}

export interface Application {
  job: bigint;
  applicant: Person;
  letter: string;
  at: number;
  state: State;
}

export interface News {
  id: bigint;
  at: number;
  from?: Person;
  kind: string;
  unread: boolean;
  post?: bigint;
  job?: bigint;
  reaction?: Reaction;
  skill?: string;
  state?: State;
}

export interface Message {
  id: bigint;
  at: number;
  own: boolean;
  text: string;
}

export interface Thread {
  with: Person;
  last: Message;
  unread: number;
}

export interface View {
  id: bigint;
  viewer?: Person;
  at: number;
}
