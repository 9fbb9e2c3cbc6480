// A client of Clips for programs: identities from a secret, calls that are repeated when the network fails, uploads,
// upgrade.
import { Actor, HttpAgent } from "@icp-sdk/core/agent";
import { IDL } from "@icp-sdk/core/candid";
import { Ed25519KeyIdentity } from "@icp-sdk/core/identity";
import { Principal } from "@icp-sdk/core/principal";
import { createHash, createPrivateKey, randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { service } from "./idl.mjs";

const TRIES = 6;
/** A module goes in compressed: one call takes 2 MiB. */
const packed = (wasm) => gzipSync(wasm, { level: 9 });

const management = IDL.Service({
  install_code: IDL.Func([IDL.Record({
    mode: IDL.Variant({ install: IDL.Null, reinstall: IDL.Null, upgrade: IDL.Opt(IDL.Record({})) }), canister_id: IDL.Principal,
    wasm_module: IDL.Vec(IDL.Nat8), arg: IDL.Vec(IDL.Nat8),
  })], [], []),
});
/** What an upgrade does not say stays. */
const NOTHING = IDL.encode([IDL.Opt(IDL.Null)], [[]]);

/** Calls again when the network fails; what the canister refuses is an error. */
export async function ask(call) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await call();
      if (answer?.Err) throw Object.assign(new Error(JSON.stringify(answer.Err, (_, it) => (typeof it === "bigint" ? String(it) : it))), { refused: true });
      return answer !== null && typeof answer === "object" && "Ok" in answer ? answer.Ok : answer;
    } catch (error) {
      if (error.refused || attempt >= TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 300 * 2 ** attempt));
    }
  }
}

export class Client {
  /** For the network of a status.json; the secret is made where `keyFile` has none. Beside it is the key of "admin", who controls the apps. */
  constructor(status, keyFile, adminFile = join(dirname(keyFile), "apps", "admin.pem")) {
    if (!existsSync(keyFile)) writeFileSync(keyFile, randomBytes(32).toString("hex"), { mode: 0o600 });
    this.status = status;
    this.adminFile = adminFile;
    this.secret = readFileSync(keyFile, "utf8").trim();
  }

  digest(text) {
    return createHash("sha256").update(this.secret).update(text).digest();
  }

  /** A number that is always the same for the same text, so that a repeated run does nothing twice. */
  order(text) {
    return this.digest(text).readBigUInt64BE();
  }

  identity(name) {
    if (name !== "admin") return Ed25519KeyIdentity.generate(this.digest(name));
    const { d } = createPrivateKey(readFileSync(this.adminFile)).export({ format: "jwk" });
    return Ed25519KeyIdentity.generate(Uint8Array.from(Buffer.from(d, "base64url")));
  }

  agent(name) {
    return HttpAgent.create({
      host: this.status.gateway_url, identity: this.identity(name),
      rootKey: Uint8Array.from(Buffer.from(this.status.root_key, "hex")), verifyQuerySignatures: false,
    });
  }

  async actor(name, canisterId) {
    return Actor.createActor(service, { agent: await this.agent(name), canisterId });
  }

  async management(name) {
    return Actor.createActor(() => management, {
      agent: await this.agent(name), canisterId: "aaaaa-aa",
      callTransform: (_, [arg]) => ({ effectiveCanisterId: arg.canister_id }),
    });
  }

  async upgrade(canister, wasm) {
    const actor = await this.management("admin");
    await actor.install_code({ mode: { upgrade: [] }, canister_id: Principal.fromText(canister), wasm_module: packed(wasm), arg: NOTHING });
  }
}

/** Uploads a file, its chunks at once; its number. */
export async function send(actor, kind, bytes) {
  const upload = await ask(() => actor.begin_upload({ kind: { [kind]: null }, bytes: BigInt(bytes.length) }));
  const chunk = (index) => bytes.subarray(index * upload.chunk_bytes, (index + 1) * upload.chunk_bytes);
  await Promise.all(Array.from(upload.missing, (index) => ask(() => actor.put_chunk({ upload: upload.id, index, bytes: chunk(index) }))));
  return upload.id;
}
