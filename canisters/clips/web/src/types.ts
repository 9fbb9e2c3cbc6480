// What the app works with. Numbers of things are bigint; times are milliseconds.
export interface Person {
  id: number;
  name: string;
  display: string;
  picture?: bigint;
  followers: number;
  followed: boolean;
}

export interface Profile extends Person {
  bio: string;
  joined: number;
  following: number;
  clips: number;
  likes: bigint;
  role: Role;
  suspended: boolean;
  blocked: boolean;
  own: boolean;
}

export type Role = "User" | "Moderator" | "Admin";

export interface Me {
  profile: Profile;
  points: bigint;
  superlikesLeft: number;
  unreadNotifications: number;
  unreadMessages: number;
}

export interface Clip {
  id: bigint;
  author: Person;
  caption: string;
  tags: string[];
  video: bigint;
  poster?: bigint;
  width: number;
  height: number;
  duration: number;
  created: number;
  likes: number;
  superlikes: number;
  comments: number;
  views: number;
  tips: bigint;
  viral: boolean;
  hidden: boolean;
  mine: { own: boolean; liked: boolean; superliked: boolean; bookmarked: boolean };
  /** Known only from the first page: counts are not there yet. */
  partial?: boolean;
}

export interface Cursor {
  part: number;
  rank: bigint;
  id: bigint;
}

export interface Page<T, C = Cursor> {
  items: T[];
  next?: C;
}

export interface Comment {
  id: bigint;
  clip: bigint;
  author: Person;
  text: string;
  created: number;
  own: boolean;
  removable: boolean;
  /** Shown before the canister has it. */
  pending?: boolean;
}

export interface News {
  id: bigint;
  at: number;
  from?: Person;
  kind: string;
  clip?: bigint;
  points?: bigint;
  role?: Role;
  unread: boolean;
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

export interface Case {
  id: bigint;
  clip?: Clip;
  comment?: Comment;
  reasons: [string, number][];
  notes: string[];
  reports: number;
  hidden: boolean;
  keep: number;
  remove: number;
  needed: number;
  state: string;
  vote?: string;
}

export interface Upload {
  id: bigint;
  bytes: number;
  chunkBytes: number;
  missing: number[];
}

export type MediaKind = "Mp4" | "Webm" | "Jpeg" | "Png" | "Webp";
export type ClipList = { Of: number } | { Liked: null } | { Bookmarked: null } | { Tagged: string };
export type PeopleList = { Followers: number } | { FollowedBy: number } | { Blocked: null };

/** An entry of the log of events. */
export interface Entry {
  id: bigint;
  at: number;
  /** None: the rules themselves, or somebody whose name is told to nobody. */
  by?: number;
  text: string;
}
