// Apps for the browser's test, each at an origin of its own: one page with a button, and the client that it signs in by. What it got it shows as JSON.
import { build } from "esbuild";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const small = fileURLToPath(new URL("../../../canisters/identity/client/sign-in.ts", import.meta.url));

/** Shows an identity so that the test can be it: key and delegations. */
const SHOW = `
const show = (value) => { document.querySelector("output").textContent = JSON.stringify(value); };
const fail = (error) => show({ error: String(error?.message ?? error) });
const kept = new Map();
const storage = { get: async (key) => kept.get(key) ?? null, set: async (key, value) => void kept.set(key, value), remove: async (key) => void kept.delete(key) };
const shown = (identity, inner) => show({ principal: identity.getPrincipal().toText(), chain: identity.getDelegation().toJSON(), key: inner });
const wishes = JSON.parse(decodeURIComponent(location.hash.slice(1) || "%7B%7D"));
const press = (work) => document.querySelector("button").addEventListener("click", () => { work().catch(fail); });
`;

const CLIENTS = {
  new: `import { AuthClient } from "@icp-sdk/auth/client"; ${SHOW}
const client = new AuthClient({ identityProvider: wishes.provider + "/authorize", derivationOrigin: wishes.derivationOrigin, keyType: "Ed25519", storage, idleOptions: { disableIdle: true } });
press(async () => { const identity = await client.signIn(); shown(identity, kept.get("identity")); });`,
  old: `import { AuthClient } from "@dfinity/auth-client"; ${SHOW}
const client = await AuthClient.create({ keyType: "Ed25519", storage, idleOptions: { disableIdle: true } });
press(() => new Promise((resolve, reject) => client.login({ identityProvider: wishes.provider, derivationOrigin: wishes.derivationOrigin, allowPinAuthentication: wishes.allowPinAuthentication,
  onSuccess: () => { shown(client.getIdentity(), kept.get("identity")); resolve(); }, onError: reject })));`,
  small: `import { signIn } from ${JSON.stringify(small)}; import { DelegationChain, DelegationIdentity, Ed25519KeyIdentity } from "@icp-sdk/core/identity"; import { Delegation } from "@icp-sdk/core/identity"; ${SHOW}
press(async () => {
  const key = Ed25519KeyIdentity.generate();
  const { userPublicKey, delegations } = await signIn({ provider: wishes.provider, sessionKey: new Uint8Array(key.getPublicKey().toDer()), derivationOrigin: wishes.derivationOrigin });
  const signed = delegations.map(({ delegation, signature }) => ({ delegation: new Delegation(delegation.pubkey, delegation.expiration), signature }));
  shown(DelegationIdentity.fromDelegation(key, DelegationChain.fromDelegations(signed, userPublicKey)), JSON.stringify(key.toJSON()));
});`,
};

async function script(client) {
  const { outputFiles } = await build({ stdin: { contents: CLIENTS[client], resolveDir: here, loader: "js" }, bundle: true, format: "esm", target: "es2022", define: { global: "globalThis" }, write: false, logLevel: "error" });
  return outputFiles[0].text;
}

/** An app at `http://<name>.localhost:<port>`; `alternatives` may use its identities. */
export async function app(name, client, alternatives = []) {
  const code = await script(client);
  const page = `<!doctype html><html lang="en"><title>${name}</title><main><h1>${name}</h1><button>Sign in</button><output></output></main><script type="module" src="/app.js"></script></html>`;
  const list = () => JSON.stringify({ alternativeOrigins: alternatives });
  const server = createServer(({ url }, response) => {
    const answer = (type, body, headers = {}) => response.writeHead(200, { "content-type": type, ...headers }).end(body);
    if (url === "/app.js") answer("text/javascript; charset=utf-8", code);
    else if (url === "/.well-known/ii-alternative-origins") answer("application/json", list(), { "access-control-allow-origin": "*" });
    else if (url === "/favicon.ico") response.writeHead(204).end();
    else answer("text/html; charset=utf-8", page);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { origin: `http://${name}.localhost:${server.address().port}`, alternatives, close: () => server.close() };
}
