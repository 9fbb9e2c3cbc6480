// The page's own modules, bundled for Node from its sources. `canisters/identity/web` must have its packages (`npm ci` there).
import { build } from "esbuild";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const web = fileURLToPath(new URL("../../../canisters/identity/web", import.meta.url));

/** Everything that these modules export, together; a name with a slash is a package of the page's, or a file beside it. */
export async function page(...names) {
  const contents = names.map((name) => `export * from "${name.includes("/") ? name : `./src/${name}`}";`).join("\n");
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: web, loader: "ts" }, bundle: true, format: "esm", platform: "node", target: "node20", nodePaths: [join(web, "node_modules")], write: false, logLevel: "error",
    banner: { js: `import { createRequire as __require } from "node:module"; const require = __require(${JSON.stringify(import.meta.url)});` },
  });
  const file = join(mkdtempSync(join(tmpdir(), "identity-page-")), "page.mjs");
  writeFileSync(file, outputFiles[0].contents);
  return import(pathToFileURL(file)).finally(() => rmSync(dirname(file), { recursive: true }));
}
