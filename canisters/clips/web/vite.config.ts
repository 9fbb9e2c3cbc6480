import { defineConfig } from "vite";

// Flat names with hashes: the canister serves every file at a path of one part, and files with a hash for ever.
export default defineConfig({
  // what apps share lies beside them, and has no packages of its own
  resolve: { dedupe: ["@icp-sdk/core"] },
  build: {
    target: "es2022",
    assetsDir: "",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: {
      output: {
        entryFileNames: "app-[hash].js",
        chunkFileNames: "part-[hash].js",
        assetFileNames: "asset-[hash][extname]",
      },
    },
  },
});
