// Where in the page a link leads: `?id=CANISTER`, and behind the `#`, which no server sees, `call=METHOD&args=JSON`.

export interface Target {
  canister: string;
  method?: string;
  /** JSON of a list. */
  args?: string;
}

/** Longer links get lost on their way. */
export const LINK_LENGTH_MAX = 8_000;

export function target({ search, hash }: { search: string; hash: string }): Target {
  const call = new URLSearchParams(hash.replace(/^#/, ""));
  return { canister: (new URLSearchParams(search).get("id") ?? "").trim(), method: call.get("call") ?? undefined, args: call.get("args") ?? undefined };
}

/** The link's part behind the `#`. */
export function fragment(method: string, args?: string): string {
  const call = new URLSearchParams({ call: method });
  if (args !== undefined) call.set("args", args);
  return `#${call}`;
}
