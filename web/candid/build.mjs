// Makes dist/ of src/: one script, one style, the page. `node build.mjs test` makes build/ of the tests instead.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = (path) => new URL(path, import.meta.url).pathname;

/** Writes what differs and nothing else: the gateway is built anew when a file was written. */
function write(files) {
  mkdirSync(here("dist"), { recursive: true });
  readdirSync(here("dist")).filter((name) => !(name in files)).forEach((name) => rmSync(here(`dist/${name}`)));
  for (const [name, content] of Object.entries(files)) {
    const path = here(`dist/${name}`);
    if (!existsSync(path) || !readFileSync(path).equals(content)) writeFileSync(path, content);
    console.log(`${name}: ${content.length} bytes, ${gzipSync(content).length} packed`);
  }
}

async function page() {
  const { outputFiles } = await build({
    entryPoints: { app: here("src/main.ts"), style: here("src/style.css") },
    bundle: true,
    minify: true,
    format: "esm",
    target: ["es2022", "safari16", "chrome111", "firefox115"],
    legalComments: "none",
    charset: "utf8",
    outdir: here("dist"),
    write: false,
  });
  const built = outputFiles.map(({ path, contents }) => [path.split("/").at(-1), Buffer.from(contents)]);
  const copied = ["index.html", "icon.svg"].map((name) => [name, readFileSync(here(`src/${name}`))]);
  write(Object.fromEntries([...built, ...copied]));
}

const tests = () => build({
  entryPoints: readdirSync(here("test")).filter((name) => name.endsWith(".test.ts")).map((name) => here(`test/${name}`)),
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node20",
  outdir: here("build"),
  outExtension: { ".js": ".mjs" },
});

await (process.argv[2] === "test" ? tests() : page());
