// Makes dist/ of src/: one script, one style, the page and its answer for what is not there, compressed forms beside
// them. Names carry the hash of the content as src/site.rs computes it.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = (path) => new URL(path, import.meta.url).pathname;
const hashed = (name, ending, content) =>
  `/${name}-${createHash("sha256").update(content).digest("hex").slice(0, 16)}.${ending}`;

const { outputFiles } = await build({
  entryPoints: [here("src/app.js"), here("src/style.css")],
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022", "safari16", "chrome111", "firefox115"],
  legalComments: "none",
  charset: "utf8",
  outdir: here("dist"),
  write: false,
});
const output = (name) => Buffer.from(outputFiles.find(({ path }) => path.endsWith(name)).contents);
const [app, style] = [output("app.js"), output("style.css")];

const page = (name) => Buffer.from(readFileSync(here(`src/${name}`), "utf8")
  .replace("/app.js", hashed("app", "js", app))
  .replace("/style.css", hashed("style", "css", style)));
const files = {
  "app.js": app,
  "style.css": style,
  "index.html": page("index.html"),
  "404.html": page("404.html"),
  "icon.svg": readFileSync(here("src/icon.svg")),
};

rmSync(here("dist"), { recursive: true, force: true });
mkdirSync(here("dist"));
for (const [name, content] of Object.entries(files)) {
  writeFileSync(here(`dist/${name}`), content);
  if (["app.js", "style.css", "index.html"].includes(name)) {
    writeFileSync(here(`dist/${name}.gz`), gzipSync(content, { level: 9 }));
  }
  console.log(`${name}: ${content.length} bytes`);
}
