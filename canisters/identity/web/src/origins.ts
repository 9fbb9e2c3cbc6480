// Whether an app may use the identities of another origin: that origin must say so itself, at
// `/.well-known/ii-alternative-origins`, in a file that its canister certifies and its gateway verified.

const FILE = "/.well-known/ii-alternative-origins";
const MAX_ORIGINS = 10;
const MAX_LETTERS = 10_000;

/** Nothing verifies what these hosts send. */
const isRaw = (host: string) => host.split(".").includes("raw");

/** Throws what a person should read, unless `derivation` lists `app`. */
export async function mayDerive(app: string, derivation: string, fetcher: typeof fetch = fetch): Promise<void> {
  if (app === derivation) return;
  if (isRaw(new URL(derivation).hostname)) throw new Error(`${derivation} is a raw address: what it says is not verified.`);
  const refuse = (why: string) => new Error(`${app} asks for the identity that you have at ${derivation}, but ${why}.`);
  let text: string;
  try {
    const response = await fetcher(derivation + FILE, { redirect: "error", credentials: "omit", cache: "no-store" });
    if (response.status !== 200) throw refuse(`${derivation} has no list of other addresses`);
    text = await response.text();
  } catch (error) {
    // what fetch itself throws tells nothing to a person
    throw error instanceof TypeError ? refuse(`the list of ${derivation} cannot be read from here`) : error;
  }
  let listed: unknown;
  try {
    listed = text.length > MAX_LETTERS ? undefined : JSON.parse(text)?.alternativeOrigins;
  } catch {
    listed = undefined;
  }
  if (!Array.isArray(listed) || listed.length > MAX_ORIGINS) throw refuse(`the list of ${derivation} is malformed`);
  if (!listed.includes(app)) throw refuse(`${derivation} does not list it`);
}
