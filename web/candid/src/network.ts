// The subnet, asked through the gateway that this page comes from, and what it proves.
import {
  AgentError, AnonymousIdentity, CertifiedRejectErrorCode, HttpAgent, HttpErrorCode, LookupPathStatus, StatePaths, UncertifiedRejectUpdateErrorCode, encodePath,
  type Certificate, type Identity, type KnownPath,
} from "@icp-sdk/core/agent";
import type { Principal } from "@icp-sdk/core/principal";
import { fromHex, toHex } from "./bytes";
import type { Called } from "./did/type";
import { isAbsent } from "./proof";

const FORBIDDEN = 403;

/** What is certified of a canister. */
export interface Facts {
  /** Its interface's text, if it publishes one. */
  candid?: string;
  /** Why there is none. */
  lack?: string;
  isInstalled: boolean;
  /** Hexadecimal. */
  module?: string;
  controllers: Principal[];
  certifiedAt: Date;
}

export interface Reject {
  code: number;
  message: string;
  error?: string;
}

/** Whose word an answer is: a quorum's that signed it, or a replica's alone. */
export type Word = "subnet" | "replica";

/** What came of a call. */
export type Outcome = { ms: number } & (
  | { kind: "reply"; bytes: Uint8Array; word: Word; certifiedAt?: Date }
  | { kind: "reject"; reject: Reject; word: Word }
  | { kind: "sent" }
  | { kind: "failed"; reason: string; isUnsure: boolean }
);

/** What an error says, without the request that the library puts behind it. */
export function reason(error: unknown): string {
  if (error instanceof AgentError && error.code instanceof HttpErrorCode) return `The gateway answered ${error.code.status}: ${(error.code.bodyText ?? "").slice(0, 500)}`;
  if (error instanceof AgentError) return error.code.toErrorMessage().slice(0, 2_000);
  return error instanceof Error ? error.message : String(error);
}

const date = (certificate: Certificate): Date | undefined => {
  const found = certificate.lookup_path(["time"]);
  return found.status === LookupPathStatus.Found ? StatePaths.time.decode(found.value) : undefined;
};

export class Network {
  private constructor(private readonly agent: HttpAgent) {}

  /** The gateway knows the subnet's key; it is trusted with it as it is with this page. */
  static async connect(identity: Identity): Promise<Network> {
    const response = await fetch("/env.json");
    if (!response.ok) throw new Error(`The gateway answered ${response.status}.`);
    const { root_key: rootKey } = await response.json() as { root_key: string };
    return new Network(await HttpAgent.create({ host: location.origin, identity, rootKey: fromHex(rootKey), verifyQuerySignatures: true, retryTimes: 1 }));
  }

  /** Calls are made as `identity` from now on. */
  use(identity: Identity | undefined): void {
    this.agent.replaceIdentity(identity ?? new AnonymousIdentity());
  }

  async facts(canister: Principal): Promise<Facts> {
    const candid = StatePaths.canisterCandid(canister);
    try {
      return await this.read(canister, candid);
    } catch (error) {
      if (!(error instanceof AgentError && error.code instanceof HttpErrorCode && error.code.status === FORBIDDEN)) throw error;
      return { ...await this.read(canister), lack: "Only its controllers may read its interface." };
    }
  }

  private async read(canister: Principal, candid?: KnownPath<string>): Promise<Facts> {
    const [module, controllers, time] = [StatePaths.canisterModuleHash(canister), StatePaths.canisterControllers(canister), StatePaths.time];
    const paths = [module, controllers, time, ...(candid ? [candid] : [])];
    const { values, verifiedCertificate } = await this.agent.readState({ canisterId: canister }, { paths });
    const isLeftOut = (path: KnownPath<unknown>) => values.get(path) === null && !isAbsent(verifiedCertificate.cert.tree, encodePath(path));
    if (paths.some(isLeftOut)) throw new Error("The replica's certificate does not tell all that was asked. Try again: another replica may.");
    const hash = values.get(module);
    const known = values.get(controllers);
    const lack = known === null
      ? "There is no canister with this id on this subnet."
      : hash === null ? "This canister is empty: no module is installed in it." : "This canister publishes no interface (its module has no public metadata candid:service).";
    return {
      candid: (candid && values.get(candid)) ?? undefined,
      lack, isInstalled: hash !== null, module: hash ? toHex(hash) : undefined, controllers: known ?? [],
      certifiedAt: values.get(time)!,
    };
  }

  /** Calls a method; never throws. Queries are asked of one replica, unless the whole subnet is to answer. */
  async call(canister: Principal, { name, mode }: Called, arg: Uint8Array, ofSubnet: boolean): Promise<Outcome> {
    const begun = performance.now();
    const isQuery = (mode === "query" || mode === "composite_query") && !ofSubnet;
    const ask = isQuery ? this.query(canister, name, arg) : mode === "oneway" ? this.send(canister, name, arg) : this.update(canister, name, arg);
    const found = await ask.catch((error: unknown) => this.failure(error, isQuery));
    return { ...found, ms: performance.now() - begun } as Outcome;
  }

  private async query(canister: Principal, methodName: string, arg: Uint8Array) {
    const answer = await this.agent.query(canister, { methodName, arg });
    if (answer.status === "replied") return { kind: "reply", bytes: answer.reply.arg, word: "replica" };
    return { kind: "reject", word: "replica", reject: { code: answer.reject_code, message: answer.reject_message, error: answer.error_code } };
  }

  private async update(canister: Principal, methodName: string, arg: Uint8Array) {
    const { reply, certificate } = await this.agent.update(canister, { methodName, arg });
    return { kind: "reply", bytes: reply, word: "subnet", certifiedAt: date(certificate) };
  }

  /** Nobody answers a oneway method. */
  private async send(canister: Principal, methodName: string, arg: Uint8Array) {
    const { response } = await this.agent.call(canister, { methodName, arg, callSync: false });
    const { body } = response;
    if (!body || !("reject_code" in body)) return { kind: "sent" };
    return { kind: "reject", word: "replica", reject: { code: body.reject_code, message: body.reject_message, error: body.error_code } };
  }

  private failure(error: unknown, isQuery: boolean) {
    const code = error instanceof AgentError ? error.code : undefined;
    if (code instanceof CertifiedRejectErrorCode || code instanceof UncertifiedRejectUpdateErrorCode) {
      const reject = { code: code.rejectCode, message: code.rejectMessage, error: code.rejectErrorCode };
      return { kind: "reject", reject, word: code.isCertified ? "subnet" : "replica" };
    }
    return { kind: "failed", reason: reason(error), isUnsure: !isQuery };
  }
}
