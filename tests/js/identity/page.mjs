// The page's own modules, bundled for Node from its sources. `canisters/identity/web` must have its packages (`npm ci` there).
import { build } from "esbuild";
import { fileURLToPath } from "node:url";

const web = fileURLToPath(new URL("../../../canisters/identity/web", import.meta.url));

/** Everything that these modules export, together; a name with a slash is a package of the page's. */
export async function page(...names) {
  const contents = names.map((name) => `export * from "${name.includes("/") ? name : `./src/${name}`}";`).join("\n");
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: web, loader: "ts" }, bundle: true, format: "esm", platform: "node", target: "node20", write: false, logLevel: "error",
    banner: { js: `import { createRequire as __require } from "node:module"; const require = __require(${JSON.stringify(import.meta.url)});` },
  });
  const [{ text }] = outputFiles;
  return import(`data:text/javascript;base64,${Buffer.from(text).toString("base64")}`);
}
