// Makes dist/ of src/: one script, one style, the page. `node build.mjs test` makes build/ of the tests instead.
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = (path) => new URL(path, import.meta.url).pathname;

async function page() {
  rmSync(here("dist"), { recursive: true, force: true });
  mkdirSync(here("dist"));
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
  for (const { path, contents } of outputFiles) {
    writeFileSync(path, contents);
    console.log(`${path.split("/").at(-1)}: ${contents.length} bytes, ${gzipSync(contents).length} packed`);
  }
  for (const name of ["index.html", "icon.svg"]) cpSync(here(`src/${name}`), here(`dist/${name}`));
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
