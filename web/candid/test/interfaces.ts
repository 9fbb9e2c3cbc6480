// The interfaces of the repository.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const root = new URL("../../../", import.meta.url).pathname;
const found = readdirSync(join(root, "canisters"), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".did") && !path.includes("node_modules"))
  .map((path) => `canisters/${path}`);

/** Paths, and what stands there. */
export const interfaces: [string, string][] = [...found.sort(), "tests/spec/management.did", "web/candid/test/every.did"]
  .map((path) => [path, readFileSync(join(root, path), "utf8")]);
