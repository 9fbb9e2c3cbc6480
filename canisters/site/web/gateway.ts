// Where the gateway is that shows this page, and other canisters at it.

const LOCAL = /^localhost(:\d+)?$/;

/**
 * The gateway's own host, if this page's host tells it: `<canister>.<gateway>`, also `<name>--<canister>.<gateway>`, or a gateway on this machine.
 * A domain of the app's own tells nothing: its parent may be anybody's.
 */
export function gatewayHost(canister: string, host: string = location.host): string | undefined {
  if (LOCAL.test(host)) return host;
  const [first, ...rest] = host.split(".");
  if (first !== canister && !first!.endsWith(`--${canister}`)) return undefined;
  return (rest[0] === "raw" ? rest.slice(1) : rest).join(".");
}

/** The origin of another canister at the gateway that shows `canister`. */
export function originOf(other: string, canister: string): string | undefined {
  const host = gatewayHost(canister);
  return host && `${location.protocol}//${other}.${host}`;
}

/** The page on which a canister's methods are called by hand; it is the gateway's. */
export const candidPage = (of: string, canister: string) => `${location.protocol}//${gatewayHost(canister) ?? location.host}/_/candid?id=${of}`;
